//! One model on one board: build, deploy, run every sample, compare, and say where a difference begins.
//!
//! A mismatch is a [`Verdict`], not an error, and what was answered before a board failed is kept. Prints nothing.

mod origin;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hilbench_compiler::emit::{self, Identity, Sources};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::plan::Plan;
use sha2::{Digest, Sha256};

use crate::board::{Board, Provenance};
use crate::compare::{OutputComparison, compare};
use crate::dataset::Dataset;
use crate::link::Link;
use crate::link::seeded::{Faults, SeededLink, Tally};
use crate::model::{Compiled, Model};
use crate::proto::Mode;
use crate::reference::{self, Outputs};
use crate::session::{CounterUnit, RunResult, Session, SessionError, Timeouts};
use crate::target::cortex_m::{self, CortexM};
use crate::target::{Delivery, Image, Target, TargetError};
use crate::{sources, target};
pub use origin::Origin;

/// Everything that is the same for every board.
pub struct Job<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its arithmetic and its plan.
    pub compiled: &'a Compiled,
    /// The samples.
    pub data: &'a Dataset,
    /// What a board must answer, by sample.
    pub expected: &'a Outputs,
    /// Observe every layer of one sample, even where all outputs match.
    pub per_layer: bool,
    /// How long each step of the dialogue with a board may take.
    pub timeouts: Timeouts,
    /// Folder for sources, builds and images, kept between runs.
    pub cache: PathBuf,
    /// How images come onto boards, and how boards are spoken to.
    pub delivery: Delivery,
    /// Faults to put on the link, to see what the setup makes of them.
    pub faults: Option<Faults>,
}

/// The patience that fits a network: a minute for the board to begin, and time for the slowest of cores to compute.
#[must_use]
pub fn timeouts(plan: &Plan) -> Timeouts {
    let run = Duration::from_secs(60) + Duration::from_millis(plan.macs() / 1000);
    Timeouts { run, ..Timeouts::default() }
}

/// What became of a model on a board.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Every element of every output is equal, bit for bit.
    Match,
    /// An element differs.
    Differs(Origin),
    /// There is no firmware: it does not fit, or the toolchain failed.
    NotBuilt(TargetError),
    /// The board, or the way to it, failed before every sample was answered.
    Unreachable(String),
    /// The board is not there at all.
    Skipped(String),
}

impl Verdict {
    /// One word for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Match => "Match",
            Verdict::Differs(_) => "Differs",
            Verdict::NotBuilt(TargetError::DoesNotFit { .. }) => "DoesNotFit",
            Verdict::NotBuilt(_) => "NotBuilt",
            Verdict::Unreachable(_) => "Unreachable",
            Verdict::Skipped(_) => "Skipped",
        }
    }

    /// The documented exit code of this verdict alone.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::Match => 0,
            Verdict::Differs(_) => 1,
            Verdict::NotBuilt(_) => 3,
            Verdict::Unreachable(_) | Verdict::Skipped(_) => 4,
        }
    }
}

/// The exit code of several verdicts: a difference outweighs a failed build, and that a board that failed.
#[must_use]
pub fn exit_code<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> u8 {
    verdicts.into_iter().map(Verdict::exit_code).filter(|&code| code != 0).min().unwrap_or(0)
}

/// What was counted, one figure a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// What the figures count.
    pub unit: CounterUnit,
    /// The inference alone, without moving inputs and outputs.
    pub inferences: Vec<u64>,
}

/// One operator in an observed run.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Index of the operator in the model file.
    pub index: usize,
    /// Operator name in the file format's words.
    pub op_name: &'static str,
    /// Name of its first output.
    pub name: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// What it took, in the unit of [`Counts`].
    pub count: Option<u64>,
    /// Its outputs beside the reference.
    pub outputs: Vec<OutputComparison>,
}

/// A board in reports: one that has a file, or one that was found at the end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name, or the link's.
    pub name: String,
    /// Its core, as far as it is known.
    pub core: String,
    /// How it is run.
    pub run_on: String,
    /// Instruction set extension that kernels were chosen for.
    pub isa: Isa,
    /// Bytes reserved for the stack; `None` where the firmware is not this project's.
    pub stack_bytes: Option<u32>,
    /// Where the facts come from, and what has been run.
    pub provenance: Provenance,
}

impl From<&Board> for Subject {
    fn from(board: &Board) -> Self {
        Subject {
            name: board.name.clone(),
            core: board.core.clone(),
            run_on: board.run_on(),
            isa: board.isa,
            stack_bytes: Some(board.stack_bytes),
            provenance: board.provenance.clone(),
        }
    }
}

