//! Faults and panics: one line to the host with what a person needs to find the place, then silence.

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

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

    fn text(&mut self, text: &str) -> &mut Self {
        for &byte in text.as_bytes() {
            if let Some(place) = self.text.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
        self
    }

    fn hex(&mut self, name: &str, value: u32) -> &mut Self {
        self.text(name);
        for nibble in (0..8).rev() {
            let digit = (value >> (4 * nibble) & 0xF) as usize;
            self.text(&"0123456789abcdef"[digit..=digit]);
        }
        self
    }

    fn send(&self) {
        let line = core::str::from_utf8(&self.text[..self.length]).unwrap_or("fault");
        hilbench_runtime::crash(&mut Uart::new(), line);
    }
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
        .hex("HardFault pc=", frame.pc())
        .hex(" lr=", frame.lr())
        .hex(" r0=", frame.r0())
        .hex(" cfsr=", scb.cfsr.read())
        .hex(" hfsr=", scb.hfsr.read())
        .hex(" bfar=", scb.bfar.read())
        .send();
    stop()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let mut line = Line::new();
    line.text("panicked");
    if let Some(location) = info.location() {
        let file = location.file();
        line.text(" at ").text(&file[file.len().saturating_sub(60)..]).hex(", line 0x", location.line());
    }
    line.send();
    stop()
}
