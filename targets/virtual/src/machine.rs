//! What a debug port needs of the board behind it: memory, registers, run control. Knows no debug register.

use std::fmt;
use std::path::PathBuf;

/// How wide the accesses of a transfer are. Memory does not care, devices do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
}

impl Width {
    /// Bytes of one access.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }
}

/// An access that nothing answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No memory and no device is at this address, or it refuses the access.
    Bus(u32),
    /// The board is gone: its emulator has ended, or does not answer.
    Dead,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Bus(address) => write!(f, "nothing answers at {address:#010x}"),
            Fault::Dead => f.write_str("the board is gone"),
        }
    }
}

impl std::error::Error for Fault {}

/// A core register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// R0 to R15; 13 is the stack pointer in use, 15 the program counter.
    General(u8),
    /// Program status.
    Xpsr,
    /// Main stack pointer.
    Msp,
    /// Process stack pointer.
    Psp,
    /// CONTROL, FAULTMASK, BASEPRI and PRIMASK, from the highest byte to the lowest.
    Masks,
    /// Floating-point status.
    Fpscr,
    /// S0 to S31.
    Single(u8),
}

/// Program counter.
pub const PC: Register = Register::General(15);
/// Link register.
pub const LR: Register = Register::General(14);

/// What the core is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It executes.
    Running,
    /// It stands still, and may be looked at.
    Halted,
    /// A fault inside of a fault handler has stopped it for good; only a reset helps.
    LockedUp,
}

/// The cores that are emulated; they differ in what their debug registers look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Cortex-M3.
    M3,
    /// Cortex-M4, with or without a float unit.
    M4,
    /// Cortex-M7.
    M7,
    /// Cortex-M33.
    M33,
    /// Cortex-M55.
    M55,
}

impl Core {
    /// All of them.
    pub const ALL: [Core; 5] = [Core::M3, Core::M4, Core::M7, Core::M33, Core::M55];

    /// The part number in CPUID (Technical Reference Manuals).
    #[must_use]
    pub fn part(self) -> u32 {
        match self {
            Core::M3 => 0xC23,
            Core::M4 => 0xC24,
            Core::M7 => 0xC27,
            Core::M33 => 0xD21,
            Core::M55 => 0xD22,
        }
    }
}

/// A board with one core.
pub trait Machine: Send {
    /// Reads `into.len()` bytes, a multiple of `width`, from an address that is one too.
    ///
    /// # Errors
    /// [`Fault`].
    fn read(&mut self, address: u32, width: Width, into: &mut [u8]) -> Result<(), Fault>;

    /// Writes bytes as [`Machine::read`] reads them. Flash ignores it.
    ///
    /// # Errors
    /// [`Fault`].
    fn write(&mut self, address: u32, width: Width, bytes: &[u8]) -> Result<(), Fault>;

    /// Writes flash, which outlives resets and power cycles.
    ///
    /// # Errors
    /// [`Fault`]; of an address that is no flash, [`Fault::Bus`].
    fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault>;

    /// Reads a register of a halted core.
    ///
    /// # Errors
    /// [`Fault`].
    fn register(&mut self, register: Register) -> Result<u32, Fault>;

    /// Writes a register of a halted core.
    ///
    /// # Errors
    /// [`Fault`].
    fn set_register(&mut self, register: Register, value: u32) -> Result<(), Fault>;

    /// What the core is doing now.
    fn state(&mut self) -> State;

    /// Halts a running core.
    ///
    /// # Errors
    /// [`Fault`].
    fn halt(&mut self) -> Result<(), Fault>;

    /// Lets a halted core run.
    ///
    /// # Errors
    /// [`Fault`].
    fn resume(&mut self) -> Result<(), Fault>;

    /// Executes one instruction of a halted core, with interrupts held back or not.
    ///
    /// # Errors
    /// [`Fault`].
    fn step(&mut self, interrupts: bool) -> Result<(), Fault>;

    /// Stops, or does not any more, before the instruction at `address` is executed. The core may be running.
    ///
    /// # Errors
    /// [`Fault`].
    fn set_breakpoint(&mut self, address: u32, on: bool) -> Result<(), Fault>;

    /// Resets core and devices and leaves the core halted at its first instruction. Brings a locked-up or dead board
    /// back, with its flash; memory of one that died is lost.
    ///
    /// # Errors
    /// [`Fault::Dead`].
    fn reset(&mut self) -> Result<(), Fault>;

    /// Which core it is.
    fn core(&self) -> Core;

    /// The serial port, where there is one. A board that came back from death has another.
    fn serial_port(&self) -> Option<PathBuf>;

    /// Why the board is dead, and the last that was heard of it.
    fn last_words(&mut self) -> Option<String>;
}
