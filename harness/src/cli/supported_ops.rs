//! `hilbench supported-ops`: the operators that are compiled, from the compiler's own table.

use std::fmt::Write;

use clap::Args;
use hilbench_compiler::import::onnx;
use hilbench_compiler::ops::SUPPORTED;

use crate::error::{Error, Result};

/// List the operators that are supported, with their element types.
#[derive(Debug, Args)]
pub struct SupportedOpsArgs {
    /// Print a Markdown table.
    #[arg(long)]
    markdown: bool,
}

/// Runs the command.
///
/// # Errors
/// Standard output that cannot be written.
pub fn run(args: &SupportedOpsArgs) -> Result<()> {
    super::print(&table(args.markdown))
        .map_err(|e| Error::Output { path: "standard output".into(), reason: e.to_string() })
}

fn table(markdown: bool) -> String {
    let mut text = String::new();
    if markdown {
        text.push_str("| TFLite operator | element types |\n|---|---|\n");
    }
    for (name, types) in SUPPORTED {
        // Writing to a String cannot fail.
        let _ = if markdown { writeln!(text, "| {name} | {types} |") } else { writeln!(text, "{name:<26}{types}") };
    }
    // Which of them are integer depends on the operators around them; the others are float32 where a kernel exists.
    let names: Vec<String> = onnx::operators().collect();
    let _ = write!(text, "\nONNX operators: {}.\n", names.join(", "));
    text
}
