//! What a chip needs before the device loop: clocks, pins and power by the board's table, then the core's caches, and
//! before all that its memory where that has error correction.

use core::ptr;

use cortex_m::peripheral::{CPUID, SCB};
use hilbench_runtime::bring_up::{self, Registers};

use crate::board::{BRING_UP, DATA_CACHE, INSTRUCTION_CACHE};
use crate::fault;

/// The chip's registers.
struct Chip;

impl Registers for Chip {
    fn read(&mut self, at: u32) -> u32 {
        // SAFETY: the board's table names registers of its chip, which may be read.
        unsafe { ptr::read_volatile(at as usize as *const u32) }
    }

    fn write(&mut self, at: u32, value: u32) {
        // SAFETY: the board's table is there to write these registers, and nothing else uses them.
        unsafe { ptr::write_volatile(at as usize as *mut u32, value) };
        cortex_m::asm::dsb();
        // A clock that was switched on takes two cycles of its bus; a read of the same register waits for them.
        self.read(at);
    }
}

/// Runs the table and switches the caches on. A wait that does not end is said, and then nothing more happens.
pub fn bring_up(scb: &mut SCB, cpuid: &mut CPUID) {
    if let Err(name) = bring_up::run(&BRING_UP, &mut Chip) {
        fault::chip(name);
    }
    if INSTRUCTION_CACHE {
        scb.enable_icache();
    }
    if DATA_CACHE {
        scb.enable_dcache(cpuid);
    }
}

// Writes every word of the memories that the board says must be filled, by 64 bits, before anything reads them. No
// stack: it may lie in one of them. The table's end is a pair of equal addresses.
core::arch::global_asm!(
    ".pushsection .text.hilbench_fill, \"ax\", %progbits",
    ".global __pre_init",
    ".type __pre_init, %function",
    ".thumb_func",
    "__pre_init:",
    "    ldr r0, ={table}",
    "    movs r2, #0",
    "    movs r3, #0",
    "1:  ldr r1, [r0], #4",
    "    ldr r12, [r0], #4",
    "    cmp r1, r12",
    "    beq 3f",
    "2:  strd r2, r3, [r1], #8",
    "    cmp r1, r12",
    "    blo 2b",
    "    b 1b",
    "3:  bx lr",
    "    .ltorg",
    ".size __pre_init, . - __pre_init",
    ".popsection",
    table = sym crate::board::FILL,
);
