//! The report for people: what was run, the verdict of each board, latency and memory with their provenance, accuracy.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};
use hilbench_compiler::lower::Isa;

use super::{Report, spread, unit_words};
use crate::compare::{DISTANCES, Difference, OutputComparison};
use crate::dataset::Source;
use crate::metrics::Classification;
use crate::session::CounterUnit;
use crate::validate::{Counts, Origin, Outcome, Verdict};

/// Most classes whose confusion matrix is printed.
const MAX_CLASSES: usize = 40;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// One line a board.
    Quiet,
    /// Verdicts, latency, memory, accuracy.
    Normal,
    /// Layers, digests and files too.
    Verbose,
}

/// The report as text.
#[must_use]
pub fn text(report: &Report<'_>, detail: Detail) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut text, report, detail);
    text
}

fn write_report(text: &mut String, report: &Report<'_>, detail: Detail) -> std::fmt::Result {
    if detail == Detail::Quiet {
        for outcome in report.outcomes {
            let Outcome { board, verdict, .. } = outcome;
            write!(text, "{:<12}{} on {}", verdict.word(), report.model.name, board.name)?;
            let said = match verdict {
                Verdict::Match => String::new(),
                Verdict::Differs(_) => differences(outcome).join("; "),
                verdict => explain(verdict),
            };
            writeln!(text, "{}{}", if said.is_empty() { "" } else { ": " }, said.lines().next().unwrap_or_default())?;
        }
        return Ok(());
    }
    write_subject(text, report, detail)?;
    for outcome in report.outcomes {
        writeln!(text, "\n{}  {}, {}", outcome.board.name, outcome.board.core, outcome.board.run_on)?;
        for line in board_lines(report, outcome) {
            writeln!(text, "  {line}")?;
        }
        if detail == Detail::Verbose {
            write_provenance(text, outcome)?;
        }
        if !outcome.layers.is_empty() {
            writeln!(text, "\n{}", layers(outcome))?;
        }
    }
    let metrics = report.metrics();
    if !metrics.is_empty() {
        writeln!(text, "\n{}", metrics_table(report))?;
    }
    write_classification(text, report)?;
    writeln!(text, "\n{} in {:.1} s", summary(report), report.elapsed.as_secs_f64())
}

fn write_subject(text: &mut String, report: &Report<'_>, detail: Detail) -> std::fmt::Result {
    let graph = &report.compiled.qgraph;
    let left = report.compiled.passed.graph.macs();
    let run = if left == graph.macs() { String::new() } else { format!(" ({} run)", grouped(left)) };
    writeln!(
        text,
        "{}: {} operators, {} MACs{run}, {} bytes of weights",
        report.model.name,
        graph.nodes.len(),
        grouped(graph.macs()),
        grouped(report.compiled.plan(Isa::Generic).constant_bytes() as u64)
    )?;
    if detail == Detail::Verbose {
        writeln!(text, "  file    {}\n  sha256  {}", report.model.path.display(), report.model.sha256)?;
    }
    for (what, ids) in [("input", &graph.inputs), ("output", &graph.outputs)] {
        for &t in ids {
            let tensor = &graph.tensors[t];
            let affine = crate::values::affine(tensor)
                .map_or_else(String::new, |(scale, zero)| format!(", scale {scale}, zero point {zero}"));
            writeln!(text, "  {what:<7} {} {:?} {:?}{affine}", tensor.dtype, tensor.shape, tensor.name)?;
        }
    }
    let source = match &report.data.source {
        Source::File(file) => format!("from {file}"),
        Source::Random { seed, range: None } => format!("at random, seed {seed}"),
        Source::Random { seed, range: Some((low, high)) } => format!("at random in [{low}, {high}), seed {seed}"),
    };
    writeln!(text, "  samples {} {source}", report.data.samples())?;
    for warning in &graph.warnings {
        writeln!(text, "  warning {warning}")?;
    }
    for (node, bytes) in graph.transposes() {
        let bytes = grouped(bytes as u64);
        writeln!(
            text,
            "  layout  {} #{} {:?} is brought into another order: {bytes} bytes",
            node.op_name, node.index, node.name
        )?;
    }
    Ok(())
}

