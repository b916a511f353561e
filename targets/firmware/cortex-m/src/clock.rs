//! SysTick, extended to 64 bits by its exception.
//!
//! An emulator that gives every instruction the same time turns ticks into instructions: the board's description says
//! how many ticks there are to how many instructions.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use hilbench_runtime::Unit;

use crate::board::{CORE_CLOCK_HZ, COUNTS_PER, TICKS_PER};

/// SysTick counts down from here, 24 bits.
const RELOAD: u32 = 0x00FF_FFFF;

static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// The clock of the device loop.
pub struct Clock(());

impl Clock {
    /// Starts the timer.
    pub fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(RELOAD);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Clock(())
    }
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
        // Rounded, because a tick is not a whole number of instructions.
        (ticks() * COUNTS_PER + TICKS_PER / 2) / TICKS_PER
    }

    fn unit(&self) -> Unit {
        Unit::Instructions
    }

    fn milliseconds(&self, count: u64) -> f32 {
        (count * TICKS_PER / COUNTS_PER) as f32 / (CORE_CLOCK_HZ / 1000) as f32
    }
}
