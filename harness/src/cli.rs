//! The command line: one file a subcommand.

mod bench;
mod boards;
mod delivery;
mod form;
mod serve;
mod show;
mod supported_ops;
mod validate;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Proves that a quantized neural network computes on silicon exactly what it computes on paper.
#[derive(Debug, Parser)]
#[command(name = "hilbench", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  every output matches, bit for bit
  1  an output differs, or a figure is worse than its baseline
  2  usage, or a model or data file that is not accepted
  3  the firmware could not be built, or does not fit the board
  4  the board or the way to it failed";

#[derive(Debug, Subcommand)]
enum Command {
    Validate(Box<validate::ValidateArgs>),
    Bench(bench::BenchArgs),
    Show(show::ShowArgs),
    Serve(serve::ServeArgs),
    Boards(boards::BoardsArgs),
    SupportedOps(supported_ops::SupportedOpsArgs),
}

/// Runs the command that `arguments` name (the first is the program) and answers the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no errors; clap knows the stream for each. A closed stream changes nothing.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let result = match cli.command {
        Command::Validate(args) => validate::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Show(args) => show::run(&args).map(|()| 0),
        Command::Serve(args) => serve::run(&args).map(|()| 0),
        Command::Boards(args) => boards::run(&args),
        Command::SupportedOps(args) => supported_ops::run(&args).map(|()| 0),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(e.exit_code())
        }
    }
}

/// Prints to standard output; a reader that has gone away (`| head`) is not an error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