/// What there is to say of a board, without indentation.
#[must_use]
pub fn board_lines(report: &Report<'_>, outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![verdict_line(report, outcome)];
    lines.extend(differences(outcome));
    let said = explain(&outcome.verdict);
    lines.extend(said.lines().map(str::to_string));
    if let Some(trouble) = &outcome.trouble {
        lines.push(format!("not every sample was answered: {trouble}"));
    }
    lines.extend(outcome.foreign.as_ref().map(|firmware| format!("firmware  {firmware}")));
    lines.extend(outcome.counts.as_ref().and_then(|counts| latency_line(report, counts)));
    if let Some(image) = &outcome.image {
        let f = &image.footprint;
        let (arena, other, rest) = (grouped(f.arena), grouped(f.network_ram), grouped(f.ram - f.network_ram));
        lines.push(format!("RAM       arena {arena}, {}, other {other}, validation loop {rest} bytes", stack(outcome)));
        let (weights, network) = (grouped(f.weights), grouped(f.network_code));
        let rest = grouped(f.code - f.network_code);
        lines.push(format!("flash     weights {weights}, code {network}, validation loop {rest} bytes"));
        let built = if image.cached {
            "built before".into()
        } else {
            format!("built in {:.1} s", outcome.build_time.as_secs_f64())
        };
        lines.push(format!("time      {built}, run in {:.1} s", outcome.run_time.as_secs_f64()));
    }
    if let Some(tally) = &outcome.faults {
        lines.push(format!("faults    {} put on the link: {tally}", tally.total()));
    }
    lines
}

/// How much of the stack was ever used, and how much there is.
pub(super) fn stack(outcome: &Outcome) -> String {
    let used = outcome.stack_high_water.map_or("not measured".to_string(), |bytes| grouped(bytes.into()));
    let of = outcome.board.stack_bytes.map_or(String::new(), |bytes| format!(" of {}", grouped(bytes.into())));
    format!("stack {used} (high water){of}")
}

fn verdict_line(report: &Report<'_>, outcome: &Outcome) -> String {
    let (answered, samples) = (outcome.answers.len(), report.data.samples());
    let elements: u64 = outcome.outputs.iter().map(|o| o.elements).sum();
    let wrong: u64 = outcome.outputs.iter().map(|o| o.mismatches).sum();
    let word = outcome.verdict.word();
    match (&outcome.verdict, answered) {
        (Verdict::Match, _) => {
            format!("{word:<9} {} elements of {samples} samples equal, bit for bit", grouped(elements))
        }
        (Verdict::Differs(_), _) => {
            format!(
                "{word:<9} {} of {} elements, {answered} of {samples} samples answered",
                grouped(wrong),
                grouped(elements)
            )
        }
        (_, 0) => word.to_string(),
        _ => format!("{word:<9} after {answered} of {samples} samples, which were equal"),
    }
}

fn latency_line(report: &Report<'_>, counts: &Counts) -> Option<String> {
    let [min, median, max] = spread(&counts.inferences)?;
    let macs = report.compiled.qgraph.macs();
    let per_mac = if macs == 0 { String::new() } else { format!(", {:.2} a MAC", median as f64 / macs as f64) };
    let range = if min == max { String::new() } else { format!(" ({} to {})", grouped(min), grouped(max)) };
    Some(format!("inference {}{range} {}{per_mac}", grouped(median), unit_words(counts.unit)))
}

/// A line for each output that differs.
#[must_use]
pub fn differences(outcome: &Outcome) -> Vec<String> {
    let line = |(k, o): (usize, &OutputComparison)| {
        let first = o.first.as_ref()?;
        Some(format!(
            "output {} {:?}: {} of {} elements differ in {} samples, by at most {}{}; first {}",
            k + 1,
            o.tensor,
            grouped(o.mismatches),
            grouped(o.elements),
            o.samples,
            o.max_difference,
            steps(o),
            element(first)
        ))
    };
    outcome.outputs.iter().enumerate().filter_map(line).collect()
}

