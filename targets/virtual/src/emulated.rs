//! A machine of QEMU as a board: memory by qtest, also while the core runs, run control and registers by the GDB stub.
//!
//! Flash is kept on this side too: an emulator that died is started again with what was programmed.

use std::io;
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::chip::{Chip, ERASED};
use crate::gdb::Gdb;
use crate::machine::{Core, Fault, Machine, Register, State, Width};
use crate::memory_map::{Kind, MemoryMap};
use crate::qemu::{Error, QemuBoard, QemuConfig, Status};
use crate::qtest::Qtest;

/// How long a reset may take.
const RESET: Duration = Duration::from_secs(10);
/// How long an emulator may take to end after its sockets have closed.
const END: Duration = Duration::from_secs(2);
/// `B .`, which a board runs before anybody has programmed it: an empty vector table would lock the core up.
const LOOP: [u8; 2] = 0xE7FE_u16.to_le_bytes();

/// An emulated board.
pub struct Emulated {
    config: QemuConfig,
    chip: Chip,
    flash: Vec<(Range<u32>, Vec<u8>)>,
    process: QemuBoard,
    gdb: Gdb,
    qtest: Qtest,
    map: MemoryMap,
    dead: bool,
}

impl Emulated {
    /// Starts the emulator with erased flash, but for a first program that does nothing, and lets the core run.
    ///
    /// # Errors
    /// QEMU is missing, cannot be run, or is not the machine that `chip` describes.
    pub fn power_on(config: &QemuConfig, chip: &Chip) -> Result<Self, Error> {
        let flash = factory(chip);
        let (process, gdb, qtest, map) = start(config, chip, &flash)?;
        let mut board =
            Emulated { config: config.clone(), chip: chip.clone(), flash, process, gdb, qtest, map, dead: false };
        match board.reset().and_then(|()| board.resume()) {
            Ok(()) => Ok(board),
            Err(fault) => Err(odd(config, &fault.to_string())),
        }
    }

