//! `hilbench bench`: what models and single layers cost on boards, and whether it became more.

use std::path::{Path, PathBuf};

use clap::Args;
use hilbench_compiler::lower::Isa;

use super::form::FormArgs;
use super::validate::{cache, find_boards, output_error};
use crate::bench::{Figure, Run, baseline, layers};
use crate::board::Board;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::model::{Form, Model};
use crate::report::bench as report;
use crate::target::{Delivery, cortex_m};
use crate::validate::{Job, timeouts, validate_all};
use crate::{reference, validate};

/// Count what models cost on boards, layer by layer. Every result is compared bit for bit all the same.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Model files (.tflite or .onnx).
    models: Vec<PathBuf>,
    /// Single layers of common shapes, each as a model of its own, with random weights.
    #[arg(long)]
    kernels: bool,
    /// Board by name (`hilbench boards` lists them) or by the path of its .toml file; may be given several times.
    #[arg(short, long = "board", required = true)]
    boards: Vec<String>,
    /// How many random samples are run; the median counts.
    #[arg(short = 'n', long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    samples: u32,
    /// Seed of the random samples.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write every figure, those of layers too, as `customSmallerIsBetter` of github-action-benchmark.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the figures of whole networks under a name, or in a file whose name ends with `.json`.
    #[arg(long, value_name = "NAME")]
    save_baseline: Option<String>,
    /// Compare with the figures that were kept there; exit code 1 where one became worse.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// By how many percent a figure may grow.
    #[arg(long, default_value_t = 1.0, value_name = "PERCENT", requires = "baseline")]
    tolerance: f64,
    #[command(flatten)]
    form: FormArgs,
}

/// Runs the command and answers its exit code.
///
/// # Errors
/// A model, board or baseline that is not accepted; a result that cannot be written.
pub fn run(args: &BenchArgs) -> Result<u8> {
    if args.models.is_empty() && !args.kernels {
        return Err(Error::Input("nothing to count: model files, --kernels, or both are accepted".to_string()));
    }
    if !(args.tolerance >= 0.0 && args.tolerance.is_finite()) {
        return Err(Error::Input(format!("--tolerance {}: a number from 0 on is accepted", args.tolerance)));
    }
    let boards = find_boards(&args.boards)?;
    let cache = cache()?;
    let before = match &args.baseline {
        Some(name) => Some(baseline::read(&baseline::locate(name, &cache)?)?),
        None => None,
    };
    let form = args.form.form();
    let models = args.models.iter().map(|path| Model::read(path, &form)).collect::<Result<Vec<_>>>()?;
    for (n, model) in models.iter().enumerate() {
        if models[..n].iter().any(|m| m.name == model.name) {
            return Err(Error::Input(format!(
                "two models are called `{}`; names that differ are accepted",
                model.name
            )));
        }
    }
    let tools = tools(&boards);
    let mut runs = Vec::new();
    for model in &models {
        let runs_of_model = bench(args, &cache, model, &form, &boards, &tools)?;
        runs_of_model.iter().try_for_each(|run| print(&report::network(run)))?;
        runs.extend(runs_of_model);
    }
    if args.kernels {
        let mut single = Vec::new();
        for graph in layers::layers() {
            single.extend(bench(args, &cache, &Model::made(graph), &Form::default(), &boards, &tools)?);
        }
        for board in &boards {
            let of_board = single.iter().filter(|run| run.outcome.board.name == board.name);
            print(&report::layers(board, of_board))?;
        }
        runs.extend(single);
    }
    let figures: Vec<Figure> = runs.iter().flat_map(Run::figures).collect();
    let failed = validate::exit_code(runs.iter().map(|run| &run.outcome.verdict));
    let (mut worse, mut nothing_compared) = (false, false);
    if let Some(before) = &before {
        let comparison = baseline::compare(before, &figures);
        worse = !comparison.gone.is_empty() || comparison.both.iter().any(|c| c.is_regression(args.tolerance));
        print(&report::comparison(&comparison, args.tolerance))?;
        nothing_compared = comparison.both.is_empty() && comparison.gone.is_empty();
    }
    if let Some(path) = &args.json {
        let every = runs.iter().flat_map(|run| [run.figures(), run.layer_figures()].concat());
        baseline::write(path, &every.collect::<Vec<_>>())?;
    }
    match &args.save_baseline {
        // Half a baseline would hide what it lacks.
        Some(name) if failed != 0 => {
            return Err(Error::Input(format!("baseline `{name}` is not saved: not every run was right")));
        }
        Some(name) => baseline::write(&baseline::locate(name, &cache)?, &figures)?,
        None => {}
    }
    if let Some(name) = args.baseline.as_ref().filter(|_| nothing_compared && failed == 0) {
        return Err(Error::Input(format!("baseline `{name}` has no figure of these models and boards")));
    }
    Ok(if failed == 0 { u8::from(worse) } else { failed })
}

fn print(text: &str) -> Result<()> {
    super::print(text).map_err(|e| output_error(Path::new("standard output"), &e))
}

/// The compiler, and the emulator of each board, by their versions. Where one is missing, the runs will say so.
fn tools(boards: &[Board]) -> Vec<String> {
    let rustc = cortex_m::toolchain().unwrap_or_else(|e| e.to_string());
    let rustc = rustc.lines().next().unwrap_or_default();
    let version = |board: &Board| match &board.emulator {
        Some(emulator) => hilbench_virtual::version(emulator).unwrap_or_else(|e| e.to_string()),
        None => board.run_on(),
    };
    boards.iter().map(|board| format!("{rustc}; {}", version(board))).collect()
}

/// Runs a model on every board, and each of its layers.
fn bench(
    args: &BenchArgs,
    cache: &Path,
    model: &Model,
    form: &Form,
    boards: &[Board],
    tools: &[String],
) -> Result<Vec<Run>> {
    let compiled = model.compile(form)?;
    let data = Dataset::random(&compiled.qgraph, args.samples as usize, args.seed, None);
    let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
    let job = Job {
        model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        per_layer: true,
        timeouts: timeouts(compiled.plan(Isa::Generic)),
        cache: cache.to_path_buf(),
        delivery: Delivery::default(),
        faults: None,
    };
    let written = compiled.qgraph.nodes.iter().flat_map(|node| &node.outputs);
    let elements = written.map(|&t| compiled.qgraph.tensors[t].elements() as u64).sum();
    let outcomes = validate_all(&job, boards, &|_, _| {});
    let run = |(outcome, tools): (_, &String)| Run {
        network: model.name.clone(),
        macs: compiled.qgraph.macs(),
        elements,
        provenance: format!("sha256 {}; {tools}", model.sha256),
        outcome,
    };
    Ok(outcomes.into_iter().zip(tools).map(run).collect())
}
