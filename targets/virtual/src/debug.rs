//! The debug registers of a Cortex-M core over a [`Machine`]: halting, stepping, core registers, breakpoints, reset and
//! its catch. Everything else on the bus goes to the machine.
//!
//! Registers and bits: Armv7-M Architecture Reference Manual, C1.6 and C1.11; Armv8-M, D1.2. Trace, watchpoints and the
//! cycle counter say that they are not there: an emulator has none.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::machine::{Core, Fault, Machine, Register, State, Width};
use crate::service::{self, Next};
use crate::{chip::Chip, rom_table};

/// Where the chip's debug unit answers with its device id, as on STM32F4.
pub const DBGMCU_IDCODE: u32 = 0xE004_2000;

const DWT_CTRL: u32 = 0xE000_1000;
const FP_CTRL: u32 = 0xE000_2000;
const FP_COMP: u32 = 0xE000_2008;
const AIRCR: u32 = 0xE000_ED0C;
const DFSR: u32 = 0xE000_ED30;
const DHCSR: u32 = 0xE000_EDF0;
const DCRSR: u32 = 0xE000_EDF4;
const DCRDR: u32 = 0xE000_EDF8;
const DEMCR: u32 = 0xE000_EDFC;

const KEY: u32 = 0xA05F << 16;
const C_DEBUGEN: u32 = 1 << 0;
const C_HALT: u32 = 1 << 1;
const C_STEP: u32 = 1 << 2;
const C_MASKINTS: u32 = 1 << 3;
const S_REGRDY: u32 = 1 << 16;
const S_HALT: u32 = 1 << 17;
const S_LOCKUP: u32 = 1 << 19;
const S_RESET_ST: u32 = 1 << 25;

const DFSR_HALTED: u32 = 1 << 0;
const DFSR_BKPT: u32 = 1 << 1;
const DFSR_VCATCH: u32 = 1 << 3;
const VC_CORERESET: u32 = 1 << 0;

/// Comparators of the breakpoint unit.
const COMPARATORS: usize = 6;

/// A core with its debug registers.
pub struct Debug {
    machine: Box<dyn Machine>,
    flash: Vec<Range<u32>>,
    id: u32,
    control: u32,
    /// The core stands still because of the debugger, or a breakpoint.
    halted: bool,
    was_reset: bool,
    /// A reset was caught before halting was enabled.
    caught: bool,
    dcrdr: u32,
    demcr: u32,
    dfsr: u32,
    breakpoints_enabled: bool,
    comparators: [u32; COMPARATORS],
    /// What the machine stops at.
    breakpoints: BTreeSet<u32>,
    /// Reset is held by its pin.
    held: bool,
}

impl Debug {
    /// With a core that runs.
    #[must_use]
    pub fn new(machine: Box<dyn Machine>, chip: &Chip) -> Self {
        Debug {
            machine,
            flash: chip.flash.clone(),
            id: chip.id,
            control: 0,
            halted: false,
            was_reset: true,
            caught: false,
            dcrdr: 0,
            demcr: 0,
            dfsr: 0,
            breakpoints_enabled: false,
            comparators: [0; COMPARATORS],
            breakpoints: BTreeSet::new(),
            held: false,
        }
    }

    /// The machine itself.
    pub fn machine(&mut self) -> &mut dyn Machine {
        &mut *self.machine
    }

