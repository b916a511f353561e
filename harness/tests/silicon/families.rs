//! What each family's reference manual says of its clock tree, as far as a table touches it: reset values, how status
//! follows control, which clocks the registers make, and which of them voltage and wait states carry.

mod f4;
mod h5;
mod h7;
mod l4;
mod n6;
mod stellar;
mod u5;

use std::ops::Range;

use hilbench::board::Board;

use crate::chip::{Clocks, Words};

/// Registers that can only be written while a bit of the clock controller is set.
pub struct Gate {
    pub range: Range<u32>,
    pub at: u32,
    pub mask: u32,
}

pub fn gate(base: u32, at: u32, bit: u32) -> Gate {
    Gate { range: base..base + 0x400, at, mask: 1 << bit }
}

pub trait Family {
    /// Registers that are not zero after reset.
    fn reset(&self) -> Vec<(u32, u32)>;

    /// Address, mask and value of status bits that follow from the control bits.
    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)>;

    /// The clocks that the registers make now.
    ///
    /// # Errors
    /// A clock that voltage, wait states, oscillator or divider do not carry.
    fn clocks(&self, words: &Words) -> Result<Clocks, String>;

    fn gates(&self) -> Vec<Gate>;

    /// Bits that must not change now, and why.
    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)>;

    /// Address and bits that choose the system clock.
    fn switch(&self) -> (u32, u32);

    /// What a write does.
    fn write(&self, words: &mut Words, at: u32, value: u32) {
        words.set(at, value);
    }

    /// Whether caches outside of the core are on.
    fn caches(&self, _words: &Words) -> Result<(), String> {
        Ok(())
    }
}

pub fn of(board: &Board) -> Box<dyn Family> {
    match board.name.as_str() {
        "nucleo-f401re" => Box::new(f4::F4 { overdrive: false }),
        "nucleo-f446re" => Box::new(f4::F4 { overdrive: true }),
        "nucleo-l4r5zi" => Box::new(l4::L4R5),
        "nucleo-g474re" => Box::new(l4::G474),
        "nucleo-wb55rg" => Box::new(l4::WB55),
        "nucleo-h743zi2" => Box::new(h7::H743),
        "stm32h747i-disco" => Box::new(h7::H747),
        "nucleo-h7a3zi-q" => Box::new(h7::H7A3),
        "nucleo-u575zi-q" | "b-u585i-iot02a" => Box::new(u5::U5),
        "nucleo-h563zi" => Box::new(h5::H563),
        "nucleo-n657x0-q" | "stm32n6570-dk" => Box::new(n6::N657),
        "sr5e1-evbe3000d" => Box::new(stellar::Sr5e1),
        other => panic!("{other}: which family?"),
    }
}

/// Divider of the AHB prescaler's code, which is the same in all families but N6: 8 is 2, 9 is 4, up to 16, then from 64.
pub fn hpre(code: u32) -> u64 {
    match code {
        0..8 => 1,
        8..12 => 2 << (code - 8),
        _ => 64 << (code - 12),
    }
}

/// Divider of an APB prescaler's code: 4 is 2, up to 16.
pub fn ppre(code: u32) -> u64 {
    if code < 4 { 1 } else { 2 << (code - 4) }
}

/// Refuses a clock outside of a range.
pub fn within(what: &str, hz: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    if range.contains(&hz) { Ok(hz) } else { Err(format!("{what} at {hz} Hz, {range:?} is allowed")) }
}

/// Status of a switch: it follows when the chosen clock runs.
pub fn follow(at: u32, low: u32, mask: u32, chosen: u32, current: u32, runs: bool) -> (u32, u32, u32) {
    (at, mask << low, if runs { chosen } else { current } << low)
}

pub fn flag(at: u32, bit: u32, on: bool) -> (u32, u32, u32) {
    (at, 1 << bit, u32::from(on) << bit)
}

pub const MHZ: u64 = 1_000_000;
