//! CMSDK UART of the Arm MPS boards, polled. Register offsets and bits: Arm DDI 0479, section 4.3.

use core::ptr;

use hilbench_runtime::{Closed, Port};

use crate::board::UART_BASE;

const DATA: usize = UART_BASE;
const STATE: usize = UART_BASE + 4;
const CTRL: usize = UART_BASE + 8;
const BAUDDIV: usize = UART_BASE + 16;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

/// The serial port that faces the host.
pub struct Uart(());

fn read(register: usize) -> u32 {
    // SAFETY: the board's description gives the address of a CMSDK UART, whose registers may be read at any time.
    unsafe { ptr::read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for reads; nothing else drives this UART.
    unsafe { ptr::write_volatile(register as *mut u32, value) }
}

impl Uart {
    /// Enables sender and receiver.
    pub fn new() -> Self {
        let divisor = crate::board::CORE_CLOCK_HZ / crate::board::BAUD;
        write(BAUDDIV, divisor.max(16));
        write(CTRL, 0b11);
        Uart(())
    }
}

impl Port for Uart {
    fn read(&mut self, into: &mut [u8]) -> Result<(), Closed> {
        for byte in into {
            while read(STATE) & RX_FULL == 0 {}
            *byte = read(DATA) as u8;
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
