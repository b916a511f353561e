//! `hilbench validate`: a model on boards, a verdict for each.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use hilbench_compiler::lower::Isa;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use time::OffsetDateTime;

use super::delivery::{AttachArgs, DeliveryArgs};
use super::form::FormArgs;
use crate::attach;
use crate::board::Board;
use crate::dataset::{self, Dataset};
use crate::desk;
use crate::error::{Error, Result};
use crate::link::seeded::Faults;
use crate::model::{Compiled, Model};
use crate::npz::{self, Array};
use crate::reference::{self, Outputs};
use crate::report::console::{self, Detail};
use crate::report::{Report, json, junit};
use crate::session::Timeouts;
use crate::validate::{Job, Outcome, Progress, timeouts, validate_all};

/// Validate a model on boards, bit for bit.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Model file (.tflite or .onnx).
    model: PathBuf,
    /// Board by name (`hilbench boards` lists them) or by the path of its .toml file; may be given several times.
    #[arg(short, long = "board", required_unless_present = "attach")]
    boards: Vec<String>,
    /// Samples in an npz file: `m_inputs_1..N`, first axis = samples, in the model's own type or float32; `m_outputs_1..N`
    /// and `labels` where there are any. Without it samples are drawn at random.
    #[arg(short, long, value_name = "NPZ")]
    input: Option<PathBuf>,
    /// How many samples: the first so many of a file, or random ones (10 if not given).
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: Option<u32>,
    /// Seed of random samples.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Bounds of random samples as real numbers. Without it integers cover their type, and floats lie in [-1, 1).
    #[arg(long, num_args = 2, value_names = ["LO", "HI"], allow_negative_numbers = true, conflicts_with = "input")]
    range: Option<Vec<f32>>,
    /// Save inputs, reference outputs and the board's outputs in this folder as `<name>_val_io.npz`.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write a JUnit report.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a JSON report.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Observe every layer of the first sample: its result against the reference, its share of the latency.
    #[arg(long)]
    per_layer: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    delivery: DeliveryArgs,
    #[command(flatten)]
    attach: AttachArgs,
    /// Seconds that a board may take for one inference (if not given: 60, and 1 more for every million MACs).
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: Option<u32>,
    /// Put faults on the link: flipped, lost, added, doubled and swapped bytes, stalls, loose contacts, text in between. All
    /// are drawn from a seed, with a rate in faults a byte (1e-4 if not given).
    #[arg(long, value_name = "SEED[:RATE]")]
    faults: Option<Faults>,
    /// One line a board, no progress.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Digests, files and provenance too.
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the command and answers its exit code.
///
/// # Errors
/// A model, data file or board that is not accepted; a result that cannot be written.
pub fn run(args: &ValidateArgs) -> Result<u8> {
    let started = Instant::now();
    let boards = find_boards(&args.boards)?;
    if args.attach.attach.is_some() && boards.len() > 1 {
        return Err(Error::Input("--attach reaches one board; one --board at most is accepted".into()));
    }
    check_distinct(args)?;
    let form = args.form.form();
    let model = Model::read(&args.model, &form)?;
    let compiled = model.compile(&form)?;
    let data = data(args, &compiled)?;
    check_writable(args)?;
    let bars = Bars::new(!args.quiet && std::io::stderr().is_terminal());
    let bar = bars.add("reference kernels", data.samples());
    let expected = reference::expected(&compiled.qgraph, &data, &|done| bar.set_position(done));
    bar.finish_and_clear();
    let job = Job {
        model: &model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        per_layer: args.per_layer,
        timeouts: match args.timeout {
            Some(seconds) => Timeouts { run: Duration::from_secs(seconds.into()), ..Timeouts::default() },
            None => timeouts(compiled.plan(Isa::Generic)),
        },
        cache: cache()?,
        faults: args.faults,
        delivery: args.delivery.delivery(),
    };
    let samples = data.samples() as u64;
    let outcomes = match &args.attach.attach {
        None => {
            let board_bars: Vec<ProgressBar> = boards.iter().map(|b| bars.add(&b.name, data.samples())).collect();
            validate_all(&job, &boards, &|place, progress| show(&board_bars[place], samples, progress))
        }
        Some(endpoint) => {
            let bar = bars.add("attached board", data.samples());
            vec![attach::run(&job, endpoint, boards.first(), args.attach.network.as_deref(), &|progress| {
                show(&bar, samples, progress);
            })]
        }
    };
    let report = Report {
        model: &model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        outcomes: &outcomes,
        elapsed: started.elapsed(),
    };
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    super::print(&console::text(&report, detail)).map_err(|e| output_error(Path::new("standard output"), &e))?;
    write_reports(args, &report)?;
    Ok(report.exit_code())
}

/// The boards of these names. They are told apart by their names, in reports and in the names of saved files.
pub(super) fn find_boards(names: &[String]) -> Result<Vec<Board>> {
    let boards = desk::boards(names).map_err(|e| Error::Input(e.to_string()))?;
    for (n, board) in boards.iter().enumerate() {
        if boards[..n].iter().any(|b| b.name == board.name) {
            return Err(Error::Input(format!("board `{}` is named twice; once is accepted", board.name)));
        }
    }
    Ok(boards)
}

/// Reports are told apart by their files.
fn check_distinct(args: &ValidateArgs) -> Result<()> {
    match (&args.json, &args.junit) {
        (Some(json), Some(junit)) if json == junit => {
            Err(Error::Input(format!("--json and --junit are both {}; two files are accepted", json.display())))
        }
        _ => Ok(()),
    }
}

