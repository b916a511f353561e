//! Faults and panics: one line to the host with what a person needs to find the place, then silence.

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use hilbench_runtime::Port;

use crate::uart::Uart;

/// Lets divisions by zero trap. Every fault ends as HardFault, because no other handler is enabled.
pub fn enable(scb: &mut SCB) {
    const DIV_0_TRP: u32 = 1 << 4;
    // SAFETY: only turns a silent zero into a fault.
    unsafe { scb.ccr.modify(|ccr| ccr | DIV_0_TRP) };
}

/// A line, put together without formatting machinery.
struct Line {
    text: [u8; 128],
    length: usize,
}

impl Line {
    const fn new() -> Self {
        Line { text: [0; 128], length: 0 }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    #[inline(never)]
    fn text(&mut self, text: &[u8]) -> &mut Self {
        text.iter().for_each(|&byte| self.byte(byte));
        self
    }

    #[inline(never)]
    fn hex(&mut self, name: &[u8], value: u32) -> &mut Self {
        self.text(name);
        for nibble in (0..8).rev() {
            self.byte(b"0123456789abcdef"[(value >> (4 * nibble) & 0xF) as usize]);
        }
        self
    }

    fn send(&self) {
        #[cfg(not(hilbench_rtt))]
        self.send_over(&mut Uart::new());
        #[cfg(hilbench_rtt)]
        self.send_over(&mut crate::rtt::LastWords);
    }

    fn send_over(&self, port: &mut dyn Port) {
        let line = self.text.get(..self.length).unwrap_or(&self.text);
        hilbench_runtime::crash(port, line);
    }
}

/// The chip did not come up: the wait that did not end is said over a port that has only the clock of reset.
pub fn chip(name: &str) -> ! {
    if let Some(mut port) = Uart::at_boot() {
        Line::new().text(b"panicked at bring-up: never came ").text(name.as_bytes()).send_over(&mut port);
    }
    stop()
}

fn stop() -> ! {
    // A fault inside of a fault locks the core up; an endless loop can still be looked at.
    loop {
        cortex_m::asm::nop();
    }
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    // SAFETY: reading the fault status has no effect on it.
    let scb = unsafe { &*SCB::PTR };
    Line::new()
        .hex(b"HardFault pc=", frame.pc())
        .hex(b" lr=", frame.lr())
        .hex(b" r0=", frame.r0())
        .hex(b" cfsr=", scb.cfsr.read())
        .hex(b" hfsr=", scb.hfsr.read())
        .hex(b" bfar=", scb.bfar.read())
        .send();
    stop()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let mut line = Line::new();
    line.text(b"panicked");
    // Not the message: what writes it would take more flash than many a network.
    if let Some(location) = info.location() {
        let file = location.file().as_bytes();
        line.text(b" at ").text(file.rchunks(60).next().unwrap_or(file)).hex(b", line 0x", location.line());
    }
    line.send();
    stop()
}
