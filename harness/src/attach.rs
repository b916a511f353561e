//! A board that runs firmware of the 3.x protocol already, whoever made it: is it the model's network, and what does it
//! compute? Builds nothing and writes nothing.
//!
//! Firmware of this project computes as the reference kernels do, bit for bit. Other firmware does not by design, so what it
//! computes is told as a distance.

use std::time::{Duration, Instant};

use hilbench_compiler::graph::{DType, Tensor};
use hilbench_compiler::lower::Isa;

use crate::board::{Board, Provenance};
use crate::deploy::{DeployError, probe};
use crate::link::endpoint::Endpoint;
use crate::link::rtt::RttLink;
use crate::link::{Link, LinkError};
use crate::session::{BoardInfo, Cause, DataType, NetworkInfo, Session, SessionError, TensorInfo};
use crate::target::TargetError;
use crate::target::cortex_m::emulator;
use crate::validate::{Job, Outcome, Progress, Subject, Verdict};
use crate::{validate, values};

/// What is known of the board before it is asked.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The board's file, and the digest of the firmware that this hilbench would build for it.
    pub board: Option<(Subject, String)>,
    /// The network by name, where the board has several.
    pub network: Option<String>,
}

/// Largest relative distance of two scales that are the same: they went through decimal text on some paths.
const SCALE: f32 = 1e-6;
/// How long a link may take to open.
const OPEN: Duration = Duration::from_secs(10);
/// Line rate of the protocol where nobody says another.
const BAUD: u32 = 115_200;

/// Validates what is at `endpoint`. Where it is known which board that is, its firmware must be the model's for that board.
pub fn run(
    job: &Job<'_>,
    endpoint: &Endpoint,
    board: Option<&Board>,
    network: Option<&str>,
    progress: &dyn Fn(Progress),
) -> Outcome {
    let mut expect = Expectation { board: None, network: network.map(str::to_string) };
    progress(Progress::Deploy);
    let opened = open(endpoint, board).and_then(|link| {
        if let Some(board) = board {
            expect.board = Some((board.into(), validate::firmware_sources(job, board)?.1));
        }
        Ok(link)
    });
    match opened {
        Ok(link) => {
            let (link, faults) = validate::with_faults(job, link);
            Outcome { faults, ..run_link(job, link, &expect, progress) }
        }
        Err(error) => {
            progress(Progress::Done);
            Outcome {
                verdict: Verdict::Unreachable(error.to_string()),
                ..Outcome::new(subject(&endpoint.to_string(), &expect))
            }
        }
    }
}

fn open(endpoint: &Endpoint, board: Option<&Board>) -> Result<Box<dyn Link>, TargetError> {
    let deadline = Instant::now() + OPEN;
    let failed = |error: LinkError| TargetError::Start(error.to_string());
    let Endpoint::Rtt { chip, probe } = endpoint else {
        return endpoint.open(board.map_or(BAUD, |board| board.baud), deadline).map_err(failed);
    };
    let selector = probe::find(probe.as_ref(), board.and_then(|board| board.place.probe.as_deref()))?;
    let session = match (board, chip) {
        (Some(board), _) => {
            let emulated = board.emulator.as_ref().map(|_| emulator::chip(board)).transpose()?;
            probe::attach(board, &selector, emulated.map(|chip| chip.family()))?
        }
        (None, Some(chip)) => probe::attach_chip(chip, &selector, None)?,
        (None, None) => return Err(DeployError::NoChip.into()),
    };
    let mut link = RttLink::open(session, None, None, deadline).map_err(failed)?;
    if let Some(board) = board {
        // Firmware that was last spoken to on its serial port sleeps until that is spoken to again, or seems to be.
        link.wake(board.uart.rx_irq);
    }
    Ok(Box::new(link))
}

/// Validates what is at the end of a link.
pub fn run_link(job: &Job<'_>, link: Box<dyn Link>, expect: &Expectation, progress: &dyn Fn(Progress)) -> Outcome {
    let mut outcome = Outcome::new(subject(&link.name(), expect));
    match connect(job, link, expect, &mut outcome) {
        Ok(session) => validate::run_session(job, Ok(session), &mut outcome, progress),
        Err(error) => outcome.verdict = Verdict::Unreachable(error.to_string()),
    }
    progress(Progress::Done);
    outcome
}

fn subject(link: &str, expect: &Expectation) -> Subject {
    if let Some((subject, _)) = &expect.board {
        return Subject { run_on: format!("attached: {link}"), ..subject.clone() };
    }
    Subject {
        name: link.to_string(),
        core: "core not known".to_string(),
        run_on: "attached".to_string(),
        isa: Isa::Generic,
        stack_bytes: None,
        provenance: Provenance {
            facts: "what the board says of itself".into(),
            run: "attached".into(),
            unverified: None,
        },
    }
}

