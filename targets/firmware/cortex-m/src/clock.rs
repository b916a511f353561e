//! What an inference takes, in 64 bits: cycles by the core's own counter, or instructions by the ticks of an emulator.
//!
//! An emulator that gives every instruction the same time turns ticks into instructions: the board's description says
//! how many ticks there are to how many instructions. SysTick runs in both cases; its exception keeps the upper bits.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::interrupt::{self, Mutex};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{DCB, DWT, SYST};
use cortex_m_rt::exception;
use hilbench_runtime::Unit;

use crate::board::{CORE_CLOCK_HZ, COUNTER};

/// What the board counts by.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "a board constructs one of them")]
pub enum Counter {
    /// Core clock cycles, by the data watchpoint and trace unit.
    Cycles,
    /// Instructions, by SysTick in an emulator: so many ticks are so many instructions.
    Instructions { ticks: u64, per_counts: u64 },
}

/// SysTick counts down from here, 24 bits.
const RELOAD: u32 = 0x00FF_FFFF;

static WRAPS: AtomicU32 = AtomicU32::new(0);
/// The last count of cycles that was looked at, in 64 bits.
static CYCLES: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

#[exception]
fn SysTick() {
    match COUNTER {
        // 24 bits of cycles come round 256 times before 32 bits do, so no wrap is missed.
        Counter::Cycles => drop(cycles()),
        Counter::Instructions { .. } => {
            WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }
}

/// The clock of the device loop.
pub struct Clock(());

impl Clock {
    /// Starts the counters.
    pub fn new(mut timer: SYST, mut trace: DWT, mut debug: DCB) -> Self {
        if matches!(COUNTER, Counter::Cycles) {
            debug.enable_trace();
            // Only Cortex-M7 has the lock; elsewhere the write is ignored.
            DWT::unlock();
            trace.set_cycle_count(0);
            trace.enable_cycle_counter();
        }
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(RELOAD);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Clock(())
    }
}

/// Cycles since the start: the 32 bits of the counter, carried on.
fn cycles() -> u64 {
    interrupt::free(|section| {
        let last = CYCLES.borrow(section);
        let passed = DWT::cycle_count().wrapping_sub(last.get() as u32);
        last.set(last.get() + u64::from(passed));
        last.get()
    })
}

/// Ticks since the start. Reads again where a wrap came between the two halves.
fn ticks() -> u64 {
    loop {
        let before = WRAPS.load(Ordering::Relaxed);
        let current = SYST::get_current();
        if WRAPS.load(Ordering::Relaxed) == before {
            return u64::from(before) * (u64::from(RELOAD) + 1) + u64::from(RELOAD - current);
        }
    }
}

impl hilbench_runtime::Clock for Clock {
    fn now(&mut self) -> u64 {
        match COUNTER {
            Counter::Cycles => cycles(),
            // Rounded, because a tick is not a whole number of instructions.
            Counter::Instructions { ticks: t, per_counts } => (ticks() * per_counts + t / 2) / t,
        }
    }

    fn unit(&self) -> Unit {
        match COUNTER {
            Counter::Cycles => Unit::Cycles,
            Counter::Instructions { .. } => Unit::Instructions,
        }
    }

    fn milliseconds(&self, count: u64) -> f32 {
        let cycles = match COUNTER {
            Counter::Cycles => count,
            Counter::Instructions { ticks, per_counts } => count * ticks / per_counts,
        };
        cycles as f32 / (CORE_CLOCK_HZ / 1000) as f32
    }
}