    /// The board is gone if the emulator is, and else it refused.
    fn check<T>(&mut self, result: io::Result<T>, address: u32) -> Result<T, Fault> {
        result.map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::NotFound => Fault::Bus(address),
            _ => {
                self.dead = true;
                Fault::Dead
            }
        })
    }

    fn alive(&self) -> Result<(), Fault> {
        if self.dead { Err(Fault::Dead) } else { Ok(()) }
    }

    /// Pieces of a transfer, none over the border of two ranges.
    fn pieces(&self, address: u32, size: usize) -> Result<Vec<(u32, usize, Kind)>, Fault> {
        let mut pieces = Vec::new();
        let (mut at, mut left) = (address, size as u64);
        while left > 0 {
            let (kind, room) = self.map.at(at).ok_or(Fault::Bus(at))?;
            let take = room.min(left);
            pieces.push((at, take as usize, kind));
            left -= take;
            at = u32::try_from(u64::from(at) + take).unwrap_or(u32::MAX);
        }
        Ok(pieces)
    }

    /// Lets the core itself read or write a special register, which the stub does not know.
    fn execute(&mut self, code: [u16; 2], r0: u32) -> io::Result<u32> {
        const IF_THEN: u64 = 0x0600_FC00;
        let place = self.chip.ram[0].start;
        let mut kept = [0; 4];
        self.qtest.read_memory(place, &mut kept)?;
        let before = (self.gdb.register("r0")?, self.gdb.register("pc")?, self.gdb.register("xpsr")?);
        let bytes: Vec<u8> = code.into_iter().flat_map(u16::to_le_bytes).collect();
        self.qtest.write_memory(place, &bytes)?;
        self.gdb.set_register("r0", r0.into())?;
        self.gdb.set_register("xpsr", before.2 & !IF_THEN)?;
        self.gdb.set_register("pc", place.into())?;
        self.gdb.step(false)?;
        let result = self.gdb.register("r0")?;
        self.qtest.write_memory(place, &kept)?;
        self.gdb.set_register("r0", before.0)?;
        self.gdb.set_register("pc", before.1)?;
        self.gdb.set_register("xpsr", before.2)?;
        Ok(result as u32)
    }

    fn read_special(&mut self, number: u16) -> io::Result<u32> {
        self.execute([0xF3EF, 0x8000 | number], 0)
    }

    fn write_special(&mut self, number: u16, value: u32) -> io::Result<()> {
        self.execute([0xF380, 0x8800 | number], value).map(drop)
    }

    fn read_register(&mut self, register: Register) -> io::Result<u32> {
        Ok(match register {
            Register::General(n) => self.gdb.register(general(n)?)? as u32,
            Register::Xpsr => self.gdb.register("xpsr")? as u32,
            Register::Msp => self.read_special(special::MSP)?,
            Register::Psp => self.read_special(special::PSP)?,
            Register::Masks => {
                let mut value = 0;
                for number in special::MASKS {
                    value = value << 8 | self.read_special(number)? & 0xFF;
                }
                value
            }
            Register::Fpscr => self.gdb.register("fpscr")? as u32,
            Register::Single(n) => (self.gdb.register(&double(n))? >> (32 * u32::from(n & 1))) as u32,
        })
    }

    fn write_register(&mut self, register: Register, value: u32) -> io::Result<()> {
        match register {
            Register::General(n) => self.gdb.set_register(general(n)?, value.into()),
            Register::Xpsr => self.gdb.set_register("xpsr", value.into()),
            Register::Msp => self.write_special(special::MSP, value),
            Register::Psp => self.write_special(special::PSP, value),
            Register::Masks => special::MASKS
                .into_iter()
                .zip(value.to_be_bytes())
                .try_for_each(|(number, value)| self.write_special(number, value.into())),
            Register::Fpscr => self.gdb.set_register("fpscr", value.into()),
            Register::Single(n) => {
                let shift = 32 * u32::from(n & 1);
                let other = self.gdb.register(&double(n))? & !(0xFFFF_FFFF << shift);
                self.gdb.set_register(&double(n), other | u64::from(value) << shift)
            }
        }
    }

    fn try_reset(&mut self) -> io::Result<()> {
        const NOWHERE: u64 = 0x0BAD_C0DE;
        self.gdb.stop()?;
        // The emulator resets when it comes to it. The program counter, which a reset loads, shows that it did.
        self.gdb.set_register("pc", NOWHERE)?;
        self.gdb.monitor("system_reset")?;
        let deadline = Instant::now() + RESET;
        while self.gdb.register("pc")? == NOWHERE {
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Starts the emulator anew, with the flash as it was.
    fn revive(&mut self) -> Result<(), Fault> {
        let (process, gdb, qtest, map) = start(&self.config, &self.chip, &self.flash).map_err(|_| Fault::Dead)?;
        (self.process, self.gdb, self.qtest, self.map, self.dead) = (process, gdb, qtest, map, false);
        Ok(())
    }
}

impl Machine for Emulated {
    fn read(&mut self, address: u32, width: Width, into: &mut [u8]) -> Result<(), Fault> {
        self.alive()?;
        let mut rest = into;
        for (at, size, kind) in self.pieces(address, rest.len())? {
            let (part, behind) = rest.split_at_mut(size);
            let result = match kind {
                Kind::Ram | Kind::Rom => self.qtest.read_memory(at, part),
                Kind::Device => self.qtest.read_device(at, width, part),
            };
            self.check(result, at)?;
            rest = behind;
        }
        Ok(())
    }

    fn write(&mut self, address: u32, width: Width, bytes: &[u8]) -> Result<(), Fault> {
        self.alive()?;
        let mut rest = bytes;
        for (at, size, kind) in self.pieces(address, rest.len())? {
            let (part, behind) = rest.split_at(size);
            let in_flash = self.flash.iter().any(|(range, _)| range.contains(&at));
            let result = match kind {
                _ if in_flash => Ok(()),
                Kind::Rom => Ok(()),
                Kind::Ram => self.qtest.write_memory(at, part),
                Kind::Device => self.qtest.write_device(at, width, part),
            };
            self.check(result, at)?;
            rest = behind;
        }
        Ok(())
    }

    fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.alive()?;
        let fault = Fault::Bus(address);
        let inside = |range: &Range<u32>| {
            range.contains(&address) && u64::from(address) + bytes.len() as u64 <= u64::from(range.end)
        };
        let (range, copy) = self.flash.iter_mut().find(|(range, _)| inside(range)).ok_or(fault)?;
        let start = (address - range.start) as usize;
        copy[start..start + bytes.len()].copy_from_slice(bytes);
        let result = match self.map.at(address).ok_or(fault)?.0 {
            Kind::Rom => self.gdb.write_memory(address, bytes),
            _ => self.qtest.write_memory(address, bytes),
        };
        self.check(result, address)
    }

    fn register(&mut self, register: Register) -> Result<u32, Fault> {
        self.alive()?;
        let result = self.read_register(register);
        self.check(result, 0)
    }

    fn set_register(&mut self, register: Register, value: u32) -> Result<(), Fault> {
        self.alive()?;
        let result = self.write_register(register, value);
        self.check(result, 0)
    }

    fn state(&mut self) -> State {
        let result = self.gdb.is_running();
        match self.check(result, 0) {
            _ if self.dead => State::LockedUp,
            Ok(true) => State::Running,
            _ => State::Halted,
        }
    }

    fn halt(&mut self) -> Result<(), Fault> {
        self.alive()?;
        let result = self.gdb.stop();
        self.check(result, 0)
    }

    fn resume(&mut self) -> Result<(), Fault> {
        self.alive()?;
        let result = self.gdb.resume();
        self.check(result, 0)
    }

    fn step(&mut self, interrupts: bool) -> Result<(), Fault> {
        self.alive()?;
        let result = self.gdb.step(interrupts);
        self.check(result, 0)
    }

    fn set_breakpoint(&mut self, address: u32, on: bool) -> Result<(), Fault> {
        self.alive()?;
        let result = match self.gdb.is_running() {
            Ok(true) => {
                self.gdb.stop().and_then(|()| self.gdb.set_breakpoint(address, on)).and_then(|()| self.gdb.resume())
            }
            Ok(false) => self.gdb.set_breakpoint(address, on),
            Err(e) => Err(e),
        };
        self.check(result, address)
    }

    fn reset(&mut self) -> Result<(), Fault> {
        // One that is about to die of a lockup may still look alive.
        if !self.dead && self.process.status() == Status::Running && self.try_reset().is_ok() {
            return Ok(());
        }
        self.revive()?;
        let result = self.try_reset();
        self.check(result, 0).map_err(|_| Fault::Dead)
    }

    fn core(&self) -> Core {
        self.chip.core
    }

    fn serial_port(&self) -> Option<PathBuf> {
        Some(self.process.pty().to_path_buf())
    }

    fn last_words(&mut self) -> Option<String> {
        // Sockets close before the process has ended.
        let patience = if self.state() == State::LockedUp { END } else { Duration::ZERO };
        match self.process.status_within(patience) {
            Status::Running => None,
            Status::Exited { how, said } => {
                self.dead = true;
                Some([vec![how], said].concat().join("\n"))
            }
        }
    }
}

