//! Firmware for Cortex-M: serves one network over a serial port.
//!
//! The network and the facts of the board are generated; see `build.rs`.
#![no_std]
#![no_main]

mod chip;
mod clock;
mod fault;
#[cfg(hilbench_rtt)]
mod rtt;
mod stack;
mod uart;

/// The network, written by the compiler.
#[allow(unused_imports, clippy::all, reason = "generated for a machine")]
mod network {
    include!(concat!(env!("HILBENCH_GENERATED"), "/model.rs"));
}

/// Facts of the board, written from its description.
mod board {
    use hilbench_runtime::bring_up::Step;

    use crate::clock::Counter;
    use crate::uart::Kind;

    include!(concat!(env!("HILBENCH_GENERATED"), "/board.rs"));
}

use core::mem::MaybeUninit;

use cortex_m_rt::{entry, exception};
use hilbench_runtime::Frames;

/// Counts starts in memory that start-up leaves alone. After power was off it begins at whatever the memory
/// holds, which in an emulator is the same every time: it tells resets apart, not power cycles.
fn boot_nonce() -> u32 {
    if board::FILL.len() > 1 {
        // Memory that is filled at start cannot count.
        return 0;
    }
    #[unsafe(link_section = ".uninit.boots")]
    static mut BOOTS: MaybeUninit<u32> = MaybeUninit::uninit();
    let boots = (&raw mut BOOTS).cast::<u32>();
    // SAFETY: only this function touches the word, and only before anything else runs; memory read through a volatile
    // pointer is some number, and any number will do.
    let next = unsafe { boots.read_volatile() }.wrapping_add(1).max(1);
    // SAFETY: as for the read.
    unsafe { boots.write_volatile(next) };
    next
}

#[entry]
fn main() -> ! {
    let mut peripherals = cortex_m::Peripherals::take().unwrap_or_else(|| unreachable!("taken once, here"));
    fault::enable(&mut peripherals.SCB);
    chip::bring_up(&mut peripherals.SCB, &mut peripherals.CPUID);
    #[cfg(not(hilbench_rtt))]
    let mut port = uart::Uart::new();
    #[cfg(hilbench_rtt)]
    let mut port = rtt::Host::new(uart::Uart::new());
    let mut clock = clock::Clock::new(peripherals.SYST, peripherals.DWT, peripherals.DCB);
    let mut network = network::take();
    static mut FRAMES: Frames = Frames::new();
    let frames = &raw mut FRAMES;
    // SAFETY: `main` runs once, and nothing else names them.
    let frames = unsafe { &mut *frames };
    let facts = hilbench_runtime::Board {
        device_id: board::DEVICE_ID,
        core_clock: board::CORE_CLOCK_HZ,
        bus_clock: board::BUS_CLOCK_HZ,
        cache: board::CACHE_WORD,
        boot_nonce: boot_nonce(),
        stack_high_water: stack::high_water,
    };
    loop {
        hilbench_runtime::serve(&mut network, &mut port, frames, &mut clock, &facts);
    }
}

/// The only interrupt that is ever enabled is that of the serial port.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    uart::interrupt();
}
