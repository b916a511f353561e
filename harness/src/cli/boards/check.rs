//! `hilbench boards check`: a small network of our own on each board, from building to the verdict.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use hilbench_compiler::lower::Isa;

use super::super::delivery::DeliveryArgs;
use super::super::validate::{cache, find_boards};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::model::{Form, Model};
use crate::reference;
use crate::report::Report;
use crate::report::console::{self, Detail};
use crate::validate::{Job, timeouts, validate_all};

/// The canary: convolutions, a pool, a fully connected layer and a softmax.
const MODEL: &[u8] = include_bytes!("../../../../models/digits/digits_int8.tflite");

/// Samples that it computes.
const SAMPLES: usize = 4;

/// Build a small model for boards, bring it there and compare what it computes.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Boards by name or by the path of a .toml file; those of the desk, and all emulated ones, if none is named.
    boards: Vec<String>,
    #[command(flatten)]
    delivery: DeliveryArgs,
}

/// Runs the command and answers the exit code of the worst board.
///
/// # Errors
/// A board or a desk that is not accepted.
pub fn run(args: &CheckArgs) -> Result<u8> {
    let started = Instant::now();
    let names = if args.boards.is_empty() { usual()? } else { args.boards.clone() };
    let boards = find_boards(&names)?;
    let form = Form::default();
    let model = Model::parse(Path::new("digits_int8.tflite"), MODEL, &form)?;
    let compiled = model.compile(&form)?;
    let data = Dataset::random(&compiled.qgraph, SAMPLES, 42, None);
    let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
    let job = Job {
        model: &model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        per_layer: false,
        timeouts: timeouts(compiled.plan(Isa::Generic)),
        cache: cache()?,
        faults: None,
        delivery: args.delivery.delivery(),
    };
    let outcomes = validate_all(&job, &boards, &|_, _| {});
    let elapsed = started.elapsed();
    let report =
        Report { model: &model, compiled: &compiled, data: &data, expected: &expected, outcomes: &outcomes, elapsed };
    super::print(&console::text(&report, Detail::Quiet))?;
    Ok(report.exit_code())
}

/// Emulated boards are always there, others where the desk has them.
fn usual() -> Result<Vec<String>> {
    let (boards, desk) = super::desk()?;
    let there = |name: &str| desk.place(name) != Default::default();
    let names: Vec<String> =
        boards.into_iter().filter(|b| b.emulator.is_some() || there(&b.name)).map(|b| b.name).collect();
    if names.is_empty() { Err(Error::Input("there is no board to check".into())) } else { Ok(names) }
}
