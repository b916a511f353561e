//! A debug probe with an emulated board at its end, as a driver of the probe-rs library.
//!
//! It stands where a USB driver would: probe-rs drives the debug port's registers, and all above them is its own code.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use probe_rs::architecture::arm::sequences::ArmDebugSequence;
use probe_rs::architecture::arm::{
    ArmCommunicationInterface, ArmDebugInterface, ArmError, RawDapAccess, RegisterAddress,
};
use probe_rs::architecture::arm::{DapError, DapProbe};
use probe_rs::plugin::{Plugin, register_plugin};
use probe_rs::probe::list::ProbeListItem;
use probe_rs::probe::{
    DebugProbe, DebugProbeError, DebugProbeInfo, DebugProbeSelector, ProbeCreationError, ProbeFactory, WireProtocol,
};

use crate::dap::{Dap, Port, Refusal};

/// USB ids that no real probe has: the vendor is not assigned.
pub const VENDOR: u16 = 0x0000;
/// See [`VENDOR`].
pub const PRODUCT: u16 = 0x4842;
/// nRESET, as probe-rs numbers pins.
const N_RESET: u32 = 1 << 7;

/// A probe's board, and how the probe itself is.
pub(crate) struct Bench {
    pub dap: Dap,
    /// Volts at the target, where the probe measures them.
    pub voltage: Option<f32>,
    /// Somebody has opened the probe.
    pub busy: bool,
}

pub(crate) type Shared = Arc<Mutex<Bench>>;

/// What a thread that panicked left behind is still a board.
pub(crate) fn lock(bench: &Shared) -> MutexGuard<'_, Bench> {
    bench.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All probes of this process, by serial number.
static PROBES: Mutex<BTreeMap<String, Shared>> = Mutex::new(BTreeMap::new());
static SERIAL: AtomicUsize = AtomicUsize::new(1);

/// Plugs a probe in, and answers its serial number. The driver is registered with the first.
pub(crate) fn plug_in(name: &str, bench: Shared) -> String {
    static DRIVER: Once = Once::new();
    DRIVER.call_once(|| register_plugin(Plugin { probe_drivers: &[&Driver], ..Plugin::default() }));
    let serial = format!("{name}-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
    PROBES.lock().unwrap_or_else(PoisonError::into_inner).insert(serial.clone(), bench);
    serial
}

/// Pulls a probe out. Whoever has opened it keeps it.
pub(crate) fn unplug(serial: &str) {
    PROBES.lock().unwrap_or_else(PoisonError::into_inner).remove(serial);
}

/// The driver.
#[derive(Debug)]
struct Driver;

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("emulated board")
    }
}

impl ProbeFactory for Driver {
    fn open(&self, selector: &DebugProbeSelector) -> Result<Box<dyn DebugProbe>, DebugProbeError> {
        let ours = (selector.vendor_id, selector.product_id) == (VENDOR, PRODUCT);
        let serial = selector.serial_number.clone().filter(|_| ours).ok_or(ProbeCreationError::NotFound)?;
        let probes = PROBES.lock().unwrap_or_else(PoisonError::into_inner);
        let bench = Arc::clone(probes.get(&serial).ok_or(ProbeCreationError::NotFound)?);
        let mut state = lock(&bench);
        if state.busy {
            // As the drivers of USB probes tell it.
            return Err(ProbeCreationError::Usb(io::Error::other("interface is busy (errno 16)")).into());
        }
        state.busy = true;
        drop(state);
        Ok(Box::new(VirtualProbe { serial, bench, speed: 4000 }))
    }

    fn list_probes(&self) -> Vec<ProbeListItem> {
        let probes = PROBES.lock().unwrap_or_else(PoisonError::into_inner);
        let info = |serial: &String| {
            let info =
                DebugProbeInfo::new("Emulated board", VENDOR, PRODUCT, Some(serial.clone()), &Driver, None, false);
            ProbeListItem::accessible(info)
        };
        probes.keys().map(info).collect()
    }
}

/// An open probe.
struct VirtualProbe {
    serial: String,
    bench: Shared,
    speed: u32,
}

impl fmt::Debug for VirtualProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualProbe").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Drop for VirtualProbe {
    fn drop(&mut self) {
        let mut bench = lock(&self.bench);
        bench.busy = false;
        // A probe that is closed lets go of the reset line; a board that does not start shows that to whoever comes next.
        let _ = bench.dap.debug().set_reset_pin(false);
    }
}