/// All that is known of a model on a board.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The board.
    pub board: Subject,
    /// What became of it.
    pub verdict: Verdict,
    /// Why not every sample was answered, where a difference is the verdict all the same.
    pub trouble: Option<String>,
    /// The firmware.
    pub image: Option<Image>,
    /// Digest that the firmware answered with.
    pub digest: Option<String>,
    /// What the firmware says of itself, where it is not this project's.
    pub foreign: Option<String>,
    /// What the board answered, by sample: as many as it did answer.
    pub answers: Outputs,
    /// The outputs beside the reference, over the samples that were answered.
    pub outputs: Vec<OutputComparison>,
    /// Counted work.
    pub counts: Option<Counts>,
    /// Most bytes of stack that were in use.
    pub stack_high_water: Option<u32>,
    /// Operators of one observed sample.
    pub layers: Vec<Layer>,
    /// Faults that were put on the link.
    pub faults: Option<Tally>,
    /// Seconds that building took; 0 for firmware that was there.
    pub build_time: Duration,
    /// Seconds from the start of the board to its last answer.
    pub run_time: Duration,
}

/// What a board is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Firmware is being built.
    Build,
    /// The board is being started.
    Deploy,
    /// So many bytes of the image have been erased, programmed or verified, of so many.
    Program(u64, u64),
    /// So many samples have been answered.
    Samples(usize),
    /// One sample is observed layer by layer.
    Observe,
    /// Nothing more.
    Done,
}

/// Validates on every board, as many at a time as there are cores. `progress` is told the board's place in `boards`.
pub fn validate_all(job: &Job<'_>, boards: &[Board], progress: &(dyn Fn(usize, Progress) + Sync)) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(boards.len());
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(board) = boards.get(place) else { return outcomes };
            outcomes.push((place, validate(job, board, &|p| progress(place, p))));
        }
    };
    let mut outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Validates on one board.
pub fn validate(job: &Job<'_>, board: &Board, progress: &dyn Fn(Progress)) -> Outcome {
    let target = CortexM::new(job.cache.clone());
    let mut outcome = Outcome::new(board);
    progress(Progress::Build);
    let started = Instant::now();
    let image = match build(job, board, &target) {
        Ok((image, digest)) => {
            outcome.digest = Some(digest);
            image
        }
        Err(error) => {
            outcome.verdict = Verdict::NotBuilt(error);
            progress(Progress::Done);
            return outcome;
        }
    };
    if !image.cached {
        outcome.build_time = started.elapsed();
    }
    progress(Progress::Deploy);
    let started = Instant::now();
    let program = |done, total| progress(Progress::Program(done, total));
    match target.deploy(&image, board, &job.delivery, &program) {
        Ok(link) => {
            let (link, tally) = with_faults(job, link);
            run(job, link, &mut outcome, progress);
            outcome.faults = tally;
        }
        Err(TargetError::Absent(reason)) => outcome.verdict = Verdict::Skipped(reason),
        Err(error) => outcome.verdict = Verdict::Unreachable(error.to_string()),
    }
    outcome.run_time = started.elapsed();
    outcome.image = Some(image);
    progress(Progress::Done);
    outcome
}

/// The link with the faults that the job puts on it, and their count.
pub(crate) fn with_faults(job: &Job<'_>, link: Box<dyn Link>) -> (Box<dyn Link>, Option<Tally>) {
    match job.faults {
        None => (link, None),
        Some(faults) => {
            let (link, tally) = SeededLink::new(link, faults);
            (Box::new(link), Some(tally))
        }
    }
}

/// Builds the firmware of a job for a board and answers the digest that it carries.
///
/// # Errors
/// The network does not fit, or the toolchain failed.
pub fn build(job: &Job<'_>, board: &Board, target: &CortexM) -> Result<(Image, String), TargetError> {
    target::check_fit(job.compiled.plan(board.isa), board)?;
    let (sources, digest) = firmware_sources(job, board)?;
    Ok((target.build(&sources, board)?, digest))
}

/// The network as source, and the digest of everything that it is built from.
///
/// # Errors
/// There is no toolchain.
pub fn firmware_sources(job: &Job<'_>, board: &Board) -> Result<(Sources, String), TargetError> {
    firmware(job.model, job.compiled, board)
}

/// The source of a model's firmware for a board, and the digest of everything that it is built from.
///
/// # Errors
/// There is no toolchain.
pub fn firmware(model: &Model, compiled: &Compiled, board: &Board) -> Result<(Sources, String), TargetError> {
    let plan = compiled.plan(board.isa);
    let mut identity = Identity { name: model.name.clone(), digest: String::new() };
    let anonymous = emit::rust::emit(plan, &identity);
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(sources::digest().as_bytes());
    add(cortex_m::toolchain()?.as_bytes());
    add(board.name.as_bytes());
    anonymous.files.iter().for_each(|(_, bytes)| add(bytes));
    identity.digest = hex::encode(hash.finalize())[..32].to_string();
    Ok((emit::rust::emit(plan, &identity), identity.digest))
}

/// Runs a job over a link to a board that has just been started, and writes down in `outcome` what happened. The
/// board must answer with the digest in `outcome`.
pub fn run(job: &Job<'_>, link: Box<dyn Link>, outcome: &mut Outcome, progress: &dyn Fn(Progress)) {
    let session = connect(job, link, outcome);
    run_session(job, session, outcome, progress);
}

