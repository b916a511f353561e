//! From source to a running board: one file a family.

pub mod cortex_m;

use std::fmt;
use std::path::PathBuf;

use hilbench_compiler::emit::Sources;
use hilbench_compiler::plan::Plan;

use probe_rs::probe::DebugProbeSelector;

use crate::board::Board;
use crate::deploy::{self, DeployError};
use crate::link::Link;
use crate::link::endpoint::Endpoint;

/// Builds firmware for boards of one family, and starts it.
pub trait Target {
    /// Builds firmware that serves the network in `sources`, or finds it built.
    ///
    /// # Errors
    /// The toolchain failed, or the network does not fit.
    fn build(&self, sources: &Sources, board: &Board) -> Result<Image, TargetError>;

    /// Brings `image` onto the board, starts it, and opens the link to it.
    ///
    /// # Errors
    /// The board cannot be reached.
    fn deploy(
        &self,
        image: &Image,
        board: &Board,
        delivery: &Delivery,
        progress: &deploy::Progress<'_>,
    ) -> Result<Box<dyn Link>, TargetError>;
}

/// How an image comes onto a board, and how the board is spoken to afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How it comes there.
    pub method: deploy::Method,
    /// The debug probe; the only one there is if not given.
    pub probe: Option<DebugProbeSelector>,
    /// The link; the fastest that the board has if not given.
    pub link: Option<Endpoint>,
}

/// Firmware with one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The ELF file.
    pub elf: PathBuf,
    /// It was built before, from the same sources by the same tools.
    pub cached: bool,
    /// What it takes.
    pub footprint: Footprint,
}

/// Bytes that an image takes, read from the ELF file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Code and its constants, vectors included.
    pub code: u64,
    /// What of `code` an inference reaches: kernels and the calls of them. The rest validates: protocol, port, start-up.
    pub network_code: u64,
    /// Constants of the network.
    pub weights: u64,
    /// The arena.
    pub arena: u64,
    /// Other data in RAM, without the stack.
    pub ram: u64,
    /// What of `ram` an inference reaches. The rest validates: rings and buffers of messages.
    pub network_ram: u64,
}

/// Why there is no running board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// The toolchain lacks something that the user can install.
    Toolchain {
        /// What is missing, and how to get it.
        advice: String,
    },
    /// The build failed.
    Build {
        /// The tools' last lines.
        lines: Vec<String>,
    },
    /// The network does not fit the board.
    DoesNotFit {
        /// What needs the memory.
        what: &'static str,
        /// Bytes that are needed.
        need: u64,
        /// Bytes that there are.
        have: u64,
        /// Name of the memory.
        memory: String,
    },
    /// A file of the cache cannot be written or read.
    Cache {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The board, or the emulator that stands for it, is not there.
    Absent(String),
    /// The image is not on the board, or does not run there.
    Deploy(DeployError),
    /// The board, or its emulator, cannot be started.
    Start(String),
}

/// Refuses a plan that cannot fit whatever code comes with it. The linker has the last word.
///
/// # Errors
/// [`TargetError::DoesNotFit`].
pub fn check_fit(plan: &Plan, board: &Board) -> Result<(), TargetError> {
    let rows =
        [("the activations", plan.arena_bytes, board.arena), ("the weights", plan.constant_bytes(), board.weights)];
    for (what, bytes, memory) in rows {
        let (need, have) = (bytes as u64, board.room(memory));
        if need > have {
            return Err(TargetError::DoesNotFit { what, need, have, memory: board.memories[memory].name.clone() });
        }
    }
    Ok(())
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetError::Toolchain { advice } => f.write_str(advice),
            TargetError::Build { lines } => {
                write!(f, "the firmware does not build:")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
            TargetError::DoesNotFit { what, need, have, memory } => {
                write!(f, "does not fit: {what} need {need} bytes, {memory} has {have}")
            }
            TargetError::Cache { path, reason } => write!(f, "{}: {reason}", path.display()),
            TargetError::Absent(reason) => f.write_str(reason),
            TargetError::Deploy(error) => error.fmt(f),
            TargetError::Start(reason) => write!(f, "cannot be started: {reason}"),
        }
    }
}

impl std::error::Error for TargetError {}

impl TargetError {
    /// Whether there is no firmware, and not only no board.
    #[must_use]
    pub fn is_build(&self) -> bool {
        match self {
            TargetError::Toolchain { .. }
            | TargetError::Build { .. }
            | TargetError::DoesNotFit { .. }
            | TargetError::Cache { .. } => true,
            TargetError::Absent(_) | TargetError::Deploy(_) | TargetError::Start(_) => false,
        }
    }
}

impl From<DeployError> for TargetError {
    fn from(error: DeployError) -> Self {
        match error {
            error @ (DeployError::NoProbe { .. } | DeployError::SeveralProbes { .. }) => {
                TargetError::Absent(error.to_string())
            }
            error => TargetError::Deploy(error),
        }
    }
}
