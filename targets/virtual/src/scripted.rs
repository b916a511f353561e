//! A board of plain memory whose core follows a script: tests of what debuggers do need no emulator. Executes nothing.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;

use crate::chip::{Chip, ERASED};
use crate::machine::{Core, Fault, Machine, PC, Register, State, Width};

/// The register that says which core it is.
const CPUID: u32 = 0xE000_ED00;

/// What a running core does each time somebody looks at it.
pub type Script = Box<dyn FnMut(&mut Memory) -> State + Send>;

/// All memory of the board.
pub struct Memory {
    areas: Vec<(Range<u32>, Vec<u8>)>,
}

impl Memory {
    /// The bytes from `address` on.
    ///
    /// # Errors
    /// Not all of them are memory.
    pub fn slice(&mut self, address: u32, size: usize) -> Result<&mut [u8], Fault> {
        let area = self.areas.iter_mut().find(|(range, _)| range.contains(&address));
        let (range, bytes) = area.ok_or(Fault::Bus(address))?;
        let start = (address - range.start) as usize;
        bytes.get_mut(start..start + size).ok_or(Fault::Bus(range.end))
    }
}

/// What is wrong with the board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    /// Flash cannot be read by the debugger: the chip is locked.
    pub locked: bool,
    /// Addresses of flash whose lowest bit stays 0, whatever is written.
    pub stuck: BTreeSet<u32>,
    /// The board loses power after so many writes of flash.
    pub dies_after: Option<usize>,
}

/// A board of plain memory.
pub struct Scripted {
    chip: Chip,
    memory: Memory,
    registers: HashMap<Register, u32>,
    state: State,
    script: Option<Script>,
    defects: Defects,
    writes: usize,
}

impl Scripted {
    /// With erased flash. Without a script, a core that runs goes on and on.
    #[must_use]
    pub fn new(chip: &Chip, defects: Defects, script: Option<Script>) -> Self {
        let flash = chip.flash.iter().map(|range| (range.clone(), vec![ERASED; range.len()]));
        let ram = chip.ram.iter().map(|range| (range.clone(), vec![0; range.len()]));
        Scripted {
            memory: Memory { areas: flash.chain(ram).collect() },
            chip: chip.clone(),
            registers: HashMap::new(),
            state: State::Running,
            script,
            defects,
            writes: 0,
        }
    }

    fn is_flash(&self, address: u32) -> bool {
        self.chip.flash.iter().any(|range| range.contains(&address))
    }

    fn alive(&self) -> Result<(), Fault> {
        if self.defects.dies_after.is_some_and(|writes| self.writes >= writes) { Err(Fault::Dead) } else { Ok(()) }
    }
}

impl Machine for Scripted {
    fn read(&mut self, address: u32, _width: Width, into: &mut [u8]) -> Result<(), Fault> {
        self.alive()?;
        if self.defects.locked && self.is_flash(address) {
            return Err(Fault::Bus(address));
        }
        // The core's own registers: which one it is, and zeros.
        if address >> 20 == 0xE00 {
            into.fill(0);
            if address == CPUID && into.len() == 4 {
                into.copy_from_slice(&(0x410F_0001 | self.chip.core.part() << 4).to_le_bytes());
            }
            return Ok(());
        }
        into.copy_from_slice(self.memory.slice(address, into.len())?);
        Ok(())
    }

    fn write(&mut self, address: u32, _width: Width, bytes: &[u8]) -> Result<(), Fault> {
        self.alive()?;
        if !self.is_flash(address) && address >> 20 != 0xE00 {
            self.memory.slice(address, bytes.len())?.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.alive()?;
        if !self.is_flash(address) {
            return Err(Fault::Bus(address));
        }
        self.writes += 1;
        let memory = self.memory.slice(address, bytes.len())?;
        memory.copy_from_slice(bytes);
        for &stuck in self.defects.stuck.iter().filter(|&&at| at >= address) {
            if let Some(byte) = memory.get_mut((stuck - address) as usize) {
                *byte &= !1;
            }
        }
        Ok(())
    }

    fn register(&mut self, register: Register) -> Result<u32, Fault> {
        self.alive()?;
        Ok(self.registers.get(&register).copied().unwrap_or_default())
    }

    fn set_register(&mut self, register: Register, value: u32) -> Result<(), Fault> {
        self.alive()?;
        self.registers.insert(register, value);
        Ok(())
    }

    fn state(&mut self) -> State {
        if self.alive().is_err() {
            return State::LockedUp;
        }
        if let (State::Running, Some(script)) = (self.state, &mut self.script) {
            self.state = script(&mut self.memory);
        }
        self.state
    }

    fn halt(&mut self) -> Result<(), Fault> {
        self.state = State::Halted;
        self.alive()
    }

    fn resume(&mut self) -> Result<(), Fault> {
        self.state = State::Running;
        self.alive()
    }

    fn step(&mut self, _interrupts: bool) -> Result<(), Fault> {
        let pc = self.register(PC)?;
        self.set_register(PC, pc.wrapping_add(2))
    }

    fn set_breakpoint(&mut self, _address: u32, _on: bool) -> Result<(), Fault> {
        self.alive()
    }

    fn reset(&mut self) -> Result<(), Fault> {
        self.alive()?;
        self.state = State::Halted;
        let start = self.chip.flash.first().map_or(0, |range| range.start);
        let vectors = self.memory.slice(start, 8)?;
        let word = |at: usize| u32::from_le_bytes([vectors[at], vectors[at + 1], vectors[at + 2], vectors[at + 3]]);
        let (stack, entry) = (word(0), word(4));
        self.registers = HashMap::from([(Register::General(13), stack), (PC, entry & !1), (Register::Xpsr, 1 << 24)]);
        Ok(())
    }

    fn core(&self) -> Core {
        self.chip.core
    }

    fn serial_port(&self) -> Option<PathBuf> {
        None
    }

    fn last_words(&mut self) -> Option<String> {
        self.alive().err().map(|_| "the board has no power".into())
    }
}
