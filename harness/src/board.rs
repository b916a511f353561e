//! Boards as data: read from TOML, then checked. [`Board`] exists only where all references hold.

mod silicon;

use std::fmt;
use std::path::Path;

use hilbench_compiler::lower::Isa;
use hilbench_virtual::QemuConfig;
use serde::Deserialize;

use crate::desk::Place;
use crate::sources;
pub use silicon::{Action, Cache, Counter, Step, Uart, UartKind};
use silicon::{RawBringUp, RawClock, RawUart};

/// A board description that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoardError {
    /// No board of this name.
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A file that cannot be read or understood.
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoardError::Unknown { name, known } => {
                write!(f, "no board is called `{name}`; there are {}", known.join(", "))?;
                f.write_str(" (or give the path of a .toml file)")
            }
            BoardError::File { file, reason } => write!(f, "{file}: {reason}"),
        }
    }
}

impl std::error::Error for BoardError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBoard {
    name: String,
    summary: String,
    family: String,
    core: String,
    isa: String,
    rust_target: String,
    rustflags: Vec<String>,
    device_id: u32,
    clock_hz: u32,
    bus_clock_hz: Option<u32>,
    #[serde(default)]
    caches: Vec<Cache>,
    memory: Vec<RawMemory>,
    placement: RawPlacement,
    uart: RawUart,
    clock: RawClock,
    emulator: Option<RawEmulator>,
    probe: Option<RawProbe>,
    link: RawLink,
    provenance: Provenance,
    #[serde(default)]
    bring_up: RawBringUp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMemory {
    name: String,
    kind: MemoryKind,
    origin: u32,
    length: String,
    #[serde(default)]
    fill: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlacement {
    code: String,
    weights: String,
    data: String,
    arena: String,
    stack_bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEmulator {
    kind: EmulatorKind,
    program: String,
    machine: String,
    args: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    kind: LinkKind,
    baud: u32,
    #[serde(default)]
    rtt: bool,
}

/// A chip that a debug probe reaches.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    chip: String,
    id_at: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EmulatorKind {
    Qemu,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LinkKind {
    Serial,
}

/// What a memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryKind {
    /// Code and constants.
    Rom,
    /// Data.
    Ram,
}

/// A range of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: MemoryKind,
    /// First address.
    pub origin: u32,
    /// Size in bytes.
    pub length: u32,
    /// Has error correction, and must be written before anything reads it.
    pub fill: bool,
}

/// Where the facts come from, and what has been run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Sources of the facts.
    pub facts: String,
    /// How the board has been run.
    pub run: String,
    /// Which of the facts nobody has verified.
    pub unverified: Option<String>,
}

/// A board that firmware can be built for and started on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// The core.
    pub core: String,
    /// Instruction set extension that kernels are chosen for.
    pub isa: Isa,
    /// Target triple for rustc.
    pub rust_target: String,
    /// More flags for rustc.
    pub rustflags: Vec<String>,
    /// Device id of the debug unit.
    pub device_id: u32,
    /// Core clock.
    pub clock_hz: u32,
    /// Clock of the bus between core and memories.
    pub bus_clock_hz: u32,
    /// Caches of the core that are switched on.
    pub caches: Vec<Cache>,
    /// All memories.
    pub memories: Vec<Memory>,
    /// Where code lives, as an index into `memories`.
    pub code: usize,
    /// Where constants of the network live.
    pub weights: usize,
    /// Where stack and data live.
    pub data: usize,
    /// Where the arena lives.
    pub arena: usize,
    /// Bytes reserved for the stack, at the bottom of the data memory.
    pub stack_bytes: u32,
    /// The serial port.
    pub uart: Uart,
    /// What it counts by.
    pub counter: Counter,
    /// How the chip is brought up, in order.
    pub bring_up: Vec<Step>,
    /// How it is emulated; `None` for a board that exists.
    pub emulator: Option<QemuConfig>,
    /// The chip as probe-rs calls it; `None` where no probe reaches it.
    pub chip: Option<String>,
    /// Where the user has it.
    pub place: Place,
    /// Where a debugger reads the device id, in the lowest 12 bits of a word.
    pub id_at: Option<u32>,
    /// Line rate.
    pub baud: u32,
    /// The firmware can be spoken to through the probe, too (SEGGER RTT).
    pub rtt: bool,
    /// Where the facts come from.
    pub provenance: Provenance,
}

impl Board {
    /// How the board is run, for reports.
    #[must_use]
    pub fn run_on(&self) -> String {
        match &self.emulator {
            Some(emulator) => format!("emulated: QEMU {}", emulator.machine),
            None => self.provenance.run.clone(),
        }
    }

    /// The board where the user has it, at the rate that the user's line takes.
    ///
    /// # Errors
    /// The serial port cannot make the rate.
    pub fn at(self, place: Place) -> Result<Board, String> {
        let baud = place.baud.unwrap_or(self.baud);
        Ok(Board { uart: self.uart.at(baud)?, baud, place, ..self })
    }

