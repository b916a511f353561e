//! Why a dialogue ended early, and whose fault that is.

use std::fmt;
use std::time::Duration;

/// A dialogue that ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionError {
    /// Whose fault it is.
    pub cause: Cause,
    /// What was under way.
    pub step: String,
    /// The last lines that the board wrote.
    pub last_lines: Vec<String>,
}

/// Whose fault a failure is; kinds that need different hands are different variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Bytes were lost or changed, or the way to the board ended: cable, port, adapter.
    Transport(String),
    /// The board says that it failed, or died: firmware, emulator, power.
    Board(String),
    /// The board runs something else. Names, and plan digests where there are any.
    WrongModel {
        /// What the board has.
        found: Vec<(String, Option<String>)>,
        /// What was asked for.
        expected: (String, Option<String>),
    },
    /// The board's network does not have the model's shape. What is different.
    Unfit(Vec<String>),
    /// Nothing came, and nothing says why.
    Timeout {
        /// For how long nothing came.
        waited: Duration,
    },
    /// Whole, undamaged messages that do not belong here: other firmware, or a bug of one side.
    Protocol(String),
    /// The caller's inputs are not what the board's network takes.
    Input(String),
}

impl SessionError {
    /// Whether trying again cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match &self.cause {
            Cause::Board(_) | Cause::WrongModel { .. } | Cause::Unfit(_) | Cause::Input(_) => true,
            Cause::Transport(_) | Cause::Timeout { .. } | Cause::Protocol(_) => false,
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.cause)?;
        if !self.last_lines.is_empty() {
            write!(f, "\nthe board's last lines:")?;
            for line in &self.last_lines {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Transport(reason) => write!(f, "transport: {reason}"),
            Cause::Board(reason) => write!(f, "board: {reason}"),
            Cause::WrongModel { found, expected } => {
                let found: Vec<String> = found.iter().map(named).collect();
                let found = if found.is_empty() { "no network".to_string() } else { found.join(", ") };
                write!(f, "board runs {found}, expected {}", named(expected))
            }
            Cause::Unfit(reasons) => write!(f, "the board does not run this model: {}", reasons.join("; ")),
            Cause::Timeout { waited } => write!(f, "no answer within {:.1} s", waited.as_secs_f32()),
            Cause::Protocol(reason) => write!(f, "protocol: {reason}"),
            Cause::Input(reason) => write!(f, "input: {reason}"),
        }
    }
}

fn named((name, digest): &(String, Option<String>)) -> String {
    match digest {
        Some(digest) => format!("`{name}` (plan digest {digest})"),
        None => format!("`{name}`"),
    }
}

impl std::error::Error for SessionError {}
