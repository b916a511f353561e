//! JSON for scripts. The schema is versioned: fields are added within a version, never changed or taken away.

use serde::Serialize;

use super::{Report, spread, unit_words};
use crate::compare::{DISTANCES, Difference, OutputComparison};
use crate::dataset::Source;
use crate::metrics::{Classification, Metrics};
use crate::session::CounterUnit;
use crate::target::TargetError;
use crate::validate::{Layer, Origin, Outcome, Verdict};
use crate::values::Number;

/// Version of the schema.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Root<'a> {
    schema: &'static str,
    schema_version: u32,
    tool: Tool,
    exit_code: u8,
    elapsed_seconds: f64,
    model: ModelFacts<'a>,
    data: Data<'a>,
    boards: Vec<BoardResult<'a>>,
    metrics: Vec<MetricsOf>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct ModelFacts<'a> {
    name: &'a str,
    file: String,
    sha256: &'a str,
    /// Of the network in the file.
    macs: u64,
    /// Of what the passes left of it, which is what boards run.
    macs_run: u64,
    operators: usize,
    warnings: &'a [String],
    transposes: Vec<TransposeFacts<'a>>,
    inputs: Vec<TensorFacts<'a>>,
    outputs: Vec<TensorFacts<'a>>,
}

#[derive(Serialize)]
struct TensorFacts<'a> {
    name: &'a str,
    r#type: String,
    shape: &'a [usize],
    scale: Option<f32>,
    zero_point: Option<i64>,
}

#[derive(Serialize)]
struct TransposeFacts<'a> {
    operator: &'a str,
    index: usize,
    tensor: &'a str,
    bytes: usize,
}

#[derive(Serialize)]
struct Data<'a> {
    samples: usize,
    file: Option<&'a str>,
    seed: Option<u64>,
    range: Option<(f32, f32)>,
    given_outputs: bool,
    labels: bool,
    reference_kernels: Option<Classes>,
}

#[derive(Serialize)]
struct BoardResult<'a> {
    board: &'a str,
    core: &'a str,
    run_on: String,
    verdict: &'static str,
    reason: Option<String>,
    trouble: Option<&'a str>,
    does_not_fit: Option<DoesNotFit<'a>>,
    digest: Option<&'a str>,
    foreign_firmware: Option<&'a str>,
    samples_answered: usize,
    outputs: Vec<OutputResult<'a>>,
    first_wrong_layer: Option<WrongLayer<'a>>,
    labels: Option<Classes>,
    latency: Option<Latency>,
    layers: Vec<LayerResult<'a>>,
    memory: Option<Memory>,
    firmware: Option<Firmware>,
    build_seconds: f64,
    run_seconds: f64,
}

#[derive(Serialize)]
struct DoesNotFit<'a> {
    what: &'static str,
    need_bytes: u64,
    have_bytes: u64,
    memory: &'a str,
}

#[derive(Serialize)]
struct OutputResult<'a> {
    tensor: &'a str,
    elements: u64,
    mismatches: u64,
    mismatched_samples: u64,
    max_difference: f64,
    /// Elements by their distance in steps: from each class's first step on.
    distances: Vec<(u64, u64)>,
    first: Option<FirstDifference>,
}

#[derive(Serialize)]
struct FirstDifference {
    sample: usize,
    index: Vec<usize>,
    expected: serde_json::Value,
    got: serde_json::Value,
}

#[derive(Serialize)]
struct WrongLayer<'a> {
    operator: Option<&'a str>,
    index: Option<usize>,
    tensor: &'a str,
    first: FirstDifference,
    plan_agrees: bool,
}

#[derive(Serialize)]
struct Classes {
    right: u64,
    ties: u64,
    samples: u64,
    top1: f64,
    confusion: Vec<Vec<u64>>,
}

#[derive(Serialize)]
struct Latency {
    unit: &'static str,
    provenance: &'static str,
    samples: usize,
    min: u64,
    median: u64,
    max: u64,
    per_mac: Option<f64>,
}

#[derive(Serialize)]
struct LayerResult<'a> {
    index: usize,
    operator: &'a str,
    name: &'a str,
    macs: u64,
    count: Option<u64>,
    mismatches: u64,
    max_difference: f64,
}