    /// The part number that the core answers with; `None` for a core that is not known here (Technical Reference Manuals,
    /// CPUID).
    #[must_use]
    pub fn core_part(&self) -> Option<u32> {
        const PARTS: [(&str, u32); 6] = [
            ("Cortex-M33", 0xD21),
            ("Cortex-M55", 0xD22),
            ("Cortex-M85", 0xD23),
            ("Cortex-M3", 0xC23),
            ("Cortex-M4", 0xC24),
            ("Cortex-M7", 0xC27),
        ];
        PARTS.iter().find(|(name, _)| self.core.starts_with(name)).map(|&(_, part)| part)
    }

    /// Bytes of memory `index` that are left beside the stack.
    #[must_use]
    pub fn room(&self, index: usize) -> u64 {
        let length = self.memories[index].length;
        u64::from(if index == self.data { length - self.stack_bytes } else { length })
    }

    /// Reads a description. `file` is its name, for messages.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Board, BoardError> {
        let fail = |reason: String| BoardError::File { file: file.to_string(), reason };
        let raw: RawBoard = toml::from_str(text).map_err(|e| fail(e.to_string()))?;
        Board::try_from(raw).map_err(fail)
    }

    /// The board called `name`, or described by the file of that path.
    ///
    /// # Errors
    /// There is none, or its description is not accepted.
    pub fn find(name: &str) -> Result<Board, BoardError> {
        if Path::new(name).extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(name)
                .map_err(|e| BoardError::File { file: name.to_string(), reason: e.to_string() })?;
            return Board::parse(name, &text);
        }
        let boards = boards()?;
        let known = boards.iter().map(|b| b.name.clone()).collect();
        boards.into_iter().find(|b| b.name == name).ok_or_else(|| BoardError::Unknown { name: name.to_string(), known })
    }
}

/// All boards that this binary carries, by name.
///
/// # Errors
/// A description that is not accepted.
pub fn boards() -> Result<Vec<Board>, BoardError> {
    let mut boards = sources::boards().map(|(file, text)| Board::parse(file, text)).collect::<Result<Vec<_>, _>>()?;
    boards.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(boards)
}