/// How many elements are how many steps away.
fn steps(o: &OutputComparison) -> String {
    let class = |(n, &count): (usize, &u64)| {
        let name = match (DISTANCES[n], DISTANCES.get(n + 1)) {
            (least, Some(&next)) if next == least + 1 => least.to_string(),
            (least, Some(&next)) => format!("{least} to {}", next - 1),
            (least, None) => format!("{least} and more"),
        };
        (count > 0).then(|| format!("{name}: {}", grouped(count)))
    };
    let classes: Vec<String> = o.distances.iter().enumerate().filter_map(class).collect();
    if classes.is_empty() { String::new() } else { format!(" (steps {})", classes.join(", ")) }
}

fn element(d: &Difference) -> String {
    format!("sample {} index {:?}: expected {}, got {}", d.sample, d.index, d.expected, d.got)
}

/// What a verdict means and what to do about it; nothing for a match.
#[must_use]
pub fn explain(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Match => String::new(),
        Verdict::Differs(Origin::Layer { index, op_name, tensor, difference, plan_agrees }) => format!(
            "first wrong layer: {op_name} #{index} {tensor:?}, {}\n{}",
            element(difference),
            whose_fault(*plan_agrees)
        ),
        Verdict::Differs(Origin::Overwritten { tensor, difference, plan_agrees }) => format!(
            "every layer was right when it was done, yet {tensor:?} was not at the end ({}): overwritten in memory\n{}",
            element(difference),
            whose_fault(*plan_agrees)
        ),
        Verdict::Differs(Origin::OtherArithmetic) => {
            "the firmware is not this project's, and computes otherwise by design: see how far it is away".to_string()
        }
        Verdict::Differs(Origin::Vanished) => {
            "the same sample came out right when it was run again layer by layer: not the same each time".to_string()
        }
        Verdict::Differs(Origin::NotObserved(reason)) => format!("the first wrong layer is not known: {reason}"),
        Verdict::NotBuilt(error) => error.to_string(),
        Verdict::Unreachable(reason) | Verdict::Skipped(reason) => reason.clone(),
    }
}

fn whose_fault(plan_agrees: bool) -> &'static str {
    if plan_agrees {
        "the plan computes the same on this host: its kernels, parameters or arena are wrong, not the board"
    } else {
        "the plan computes it right on this host: the image, its compiler or the board is wrong"
    }
}

fn write_provenance(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    if let Some(digest) = &outcome.digest {
        writeln!(text, "  digest    {digest}")?;
    }
    if let Some(image) = &outcome.image {
        writeln!(text, "  image     {}", image.elf.display())?;
    }
    writeln!(text, "  facts     {}\n  run       {}", outcome.board.provenance.facts, outcome.board.provenance.run)
}