impl VirtualProbe {
    fn set_reset_pin(&mut self, held: bool) -> Result<(), DebugProbeError> {
        let gone = |_| DebugProbeError::Other("the board cannot be reset: its emulator does not start".into());
        lock(&self.bench).dap.debug().set_reset_pin(held).map_err(gone)
    }
}

impl DebugProbe for VirtualProbe {
    fn get_name(&self) -> &str {
        "Emulated board"
    }

    fn speed_khz(&self) -> u32 {
        self.speed
    }

    fn set_speed(&mut self, speed_khz: u32) -> Result<u32, DebugProbeError> {
        self.speed = speed_khz;
        Ok(speed_khz)
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        Ok(())
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        self.set_reset_pin(true)?;
        self.set_reset_pin(false)
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        self.set_reset_pin(true)
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        self.set_reset_pin(false)
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        match protocol {
            WireProtocol::Swd => Ok(()),
            WireProtocol::Jtag => Err(DebugProbeError::UnsupportedProtocol(protocol)),
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Swd)
    }

    fn has_arm_interface(&self) -> bool {
        true
    }

    fn get_target_voltage(&mut self) -> Result<Option<f32>, DebugProbeError> {
        Ok(lock(&self.bench).voltage)
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn try_as_dap_probe(&mut self) -> Option<&mut dyn DapProbe> {
        Some(self)
    }

    fn try_get_arm_debug_interface<'probe>(
        self: Box<Self>,
        sequence: Arc<dyn ArmDebugSequence>,
    ) -> Result<Box<dyn ArmDebugInterface + 'probe>, (Box<dyn DebugProbe>, ArmError)> {
        Ok(ArmCommunicationInterface::create(self, sequence, false))
    }
}

impl DapProbe for VirtualProbe {}

fn port(address: RegisterAddress) -> Port {
    if address.is_ap() { Port::Ap(address.lsb()) } else { Port::Dp(address.lsb()) }
}

fn refused(refusal: Refusal) -> ArmError {
    ArmError::Dap(match refusal {
        Refusal::Fault => DapError::FaultResponse,
        Refusal::Silence => DapError::NoAcknowledge,
    })
}

/// A probe clears what its own access left behind, as the common probes' firmware does.
fn clear(dap: &mut Dap, refusal: Refusal) -> ArmError {
    const STKERRCLR: u32 = 1 << 2;
    // Who does not answer has nothing to clear.
    let _ = dap.write(Port::Dp(0), STKERRCLR);
    refused(refusal)
}

impl RawDapAccess for VirtualProbe {
    fn raw_read_register(&mut self, address: RegisterAddress) -> Result<u32, ArmError> {
        let dap = &mut lock(&self.bench).dap;
        dap.read(port(address)).map_err(|refusal| clear(dap, refusal))
    }

    fn raw_read_block(&mut self, address: RegisterAddress, values: &mut [u32]) -> Result<(), ArmError> {
        let dap = &mut lock(&self.bench).dap;
        dap.read_block(port(address), values).map_err(|refusal| clear(dap, refusal))
    }

    fn raw_write_register(&mut self, address: RegisterAddress, value: u32) -> Result<(), ArmError> {
        let dap = &mut lock(&self.bench).dap;
        dap.write(port(address), value).map_err(|refusal| clear(dap, refusal))
    }

    fn raw_write_block(&mut self, address: RegisterAddress, values: &[u32]) -> Result<(), ArmError> {
        let dap = &mut lock(&self.bench).dap;
        dap.write_block(port(address), values).map_err(|refusal| clear(dap, refusal))
    }

    fn jtag_sequence(&mut self, _cycles: u8, _tms: bool, _tdi: u64) -> Result<(), DebugProbeError> {
        Err(DebugProbeError::UnsupportedProtocol(WireProtocol::Jtag))
    }

    fn swj_sequence(&mut self, _bit_len: u8, _bits: u64) -> Result<(), DebugProbeError> {
        // A line reset, or the change from JTAG to SWD: this port is always in SWD.
        Ok(())
    }

    fn swj_pins(&mut self, pin_out: u32, pin_select: u32, _pin_wait: u32) -> Result<u32, DebugProbeError> {
        if pin_select & N_RESET != 0 {
            self.set_reset_pin(pin_out & N_RESET == 0)?;
        }
        Ok(pin_out & N_RESET)
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn core_status_notification(&mut self, _state: probe_rs::CoreStatus) -> Result<(), DebugProbeError> {
        Ok(())
    }
}
