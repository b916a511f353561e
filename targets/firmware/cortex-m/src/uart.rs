//! CMSDK UART of the Arm MPS boards: polled to send, asleep until a byte comes. Registers: Arm DDI 0479, section 4.3.

use core::ptr;

use hilbench_runtime::{Closed, Port};

use crate::board::{UART_BASE, UART_RX_IRQ};

const DATA: usize = UART_BASE;
const STATE: usize = UART_BASE + 4;
const CTRL: usize = UART_BASE + 8;
const INTSTATUS: usize = UART_BASE + 12;
const BAUDDIV: usize = UART_BASE + 16;

const ENABLE_TX: u32 = 1 << 0;
const ENABLE_RX: u32 = 1 << 1;
const RX_INTERRUPT: u32 = 1 << 3;
const RX_INTERRUPT_STATUS: u32 = 1 << 1;

/// Sets, clears and takes back interrupts of the NVIC (Armv7-M Architecture Reference Manual, B3.4).
const NVIC_ISER: usize = 0xE000_E100;
const NVIC_ICER: usize = 0xE000_E180;
const NVIC_ICPR: usize = 0xE000_E280;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

/// Looks at the port before the core goes to sleep, and cycles between two of them: each look costs an emulator a lock.
const AWAKE: u32 = 4;
const PAUSE: u32 = 500;

/// The serial port that faces the host.
pub struct Uart(());

fn read(register: usize) -> u32 {
    // SAFETY: the board's description gives the address of a CMSDK UART, whose registers may be read at any time.
    unsafe { ptr::read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for reads; nothing else drives this UART or its bit in the interrupt controller.
    unsafe { ptr::write_volatile(register as *mut u32, value) }
}

impl Uart {
    /// Enables sender and receiver.
    pub fn new() -> Self {
        let divisor = crate::board::CORE_CLOCK_HZ / crate::board::BAUD;
        write(BAUDDIV, divisor.max(16));
        write(CTRL, ENABLE_TX | ENABLE_RX | RX_INTERRUPT);
        Uart(())
    }
}

impl Uart {
    /// A byte, if one has come.
    pub fn poll(&mut self) -> Option<u8> {
        (read(STATE) & RX_FULL != 0).then(|| read(DATA) as u8)
    }

    /// Waits for a byte, or for a little while.
    pub fn wait(&mut self) {
        wait();
    }
}

impl Port for Uart {
    fn read(&mut self, into: &mut [u8]) -> Result<(), Closed> {
        for byte in into {
            *byte = loop {
                match self.poll() {
                    Some(byte) => break byte,
                    None => self.wait(),
                }
            };
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            while read(STATE) & TX_FULL != 0 {}
            write(DATA, u32::from(byte));
        }
    }
}

/// Waits for a byte: for a moment awake, since the next one of a packet is on its way, then asleep, which leaves the
/// host's processor to the emulator's other half. The interrupt is masked all the while: it wakes the core, and is taken
/// back before anything would handle it.
fn wait() {
    const BANK: usize = 4 * (UART_RX_IRQ / 32);
    const BIT: u32 = 1 << (UART_RX_IRQ % 32);
    for _ in 0..AWAKE {
        cortex_m::asm::delay(PAUSE);
        if read(STATE) & RX_FULL != 0 {
            return;
        }
    }
    cortex_m::interrupt::free(|_| {
        write(NVIC_ISER + BANK, BIT);
        if read(STATE) & RX_FULL == 0 {
            cortex_m::asm::wfi();
        }
        write(INTSTATUS, RX_INTERRUPT_STATUS);
        write(NVIC_ICER + BANK, BIT);
        write(NVIC_ICPR + BANK, BIT);
    });
}
