//! Figures of benches for people.

use std::fmt::Write;

use comfy_table::Cell;

use super::console::{explain, grouped, stack, table};
use super::unit_words;
use crate::bench::Run;
use crate::bench::baseline::Comparison;
use crate::board::Board;
use crate::validate::Verdict;

/// The layers of a network on a board, and what it takes as a whole.
#[must_use]
pub fn network(run: &Run) -> String {
    let mut text = head(&format!("{} on {}", run.network, run.outcome.board.name), run);
    if run.outcome.verdict != Verdict::Match {
        text.push_str(&failure(run));
        return text;
    }
    let mut table = table(&["layer", "output", "MACs", "elements", "count", "a MAC", "an element"], 2);
    for layer in &run.outcome.layers {
        let elements = layer.outputs.iter().map(|o| o.elements).sum();
        let name: String = layer.name.chars().rev().take(32).collect::<Vec<_>>().into_iter().rev().collect();
        let mut cells = vec![Cell::new(format!("#{} {}", layer.index, layer.op_name)), Cell::new(name)];
        cells.extend(costs(layer.macs, elements, layer.count));
        table.add_row(cells);
    }
    let mut cells = vec![Cell::new("whole inference"), Cell::new("")];
    cells.extend(costs(run.macs, run.elements, run.inference()));
    table.add_row(cells);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{table}");
    if let Some(image) = &run.outcome.image {
        let f = &image.footprint;
        let (arena, other) = (grouped(f.arena), grouped(f.network_ram));
        let (weights, code) = (grouped(f.weights), grouped(f.network_code));
        let _ = writeln!(
            text,
            "RAM: arena {arena}, other {other}, {} bytes; flash: weights {weights}, code {code} bytes\n",
            stack(&run.outcome)
        );
    }
    text
}

/// Networks of one layer on one board.
#[must_use]
pub fn layers<'a>(board: &Board, runs: impl Iterator<Item = &'a Run>) -> String {
    let mut table = table(&["layer", "MACs", "elements", "count", "a MAC", "an element"], 1);
    let (mut text, mut failures) = (String::new(), String::new());
    for run in runs {
        if text.is_empty() {
            text = head(&format!("single layers on {}", board.name), run);
        }
        if run.outcome.verdict != Verdict::Match {
            failures.push_str(&format!("{}: {}", run.network, failure(run)));
        }
        let mut cells = vec![Cell::new(&run.network)];
        cells.extend(costs(run.macs, run.elements, run.inference().filter(|_| run.outcome.verdict == Verdict::Match)));
        table.add_row(cells);
    }
    format!("{text}{table}\n{failures}\n")
}

fn head(subject: &str, run: &Run) -> String {
    let unit = run.outcome.counts.as_ref().map_or("nothing was counted", |c| unit_words(c.unit));
    format!("{subject}  {}, {}; count: {unit}\n", run.outcome.board.core, run.outcome.board.run_on)
}

fn failure(run: &Run) -> String {
    format!("{}: no figures. {}\n", run.outcome.verdict.word(), explain(&run.outcome.verdict))
}

/// MACs, elements written, count, and the count for one of them: MACs where there are any.
fn costs(macs: u64, elements: u64, count: Option<u64>) -> [Cell; 5] {
    let share = |of: u64| match count {
        Some(count) if of > 0 => format!("{:.2}", count as f64 / of as f64),
        _ => String::new(),
    };
    let macs_cell = if macs > 0 { grouped(macs) } else { String::new() };
    let per_element = if macs > 0 { String::new() } else { share(elements) };
    [macs_cell, grouped(elements), count.map_or(String::new(), grouped), share(macs), per_element].map(Cell::new)
}

/// Figures beside those that were kept.
#[must_use]
pub fn comparison(comparison: &Comparison<'_>, tolerance: f64) -> String {
    let mut text = String::new();
    // An emulator's clock may be off by a few counts in millions.
    let moved: Vec<_> =
        comparison.both.iter().filter(|c| c.percent().abs() >= 0.005 || c.is_regression(tolerance)).collect();
    if !moved.is_empty() {
        let mut table = table(&["figure", "unit", "before", "now", "change", ""], 2);
        for change in &moved {
            let percent = change.percent();
            let word = if change.is_regression(tolerance) {
                "WORSE"
            } else if percent < -tolerance {
                "better"
            } else {
                ""
            };
            let (before, now) = (grouped(change.before.value), grouped(change.now.value));
            let percent = format!("{percent:+.2} %");
            table.add_row([&change.now.name, &change.now.unit, &before, &now, &percent, word]);
        }
        let _ = writeln!(text, "{table}");
    }
    for name in &comparison.gone {
        let _ = writeln!(text, "GONE: {name}");
    }
    for name in &comparison.new {
        let _ = writeln!(text, "new: {name}");
    }
    let regressions = moved.iter().filter(|c| c.is_regression(tolerance)).count() + comparison.gone.len();
    let equal = comparison.both.len() - moved.len();
    let total = comparison.both.len();
    let _ = writeln!(
        text,
        "{total} figures compared: {equal} as before, {regressions} worse by more than {tolerance} % or gone, {} new",
        comparison.new.len()
    );
    // Figures of other tools are no fault of this project.
    if let Some(other) = comparison.both.iter().find(|c| c.before.extra != c.now.extra) {
        let _ = writeln!(
            text,
            "made from something else, first {}:\n  before: {}\n  now:    {}",
            other.now.name, other.before.extra, other.now.extra
        );
    }
    text
}