    /// Reads from the bus as the debug port's master does.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn read(&mut self, address: u32, width: Width, into: &mut [u8]) -> Result<(), Fault> {
        if !is_private(address) {
            return self.machine.read(address, width, into);
        }
        let size = width.bytes();
        let mut at = address;
        for place in into.chunks_exact_mut(size) {
            let lane = (at & 3) as usize;
            place.copy_from_slice(&self.read_word(at & !3)?.to_le_bytes()[lane..lane + size]);
            at = at.wrapping_add(size as u32);
        }
        Ok(())
    }

    /// Writes to the bus as the debug port's master does.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn write(&mut self, address: u32, width: Width, bytes: &[u8]) -> Result<(), Fault> {
        if !is_private(address) || width != Width::Word {
            return self.machine.write(address, width, bytes);
        }
        let mut at = address;
        for word in bytes.chunks_exact(4) {
            self.write_word(at, u32::from_le_bytes([word[0], word[1], word[2], word[3]]))?;
            at = at.wrapping_add(4);
        }
        Ok(())
    }

    /// Holds the reset pin, or lets it go.
    ///
    /// # Errors
    /// The board is dead.
    pub fn set_reset_pin(&mut self, held: bool) -> Result<(), Fault> {
        if held && !self.held {
            self.reset_core()?;
        }
        if !held && self.held {
            self.leave_reset()?;
        }
        self.held = held;
        Ok(())
    }

    /// What the core is doing; takes note of a breakpoint that was hit.
    fn look(&mut self) -> State {
        let state = self.machine.state();
        if state == State::Halted && !self.halted && !self.held {
            self.halted = true;
            self.dfsr |= DFSR_BKPT;
        }
        state
    }

    fn read_word(&mut self, address: u32) -> Result<u32, Fault> {
        Ok(match address {
            DHCSR => {
                let status = match self.look() {
                    State::Running => 0,
                    // While reset is held there is no core to look at.
                    State::Halted if self.held => S_RESET_ST,
                    State::Halted => S_HALT | C_HALT,
                    State::LockedUp if self.halted => S_LOCKUP | S_HALT | C_HALT,
                    State::LockedUp => S_LOCKUP,
                };
                let reset = if std::mem::take(&mut self.was_reset) { S_RESET_ST } else { 0 };
                status | reset | S_REGRDY | self.control & (C_DEBUGEN | C_STEP | C_MASKINTS)
            }
            DCRSR => 0,
            DCRDR => self.dcrdr,
            DEMCR => self.demcr,
            DFSR => {
                self.look();
                self.dfsr
            }
            // No comparator, no trace, no counters.
            DWT_CTRL => 0x0F00_0000,
            FP_CTRL => {
                let revision = u32::from(self.revision_2());
                revision << 28 | (COMPARATORS as u32) << 4 | u32::from(self.breakpoints_enabled)
            }
            DBGMCU_IDCODE => self.id,
            _ => match (self.comparator(address), rom_table::read(self.machine.core(), address)) {
                (Some(n), _) => self.comparators[n],
                (None, Some(word)) => word,
                (None, None) => {
                    let mut word = [0; 4];
                    self.machine.read(address, Width::Word, &mut word)?;
                    u32::from_le_bytes(word)
                }
            },
        })
    }

    fn write_word(&mut self, address: u32, value: u32) -> Result<(), Fault> {
        match address {
            DHCSR if value & 0xFFFF_0000 == KEY => self.control(value & 0xFFFF),
            DHCSR => Ok(()),
            DCRSR => self.transfer(value),
            DCRDR => {
                self.dcrdr = value;
                Ok(())
            }
            DEMCR => {
                self.demcr = value;
                Ok(())
            }
            DFSR => {
                self.dfsr &= !value;
                Ok(())
            }
            AIRCR if value >> 16 == 0x05FA && value & 0b101 != 0 => {
                self.reset_core()?;
                self.leave_reset()
            }
            FP_CTRL if value & 2 != 0 => {
                self.breakpoints_enabled = value & 1 != 0;
                self.place_breakpoints()
            }
            FP_CTRL | DWT_CTRL | DBGMCU_IDCODE => Ok(()),
            _ => match self.comparator(address) {
                Some(n) => {
                    self.comparators[n] = value;
                    self.place_breakpoints()
                }
                None => self.machine.write(address, Width::Word, &value.to_le_bytes()),
            },
        }
    }

    /// DHCSR's low half is written.
    fn control(&mut self, value: u32) -> Result<(), Fault> {
        let state = self.look();
        let enabling = value & C_DEBUGEN != 0 && self.control & C_DEBUGEN == 0;
        self.control = value & (C_DEBUGEN | C_STEP | C_MASKINTS);
        if enabling || value & C_DEBUGEN == 0 {
            self.place_breakpoints()?;
        }
        // A reset that was caught before this keeps the core until it is let go by a second write.
        if std::mem::take(&mut self.caught) && value & C_DEBUGEN != 0 && value & C_STEP == 0 {
            return Ok(());
        }
        let halt = value & (C_DEBUGEN | C_HALT) == C_DEBUGEN | C_HALT;
        match (state, halt) {
            (State::Running, true) => {
                self.machine.halt()?;
                self.halted = true;
                self.dfsr |= DFSR_HALTED;
            }
            (State::LockedUp, true) => self.halted = true,
            (State::Halted, false) if self.held => {}
            (State::Halted, false) if value & (C_DEBUGEN | C_STEP) == C_DEBUGEN | C_STEP => self.step()?,
            (State::Halted, false) => self.run()?,
            _ => {}
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.dfsr |= DFSR_HALTED;
        match service::next(&mut *self.machine)? {
            Next::Service(function) => service::serve(&mut *self.machine, function, &self.flash),
            // It would end in the monitor's exception, or in lockup.
            Next::Breakpoint => {
                self.dfsr |= DFSR_BKPT;
                Ok(())
            }
            Next::Instruction => self.machine.step(self.control & C_MASKINTS == 0),
        }
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut next = service::next(&mut *self.machine)?;
        while let Next::Service(function) = next {
            service::serve(&mut *self.machine, function, &self.flash)?;
            next = service::next(&mut *self.machine)?;
        }
        if next == Next::Breakpoint && self.control & C_DEBUGEN != 0 {
            self.dfsr |= DFSR_BKPT;
            return Ok(());
        }
        self.halted = false;
        self.machine.resume()
    }

    /// DCRSR is written: a register goes to DCRDR, or comes from there.
    fn transfer(&mut self, value: u32) -> Result<(), Fault> {
        const WRITE: u32 = 1 << 16;
        let Some(register) = register(value & 0x7F) else { return Ok(()) };
        if !self.halted || self.held {
            return Ok(());
        }
        if value & WRITE != 0 {
            self.machine.set_register(register, self.dcrdr)
        } else {
            self.dcrdr = self.machine.register(register)?;
            Ok(())
        }
    }

    fn reset_core(&mut self) -> Result<(), Fault> {
        self.machine.reset()?;
        self.was_reset = true;
        self.halted = false;
        Ok(())
    }

    /// The core starts, unless its start is to be caught.
    fn leave_reset(&mut self) -> Result<(), Fault> {
        // A machine that came back from death knows no breakpoints.
        for address in std::mem::take(&mut self.breakpoints) {
            match self.machine.set_breakpoint(address, false) {
                Err(Fault::Dead) => return Err(Fault::Dead),
                Ok(()) | Err(Fault::Bus(_)) => {}
            }
        }
        self.place_breakpoints()?;
        if self.demcr & VC_CORERESET != 0 {
            self.halted = true;
            self.dfsr |= DFSR_VCATCH;
            self.caught = self.control & C_DEBUGEN == 0;
            return Ok(());
        }
        self.machine.resume()
    }

    fn revision_2(&self) -> bool {
        !matches!(self.machine.core(), Core::M3 | Core::M4)
    }

    fn comparator(&self, address: u32) -> Option<usize> {
        let n = (address.checked_sub(FP_COMP)? / 4) as usize;
        (n < COMPARATORS).then_some(n)
    }

    /// Brings the machine's breakpoints to what the unit says.
    fn place_breakpoints(&mut self) -> Result<(), Fault> {
        let mut wanted = BTreeSet::new();
        if self.breakpoints_enabled && self.control & C_DEBUGEN != 0 {
            for comparator in self.comparators.into_iter().filter(|c| c & 1 != 0) {
                let halfwords = if self.revision_2() { 0 } else { comparator >> 30 };
                match halfwords {
                    0 => drop(wanted.insert(comparator & !1)),
                    _ => {
                        let address = comparator & 0x1FFF_FFFC;
                        wanted.extend(
                            [(1, 0), (2, 2)].iter().filter(|(bit, _)| halfwords & bit != 0).map(|h| address + h.1),
                        );
                    }
                }
            }
        }
        for &address in self.breakpoints.symmetric_difference(&wanted) {
            self.machine.set_breakpoint(address, wanted.contains(&address))?;
        }
        self.breakpoints = wanted;
        Ok(())
    }
}

/// The private peripheral bus, where the debug registers are.
fn is_private(address: u32) -> bool {
    (0xE000_0000..0xE010_0000).contains(&address)
}

/// Numbers of DCRSR.REGSEL.
fn register(number: u32) -> Option<Register> {
    Some(match number {
        0..=15 => Register::General(number as u8),
        16 => Register::Xpsr,
        17 => Register::Msp,
        18 => Register::Psp,
        20 => Register::Masks,
        33 => Register::Fpscr,
        64..=95 => Register::Single(number as u8 - 64),
        _ => return None,
    })
}
