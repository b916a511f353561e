//! The `hilbench` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    hilbench::cli::run(std::env::args_os())
}
