// A network that checks kernels on the board that it runs on: its input is a seed and a number of rounds, its output
// what the first disagreement of the board's kernels with the reference says, or nothing.

use core::fmt::Write;

use hilbench_kernels::agree::{Workspace, check};
use hilbench_kernels::optimized::{dsp, generic, mve};
use hilbench_kernels::params::{Requant, ScaleF32};
use hilbench_runtime::arena::Arena;
use hilbench_runtime::model::{ElementType, Model, ModelInfo, Observer, TensorInfo};

const INPUT: usize = 0;
const OUTPUT: usize = 16;
const OUTPUT_LEN: usize = 1024;
const BYTES: usize = OUTPUT + OUTPUT_LEN;
const BYTES_LEN: usize = 32 * 1024;
const WORDS: usize = BYTES + BYTES_LEN;
const REQUANTS: usize = WORDS + 4 * Workspace::WORDS;
const SCALES: usize = REQUANTS + 8 * Workspace::REQUANTS;

static ARENA: Arena<{ SCALES + 4 * Workspace::REQUANTS }> = Arena::new();

static INFO: ModelInfo = ModelInfo {
    name: "agreement",
    digest: "",
    inputs: &[TensorInfo {
        name: "seed, rounds",
        element: ElementType::I32,
        dims: &[2],
        scale: 0.0,
        zero_point: 0,
        bytes: 8,
    }],
    outputs: &[TensorInfo {
        name: "disagreement",
        element: ElementType::U8,
        dims: &[OUTPUT_LEN as u32],
        scale: 0.0,
        zero_point: 0,
        bytes: OUTPUT_LEN as u32,
    }],
    nodes: &[],
    macs: 0,
    arena_bytes: 0,
    constant_bytes: 0,
};

pub struct Network(());

pub fn take() -> Network {
    Network(())
}

/// Text that is cut where the place for it ends.
struct Text<'a>(&'a mut [u8]);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let len = text.len().min(self.0.len());
        let (now, later) = core::mem::take(&mut self.0).split_at_mut(len);
        now.copy_from_slice(&text.as_bytes()[..len]);
        self.0 = later;
        Ok(())
    }
}

impl Model for Network {
    fn info(&self) -> &'static ModelInfo {
        &INFO
    }

    fn input(&mut self, _index: usize) -> &mut [u8] {
        // SAFETY: inside the arena; this network is its only user.
        unsafe { ARENA.slice_mut(INPUT, 8) }
    }

    fn output(&self, _index: usize) -> &[u8] {
        // SAFETY: as above.
        unsafe { ARENA.slice(OUTPUT, OUTPUT_LEN) }
    }

    fn run(&mut self, _observer: &mut dyn Observer) {
        // SAFETY: this network is the arena's only user.
        unsafe { infer() }
    }
}

/// Runs the check. By its symbol code is accounted to the network.
///
/// # Safety
/// Nothing else uses the arena meanwhile.
#[unsafe(export_name = "hilbench_inference")]
#[inline(never)]
unsafe fn infer() {
    let set = if cfg!(hilbench_isa = "dsp") {
        &dsp::SET
    } else if cfg!(hilbench_isa = "mve") {
        &mve::SET
    } else {
        &generic::SET
    };
    // SAFETY: the places are disjoint, aligned for their elements, of which any bytes are valid, and inside the arena.
    unsafe {
        let input = ARENA.slice::<u32>(INPUT, 2);
        let output = ARENA.slice_mut::<u8>(OUTPUT, OUTPUT_LEN);
        output.fill(0);
        let mut workspace = Workspace {
            bytes: ARENA.slice_mut(BYTES, BYTES_LEN),
            words: ARENA.slice_mut(WORDS, Workspace::WORDS),
            requants: ARENA.slice_mut::<Requant>(REQUANTS, Workspace::REQUANTS),
            scales: ARENA.slice_mut::<ScaleF32>(SCALES, Workspace::REQUANTS),
        };
        if let Some(disagreement) = check(set, input[0], input[1], &mut workspace) {
            let _ = write!(Text(output), "{disagreement}");
        }
    }
}
