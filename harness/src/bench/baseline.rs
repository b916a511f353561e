//! Figures that were kept: a JSON array with one entry a line, so that two versions of it are easy to compare and merge.

use std::path::{Path, PathBuf};

use super::Figure;
use crate::error::{Error, Result};

/// Where the figures called `name` are: a path that ends with `.json`, or a name of the user's own in the cache.
///
/// # Errors
/// A name that is neither.
pub fn locate(name: &str, cache: &Path) -> Result<PathBuf> {
    if Path::new(name).extension().is_some_and(|e| e == "json") {
        return Ok(PathBuf::from(name));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::Input(format!(
            "baseline `{name}`: a path that ends with .json, or a name of letters, digits, `-`, `_` and `.` is accepted"
        )));
    }
    Ok(cache.join("baselines").join(format!("{name}.json")))
}

/// Reads figures.
///
/// # Errors
/// A file that cannot be read, or holds something else.
pub fn read(path: &Path) -> Result<Vec<Figure>> {
    let fail = |reason: String| Error::Read { path: path.to_path_buf(), reason };
    let text = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| fail(format!("is no baseline: {e}")))
}

/// Writes figures, and the folder that they lie in where there is none.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, figures: &[Figure]) -> Result<()> {
    let fail = |e: std::io::Error| Error::Output { path: path.to_path_buf(), reason: e.to_string() };
    let lines = figures.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>().map_err(|e| fail(e.into()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).map_err(fail)
}

/// A figure beside the one that was kept under its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change<'a> {
    /// What was kept.
    pub before: &'a Figure,
    /// What it is now.
    pub now: &'a Figure,
}

/// What became of figures that were kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison<'a> {
    /// Figures that are in both.
    pub both: Vec<Change<'a>>,
    /// Names that were not kept.
    pub new: Vec<&'a str>,
    /// Names that were kept, of a network and a board that ran, and are no more.
    pub gone: Vec<&'a str>,
}

impl Change<'_> {
    /// By how many percent it grew; less than 0 where it shrank.
    #[must_use]
    pub fn percent(&self) -> f64 {
        match (self.before.value, self.now.value) {
            (before, now) if before == now => 0.0,
            // The difference first: it is exact, and so is a growth of just the tolerance.
            (before, now) => 100.0 * (now as f64 - before as f64) / before as f64,
        }
    }

    /// It grew by more than `tolerance` percent, or counts something else now.
    #[must_use]
    pub fn is_regression(&self, tolerance: f64) -> bool {
        self.percent() > tolerance || self.before.unit != self.now.unit
    }
}

/// Sets figures beside those that were kept.
#[must_use]
pub fn compare<'a>(before: &'a [Figure], now: &'a [Figure]) -> Comparison<'a> {
    let mut comparison = Comparison::default();
    for figure in now {
        match before.iter().find(|b| b.name == figure.name) {
            Some(before) => comparison.both.push(Change { before, now: figure }),
            None => comparison.new.push(&figure.name),
        }
    }
    let subject = |f: &'a Figure| f.name.rsplit_once(": ").map_or("", |(subject, _)| subject);
    let gone = before.iter().filter(|b| now.iter().all(|n| n.name != b.name));
    comparison.gone = gone.filter(|b| now.iter().any(|n| subject(n) == subject(b))).map(|b| &b.name[..]).collect();
    comparison
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: u64) -> Figure {
        Figure { name: name.into(), unit: "instructions".into(), value, extra: String::new() }
    }

    #[test]
    fn what_grew_by_more_than_the_tolerance_is_a_regression() {
        let check = |before, now, percent: f64, regression| {
            let (before, now) = (figure("a", before), figure("a", now));
            let change = Change { before: &before, now: &now };
            assert!(change.percent() == percent && change.is_regression(1.0) == regression, "{change:?}");
        };
        check(1000, 1000, 0.0, false);
        check(1000, 1010, 1.0, false);
        check(1000, 1011, 1.1, true);
        check(1000, 500, -50.0, false);
        check(0, 0, 0.0, false);
        check(0, 1, f64::INFINITY, true);
        let (before, now) = (figure("a", 1000), Figure { unit: "cycles".into(), ..figure("a", 10) });
        assert!(Change { before: &before, now: &now }.is_regression(1.0));
    }

    #[test]
    fn figures_meet_by_name_and_only_those_of_a_run_can_be_gone() {
        let before = [figure("a on x: RAM", 1), figure("a on x: flash", 1), figure("b on x: RAM", 1)];
        let now = [figure("a on x: RAM", 2), figure("c on x: RAM", 1)];
        let comparison = compare(&before, &now);
        assert_eq!(comparison.both, [Change { before: &before[0], now: &now[0] }]);
        assert_eq!((comparison.new, comparison.gone), (vec!["c on x: RAM"], vec!["a on x: flash"]));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = locate("mine", folder.path()).expect("a name");
        let figures = [figure("a \"quoted\" name", u64::MAX), figure("b", 0)];
        write(&path, &figures).expect("a file");
        assert_eq!(read(&path).expect("figures"), figures);
        assert!(locate("../mine", folder.path()).is_err());
    }
}
