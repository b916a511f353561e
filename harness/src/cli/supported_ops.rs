//! `hilbench supported-ops`: the operators that are compiled, from the compiler's own table.

use std::fmt::Write;

use clap::Args;
use hilbench_compiler::import::onnx;
use hilbench_compiler::ops::{Element, SUPPORTED, Supported};

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
        text.push_str("| TFLite operator | element types | notes |\n|---|---|---|\n");
    }
    for op in SUPPORTED {
        let elements = elements(op);
        // Writing to a String cannot fail.
        let _ = if markdown {
            writeln!(text, "| {} | {elements} | {} |", op.name, op.note)
        } else {
            writeln!(text, "{:<30}{elements:<30}{}", op.name, op.note)
        };
    }
    // Which of them are integer depends on the operators around them; the others are float32 where a kernel exists.
    let names: Vec<String> = onnx::operators().collect();
    let _ = write!(text, "\nONNX operators: {}.\n", names.join(", "));
    text
}

/// What an operator takes; uint8 is computed as int8 where it has no form of its own.
fn elements(op: &Supported) -> String {
    let has = |element| op.forms.iter().any(|form| form.element == element);
    let mut names = Vec::new();
    for form in op.forms {
        names.push(form.element.name());
        if form.element == Element::Int8 && !has(Element::Uint8) {
            names.push(Element::Uint8.name());
        }
    }
    names.join(", ")
}
