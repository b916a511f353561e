//! The shipped model, an emulated board, and the ways to damage what lies between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hilbench::board::Board;
use hilbench::dataset::Dataset;
use hilbench::link::Link;
use hilbench::link::faulty::{Direction, Fault, FaultyLink};
use hilbench::model::{Compiled, Form, Model};
use hilbench::reference::{self, Outputs};
use hilbench::session::Timeouts;
use hilbench::target::cortex_m::CortexM;
use hilbench::target::{Delivery, Image, Target, TargetError};
use hilbench::validate::{self, Job, Outcome, Verdict};
use hilbench_compiler::lower::Operand;

use crate::image::flip_first_weight_bit;

/// A change of the emitted source.
pub enum Patch<'a> {
    /// None.
    None,
    /// Every place that says the first says the second.
    Replace(&'a str, &'a str),
}

pub struct Bench {
    pub board: Board,
    model: Model,
    compiled: Compiled,
    data: Dataset,
    expected: Outputs,
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits")
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

impl Bench {
    /// With so many samples of the shipped test set.
    pub fn new(samples: usize) -> Self {
        let model = Model::read(&models().join("digits_int8.tflite"), &Form::default()).expect("the shipped model");
        let compiled = model.compile(&Form::default()).expect("the shipped model compiles");
        let data = Dataset::read(&models().join("digits_test.npz"), &compiled.qgraph, Some(samples)).expect("test set");
        let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
        Bench { board: Board::find("virtual-m4").expect("carried"), model, compiled, data, expected }
    }

    fn job(&self) -> Job<'_> {
        let (second, run) = (Duration::from_secs(1), Duration::from_secs(5));
        Job {
            model: &self.model,
            compiled: &self.compiled,
            data: &self.data,
            expected: &self.expected,
            per_layer: false,
            timeouts: Timeouts { run, packet: second * 2, request: second * 2, ..Timeouts::default() },
            cache: cache(),
            delivery: Delivery::default(),
            faults: None,
        }
    }

    /// Firmware with `patch` in its source; it claims the digest of the sound one.
    pub fn image(&self, patch: &Patch<'_>) -> Image {
        let (mut sources, _) = validate::firmware_sources(&self.job(), &self.board).expect("a toolchain");
        if let Patch::Replace(from, to) = patch {
            let (name, bytes) = &mut sources.files[0];
            assert_eq!(name, "model.rs");
            let text = String::from_utf8(std::mem::take(bytes)).expect("source is text");
            assert!(text.contains(from), "the source has no {from:?}");
            *bytes = text.replace(from, to).into_bytes();
        }
        CortexM::new(cache()).build(&sources, &self.board).unwrap_or_else(|e| panic!("{e}"))
    }

    pub fn start(&self, image: &Image) -> Result<Box<dyn Link>, Verdict> {
        CortexM::new(cache()).deploy(image, &self.board, &Delivery::default(), &|_, _| {}).map_err(|e| match e {
            TargetError::Absent(reason) => Verdict::Skipped(reason),
            e => Verdict::Unreachable(e.to_string()),
        })
    }

    pub fn run(&self, image: Image) -> Outcome {
        let link = self.start(&image).expect("the board starts");
        self.run_link(link, None)
    }

    pub fn run_expecting(&self, image: Image, digest: &str) -> Outcome {
        let link = self.start(&image).expect("the board starts");
        self.run_link(link, Some(digest))
    }

    pub fn run_over(&self, image: Image, direction: Direction, fault: Fault) -> Outcome {
        let link = self.start(&image).expect("the board starts");
        self.run_link(Box::new(FaultyLink::new(link, direction, fault)), None)
    }

    fn run_link(&self, link: Box<dyn Link>, digest: Option<&str>) -> Outcome {
        let job = self.job();
        // What was expected is the sound plan's, whatever was done to this one.
        let mut outcome = Outcome::new(&self.board);
        let (_, sound) = validate::firmware_sources(&job, &self.board).expect("a toolchain");
        outcome.digest = Some(digest.map_or(sound, str::to_string));
        validate::run(&job, link, &mut outcome, &|_| {});
        outcome
    }

    /// Exchanges the weights of the first two pairs of output channels (of so many) of operator `index`. Filters are packed
    /// in pairs, each padded with zeros on its own, which must stay where they are.
    pub fn swap_weight_pairs(&mut self, index: usize, channels: usize) {
        let plan = self.compiled.plan_mut(self.board.isa);
        let node = plan.nodes.iter().find(|n| n.index == index).expect("the operator exists");
        let Operand::Constant(weights) = node.steps[0].operands[1] else { panic!("weights are constant") };
        let bytes = &mut plan.constants[weights].bytes;
        let row = bytes.len() / channels * 2;
        let (first, second) = bytes.split_at_mut(row);
        first.swap_with_slice(&mut second[..row]);
    }

    /// Places the output of operator `index` where its input is.
    pub fn overlap_output_with_input(&mut self, index: usize) {
        let plan = self.compiled.plan_mut(self.board.isa);
        let node = plan.nodes.iter().find(|n| n.index == index).expect("the operator exists");
        let Operand::Buffer(input) = node.steps[0].operands[0] else { panic!("the input is a buffer") };
        let (offset, output) = (plan.buffers[input].offset, node.steps[0].output);
        plan.buffers[output].offset = offset;
        plan.arena_bytes = plan.arena_bytes.max(offset + plan.buffers[output].bytes);
    }

    /// A copy of the image with one bit of the first weight inverted.
    pub fn flip_weight_bit(&self, image: &Image) -> Image {
        let elf = image.elf.with_extension("flipped.elf");
        fs::copy(&image.elf, &elf).expect("the cache can be written");
        flip_first_weight_bit(&elf);
        Image { elf, ..image.clone() }
    }
}
