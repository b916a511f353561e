//! Emulated boards behind debug probes: QEMU's machines, or a script, at the far end of a probe that the unmodified
//! probe-rs library drives.
//!
//! A board dies with the process that started it. Knows no protocol of an application and no model.

pub mod chip;
pub mod dap;
pub mod debug;
pub mod machine;
pub mod probe;
pub mod scripted;

mod emulated;
mod gdb;
mod glasgow;
mod memory_map;
mod qemu;
mod qtest;
mod rom_table;
mod service;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use probe_rs::probe::DebugProbeSelector;

use chip::Chip;
use dap::Dap;
use debug::Debug;
use emulated::Emulated;
use machine::Machine;
use probe::{Bench, Shared, lock};
pub use qemu::{Error, QemuBoard, QemuConfig, Status, version};

/// A board with power, at the end of a probe. Dropped, it has none.
pub struct VirtualBoard {
    serial: String,
    bench: Shared,
}

impl VirtualBoard {
    /// Starts an emulator.
    ///
    /// # Errors
    /// QEMU is missing, cannot be run, or is not the machine that `chip` describes.
    pub fn power_on(config: &QemuConfig, chip: &Chip) -> Result<Self, Error> {
        Ok(VirtualBoard::new(Box::new(Emulated::power_on(config, chip)?), chip))
    }

    /// Puts a probe on any machine.
    #[must_use]
    pub fn new(machine: Box<dyn Machine>, chip: &Chip) -> Self {
        let dap = Dap::new(Debug::new(machine, chip));
        let bench = Arc::new(Mutex::new(Bench { dap, voltage: None, busy: false }));
        VirtualBoard { serial: probe::plug_in(&chip.name, Arc::clone(&bench)), bench }
    }

    /// How probe-rs finds the probe.
    #[must_use]
    pub fn selector(&self) -> DebugProbeSelector {
        DebugProbeSelector {
            vendor_id: probe::VENDOR,
            product_id: probe::PRODUCT,
            interface: None,
            serial_number: Some(self.serial.clone()),
        }
    }

    /// The serial port, where there is one.
    #[must_use]
    pub fn serial_port(&self) -> Option<PathBuf> {
        lock(&self.bench).dap.debug().machine().serial_port()
    }

    /// Why the board is dead, and the last that was heard of it; nothing while it lives.
    #[must_use]
    pub fn last_words(&self) -> Option<String> {
        lock(&self.bench).dap.debug().machine().last_words()
    }

    /// Lets one client debug the board over a socket, by the protocol of probe-rs's Glasgow driver, until it goes away.
    /// Where the emulator has to be started again meanwhile, it lives as long as the thread that called this.
    ///
    /// # Errors
    /// The probe is in use, the socket fails, or the client sends what is no frame.
    pub fn serve_glasgow(&self, client: impl Read + Write) -> io::Result<()> {
        if std::mem::replace(&mut lock(&self.bench).busy, true) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let result = glasgow::serve(client, &self.bench);
        let mut bench = lock(&self.bench);
        bench.busy = false;
        // A client that has gone away holds no line.
        let released = bench.dap.debug().set_reset_pin(false).map_err(io::Error::other);
        result.and(released)
    }

    /// Resets the board by its pin. One that has died comes back, with its flash.
    ///
    /// # Errors
    /// The emulator does not start again.
    pub fn reset(&self) -> Result<(), machine::Fault> {
        let mut bench = lock(&self.bench);
        bench.dap.debug().set_reset_pin(true)?;
        bench.dap.debug().set_reset_pin(false)
    }

    /// Lets the probe measure so many volts at the target.
    pub fn set_voltage(&self, volts: Option<f32>) {
        lock(&self.bench).voltage = volts;
    }

    /// Plugs the cable between probe and board in or out.
    pub fn set_connected(&self, connected: bool) {
        lock(&self.bench).dap.set_connected(connected);
    }
}

impl Drop for VirtualBoard {
    fn drop(&mut self) {
        probe::unplug(&self.serial);
    }
}
