//! Firmware for Cortex-M: serves one network over a serial port.
//!
//! The network and the facts of the board are generated; see `build.rs`.
#![no_std]
#![no_main]

mod clock;
mod fault;
mod stack;
mod uart;

/// The network, written by the compiler.
#[allow(unused_imports, clippy::all, reason = "generated for a machine")]
mod network {
    include!(concat!(env!("HILBENCH_GENERATED"), "/model.rs"));
}

/// Facts of the board, written from its description.
mod board {
    include!(concat!(env!("HILBENCH_GENERATED"), "/board.rs"));
}

use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    let mut peripherals = cortex_m::Peripherals::take().unwrap_or_else(|| unreachable!("taken once, here"));
    fault::enable(&mut peripherals.SCB);
    let mut port = uart::Uart::new();
    let mut clock = clock::Clock::new(peripherals.SYST);
    let mut network = network::take();
    let facts = hilbench_runtime::Board {
        device_id: board::DEVICE_ID,
        core_clock: board::CORE_CLOCK_HZ,
        bus_clock: board::CORE_CLOCK_HZ,
        cache: 1 << 16,
        stack_high_water: stack::high_water,
    };
    loop {
        hilbench_runtime::serve(&mut network, &mut port, &mut clock, &facts);
    }
}