/// Finds out before the work whether its results will have a place.
fn check_writable(args: &ValidateArgs) -> Result<()> {
    if let Some(folder) = &args.output {
        fs::create_dir_all(folder).map_err(|e| output_error(folder, &e))?;
    }
    for path in [&args.json, &args.junit].into_iter().flatten() {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let probe = tempfile::tempfile_in(folder).map_err(|e| output_error(path, &e));
        if path.is_dir() {
            return Err(Error::Output { path: path.clone(), reason: "is a folder".to_string() });
        }
        probe?;
    }
    Ok(())
}

fn data(args: &ValidateArgs, compiled: &Compiled) -> Result<Dataset> {
    let samples = args.samples.map(|n| n as usize);
    if let Some(path) = &args.input {
        return Dataset::read(path, &compiled.qgraph, samples);
    }
    let range = match args.range.as_deref() {
        None => None,
        Some(&[low, high]) if low.is_finite() && high.is_finite() && low < high => Some((low, high)),
        Some(bounds) => {
            return Err(Error::Input(format!(
                "--range {bounds:?}: two finite numbers, the smaller first, are accepted"
            )));
        }
    };
    Ok(Dataset::random(&compiled.qgraph, samples.unwrap_or(10), args.seed, range))
}

/// Where sources, builds and images are kept: `HILBENCH_CACHE`, or `hilbench` in the user's cache folder.
pub(super) fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = set("HILBENCH_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|p| p.join("hilbench")))
        .or_else(|| set("HOME").map(|p| p.join(".cache/hilbench")))
        .ok_or_else(|| Error::Input("no cache folder: set HILBENCH_CACHE or HOME".to_string()))?;
    std::path::absolute(&folder).map_err(|e| output_error(&folder, &e))
}

fn write_reports(args: &ValidateArgs, report: &Report<'_>) -> Result<()> {
    if let Some(folder) = &args.output {
        for outcome in report.outcomes {
            save(folder, report, outcome)?;
        }
    }
    if let Some(path) = &args.json {
        let text = json::write(report).map_err(|e| output_error(path, &e.into()))?;
        fs::write(path, text).map_err(|e| output_error(path, &e))?;
    }
    if let Some(path) = &args.junit {
        let xml = junit::write(report, OffsetDateTime::now_utc())
            .map_err(|e| Error::Output { path: path.clone(), reason: e.to_string() })?;
        fs::write(path, xml).map_err(|e| output_error(path, &e))?;
    }
    Ok(())
}

/// Saves `<name>_val_io.npz`, with the board in its name where there are several. A board that answered a part leaves
/// that part.
fn save(folder: &Path, report: &Report<'_>, outcome: &Outcome) -> Result<()> {
    let samples = outcome.answers.len();
    if samples == 0 {
        return Ok(());
    }
    let graph = &report.compiled.qgraph;
    let array = |tensor: usize, bytes: Vec<u8>| {
        let tensor = &graph.tensors[tensor];
        // Dimension 0 is the batch of 1, in whose place the samples stand.
        let rest = if tensor.shape.first() == Some(&1) { &tensor.shape[1..] } else { &tensor.shape[..] };
        Array { shape: [&[samples], rest].concat(), element: dataset::element(tensor.dtype), bytes }
    };
    let of = |outputs: &Outputs, k: usize| outputs[..samples].iter().flat_map(|o| o[k].iter().copied()).collect();
    let mut arrays = Vec::new();
    for (k, &t) in graph.inputs.iter().enumerate() {
        let bytes = &report.data.inputs(k)[..samples * graph.tensors[t].bytes()];
        arrays.push((format!("m_inputs_{}", k + 1), array(t, bytes.to_vec())));
    }
    for (k, &t) in graph.outputs.iter().enumerate() {
        arrays.push((format!("m_outputs_{}", k + 1), array(t, of(report.expected, k))));
        arrays.push((format!("c_outputs_{}", k + 1), array(t, of(&outcome.answers, k))));
    }
    let name = &report.model.name;
    let file = match report.outcomes.len() {
        1 => format!("{name}_val_io.npz"),
        _ => format!("{name}_{}_val_io.npz", outcome.board.name),
    };
    let path = folder.join(file);
    npz::write(&path, &arrays).map_err(|e| output_error(&path, &e))
}

pub(super) fn output_error(path: &Path, e: &std::io::Error) -> Error {
    Error::Output { path: path.to_path_buf(), reason: e.to_string() }
}

/// Progress bars on standard error.
struct Bars(MultiProgress);

impl Bars {
    fn new(visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Bars(MultiProgress::with_draw_target(target))
    }

    fn add(&self, name: &str, samples: usize) -> ProgressBar {
        // The template is a constant, so it is sound or the first test fails; a plain bar would do no harm.
        let style = ProgressStyle::with_template("{prefix:<18} {bar:30} {pos}/{len} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.0.add(ProgressBar::new(samples as u64).with_style(style).with_prefix(name.to_string()));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

fn show(bar: &ProgressBar, samples: u64, progress: Progress) {
    match progress {
        Progress::Build => bar.set_message("building"),
        Progress::Deploy => bar.set_message("starting"),
        Progress::Program(done, total) => {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message("bytes programmed");
        }
        Progress::Samples(done) => {
            bar.set_length(samples);
            bar.set_message("running");
            bar.set_position(done as u64);
        }
        Progress::Observe => bar.set_message("layer by layer"),
        Progress::Done => bar.finish_and_clear(),
    }
}
