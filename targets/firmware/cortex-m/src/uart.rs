//! The serial port that faces the host, of the kind that the board has.

mod cmsdk;
mod stm32;

use core::ptr;

use hilbench_runtime::{Closed, Port};

use crate::board::{UART_BASE, UART_BOOT_DIVISOR, UART_DIVISOR, UART_KIND};

/// Families of serial ports. A board has one; the others are left out by the compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "a board constructs one of them")]
pub enum Kind {
    /// Arm's CMSDK UART.
    Cmsdk,
    /// USART of STM32F4: status and data registers, no FIFO.
    Stm32Legacy,
    /// USART of later STM32, with FIFOs; the low-power one differs in its divisor only.
    Stm32,
}

/// The serial port that faces the host.
pub struct Uart(());

impl Uart {
    /// Enables sender and receiver.
    pub fn new() -> Self {
        Uart::with_divisor(UART_DIVISOR)
    }

    /// The port with the clock that the chip starts with, for what must be said before the chip is brought up. `None`
    /// where that clock is too slow.
    pub fn at_boot() -> Option<Self> {
        (UART_BOOT_DIVISOR != 0).then(|| Uart::with_divisor(UART_BOOT_DIVISOR))
    }

    fn with_divisor(divisor: u32) -> Self {
        match UART_KIND {
            Kind::Cmsdk => cmsdk::enable(divisor),
            Kind::Stm32Legacy | Kind::Stm32 => stm32::enable(divisor),
        }
        Uart(())
    }
}

impl Uart {
    /// A byte, if one has come.
    pub fn poll(&mut self) -> Option<u8> {
        match UART_KIND {
            Kind::Cmsdk => cmsdk::poll(),
            Kind::Stm32Legacy | Kind::Stm32 => stm32::poll(),
        }
    }

    /// Waits for a byte, or for a little while. The USART's bytes are taken by interrupt, and there is nothing to wait for.
    pub fn wait(&mut self) {
        if UART_KIND == Kind::Cmsdk {
            cmsdk::wait();
        }
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
            match UART_KIND {
                Kind::Cmsdk => cmsdk::send(byte),
                Kind::Stm32Legacy | Kind::Stm32 => stm32::send(byte),
            }
        }
    }
}

/// Takes what has come; the port's interrupt calls it.
pub fn interrupt() {
    if matches!(UART_KIND, Kind::Stm32Legacy | Kind::Stm32) {
        stm32::take();
    }
}

fn read(offset: usize) -> u32 {
    // SAFETY: the board's description gives the address of a port of this kind, whose registers may be read at any time.
    unsafe { ptr::read_volatile((UART_BASE + offset) as *const u32) }
}

fn write(offset: usize, value: u32) {
    // SAFETY: as for reads; nothing else drives this port.
    unsafe { ptr::write_volatile((UART_BASE + offset) as *mut u32, value) }
}

/// Registers of the interrupt controller that set, clear and take back interrupts (Armv7-M Architecture Reference Manual,
/// B3.4), each the first of a bank.
mod nvic {
    use crate::board::UART_RX_IRQ;

    const ISER: usize = 0xE000_E100;
    const ICER: usize = 0xE000_E180;
    const ICPR: usize = 0xE000_E280;
    const BANK: usize = 4 * (UART_RX_IRQ / 32);
    const BIT: u32 = 1 << (UART_RX_IRQ % 32);

    fn write(register: usize) {
        // SAFETY: nothing else uses this port's bit in the interrupt controller, and zeros change nothing.
        unsafe { core::ptr::write_volatile((register + BANK) as *mut u32, BIT) }
    }

    pub fn enable() {
        write(ISER);
    }

    pub fn disable() {
        write(ICER);
    }

    pub fn forget() {
        write(ICPR);
    }
}
