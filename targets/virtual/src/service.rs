//! The flash controller of an emulated board: a breakpoint with a number of its own at the entry of each function of the
//! flash algorithm. When the debugger starts the core there, the board does the work and returns from the function.
//!
//! Writing flash is the same on all machines so, also where the emulator has memory that its core cannot write.

use std::ops::Range;

use crate::chip::{ERASED, SECTOR};
use crate::machine::{Fault, LR, Machine, PC, Register, Width};

/// Offsets of the algorithm's functions: four bytes each.
pub const INIT: u32 = 0;
/// Ends an operation.
pub const UNINIT: u32 = 4;
/// Erases the sector at the address in R0.
pub const ERASE_SECTOR: u32 = 8;
/// Writes R1 bytes from the address in R2 to the address in R0.
pub const PROGRAM_PAGE: u32 = 12;
/// Erases all that the algorithm is for.
pub const ERASE_ALL: u32 = 16;

/// `BKPT #0xE0`, and the next ones up to the last function's.
const FIRST: u16 = 0xBEE0;
const FUNCTIONS: u16 = 5;
/// `BX LR`
const RETURN: u16 = 0x4770;

/// The algorithm's code.
#[must_use]
pub fn blob() -> Vec<u8> {
    (FIRST..FIRST + FUNCTIONS).flat_map(|entry| [entry, RETURN]).flat_map(u16::to_le_bytes).collect()
}

/// What stands at the program counter of a core that is about to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A function of the flash algorithm, with its offset.
    Service(u32),
    /// A breakpoint instruction.
    Breakpoint,
    /// Anything else.
    Instruction,
}

/// Looks at the program counter.
///
/// # Errors
/// The board is dead.
pub fn next(machine: &mut dyn Machine) -> Result<Next, Fault> {
    let pc = machine.register(PC)?;
    let mut code = [0; 4];
    match machine.read(pc, Width::Half, &mut code) {
        Ok(()) => {}
        Err(Fault::Dead) => return Err(Fault::Dead),
        // The core will find out by itself.
        Err(Fault::Bus(_)) => return Ok(Next::Instruction),
    }
    let (first, second) = (u16::from_le_bytes([code[0], code[1]]), u16::from_le_bytes([code[2], code[3]]));
    Ok(match first {
        _ if (FIRST..FIRST + FUNCTIONS).contains(&first) && second == RETURN => {
            Next::Service(4 * u32::from(first - FIRST))
        }
        0xBE00..=0xBEFF => Next::Breakpoint,
        _ => Next::Instruction,
    })
}

/// Does the work of a function and returns from it, with 0 in R0 or 1 where it failed.
///
/// # Errors
/// The board is dead.
pub fn serve(machine: &mut dyn Machine, function: u32, flash: &[Range<u32>]) -> Result<(), Fault> {
    let mut argument = |n| machine.register(Register::General(n));
    let (address, size, buffer) = (argument(0)?, argument(1)?, argument(2)?);
    let result = match function {
        ERASE_SECTOR => erase(machine, address & !(SECTOR - 1), SECTOR),
        ERASE_ALL => flash.iter().try_for_each(|range| erase(machine, range.start, range.end - range.start)),
        PROGRAM_PAGE if size <= SECTOR => program(machine, address, size, buffer),
        INIT | UNINIT => Ok(()),
        _ => Err(Fault::Bus(address)),
    };
    let failed = match result {
        Ok(()) => 0,
        Err(Fault::Bus(_)) => 1,
        Err(Fault::Dead) => return Err(Fault::Dead),
    };
    machine.set_register(Register::General(0), failed)?;
    let back = machine.register(LR)?;
    machine.set_register(PC, back & !1)
}

fn erase(machine: &mut dyn Machine, address: u32, size: u32) -> Result<(), Fault> {
    machine.program(address, &vec![ERASED; size as usize])
}

/// Flash only turns ones into zeros; what was not erased before shows.
fn program(machine: &mut dyn Machine, address: u32, size: u32, buffer: u32) -> Result<(), Fault> {
    let (mut bytes, mut before) = (vec![0; size as usize], vec![0; size as usize]);
    machine.read(buffer, Width::Byte, &mut bytes)?;
    machine.read(address, Width::Byte, &mut before)?;
    for (byte, before) in bytes.iter_mut().zip(before) {
        *byte &= before;
    }
    machine.program(address, &bytes)
}