/// An empty table whose columns from `left` on are aligned to the right.
#[must_use]
pub fn table(header: &[&str], left: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header.to_vec());
    for (i, column) in table.column_iter_mut().enumerate() {
        if i >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn layers(outcome: &Outcome) -> Table {
    let unit = match outcome.counts.as_ref().map(|c| c.unit) {
        Some(CounterUnit::Cycles) => "cycles",
        Some(CounterUnit::Instructions) => "instructions",
        _ => "count",
    };
    let mut table = table(&["operator", "result", "output", "MACs", unit, "share", "a MAC"], 3);
    let total: u64 = outcome.layers.iter().filter_map(|l| l.count).sum();
    for layer in &outcome.layers {
        let wrong: u64 = layer.outputs.iter().map(|o| o.mismatches).sum();
        let worst = layer.outputs.iter().map(|o| o.max_difference).fold(0.0, f64::max);
        let result = match wrong {
            0 => "Match".into(),
            _ if outcome.foreign.is_some() => format!("{wrong} differ, by at most {worst}"),
            _ => format!("{wrong} differ"),
        };
        let share = layer.count.map_or(String::new(), |c| format!("{:.1} %", 100.0 * c as f64 / total.max(1) as f64));
        let per_mac = match layer.count {
            Some(count) if layer.macs > 0 => format!("{:.2}", count as f64 / layer.macs as f64),
            _ => String::new(),
        };
        let name: String = layer.name.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
        table.add_row(vec![
            Cell::new(format!("#{} {}", layer.index, layer.op_name)),
            Cell::new(result),
            Cell::new(name),
            Cell::new(grouped(layer.macs)),
            Cell::new(layer.count.map_or(String::new(), grouped)),
            Cell::new(share),
            Cell::new(per_mac),
        ]);
    }
    table
}

fn metrics_table(report: &Report<'_>) -> Table {
    let mut table =
        table(&["output", "values of", "against", "acc", "rmse", "mae", "l2r", "mean", "std", "nse", "cos"], 3);
    let figure = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{x:.6}"));
    for row in report.metrics() {
        let m = row.metrics;
        let mut cells = vec![format!("{}", row.output + 1), row.prediction, row.reference.to_string()];
        cells.push(m.acc.map_or("-".into(), |acc| format!("{:.2} %", 100.0 * acc)));
        cells.extend([m.rmse, m.mae, m.l2r, m.mean, m.std, m.nse, m.cos].map(figure));
        table.add_row(cells);
    }
    table
}

fn write_classification(text: &mut String, report: &Report<'_>) -> std::fmt::Result {
    let Some(expected) = report.classification(report.expected) else { return Ok(()) };
    let top1 = |c: &Classification| {
        let ties = if c.ties == 0 { String::new() } else { format!(", {} of them tied", c.ties) };
        format!("{} of {} ({:.2} %){ties}", c.right, c.samples, 100.0 * c.right as f64 / c.samples as f64)
    };
    writeln!(text, "\nright classes (top-1)")?;
    for outcome in report.outcomes {
        if let Some(c) = report.classification(&outcome.answers) {
            writeln!(text, "  {:<18} {}", outcome.board.name, top1(&c))?;
        }
    }
    writeln!(text, "  {:<18} {}", super::KERNELS, top1(&expected))?;
    let answered =
        report.outcomes.iter().filter_map(|o| Some((&o.board.name, report.classification(&o.answers)?))).next();
    if let Some((board, c)) = answered.filter(|(_, c)| c.confusion.len() <= MAX_CLASSES) {
        writeln!(text, "\nconfusion matrix of {board}: rows are labels, columns predictions\n{}", confusion(&c))?;
    }
    Ok(())
}

fn confusion(c: &Classification) -> String {
    let cell = |n: u64| if n == 0 { ".".to_string() } else { n.to_string() };
    let width = c.confusion.iter().flatten().map(|&n| cell(n).len()).max().unwrap_or(1).max(2) + 1;
    let mut lines =
        vec![format!("{:>4}{}", "", (0..c.confusion.len()).map(|p| format!("{p:>width$}")).collect::<String>())];
    for (label, row) in c.confusion.iter().enumerate() {
        lines.push(format!("{label:>4}{}", row.iter().map(|&n| format!("{:>width$}", cell(n))).collect::<String>()));
    }
    lines.join("\n")
}

fn summary(report: &Report<'_>) -> String {
    let count = report.outcomes.len();
    let good = report.outcomes.iter().filter(|o| o.verdict == Verdict::Match).count();
    if good == count {
        format!("{good} of {count} boards match")
    } else {
        format!("{good} of {count} boards match: exit code {}", report.exit_code())
    }
}

/// 1234567 as 1,234,567.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let rows = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (n, expect) in rows {
            assert_eq!(grouped(n), expect);
        }
    }

    #[test]
    fn zeros_of_a_confusion_matrix_are_points() {
        let c = Classification { right: 3, ties: 0, samples: 4, confusion: vec![vec![2, 0], vec![1, 1]] };
        assert_eq!(confusion(&c), "      0  1\n   0  2  .\n   1  1  1");
    }
}
