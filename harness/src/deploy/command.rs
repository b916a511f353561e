//! A user's own flasher: `--deploy command='st-flash write {elf} ...'`. Run by the shell; what it says is kept for its error.

use std::path::Path;
use std::process::Command;

use super::DeployError;

/// Lines of a failed program that are shown.
const LINES: usize = 20;

/// Runs the user's program.
///
/// # Errors
/// [`DeployError::Command`].
pub fn run(command: &str, elf: &Path, board: &str) -> Result<(), DeployError> {
    let line = command.replace("{elf}", &quoted(&elf.to_string_lossy())).replace("{board}", &quoted(board));
    let fail = |reason: String| DeployError::Command { command: line.clone(), reason };
    let output = Command::new("sh").arg("-c").arg(&line).output().map_err(|e| fail(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    Err(fail(format!("ended with {}\n    {}", output.status, last.join("\n    "))))
}

/// As one word of the shell's.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_one_word_and_a_failure_is_told() {
        run("test {elf} = '/tmp/a b.elf' && test {board} = \"it's\"", Path::new("/tmp/a b.elf"), "it's").expect("true");
        let error = run("echo no such chip >&2; exit 3", Path::new("x"), "y").expect_err("fails").to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such chip"), "{error}");
    }
}
