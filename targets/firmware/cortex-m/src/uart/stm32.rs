//! USART and LPUART of STM32 and Stellar E: polled to send, received by interrupt into a ring, so that no byte is lost
//! while the one before is worked on. Registers: RM0390 section 25.6 (old layout), RM0440 sections 37.8 and 38.7 (new).

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::{Kind, nvic, read, write};
use crate::board::UART_KIND;

/// Offsets that the two layouts do not share, and bits of the first control register.
struct Layout {
    control_1: usize,
    control_2: usize,
    control_3: usize,
    divisor: usize,
    status: usize,
    /// Clears error flags that are written as one. The old layout does so by a read of the data.
    clear: Option<usize>,
    received: usize,
    sent: usize,
    enable: u32,
    fifo: u32,
}

const LAYOUT: Layout = match UART_KIND {
    Kind::Stm32Legacy => Layout {
        control_1: 0x0C,
        control_2: 0x10,
        control_3: 0x14,
        divisor: 0x08,
        status: 0x00,
        clear: None,
        received: 0x04,
        sent: 0x04,
        enable: 1 << 13,
        fifo: 0,
    },
    _ => Layout {
        control_1: 0x00,
        control_2: 0x04,
        control_3: 0x08,
        divisor: 0x0C,
        status: 0x1C,
        clear: Some(0x20),
        received: 0x24,
        sent: 0x28,
        enable: 1 << 0,
        fifo: 1 << 29,
    },
};

/// Parity, framing, noise and overrun errors; the two layouts have them at the same bits.
const ERRORS: u32 = 0b1111;
const RECEIVED: u32 = 1 << 5;
const SENDABLE: u32 = 1 << 7;

const RECEIVER: u32 = 1 << 2;
const SENDER: u32 = 1 << 3;
const RECEIVE_INTERRUPT: u32 = 1 << 5;

/// Bytes that wait to be read. A power of two, more than a host sends before it waits for an answer.
const RING: usize = 8192;

static BYTES: [AtomicU8; RING] = [const { AtomicU8::new(0) }; RING];
/// How many bytes came and were read, ever; only the interrupt changes the first, only the reader the second.
static CAME: AtomicUsize = AtomicUsize::new(0);
static GONE: AtomicUsize = AtomicUsize::new(0);

pub fn enable(divisor: u32) {
    nvic::disable();
    write(LAYOUT.control_1, 0);
    write(LAYOUT.control_2, 0);
    write(LAYOUT.control_3, 0);
    write(LAYOUT.divisor, divisor);
    let on = LAYOUT.enable | LAYOUT.fifo;
    write(LAYOUT.control_1, on);
    write(LAYOUT.control_1, on | RECEIVER | SENDER | RECEIVE_INTERRUPT);
    nvic::forget();
    nvic::enable();
}

/// Moves what has come into the ring. What finds no room is lost, which the protocol notices.
pub fn take() {
    loop {
        let status = read(LAYOUT.status);
        if let Some(clear) = LAYOUT.clear.filter(|_| status & ERRORS != 0) {
            write(clear, ERRORS);
        }
        if status & RECEIVED == 0 {
            // The old layout keeps an overrun until the data is read, and would interrupt for ever.
            if LAYOUT.clear.is_none() && status & ERRORS != 0 {
                read(LAYOUT.received);
            }
            return;
        }
        let byte = read(LAYOUT.received) as u8;
        let came = CAME.load(Ordering::Relaxed);
        if came.wrapping_sub(GONE.load(Ordering::Acquire)) < RING {
            BYTES[came % RING].store(byte, Ordering::Relaxed);
            CAME.store(came.wrapping_add(1), Ordering::Release);
        }
    }
}

/// A byte, if one has come. The core stays awake for it: clocks may stop while a core sleeps, and a debugger may lose it.
pub fn poll() -> Option<u8> {
    let gone = GONE.load(Ordering::Relaxed);
    if CAME.load(Ordering::Acquire) == gone {
        return None;
    }
    let byte = BYTES[gone % RING].load(Ordering::Relaxed);
    GONE.store(gone.wrapping_add(1), Ordering::Release);
    Some(byte)
}

pub fn send(byte: u8) {
    while read(LAYOUT.status) & SENDABLE == 0 {}
    write(LAYOUT.sent, u32::from(byte));
}
