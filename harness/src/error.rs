//! Why a command ended without a verdict, and the exit code that says so.

use std::fmt;
use std::path::PathBuf;

use crate::target::TargetError;

/// Shorthand for results of this crate's commands.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What stopped a command; each variant is something the user can act on.
#[derive(Debug)]
pub enum Error {
    /// A file that cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A result that cannot be written.
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A model that cannot be compiled.
    Model {
        /// The file.
        path: PathBuf,
        /// Operator or tensor, what was found, what would be accepted.
        reason: hilbench_compiler::Error,
    },
    /// Input data or arguments that do not fit.
    Input(String),
    /// Firmware that cannot be built, or a board that does not start.
    Target(TargetError),
}

impl Error {
    /// The documented exit code: usage and bad input are 2, builds 3, boards 4.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Target(error) if error.is_build() => 3,
            Error::Target(_) => 4,
            _ => 2,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Read { path, reason } => write!(f, "{}: cannot be read: {reason}", path.display()),
            Error::Output { path, reason } => write!(f, "{}: cannot be written: {reason}", path.display()),
            Error::Model { path, reason } => write!(f, "{}: {reason}", path.display()),
            Error::Input(reason) => f.write_str(reason),
            Error::Target(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
