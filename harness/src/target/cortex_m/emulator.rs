//! Emulated boards: started, programmed by the code that programs real ones, and spoken to through the probe or a pty.

use std::path::Path;
use std::time::{Duration, Instant};

use hilbench_virtual::chip::Chip;
use hilbench_virtual::machine::Core;
use hilbench_virtual::{Error, QemuBoard, QemuConfig, Status, VirtualBoard};

use super::{OPEN, Segments};
use crate::board::{Board, MemoryKind};
use crate::deploy::{self, DeployError, Method, probe};
use crate::link::endpoint::Endpoint;
use crate::link::rtt::RttLink;
use crate::link::serial::SerialLink;
use crate::link::{Link, LinkError};
use crate::target::{Delivery, Image, TargetError};

/// How long an emulator may take to end after its port has closed.
const END: Duration = Duration::from_secs(2);

/// Starts an emulator with the image, and opens the link.
pub(super) fn deploy(
    config: &QemuConfig,
    image: &Image,
    board: &Board,
    delivery: &Delivery,
    progress: &deploy::Progress<'_>,
) -> Result<Box<dyn Link>, TargetError> {
    let over_probe = match &delivery.link {
        None => board.rtt && delivery.method == Method::Probe,
        Some(Endpoint::Rtt { .. }) => true,
        Some(Endpoint::Serial { port: None, .. }) => false,
        Some(other) => {
            return Err(TargetError::Start(format!(
                "an emulated board has the links `rtt` and `serial`, not `{other}`"
            )));
        }
    };
    match &delivery.method {
        Method::Probe => {
            let (running, segments) = program(config, &image.elf, board, progress)?;
            if over_probe {
                let Running { session, board } = running;
                let link = RttLink::open(session, segments.rtt, Some(board), Instant::now() + OPEN);
                return Ok(Box::new(link.map_err(not_open)?));
            }
            // The probe lets go of the core, which runs on.
            let Running { session, board: emulated } = running;
            drop(session);
            let port = emulated.serial_port().ok_or_else(|| TargetError::Start("no serial port".into()))?;
            wired(&port, board, Far::Probed(emulated))
        }
        Method::None if over_probe => {
            let reason = "the debugger's channel of an emulated board needs `--deploy probe`";
            Err(TargetError::Start(reason.into()))
        }
        Method::None => {
            let emulator = QemuBoard::start(config, &image.elf).map_err(not_started)?;
            let port = emulator.pty().to_path_buf();
            wired(&port, board, Far::Started(emulator))
        }
        Method::Command(_) => {
            let reason =
                "an emulated board is programmed by `--deploy probe`, or started with its image by `--deploy none`";
            Err(TargetError::Start(reason.into()))
        }
    }
}

/// An emulated board that runs an image, and the debugger's hold on it.
pub(crate) struct Running {
    /// The debugger.
    pub session: probe_rs::Session,
    /// The board.
    pub board: VirtualBoard,
}

/// Starts an emulated board, programs it and lets it run.
pub(crate) fn program(
    config: &QemuConfig,
    elf: &Path,
    board: &Board,
    progress: &deploy::Progress<'_>,
) -> Result<(Running, Segments), TargetError> {
    let segments = Segments::read(elf)?;
    let chip = chip(board)?;
    let emulated = VirtualBoard::power_on(config, &chip).map_err(not_started)?;
    // What failed because the emulator ended is told as that.
    let told = |error: DeployError| match emulated.last_words() {
        Some(words) => DeployError::Died { words },
        None => error,
    };
    let mut session = probe::attach(board, &emulated.selector(), Some(chip.family())).map_err(told)?;
    probe::load(board, &mut session, &segments, progress).map_err(told)?;
    probe::start(&mut session, &segments).map_err(told)?;
    Ok((Running { session, board: emulated }, segments))
}

/// The chip that stands behind the emulated board's probe.
///
/// # Errors
/// The board's file names no chip, or a core that is not emulated.
pub(crate) fn chip(board: &Board) -> Result<Chip, TargetError> {
    let known = |part| Core::ALL.into_iter().find(|core| core.part() == part);
    let Some(core) = board.core_part().and_then(known) else {
        return Err(TargetError::Start(format!("core {} is not emulated behind a probe", board.core)));
    };
    let ranges = |kind: MemoryKind| {
        let memories = board.memories.iter().filter(move |memory| memory.kind == kind);
        memories.map(|memory| memory.origin..memory.origin.saturating_add(memory.length)).collect()
    };
    Ok(Chip {
        name: board.chip.clone().ok_or(DeployError::NoChip)?,
        core,
        id: board.device_id,
        flash: ranges(MemoryKind::Rom),
        ram: ranges(MemoryKind::Ram),
    })
}

fn not_started(error: Error) -> TargetError {
    match error {
        Error::Missing { .. } => TargetError::Absent(error.to_string()),
        error => TargetError::Start(error.to_string()),
    }
}

fn not_open(error: LinkError) -> TargetError {
    TargetError::Start(error.to_string())
}

fn wired(port: &Path, board: &Board, far: Far) -> Result<Box<dyn Link>, TargetError> {
    let serial =
        SerialLink::open_until(&port.to_string_lossy(), board.baud, Instant::now() + OPEN).map_err(not_open)?;
    Ok(Box::new(Wired { serial, far, closed: false }))
}

/// What is at the far end of a pty.
enum Far {
    Started(QemuBoard),
    Probed(VirtualBoard),
}

/// A serial port whose far end is an emulator that may die.
struct Wired {
    serial: SerialLink,
    far: Far,
    /// The port has closed, so the emulator has ended or is about to.
    closed: bool,
}

impl Wired {
    fn watch<T>(&mut self, result: Result<T, LinkError>) -> Result<T, LinkError> {
        self.closed |= matches!(result, Err(LinkError::Closed | LinkError::Io(_)));
        result
    }
}

impl Link for Wired {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        let result = self.serial.send(bytes, deadline);
        self.watch(result)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        let result = self.serial.receive(buffer, deadline);
        self.watch(result)
    }

    fn name(&self) -> String {
        self.serial.name()
    }

    fn last_words(&mut self) -> Option<String> {
        let patience = if self.closed { END } else { Duration::ZERO };
        match &mut self.far {
            Far::Probed(board) => board.last_words(),
            Far::Started(emulator) => match emulator.status_within(patience) {
                Status::Running => None,
                Status::Exited { how, said } => Some([vec![how], said].concat().join("\n")),
            },
        }
    }
}