/// Runs a job in a session with the board whose network is the model's, and writes down in `outcome` what happened.
pub(crate) fn run_session(
    job: &Job<'_>,
    session: Result<Session, SessionError>,
    outcome: &mut Outcome,
    progress: &dyn Fn(Progress),
) {
    let trouble = session.and_then(|mut session| {
        run_samples(job, &mut session, outcome, progress)?;
        Ok(session)
    });
    let (graph, isa) = (&job.compiled.qgraph, outcome.board.isa);
    let compare_output = |(k, &t): (usize, &usize)| {
        let pairs = job.expected.iter().zip(&outcome.answers).map(|(e, a)| (&e[k][..], &a[k][..]));
        compare(&graph.tensors[t], pairs)
    };
    outcome.outputs = graph.outputs.iter().enumerate().map(compare_output).collect();
    let first_wrong = outcome.outputs.iter().filter_map(|o| o.first.as_ref()).map(|d| d.sample).min();
    match (first_wrong, trouble) {
        (Some(sample), Ok(mut session)) if outcome.foreign.is_some() => {
            progress(Progress::Observe);
            outcome.verdict = Verdict::Differs(Origin::OtherArithmetic);
            match origin::observe_foreign(job, &mut session, sample) {
                Ok(layers) => outcome.layers = layers,
                Err(error) => outcome.trouble = Some(error.to_string()),
            }
        }
        (Some(sample), Ok(mut session)) => {
            progress(Progress::Observe);
            let (origin, layers) = origin::find(job, isa, &mut session, sample);
            outcome.layers = layers;
            outcome.verdict = Verdict::Differs(origin);
        }
        (Some(_), Err(error)) => {
            outcome.verdict = Verdict::Differs(Origin::NotObserved(error.to_string()));
            outcome.trouble = Some(error.to_string());
        }
        (None, Err(error)) => outcome.verdict = Verdict::Unreachable(error.to_string()),
        (None, Ok(mut session)) => {
            outcome.verdict = Verdict::Match;
            if job.per_layer && outcome.foreign.is_some() {
                progress(Progress::Observe);
                match origin::observe_foreign(job, &mut session, 0) {
                    Ok(layers) => outcome.layers = layers,
                    Err(error) => outcome.trouble = Some(error.to_string()),
                }
            } else if job.per_layer {
                progress(Progress::Observe);
                match origin::observe(job, isa, &mut session, 0) {
                    Ok((_, layers)) => outcome.layers = layers,
                    Err(error) => outcome.verdict = Verdict::Unreachable(error.to_string()),
                }
                let differs = |layer: &Layer| layer.outputs.iter().any(|o| o.mismatches > 0);
                if outcome.layers.iter().any(differs) {
                    let (origin, layers) = origin::find(job, isa, &mut session, 0);
                    outcome.layers = layers;
                    outcome.verdict = Verdict::Differs(origin);
                }
            }
        }
    }
}

fn connect(job: &Job<'_>, link: Box<dyn Link>, outcome: &Outcome) -> Result<Session, SessionError> {
    let mut session = Session::connect(link, job.timeouts)?;
    session.require(emit::carried_name(&job.model.name), outcome.digest.as_deref())?;
    Ok(session)
}

fn run_samples(
    job: &Job<'_>,
    session: &mut Session,
    outcome: &mut Outcome,
    progress: &dyn Fn(Progress),
) -> Result<(), SessionError> {
    for sample in 0..job.data.samples() {
        progress(Progress::Samples(sample));
        let first = sample == 0 || job.compiled.qgraph.states.is_empty();
        let inputs = reference::inputs(&job.compiled.qgraph, job.data, sample);
        let result = session.run_in_sequence(&inputs, Mode::IoOnly, first)?;
        outcome.take_counts(&result);
        outcome.answers.push(result.outputs.into_iter().map(|tensor| tensor.bytes.unwrap_or_default()).collect());
    }
    progress(Progress::Samples(job.data.samples()));
    Ok(())
}

impl Outcome {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(board: impl Into<Subject>) -> Self {
        Outcome {
            board: board.into(),
            verdict: Verdict::Unreachable("not run".into()),
            trouble: None,
            image: None,
            digest: None,
            foreign: None,
            answers: Vec::new(),
            outputs: Vec::new(),
            counts: None,
            stack_high_water: None,
            layers: Vec::new(),
            faults: None,
            build_time: Duration::ZERO,
            run_time: Duration::ZERO,
        }
    }

    fn take_counts(&mut self, result: &RunResult) {
        self.stack_high_water = self.stack_high_water.max(result.stack_high_water);
        let Some(count) = result.count else { return };
        let counts = self.counts.get_or_insert(Counts { unit: result.unit, inferences: Vec::new() });
        // Figures of two units never meet in one column.
        if counts.unit == result.unit {
            counts.inferences.push(count);
        }
    }
}