#[derive(Serialize)]
struct Memory {
    arena_bytes: u64,
    stack_high_water_bytes: Option<u32>,
    stack_reserved_bytes: Option<u32>,
    other_ram_bytes: u64,
    network_ram_bytes: u64,
    weights_bytes: u64,
    code_bytes: u64,
    network_code_bytes: u64,
}

#[derive(Serialize)]
struct Firmware {
    elf: String,
    cached: bool,
}

#[derive(Serialize)]
struct MetricsOf {
    output: usize,
    prediction: String,
    reference: &'static str,
    acc: Option<f64>,
    rmse: Option<f64>,
    mae: Option<f64>,
    l2r: Option<f64>,
    mean: Option<f64>,
    std: Option<f64>,
    nse: Option<f64>,
    cos: Option<f64>,
}

/// The report as JSON text.
///
/// # Errors
/// None that data of this shape can cause.
pub fn write(report: &Report<'_>) -> serde_json::Result<Vec<u8>> {
    let graph = &report.compiled.qgraph;
    let tensors = |ids: &[usize]| -> Vec<TensorFacts<'_>> {
        let facts = |&t: &usize| {
            let tensor = &graph.tensors[t];
            let affine = crate::values::affine(tensor);
            TensorFacts {
                name: &tensor.name,
                r#type: tensor.dtype.to_string(),
                shape: &tensor.shape,
                scale: affine.map(|a| a.0),
                zero_point: affine.map(|a| a.1),
            }
        };
        ids.iter().map(facts).collect()
    };
    let (file, seed, range) = match &report.data.source {
        Source::File(file) => (Some(file.as_str()), None, None),
        Source::Random { seed, range } => (None, Some(*seed), *range),
    };
    let root = Root {
        schema: "hilbench.validate",
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        exit_code: report.exit_code(),
        elapsed_seconds: report.elapsed.as_secs_f64(),
        model: ModelFacts {
            name: &report.model.name,
            file: report.model.path.display().to_string(),
            sha256: &report.model.sha256,
            macs: graph.macs(),
            macs_run: report.compiled.passed.graph.macs(),
            operators: graph.nodes.len(),
            warnings: &graph.warnings,
            transposes: graph
                .transposes()
                .map(|(node, bytes)| TransposeFacts {
                    operator: node.op_name,
                    index: node.index,
                    tensor: &node.name,
                    bytes,
                })
                .collect(),
            inputs: tensors(&graph.inputs),
            outputs: tensors(&graph.outputs),
        },
        data: Data {
            samples: report.data.samples(),
            file,
            seed,
            range,
            given_outputs: !report.data.given.is_empty(),
            labels: report.data.labels.is_some(),
            reference_kernels: report.classification(report.expected).map(classes),
        },
        boards: report.outcomes.iter().map(|outcome| board(report, outcome)).collect(),
        metrics: report.metrics().into_iter().map(metrics_of).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&root)?;
    text.push(b'\n');
    Ok(text)
}

fn board<'a>(report: &Report<'_>, outcome: &'a Outcome) -> BoardResult<'a> {
    let (reason, does_not_fit) = match &outcome.verdict {
        Verdict::Match | Verdict::Differs(_) => (None, None),
        Verdict::NotBuilt(error @ TargetError::DoesNotFit { what, need, have, memory }) => {
            let refused = DoesNotFit { what, need_bytes: *need, have_bytes: *have, memory };
            (Some(error.to_string()), Some(refused))
        }
        Verdict::NotBuilt(error) => (Some(error.to_string()), None),
        Verdict::Unreachable(reason) | Verdict::Skipped(reason) => (Some(reason.clone()), None),
    };
    BoardResult {
        board: &outcome.board.name,
        core: &outcome.board.core,
        run_on: outcome.board.run_on.clone(),
        verdict: outcome.verdict.word(),
        reason,
        trouble: outcome.trouble.as_deref(),
        does_not_fit,
        digest: outcome.digest.as_deref(),
        foreign_firmware: outcome.foreign.as_deref(),
        samples_answered: outcome.answers.len(),
        outputs: outcome.outputs.iter().map(output).collect(),
        first_wrong_layer: wrong_layer(&outcome.verdict),
        labels: report.classification(&outcome.answers).map(classes),
        latency: latency(report, outcome),
        layers: outcome.layers.iter().map(layer).collect(),
        memory: outcome.image.as_ref().map(|image| Memory {
            arena_bytes: image.footprint.arena,
            stack_high_water_bytes: outcome.stack_high_water,
            stack_reserved_bytes: outcome.board.stack_bytes,
            other_ram_bytes: image.footprint.ram,
            network_ram_bytes: image.footprint.network_ram,
            weights_bytes: image.footprint.weights,
            code_bytes: image.footprint.code,
            network_code_bytes: image.footprint.network_code,
        }),
        firmware: outcome
            .image
            .as_ref()
            .map(|image| Firmware { elf: image.elf.display().to_string(), cached: image.cached }),
        build_seconds: outcome.build_time.as_secs_f64(),
        run_seconds: outcome.run_time.as_secs_f64(),
    }
}

