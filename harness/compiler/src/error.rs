//! What can go wrong between a model file and firmware source; each variant is something the user can act on.

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model was not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The file is not a model of this format, or is damaged. `offset` is where in the file it was noticed.
    Malformed {
        /// Byte offset in the file.
        offset: usize,
        /// What was found and what was expected.
        reason: String,
    },
    /// The file is sound but asks for something that is not supported.
    Unsupported {
        /// Operator (`CONV_2D #3 "model/conv"`), tensor (`tensor #7 "x"`) or `model`.
        subject: String,
        /// What was found and what would be accepted.
        reason: String,
    },
    /// The model contradicts itself (shapes, parameters).
    Invalid {
        /// Operator, tensor or `model`, as above.
        subject: String,
        /// What was found and what was expected.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed { offset, reason } => write!(f, "malformed at byte {offset}: {reason}"),
            Error::Unsupported { subject, reason } => write!(f, "{subject}: not supported: {reason}"),
            Error::Invalid { subject, reason } => write!(f, "{subject}: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
