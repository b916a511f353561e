//! The real device loop on a thread, with a model that is made for tests: every output byte depends on every input
//! byte, so no damage stays hidden.

use std::cell::Cell;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hilbench::link::memory::{MemoryLink, pair};
use hilbench::link::{Link, LinkError};
use hilbench_runtime::model::{ElementType, Model, ModelInfo, NodeInfo, Observer, TensorInfo};
use hilbench_runtime::{Board, Clock, Closed, Frames, Port, Unit, serve};

/// Facts that the device loop is started with.
pub const BOARD: Board = Board {
    device_id: 0x450,
    core_clock: 25_000_000,
    bus_clock: 12_500_000,
    cache: 0x0001_0000,
    boot_nonce: 0xB007,
    stack_high_water: || 1234,
};

/// Sizes in bytes of a model's tensors; each step writes one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    pub inputs: &'static [u32],
    pub outputs: &'static [u32],
    pub steps: &'static [u32],
}

/// What a tensor holds after a run over `inputs`: `salt` is its place.
pub fn content(inputs: &[Vec<u8>], salt: usize, length: usize) -> Vec<u8> {
    let seed = crc32fast::hash(&inputs.concat()).wrapping_add(salt as u32);
    (0..length as u32).map(|i| (seed.rotate_left(i) ^ i) as u8).collect()
}

/// What step `node` counts; more than 32 bits of it, so that both words of a counter matter.
pub fn step_work(node: usize) -> u64 {
    0x1_0000_1000 + node as u64
}

/// Salt of output `index`; steps have their own index.
pub fn output_salt(index: usize) -> usize {
    100 + index
}

struct Mixer {
    info: &'static ModelInfo,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

/// Static facts live as long as a firmware; a test can afford to leak them.
fn leak<T>(values: Vec<T>) -> &'static [T] {
    Vec::leak(values)
}

fn tensor(name: String, index: usize, bytes: u32) -> TensorInfo {
    // Inputs and outputs alternate between types, where the size allows it.
    let element = match (index % 3, bytes % 4) {
        (1, 0) => ElementType::F32,
        (2, _) => ElementType::U8,
        _ => ElementType::I8,
    };
    let elements = bytes / element.size() as u32;
    let dims = leak(vec![1, elements]);
    TensorInfo { name: name.leak(), element, dims, scale: 0.25 + index as f32, zero_point: -3 - index as i32, bytes }
}

fn tensors(kind: &str, sizes: &[u32]) -> &'static [TensorInfo] {
    leak(sizes.iter().enumerate().map(|(i, &bytes)| tensor(format!("{kind}_{i}"), i, bytes)).collect())
}

impl Mixer {
    fn new(name: &'static str, digest: &'static str, sizes: Sizes) -> Self {
        let nodes = sizes.steps.iter().enumerate().map(|(i, &bytes)| NodeInfo {
            name: "CONV_2D",
            id: 7 * i as u32,
            outputs: leak(vec![tensor(format!("step_{i}"), i, bytes)]),
        });
        let info = Box::leak(Box::new(ModelInfo {
            name,
            digest,
            inputs: tensors("input", sizes.inputs),
            outputs: tensors("output", sizes.outputs),
            nodes: leak(nodes.collect()),
            macs: 1 << 33,
            arena_bytes: 200_000,
            constant_bytes: 77,
        }));
        let room = |sizes: &[u32]| sizes.iter().map(|&bytes| vec![0; bytes as usize]).collect();
        Mixer { info, inputs: room(sizes.inputs), outputs: room(sizes.outputs) }
    }
}

impl Model for Mixer {
    fn info(&self) -> &'static ModelInfo {
        self.info
    }

    fn input(&mut self, index: usize) -> &mut [u8] {
        &mut self.inputs[index]
    }

    fn output(&self, index: usize) -> &[u8] {
        &self.outputs[index]
    }

    fn run(&mut self, observer: &mut dyn Observer) {
        for (node, info) in self.info.nodes.iter().enumerate() {
            observer.before(node);
            work(step_work(node));
            let written = content(&self.inputs, node, info.outputs[0].bytes as usize);
            observer.after(node, &[&written]);
        }
        for (index, output) in self.outputs.iter_mut().enumerate() {
            *output = content(&self.inputs, output_salt(index), output.len());
        }
    }
}

thread_local! {
    /// What the device on this thread has counted.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn work(amount: u64) {
    COUNT.set(COUNT.get() + amount);
}

/// Ten a look, and what the model works.
struct Counter;

impl Clock for Counter {
    fn now(&mut self) -> u64 {
        work(10);
        COUNT.get()
    }

    fn unit(&self) -> Unit {
        Unit::Instructions
    }

    fn milliseconds(&self, count: u64) -> f32 {
        count as f32 / 1000.0
    }
}

/// The board's end of a link as the device loop sees it: no deadlines, like a UART.
struct BoardEnd(MemoryLink);

fn never() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

impl Port for BoardEnd {
    fn read(&mut self, mut into: &mut [u8]) -> Result<(), Closed> {
        while !into.is_empty() {
            let count = self.0.receive(into, never()).map_err(|_: LinkError| Closed)?;
            into = &mut into[count..];
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) {
        // A UART does not know whether somebody listens.
        let _ = self.0.send(bytes, never());
    }
}

/// Serves over a port until that is closed.
pub fn serve_over(mut port: impl Port, name: &'static str, digest: &'static str, sizes: Sizes, board: &Board) {
    let mut model = Mixer::new(name, digest, sizes);
    serve(&mut model, &mut port, &mut Frames::new(), &mut Counter, board);
}

/// Starts a device; the loop ends when the link is dropped, and the thread answers with nothing.
pub fn start(name: &'static str, digest: &'static str, sizes: Sizes) -> (MemoryLink, JoinHandle<()>) {
    let (host, board) = pair();
    let device = thread::spawn(move || {
        serve_over(BoardEnd(board), name, digest, sizes, &BOARD);
    });
    (host, device)
}
