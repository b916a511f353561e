//! Brings an image onto a board: through a debug probe, or as the user says. Knows no network and no link.
//!
//! Real and emulated boards take the same way: what differs is which probe answers.

pub mod command;
pub mod probe;
pub mod segments;

use std::fmt;

use probe_rs::probe::DebugProbeSelector;

/// How an image comes onto a board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Erased, programmed, verified and started by a debug probe.
    #[default]
    Probe,
    /// It is there already; an emulator is started with it in its memory.
    None,
    /// A program of the user's does it. `{elf}` stands for the image, `{board}` for the board's name.
    Command(String),
}

/// What is told while an image is being brought onto a board: bytes that were erased, programmed or verified, and how
/// many there will be.
pub type Progress<'a> = dyn Fn(u64, u64) + 'a;

/// Why an image is not on its board, or does not run there; each variant is something else to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployError {
    /// No probe, or not the one that was asked for.
    NoProbe {
        /// What was asked for.
        asked: Option<String>,
        /// What is plugged in.
        found: Vec<String>,
    },
    /// More than one probe, and nothing says which.
    SeveralProbes {
        /// What is plugged in.
        found: Vec<String>,
    },
    /// Another program has the probe.
    Busy {
        /// The probe.
        probe: String,
    },
    /// The user may not use the probe.
    Denied {
        /// The probe.
        probe: String,
    },
    /// The probe does not work.
    Probe {
        /// The probe.
        probe: String,
        /// What it said.
        reason: String,
    },
    /// The target has no power, or too little.
    LowVoltage {
        /// What the probe measures.
        millivolts: u32,
    },
    /// No target answers at the probe.
    NoTarget {
        /// The probe.
        probe: String,
        /// What was said.
        reason: String,
    },
    /// The board's file does not say which chip is on it.
    NoChip,
    /// No chip of this name is known.
    UnknownChip {
        /// The name.
        chip: String,
    },
    /// Another chip answers than the board's file names.
    WrongChip {
        /// What was compared: core or device id.
        what: &'static str,
        /// What the board's file says.
        expected: u32,
        /// What answers.
        found: u32,
        /// The chip that the board's file names.
        chip: String,
    },
    /// The chip does not let its flash be read.
    Locked {
        /// The chip.
        chip: String,
        /// Where the flash was read.
        address: u64,
    },
    /// The image has something where the chip has no memory.
    Outside {
        /// The chip.
        chip: String,
        /// The address.
        address: u64,
    },
    /// Erasing or programming failed.
    Flash {
        /// What was said.
        reason: String,
    },
    /// The memory does not hold what was, or should have been, written.
    Differs {
        /// The first byte that differs.
        address: u64,
        /// What should be there.
        expected: u8,
        /// What is.
        found: u8,
    },
    /// The board died.
    Died {
        /// Its last words.
        words: String,
    },
    /// The debugger lost the core.
    Core {
        /// What was being done.
        step: &'static str,
        /// What was said.
        reason: String,
    },
    /// The image is not a file that can be loaded.
    Image {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The user's program failed.
    Command {
        /// The program.
        command: String,
        /// How it ended, and its last lines.
        reason: String,
    },
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeployError::NoProbe { asked: Some(asked), found } => {
                write!(f, "no debug probe `{asked}`; {}", plugged_in(found))
            }
            DeployError::NoProbe { asked: None, .. } => {
                f.write_str("no debug probe is plugged in; `--deploy none` or `--deploy command=...` need none")
            }
            DeployError::SeveralProbes { found } => {
                write!(f, "several debug probes; say which with --probe: {}", found.join(", "))
            }
            DeployError::Busy { probe } => {
                write!(f, "debug probe {probe} is in use; close the other debugger or hilbench that has it")
            }
            DeployError::Denied { probe } => {
                write!(f, "debug probe {probe} may not be opened; its udev rules are missing (https://probe.rs/docs)")
            }
            DeployError::Probe { probe, reason } => write!(f, "debug probe {probe}: {reason}"),
            DeployError::LowVoltage { millivolts } => {
                let volts = f64::from(*millivolts) / 1000.0;
                write!(f, "the probe measures {volts:.2} V at the target; power the board, and check the cable's VTREF")
            }
            DeployError::NoTarget { probe, reason } => {
                write!(f, "debug probe {probe}: no target answers, under reset neither; ")?;
                write!(f, "check power, the cable and the reset line ({reason})")
            }
            DeployError::NoChip => {
                f.write_str("the board's file names no chip ([probe] chip); use --deploy command or none")
            }
            DeployError::UnknownChip { chip } => {
                write!(f, "no chip is called `{chip}` ([probe] chip); `probe-rs chip list` has the names")
            }
            DeployError::WrongChip { what, expected, found, chip } => {
                write!(f, "another chip answers: the board's file says {chip}, whose {what} is {expected:#x}; ")?;
                write!(f, "found {found:#x}. Nothing was written. Is this the right --board and the right --probe?")
            }
            DeployError::Locked { chip, address } => {
                write!(f, "{chip} is locked: its flash cannot be read at {address:#010x} and its RAM can. ")?;
                f.write_str("Remove the read-out protection with the vendor's tool, which erases the chip")
            }
            DeployError::Outside { chip, address } => {
                write!(
                    f,
                    "the image has bytes at {address:#010x}, where {chip} has no memory; the board's file is wrong"
                )
            }
            DeployError::Flash { reason } => write!(f, "programming failed: {reason}"),
            DeployError::Differs { address, expected, found } => {
                write!(f, "the board does not hold this image: at {address:#010x} there is {found:#04x}, ")?;
                write!(f, "not {expected:#04x}. Nothing was run")
            }
            DeployError::Died { words } => write!(f, "the board died: {words}"),
            DeployError::Core { step, reason } => write!(f, "{step}: {reason}"),
            DeployError::Image { file, reason } => write!(f, "{file}: {reason}"),
            DeployError::Command { command, reason } => write!(f, "`{command}`: {reason}"),
        }
    }
}

impl std::error::Error for DeployError {}

fn plugged_in(found: &[String]) -> String {
    if found.is_empty() { "none is plugged in".to_string() } else { format!("there are {}", found.join(", ")) }
}

/// A probe in words.
#[must_use]
pub fn probe_name(selector: &DebugProbeSelector) -> String {
    let serial = selector.serial_number.as_deref().unwrap_or_default();
    format!("{:04x}:{:04x}:{serial}", selector.vendor_id, selector.product_id)
}