/// Numbers of special registers (Armv7-M Architecture Reference Manual, B5.1.1).
mod special {
    pub const MSP: u16 = 8;
    pub const PSP: u16 = 9;
    /// CONTROL, FAULTMASK, BASEPRI, PRIMASK.
    pub const MASKS: [u16; 4] = [20, 19, 17, 16];
}

fn general(n: u8) -> io::Result<&'static str> {
    const NAMES: [&str; 16] =
        ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc"];
    NAMES.get(usize::from(n)).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn double(single: u8) -> String {
    format!("d{}", single / 2)
}

/// Flash as it leaves the factory: erased, but for a vector table and a loop.
fn factory(chip: &Chip) -> Vec<(Range<u32>, Vec<u8>)> {
    let mut flash: Vec<(Range<u32>, Vec<u8>)> =
        chip.flash.iter().map(|range| (range.clone(), vec![ERASED; range.len()])).collect();
    if let (Some((range, bytes)), Some(ram)) = (flash.first_mut(), chip.ram.first()) {
        bytes[0..4].copy_from_slice(&ram.end.to_le_bytes());
        bytes[4..8].copy_from_slice(&((range.start + 8) | 1).to_le_bytes());
        bytes[8..10].copy_from_slice(&LOOP);
    }
    flash
}

/// Starts the emulator, finds out what it has, and writes the flash.
fn start(
    config: &QemuConfig,
    chip: &Chip,
    flash: &[(Range<u32>, Vec<u8>)],
) -> Result<(QemuBoard, Gdb, Qtest, MemoryMap), Error> {
    let (mut process, gdb, qtest) = QemuBoard::power_on(config)?;
    match prepare(gdb, qtest, chip, flash) {
        Ok((gdb, qtest, map)) => Ok((process, gdb, qtest, map)),
        Err(e) => {
            // What the emulator itself says of its end says more than that its sockets closed.
            process.status_within(END);
            Err(odd(config, &[vec![e.to_string()], process.said()].concat().join("\n")))
        }
    }
}

fn prepare(
    gdb: UnixStream,
    qtest: UnixStream,
    chip: &Chip,
    flash: &[(Range<u32>, Vec<u8>)],
) -> io::Result<(Gdb, Qtest, MemoryMap)> {
    let (mut gdb, mut qtest) = (Gdb::new(gdb)?, Qtest::new(qtest)?);
    let map = MemoryMap::parse(&gdb.monitor("info mtree -f")?)
        .ok_or_else(|| io::Error::other("the emulator does not say what its memory map is"))?;
    for range in chip.flash.iter().chain(&chip.ram) {
        if !matches!(map.at(range.start), Some((Kind::Ram | Kind::Rom, _))) {
            return Err(io::Error::other(format!("the machine has no memory at {:#010x}", range.start)));
        }
    }
    for (range, bytes) in flash {
        match map.at(range.start) {
            Some((Kind::Rom, _)) => gdb.write_memory(range.start, bytes)?,
            _ => {
                // Filling is one short line; only what is not erased is worth sending.
                qtest.fill_memory(range.start, range.end - range.start, ERASED)?;
                let used = bytes.iter().rposition(|&b| b != ERASED).map_or(0, |last| last + 1);
                qtest.write_memory(range.start, &bytes[..used])?;
            }
        }
    }
    Ok((gdb, qtest, map))
}

fn odd(config: &QemuConfig, reason: &str) -> Error {
    Error::Spawn { program: format!("{} -machine {}", config.program, config.machine), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_registers() {
        assert_eq!(general(15).expect("there is one"), "pc");
        assert!(general(16).is_err());
        assert_eq!((double(0), double(31)), ("d0".to_string(), "d15".to_string()));
    }
}
