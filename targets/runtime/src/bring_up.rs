//! Brings a chip up by a table of register writes and waits that its board's description holds. Knows no chip; gives a
//! wait up after a bounded number of looks.

/// Looks at a register before a wait is given up. A look takes some ten cycles, so this is about a second at the few MHz
/// that chips start with, and more than any oscillator needs at the speeds that follow.
pub const LOOKS: u32 = 1_000_000;

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Replaces the bits of `mask` by those of `value`. A full mask writes without reading, as registers want it that
    /// set or clear what is written as one.
    Write {
        /// Address of the register.
        at: u32,
        /// Which bits.
        mask: u32,
        /// What they become.
        value: u32,
    },
    /// Waits until the bits of `mask` are those of `value`.
    Wait {
        /// Address of the register.
        at: u32,
        /// Which bits.
        mask: u32,
        /// What they must become.
        value: u32,
        /// Register and fields, for whoever reads that they did not.
        name: &'static str,
    },
}

/// Memory-mapped registers.
pub trait Registers {
    /// The word at `at`.
    fn read(&mut self, at: u32) -> u32;

    /// Writes the word at `at`, and lets it take effect before anything that follows.
    fn write(&mut self, at: u32, value: u32);
}

/// Runs the table.
///
/// # Errors
/// The name of the wait that was given up.
pub fn run(steps: &[Step], registers: &mut dyn Registers) -> Result<(), &'static str> {
    for step in steps {
        match *step {
            Step::Write { at, mask: u32::MAX, value } => registers.write(at, value),
            Step::Write { at, mask, value } => {
                let kept = registers.read(at) & !mask;
                registers.write(at, kept | value);
            }
            Step::Wait { at, mask, value, name } => {
                if !(0..LOOKS).any(|_| registers.read(at) & mask == value) {
                    return Err(name);
                }
            }
        }
    }
    Ok(())
}