fn connect(
    job: &Job<'_>,
    link: Box<dyn Link>,
    expect: &Expectation,
    outcome: &mut Outcome,
) -> Result<Session, SessionError> {
    let mut session = Session::connect(link, job.timeouts)?;
    let fail = |session: &Session, cause| SessionError {
        cause,
        step: "network check".into(),
        last_lines: session.last_lines(),
    };
    let carried = hilbench_compiler::emit::carried_name(&job.model.name);
    let chosen = choose(session.info(), expect.network.as_deref(), carried);
    let network = chosen.map_err(|reason| fail(&session, Cause::Unfit(reason)))?;
    session.select(network);
    let Some(network) = session.network().cloned() else {
        return Err(fail(&session, Cause::Unfit(vec!["the board has no network".into()])));
    };
    if let (Some(digest), Some((_, expected))) = (&network.digest, &expect.board) {
        // The same name means nothing where the digest is another.
        if digest != expected {
            let found = vec![(network.name.clone(), Some(digest.clone()))];
            let expected = (carried.to_string(), Some(expected.clone()));
            return Err(fail(&session, Cause::WrongModel { found, expected }));
        }
    }
    if network.digest.is_some() && expect.network.is_none() && network.name != carried {
        let found = vec![(network.name.clone(), network.digest.clone())];
        return Err(fail(&session, Cause::WrongModel { found, expected: (carried.to_string(), None) }));
    }
    let misfits = misfits(job, &network);
    if !misfits.is_empty() {
        return Err(fail(&session, Cause::Unfit(misfits)));
    }
    outcome.digest.clone_from(&network.digest);
    outcome.foreign = network.digest.is_none().then(|| described(session.info(), &network));
    if expect.board.is_none() {
        outcome.board.core =
            format!("device {:#x}, {} MHz", session.info().device_id, session.info().core_clock / 1_000_000);
    }
    Ok(session)
}

fn described(info: &BoardInfo, network: &NetworkInfo) -> String {
    let (major, minor) = info.protocol;
    let runtime = if network.runtime.is_empty() { "a runtime without name" } else { &network.runtime };
    format!("`{}`, {runtime}, signature {}, protocol {major}.{minor}", network.name, network.signature)
}

/// The network that was asked for, or that has the model's name, or that is the only one.
fn choose(info: &BoardInfo, asked: Option<&str>, model: &str) -> Result<usize, Vec<String>> {
    let named = |name: &str| info.networks.iter().position(|network| network.name == name);
    let names = || info.networks.iter().map(|n| format!("`{}`", n.name)).collect::<Vec<_>>().join(", ");
    match (asked, info.networks.len()) {
        (_, 0) => Err(vec!["the board has no network".into()]),
        (Some(asked), _) => {
            named(asked).ok_or_else(|| vec![format!("the board has no network `{asked}`, but {}", names())])
        }
        (None, 1) => Ok(0),
        (None, _) => named(model).ok_or_else(|| vec![format!("the board has {}; say which with --network", names())]),
    }
}

/// What of the board's network is not as the model has it.
fn misfits(job: &Job<'_>, network: &NetworkInfo) -> Vec<String> {
    let graph = &job.compiled.qgraph;
    let mut misfits = Vec::new();
    for (what, ids, found) in [("input", &graph.inputs, &network.inputs), ("output", &graph.outputs, &network.outputs)]
    {
        if ids.len() != found.len() {
            misfits.push(format!("{} {what}s, the model has {}", found.len(), ids.len()));
            continue;
        }
        for (k, (&t, found)) in ids.iter().zip(found).enumerate() {
            let expected = &graph.tensors[t];
            misfits.extend(misfit(expected, found).map(|reason| format!("{what} {} is {reason}", k + 1)));
        }
    }
    misfits
}

fn misfit(expected: &Tensor, found: &TensorInfo) -> Option<String> {
    let data_type = match expected.dtype {
        DType::F32 => DataType::F32,
        DType::I8 => DataType::I8,
        DType::U8 => DataType::U8,
        DType::I16 => DataType::I16,
        DType::U16 => DataType::U16,
        DType::I32 => DataType::I32,
        DType::Bool => DataType::Bool,
        DType::I64 => return Some(format!("of a type that boards have no name for, {}", expected.dtype)),
    };
    if found.data_type != data_type {
        return Some(format!(
            "{:?}, the model's is {}; --input-data-type and --output-data-type ask for another form",
            found.data_type, expected.dtype
        ));
    }
    // Ones at either end say nothing of how the elements lie.
    let trimmed = |dims: Vec<usize>| -> Vec<usize> { dims.into_iter().filter(|&dim| dim != 1).collect() };
    let dims = found.dims.iter().map(|&dim| dim as usize).collect();
    if trimmed(dims) != trimmed(expected.shape.clone()) {
        return Some(format!("of shape {:?}, the model's is {:?}", found.dims, expected.shape));
    }
    let (scale, zero_point) = values::affine(expected)?;
    // A board that gives no scale says nothing of it.
    if found.scale == 0.0 {
        return None;
    }
    if (found.scale - scale).abs() > SCALE * scale.abs() || i64::from(found.zero_point) != zero_point {
        return Some(format!(
            "quantized by {} and {}, the model's by {scale} and {zero_point}",
            found.scale, found.zero_point
        ));
    }
    None
}
