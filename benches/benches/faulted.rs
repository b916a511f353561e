//! Sessions over a link with seeded faults: how many end with correct data, how many with an error of the transport. Ends
//! with 1 where one ends otherwise: wrong data, another blame, or none at all within a minute.
//!
//!     cargo bench -p hilbench-benches --bench faulted -- [SESSIONS] [RATE]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hilbench::link::seeded::{Faults, SeededLink};
use hilbench::proto::Mode;
use hilbench::session::{Cause, Session, SessionError, Timeouts};

#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../../harness/tests/session/device.rs"]
mod device;

use device::{Sizes, content, output_salt};

const SIZES: Sizes = Sizes { inputs: &[784, 40], outputs: &[10, 500], steps: &[300, 200] };
/// Sessions under way at once: they mostly wait.
const THREADS: usize = 64;
/// Longest that a session may take, all its deadlines together.
const LIMIT: Duration = Duration::from_secs(60);

const TIMEOUTS: Timeouts = Timeouts {
    hello: Duration::from_millis(200),
    hellos: 6,
    info: Duration::from_secs(2),
    request: Duration::from_secs(2),
    packet: Duration::from_secs(2),
    run: Duration::from_secs(3),
};

fn main() -> ExitCode {
    let numbers: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let sessions: u64 = numbers.first().map_or(200, |a| a.parse().expect("a number of sessions"));
    let rate: f64 = numbers.get(1).map_or(3e-4, |a| a.parse().expect("a rate in faults a byte"));
    let (next, faults, slowest) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Duration::ZERO));
    let ends: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= sessions {
                        return;
                    }
                    let started = Instant::now();
                    let (link, _) = device::start("net", "abc", SIZES);
                    let (link, tally) = SeededLink::new(link, Faults { seed, rate });
                    let end = end(Session::connect(Box::new(link), TIMEOUTS));
                    if end.starts_with("BAD") {
                        eprintln!("seed {seed}: {end}");
                    }
                    faults.fetch_add(tally.total(), Ordering::Relaxed);
                    *ends.lock().expect("nobody panics here").entry(end).or_default() += 1;
                    let mut slowest = slowest.lock().expect("nobody panics here");
                    *slowest = slowest.max(started.elapsed());
                }
            });
        }
    });
    let (ends, slowest) = (ends.into_inner().expect("nobody panics"), slowest.into_inner().expect("nobody panics"));
    println!(
        "{sessions} sessions of 3 inferences, seeds 0 to {}, {rate} faults a byte, {} made",
        sessions - 1,
        faults.into_inner()
    );
    for (end, count) in &ends {
        println!("{count:>8}  {end}");
    }
    println!("{:.1} s in all, {:.1} s the slowest", begin.elapsed().as_secs_f64(), slowest.as_secs_f64());
    let bad = ends.keys().any(|end| end.starts_with("BAD")) || slowest > LIMIT;
    ExitCode::from(u8::from(bad))
}

/// How a session ended, in words.
fn end(session: Result<Session, SessionError>) -> String {
    let blame = |error: SessionError| match error.cause {
        Cause::Transport(_) => "transport error".to_string(),
        Cause::Timeout { .. } => "transport error: nothing came in time".to_string(),
        cause => format!("BAD: blames something else: {cause}"),
    };
    let mut session = match session {
        Ok(session) => session,
        Err(error) => return blame(error),
    };
    for run in 0..3_u8 {
        let inputs: Vec<Vec<u8>> =
            SIZES.inputs.iter().map(|&bytes| (0..bytes).map(|i| (i * 31) as u8 ^ run).collect()).collect();
        let given: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let result = match session.run(&given, if run == 1 { Mode::PerLayerWithData } else { Mode::IoOnly }) {
            Ok(result) => result,
            Err(error) => return blame(error),
        };
        for (index, (output, &bytes)) in result.outputs.iter().zip(SIZES.outputs).enumerate() {
            if output.bytes != Some(content(&inputs, output_salt(index), bytes as usize)) {
                return "BAD: wrong data".to_string();
            }
        }
    }
    "correct data".to_string()
}