fn output(o: &OutputComparison) -> OutputResult<'_> {
    OutputResult {
        tensor: &o.tensor,
        elements: o.elements,
        mismatches: o.mismatches,
        mismatched_samples: o.samples,
        max_difference: o.max_difference,
        distances: DISTANCES.into_iter().zip(o.distances).filter(|&(_, count)| count > 0).collect(),
        first: o.first.as_ref().map(first),
    }
}

fn first(d: &Difference) -> FirstDifference {
    // JSON has no NaN and no infinity: those are text.
    let value = |number: Number| match number {
        Number::Integer(i) => i.into(),
        Number::Float(x) if x.is_finite() => f64::from(x).into(),
        Number::Float(x) => x.to_string().into(),
    };
    FirstDifference { sample: d.sample, index: d.index.clone(), expected: value(d.expected), got: value(d.got) }
}

fn wrong_layer(verdict: &Verdict) -> Option<WrongLayer<'_>> {
    match verdict {
        Verdict::Differs(Origin::Layer { index, op_name, tensor, difference, plan_agrees }) => Some(WrongLayer {
            operator: Some(op_name),
            index: Some(*index),
            tensor,
            first: first(difference),
            plan_agrees: *plan_agrees,
        }),
        Verdict::Differs(Origin::Overwritten { tensor, difference, plan_agrees }) => Some(WrongLayer {
            operator: None,
            index: None,
            tensor,
            first: first(difference),
            plan_agrees: *plan_agrees,
        }),
        _ => None,
    }
}

fn classes(c: Classification) -> Classes {
    let top1 = c.right as f64 / c.samples.max(1) as f64;
    Classes { right: c.right, ties: c.ties, samples: c.samples, top1, confusion: c.confusion }
}

fn latency(report: &Report<'_>, outcome: &Outcome) -> Option<Latency> {
    let counts = outcome.counts.as_ref()?;
    let [min, median, max] = spread(&counts.inferences)?;
    let macs = report.compiled.qgraph.macs();
    Some(Latency {
        unit: match counts.unit {
            CounterUnit::Cycles => "cycles",
            CounterUnit::Instructions => "instructions",
            CounterUnit::Other(_) => "unknown",
        },
        provenance: unit_words(counts.unit),
        samples: counts.inferences.len(),
        min,
        median,
        max,
        per_mac: (macs > 0).then(|| median as f64 / macs as f64),
    })
}

fn layer(layer: &Layer) -> LayerResult<'_> {
    LayerResult {
        index: layer.index,
        operator: layer.op_name,
        name: &layer.name,
        macs: layer.macs,
        count: layer.count,
        mismatches: layer.outputs.iter().map(|o| o.mismatches).sum(),
        max_difference: layer.outputs.iter().map(|o| o.max_difference).fold(0.0, f64::max),
    }
}

fn metrics_of(row: super::MetricsRow) -> MetricsOf {
    let Metrics { acc, rmse, mae, l2r, mean, std, nse, cos } = row.metrics;
    MetricsOf {
        output: row.output,
        prediction: row.prediction,
        reference: row.reference,
        acc,
        rmse,
        mae,
        l2r,
        mean,
        std,
        nse,
        cos,
    }
}
