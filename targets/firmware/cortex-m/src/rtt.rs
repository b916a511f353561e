//! The host behind a debug probe: two rings in memory that the probe reads and writes while the core runs (SEGGER RTT).
//!
//! Whoever speaks first after a reset, or last of all, is answered: the debugger or the serial port.

use core::sync::atomic::{AtomicBool, Ordering};

use hilbench_runtime::{Closed, Port};
use rtt_target::{ChannelMode, DownChannel, UpChannel, rtt_init};

use crate::uart::Uart;

/// Cycles between two looks at the rings, and looks at them for each at the serial port, which costs an emulator a lock.
const PAUSE: u32 = 60;
const LOOKS: u32 = 16;

/// The debugger has spoken last.
static OVER_PROBE: AtomicBool = AtomicBool::new(false);

/// Both ways to the host.
pub struct Host {
    up: UpChannel,
    down: DownChannel,
    uart: Uart,
    /// Somebody has spoken on the serial port, so that the core may sleep until it is spoken on again.
    called: bool,
}

impl Host {
    /// Lays out the rings. May be called once.
    pub fn new(uart: Uart) -> Self {
        // Bound by their paces, not by their sizes: a ring that holds some packets never runs dry.
        let channels = rtt_init! {
            up: { 0: { size: 2048, mode: ChannelMode::NoBlockTrim, name: "hilbench", section: ".rtt" } }
            down: { 0: { size: 2048, name: "hilbench", section: ".rtt" } }
            section_cb: ".rtt"
        };
        Host { up: channels.up.0, down: channels.down.0, uart, called: false }
    }

    /// Waits until somebody has spoken, and takes what fits. In the middle of something only the same way is listened to.
    fn receive(&mut self, into: &mut [u8], begun: bool) -> usize {
        loop {
            let over_probe = OVER_PROBE.load(Ordering::Relaxed);
            if over_probe || !begun {
                for _ in 0..LOOKS {
                    let count = self.down.read(into);
                    if count > 0 {
                        OVER_PROBE.store(true, Ordering::Relaxed);
                        return count;
                    }
                    // The serial port's own wait is one, and sleeps.
                    if self.called && !over_probe {
                        break;
                    }
                    cortex_m::asm::delay(PAUSE);
                }
            }
            if over_probe && begun {
                continue;
            }
            match self.uart.poll() {
                Some(byte) => {
                    into[0] = byte;
                    self.called = true;
                    OVER_PROBE.store(false, Ordering::Relaxed);
                    return 1;
                }
                None if self.called && !over_probe => self.uart.wait(),
                None => {}
            }
        }
    }
}

impl Port for Host {
    fn read(&mut self, into: &mut [u8]) -> Result<(), Closed> {
        let mut done = 0;
        while done < into.len() {
            done += self.receive(&mut into[done..], done > 0);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) {
        if OVER_PROBE.load(Ordering::Relaxed) {
            write(&mut self.up, bytes, &mut self.uart);
        } else {
            self.uart.write(bytes);
        }
    }
}

/// Writes all, or as much as there is room for until somebody speaks on the serial port: the probe has gone away.
fn write(up: &mut UpChannel, mut bytes: &[u8], uart: &mut Uart) {
    loop {
        let count = up.write(bytes);
        bytes = &bytes[count..];
        if bytes.is_empty() {
            return;
        }
        if uart.poll().is_some() {
            OVER_PROBE.store(false, Ordering::Relaxed);
            return;
        }
    }
}

/// Where the last words of a core that has failed go.
pub struct LastWords;

impl Port for LastWords {
    fn read(&mut self, _into: &mut [u8]) -> Result<(), Closed> {
        Err(Closed)
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut uart = Uart::new();
        // SAFETY: the core has failed, and nothing that used the channel before will ever run again.
        let up = unsafe { UpChannel::conjure(0) };
        match up.filter(|_| OVER_PROBE.load(Ordering::Relaxed)) {
            Some(mut up) => write(&mut up, bytes, &mut uart),
            None => uart.write(bytes),
        }
    }
}
