//! How much of a serial line's rate tensors get, in frames and in packets: the host's session and the device loop with a
//! paced line between them, which carries ten bits a byte and adds the delay of a USB adapter.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use hilbench::link::memory::{MemoryLink, pair};
use hilbench::link::{Link, LinkError};
use hilbench::proto::Mode;
use hilbench::session::{Session, Timeouts};
use hilbench_runtime::{Closed, Port};

#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../../harness/tests/session/device.rs"]
mod device;

use device::{BOARD, Sizes};

/// Bytes that leave the line at once: an adapter's smallest packet.
const PIECE: usize = 64;
/// What a USB adapter adds each way.
const DELAY: Duration = Duration::from_millis(1);
/// A share below this is a failure.
const ENOUGH: f64 = 0.95;

fn later() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// Carries bytes one way at a rate: each piece arrives when its last bit has, and the delay later.
fn carry(mut from: MemoryLink, mut to: MemoryLink, baud: u32) {
    let (queue, arrivals) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        for (at, piece) in arrivals {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.send(&piece, later()).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        let mut free = Instant::now();
        let mut buffer = [0; 4096];
        while let Ok(count) = from.receive(&mut buffer, later()) {
            // An idle line begins at once, a busy one when it is done.
            free = free.max(Instant::now());
            for piece in buffer[..count].chunks(PIECE) {
                free += Duration::from_secs_f64(10.0 * piece.len() as f64 / f64::from(baud));
                if queue.send((free + DELAY, piece.to_vec())).is_err() {
                    return;
                }
            }
        }
    });
}

/// The host's end of a paced line, made of one that sends and one that receives.
struct Line {
    out: MemoryLink,
    back: MemoryLink,
}

impl Link for Line {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        self.out.send(bytes, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        self.back.receive(buffer, deadline)
    }

    fn name(&self) -> String {
        "paced".into()
    }
}

impl Port for Line {
    fn read(&mut self, mut into: &mut [u8]) -> Result<(), Closed> {
        while !into.is_empty() {
            let count = self.back.receive(into, later()).map_err(|_| Closed)?;
            into = &mut into[count..];
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) {
        // A UART does not know whether somebody listens.
        let _ = self.out.send(bytes, later());
    }
}

fn paced(baud: u32) -> (Line, Line) {
    let ((host_out, a), (b, board_back)) = (pair(), pair());
    carry(a, b, baud);
    let ((board_out, c), (d, host_back)) = (pair(), pair());
    carry(c, d, baud);
    (Line { out: host_out, back: host_back }, Line { out: board_out, back: board_back })
}

/// Share of the line's rate that the tensor of so many bytes gets: to the board, or from it.
fn share(baud: u32, sizes: Sizes, bytes: usize) -> f64 {
    let (host, board) = paced(baud);
    thread::spawn(move || device::serve_over(board, "net", "abc", sizes, &BOARD));
    let mut session = Session::connect(Box::new(host), Timeouts::default()).expect("a sound line");
    let inputs: Vec<Vec<u8>> = sizes.inputs.iter().map(|&n| vec![0x5A; n as usize]).collect();
    let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    session.run(&inputs, Mode::IoOnly).expect("a sound line");
    let begin = Instant::now();
    session.run(&inputs, Mode::IoOnly).expect("a sound line");
    10.0 * bytes as f64 / f64::from(baud) / begin.elapsed().as_secs_f64()
}

fn main() {
    const BYTES: u32 = 256 * 1024;
    let mut worst = f64::INFINITY;
    println!("{} KiB over a line with {} ms of delay each way, share of its rate:", BYTES / 1024, DELAY.as_millis());
    for baud in [921_600, 2_000_000, 3_000_000] {
        let to = share(baud, Sizes { inputs: &[BYTES], outputs: &[4], steps: &[] }, BYTES as usize);
        let from = share(baud, Sizes { inputs: &[4], outputs: &[BYTES], steps: &[] }, BYTES as usize);
        println!("{baud:>9} baud  {:.1} % to the board, {:.1} % from it", 100.0 * to, 100.0 * from);
        worst = worst.min(to).min(from);
    }
    assert!(worst >= ENOUGH, "less than {:.0} % of a line's rate", 100.0 * ENOUGH);
}
