//! How much of the stack was ever used: start-up paints it, and what is still painted was not.

use core::ptr;

/// What the start-up code paints with.
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    static mut _stack_start: u32;
    static mut _stack_end: u32;
}

/// Most bytes of stack in use so far.
pub fn high_water() -> u32 {
    let (start, mut at) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: the linker script places the stack between the two symbols, and it is all readable memory.
    while at < start && unsafe { ptr::read_volatile(at) } == PAINT {
        at = at.wrapping_add(1);
    }
    (start as usize - at as usize) as u32
}
