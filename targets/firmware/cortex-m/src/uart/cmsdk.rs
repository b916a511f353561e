//! CMSDK UART of the Arm MPS boards: polled to send, asleep until a byte comes. Registers: Arm DDI 0479, section 4.3.

use super::{nvic, read, write};

const DATA: usize = 0;
const STATE: usize = 4;
const CTRL: usize = 8;
const INTSTATUS: usize = 12;
const BAUDDIV: usize = 16;

const ENABLE_TX: u32 = 1 << 0;
const ENABLE_RX: u32 = 1 << 1;
const RX_INTERRUPT: u32 = 1 << 3;
const RX_INTERRUPT_STATUS: u32 = 1 << 1;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

/// Looks at the port before the core goes to sleep, and cycles between two of them: each look costs an emulator a lock.
const AWAKE: u32 = 4;
const PAUSE: u32 = 500;

pub fn enable(divisor: u32) {
    write(BAUDDIV, divisor);
    write(CTRL, ENABLE_TX | ENABLE_RX | RX_INTERRUPT);
}

pub fn poll() -> Option<u8> {
    (read(STATE) & RX_FULL != 0).then(|| read(DATA) as u8)
}

pub fn send(byte: u8) {
    while read(STATE) & TX_FULL != 0 {}
    write(DATA, u32::from(byte));
}

/// Waits for a byte: for a moment awake, since the next one of a packet is on its way, then asleep, which leaves the
/// host's processor to the emulator's other half. The interrupt is masked all the while: it wakes the core, and is taken
/// back before anything would handle it.
pub fn wait() {
    for _ in 0..AWAKE {
        cortex_m::asm::delay(PAUSE);
        if read(STATE) & RX_FULL != 0 {
            return;
        }
    }
    cortex_m::interrupt::free(|_| {
        nvic::enable();
        if read(STATE) & RX_FULL == 0 {
            cortex_m::asm::wfi();
        }
        write(INTSTATUS, RX_INTERRUPT_STATUS);
        nvic::disable();
        nvic::forget();
    });
}
