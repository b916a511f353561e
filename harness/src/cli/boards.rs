//! `hilbench boards`: what can be validated on, what is plugged in, and whether it works.

mod check;
mod detect;

use std::fmt::Write;

use clap::{Args, Subcommand};

use crate::board::{Board, Memory, boards};
use crate::desk::{Desk, Place};
use crate::error::{Error, Result};

/// List the boards, find those that are plugged in, or check that they work.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BoardsArgs {
    /// Print memories and provenance too.
    #[arg(short, long)]
    verbose: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List debug probes and serial ports, the boards that the desk file has at them, and lines for it where it has none.
    Detect,
    Check(check::CheckArgs),
}

/// Runs the command and answers its exit code.
///
/// # Errors
/// A board description or a desk that is not accepted; standard output that cannot be written.
pub fn run(args: &BoardsArgs) -> Result<u8> {
    match &args.command {
        None => list(args.verbose).map(|()| 0),
        Some(Command::Detect) => detect::run().map(|()| 0),
        Some(Command::Check(args)) => check::run(args),
    }
}

/// All boards, and where the user has them.
fn desk() -> Result<(Vec<Board>, Desk)> {
    let boards = boards().map_err(|e| Error::Input(e.to_string()))?;
    let names: Vec<&str> = boards.iter().map(|b| &*b.name).collect();
    let desk = Desk::find(&names).map_err(|e| Error::Input(e.to_string()))?;
    Ok((boards, desk))
}

fn print(text: &str) -> Result<()> {
    super::print(text).map_err(|e| Error::Output { path: "standard output".into(), reason: e.to_string() })
}

fn list(verbose: bool) -> Result<()> {
    let (boards, desk) = desk()?;
    let mut text = String::new();
    if let Some(file) = &desk.file {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "desk: {}", file.display());
    }
    for board in &boards {
        let _ = line(&mut text, board, &desk.place(&board.name), verbose);
    }
    print(&text)
}

fn line(text: &mut String, board: &Board, place: &Place, verbose: bool) -> std::fmt::Result {
    write!(text, "{:<18}{:<14}{} ({})", board.name, board.core, board.summary, board.run_on())?;
    for (what, at) in [("probe", &place.probe), ("port", &place.port)] {
        if let Some(at) = at {
            write!(text, ", {what} {at}")?;
        }
    }
    writeln!(text)?;
    if !verbose {
        return Ok(());
    }
    for Memory { name, kind, origin, length, .. } in &board.memories {
        writeln!(text, "    {name:<10}{kind:?} at {origin:#010x}, {} KiB", length >> 10)?;
    }
    let Board { chip, clock_hz, uart, baud, provenance, .. } = board;
    let chip = chip.as_deref().unwrap_or("not known to probe-rs");
    writeln!(text, "    chip: {chip}\n    core: {:.1} MHz", f64::from(*clock_hz) / 1e6)?;
    writeln!(text, "    serial port: {baud} baud, {:#010x} ({:?})", uart.base, uart.kind)?;
    let mut indented = |what: &str, words: &str| writeln!(text, "    {what}: {}", words.replace('\n', "\n      "));
    indented("facts", &provenance.facts)?;
    indented("run", &provenance.run)?;
    provenance.unverified.as_ref().map_or(Ok(()), |words| indented("not verified", words))
}
