//! `hilbench boards`: what can be validated on.

use std::fmt::Write;

use clap::Args;

use crate::board::{Board, Memory, boards};
use crate::error::{Error, Result};

/// List the boards.
#[derive(Debug, Args)]
pub struct BoardsArgs {
    /// Print memories and provenance too.
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the command.
///
/// # Errors
/// A board description that is not accepted; standard output that cannot be written.
pub fn run(args: &BoardsArgs) -> Result<()> {
    let mut text = String::new();
    for board in boards().map_err(|e| Error::Input(e.to_string()))? {
        // Writing to a String cannot fail.
        let _ = line(&mut text, &board, args.verbose);
    }
    super::print(&text).map_err(|e| Error::Output { path: "standard output".into(), reason: e.to_string() })
}

fn line(text: &mut String, board: &Board, verbose: bool) -> std::fmt::Result {
    writeln!(text, "{:<18}{:<14}{} ({})", board.name, board.core, board.summary, board.run_on())?;
    if !verbose {
        return Ok(());
    }
    for Memory { name, kind, origin, length } in &board.memories {
        writeln!(text, "    {name:<10}{kind:?} at {origin:#010x}, {} KiB", length >> 10)?;
    }
    writeln!(text, "    facts: {}\n    run: {}", board.provenance.facts, board.provenance.run)
}