/// `64`, `16K`, `4M` or `0x1000` as bytes.
fn size(text: &str) -> Result<u32, String> {
    let (digits, factor) = match text.strip_suffix(['K', 'M']) {
        Some(digits) if text.ends_with('K') => (digits, 1 << 10),
        Some(digits) => (digits, 1 << 20),
        None => (text, 1),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    number
        .and_then(|n| n.checked_mul(factor))
        .filter(|&n| n > 0)
        .ok_or_else(|| format!("`{text}` is no size; \"65536\", \"0x10000\", \"64K\" and \"1M\" are"))
}

impl RawMemory {
    fn check(self) -> Result<Memory, String> {
        let RawMemory { name, kind, origin, length, fill } = self;
        let length = size(&length)?;
        if fill && (kind == MemoryKind::Rom || !origin.is_multiple_of(8) || !length.is_multiple_of(8)) {
            return Err(format!("memory `{name}` is filled by 8 bytes, which only RAM can be"));
        }
        Ok(Memory { name, kind, origin, length, fill })
    }
}

impl TryFrom<RawBoard> for Board {
    type Error = String;

    fn try_from(raw: RawBoard) -> Result<Self, String> {
        if raw.family != "cortex-m" {
            return Err(format!("family `{}`; `cortex-m` is accepted", raw.family));
        }
        let Some(isa) = Isa::parse(&raw.isa) else {
            return Err(format!("isa `{}`; {} are accepted", raw.isa, Isa::ALL.map(Isa::name).join(", ")));
        };
        let bus_clock_hz = raw.bus_clock_hz.unwrap_or(raw.clock_hz);
        if raw.clock_hz == 0 || bus_clock_hz == 0 {
            return Err("clock rates are positive".to_string());
        }
        let counter = Counter::try_from(raw.clock)?;
        let instructions = matches!(counter, Counter::Instructions { .. });
        if instructions != raw.emulator.is_some() {
            return Err("an emulator counts instructions, a chip cycles".to_string());
        }
        if raw.probe.as_ref().is_some_and(|probe| probe.chip.is_empty()) {
            return Err("the chip has no name".to_string());
        }
        let memories = raw.memory.into_iter().map(RawMemory::check).collect::<Result<Vec<_>, String>>()?;
        for (i, a) in memories.iter().enumerate() {
            let end = u64::from(a.origin) + u64::from(a.length);
            if end > 1 << 32 {
                return Err(format!("memory `{}` ends behind the address space", a.name));
            }
            for b in &memories[i + 1..] {
                if u64::from(b.origin) < end && u64::from(a.origin) < u64::from(b.origin) + u64::from(b.length) {
                    return Err(format!("memories `{}` and `{}` overlap", a.name, b.name));
                }
            }
        }
        let place = |what: &str, name: &str, kind: Option<MemoryKind>| {
            let index = memories
                .iter()
                .position(|m| m.name == name)
                .ok_or_else(|| format!("{what} is placed in `{name}`, which is no memory"))?;
            match kind {
                Some(kind) if memories[index].kind != kind => {
                    Err(format!("{what} is placed in `{name}`, which is no RAM"))
                }
                _ => Ok(index),
            }
        };
        let code = place("code", &raw.placement.code, None)?;
        let weights = place("weights", &raw.placement.weights, None)?;
        let data = place("data", &raw.placement.data, Some(MemoryKind::Ram))?;
        let arena = place("arena", &raw.placement.arena, Some(MemoryKind::Ram))?;
        let stack_bytes = size(&raw.placement.stack_bytes)?;
        if stack_bytes >= memories[data].length || !stack_bytes.is_multiple_of(32) {
            return Err(format!("a stack of {stack_bytes} bytes in `{}`", memories[data].name));
        }
        let LinkKind::Serial = raw.link.kind;
        Ok(Board {
            name: raw.name,
            summary: raw.summary,
            core: raw.core,
            isa,
            rust_target: raw.rust_target,
            rustflags: raw.rustflags,
            device_id: raw.device_id,
            clock_hz: raw.clock_hz,
            bus_clock_hz,
            caches: raw.caches,
            code,
            weights,
            data,
            arena,
            memories,
            stack_bytes,
            uart: raw.uart.check(raw.clock_hz, raw.link.baud)?,
            counter,
            bring_up: raw.bring_up.check()?,
            emulator: raw.emulator.map(|RawEmulator { kind: EmulatorKind::Qemu, program, machine, args }| QemuConfig {
                program,
                machine,
                args,
            }),
            id_at: raw.probe.as_ref().and_then(|probe| probe.id_at),
            chip: raw.probe.map(|probe| probe.chip),
            place: Place::default(),
            baud: raw.link.baud,
            rtt: raw.link.rtt,
            provenance: raw.provenance,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m4(from: &str, to: &str) -> Result<Board, BoardError> {
        let (_, text) = sources::boards().find(|(file, _)| *file == "virtual-m4.toml").expect("carried");
        assert!(text.contains(from), "{from}");
        Board::parse("x.toml", &text.replace(from, to))
    }

    #[track_caller]
    fn check(from: &str, to: &str, says: &str) {
        let error = m4(from, to).expect_err("not accepted").to_string();
        assert!(error.contains("x.toml") && error.contains(says), "{error}");
    }

    #[test]
    fn carried_boards_are_sound() {
        let boards = boards().expect("sound");
        let emulated: Vec<&str> = boards.iter().filter(|b| b.emulator.is_some()).map(|b| &*b.name).collect();
        assert_eq!(
            emulated,
            ["virtual-f405", "virtual-m33", "virtual-m33-soft", "virtual-m4", "virtual-m55", "virtual-m7"]
        );
        for board in boards.iter().filter(|b| b.emulator.is_none()) {
            assert_eq!(board.provenance.run, "builds, never run on silicon", "{}", board.name);
            assert!(!board.bring_up.is_empty() && board.provenance.unverified.is_some(), "{}", board.name);
        }
        assert!(Board::find("virtual-m9").expect_err("none").to_string().contains("virtual-m33"));
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        check("origin = 0x2000_0000", "origin = 0x0010_0000", "overlap");
        check("arena = \"ssram23\"", "arena = \"dtcm\"", "dtcm");
        check("arena = \"ssram23\"", "arena = \"ssram1\"", "no RAM");
        check("\"16K\"", "\"16Q\"", "16Q");
        check("\"16K\"", "\"8M\"", "stack");
        check("family = \"cortex-m\"", "family = \"avr\"", "avr");
        check("baud = 921_600", "baud = 921_600\nparity = 1", "parity");
        check("counts = \"instructions\"", "counts = \"cycles\"", "cycles");
    }

    #[track_caller]
    fn check_chip(from: &str, to: &str, says: &str) {
        let (_, text) = sources::boards().find(|(file, _)| *file == "nucleo-f446re.toml").expect("carried");
        assert!(text.contains(from), "{from}");
        let error = Board::parse("x.toml", &text.replacen(from, to, 1)).expect_err("not accepted").to_string();
        assert!(error.contains("x.toml") && error.contains(says), "{error}");
    }

    #[test]
    fn a_chip_whose_numbers_do_not_hold_together_is_refused() {
        // 45 MHz / 16 is the fastest, and 18 MHz are 2.3 % beside a whole divisor.
        check_chip("baud = 921_600", "baud = 3_000_000", "divisor");
        check_chip("kernel_hz = 45_000_000", "kernel_hz = 18_000_000", "off by 2.");
        check_chip("boot_hz = 16_000_000", "boot_hz = 4_000_000", "boot_hz");
        check_chip("{ write = \"RCC.CR HSEON", "{ read = \"RCC.CR HSEON", "read");
        check_chip("mask = 0x0001_0000, value = 0x0001_0000", "mask = 0x0001_0000, value = 0x0003_0000", "HSEON");
        check_chip("at = 0x4002_3800", "at = 0x4002_3801", "multiple of 4");
        check_chip("kind = \"dwt\"\ncounts = \"cycles\"", "kind = \"dwt\"", "counts");
        check_chip("chip = \"STM32F446RE\"", "chip = \"\"", "no name");
        check_chip("rx_irq = 38", "rx_irq = 500", "interrupt 500");
    }
}
