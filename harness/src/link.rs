//! Bytes to and from a board. Knows deadlines and how a way to a board ends; knows no protocol.

pub mod endpoint;
pub mod faulty;
pub mod memory;
pub mod rfc2217;
pub mod rtt;
pub mod seeded;
pub mod serial;
pub mod tcp;

use std::io;
use std::time::{Duration, Instant};

/// A two-way stream of bytes to one board.
pub trait Link: Send {
    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// The deadline passed before the transport took the last byte, or the transport failed.
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError>;

    /// Waits for at least one byte and answers how many were put at the front of `buffer`.
    ///
    /// # Errors
    /// The deadline passed without a byte, or the transport failed.
    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError>;

    /// Whether the board takes bytes at its own pace and none is lost meanwhile, however many are sent.
    fn holds_back(&self) -> bool {
        false
    }

    /// What the link goes to, for messages: `serial /dev/ttyACM0`.
    fn name(&self) -> String;

    /// What the far end said outside the link when it died, e.g. an emulator's exit status.
    fn last_words(&mut self) -> Option<String> {
        None
    }
}

impl<L: Link + ?Sized> Link for Box<L> {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        (**self).send(bytes, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        (**self).receive(buffer, deadline)
    }

    fn holds_back(&self) -> bool {
        (**self).holds_back()
    }

    fn name(&self) -> String {
        (**self).name()
    }

    fn last_words(&mut self) -> Option<String> {
        (**self).last_words()
    }
}

/// Why bytes did not get through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The deadline passed. Nothing else is known to be wrong.
    #[error("no byte moved before the deadline")]
    TimedOut,
    /// The far end is gone.
    #[error("the connection was closed by the board's end")]
    Closed,
    /// The link could not be opened.
    #[error("{link} cannot be opened: {reason}")]
    Open {
        /// The link's name.
        link: String,
        /// What the system said.
        reason: String,
    },
    /// The system reported something else.
    #[error("{0}")]
    Io(String),
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LinkError::TimedOut,
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected
            | io::ErrorKind::ConnectionReset => LinkError::Closed,
            _ => LinkError::Io(error.to_string()),
        }
    }
}

/// Time left until `deadline`, or the error that says there is none.
fn time_left(deadline: Instant) -> Result<Duration, LinkError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(LinkError::TimedOut) } else { Ok(left) }
}
