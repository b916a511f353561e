//! One fault at every byte of a whole dialogue, both ways: the session ends with correct data or with an error that
//! says whose fault it is, and works again afterwards where the link still lives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hilbench::link::faulty::{Direction, Fault, FaultyLink};
use hilbench::link::{Link, LinkError};
use hilbench::proto::Mode;
use hilbench::session::{BoardInfo, Cause, RunResult, Session, SessionError, Timeouts};

use crate::device::{self, Sizes, content, output_salt};
use crate::random::Random;

/// Two inputs and outputs, one of them longer than a packet, and two steps.
const SIZES: Sizes = Sizes { inputs: &[5, 40], outputs: &[3, 36], steps: &[4, 33] };

/// Cases under way at once: they mostly wait.
const THREADS: usize = 96;

const QUICK: Timeouts = Timeouts {
    hello: Duration::from_millis(100),
    hellos: 6,
    info: Duration::from_millis(150),
    request: Duration::from_millis(150),
    packet: Duration::from_millis(150),
    run: Duration::from_millis(250),
};

/// A link that outlives the session that uses it, and counts.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Counted>>);

struct Counted {
    link: Box<dyn Link>,
    sent: u64,
    received: u64,
}

impl Shared {
    pub fn new(link: impl Link + 'static) -> Self {
        Shared(Arc::new(Mutex::new(Counted { link: Box::new(link), sent: 0, received: 0 })))
    }

    fn counts(&self) -> (u64, u64) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.sent, inner.received)
    }
}

impl Link for Shared {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.sent += bytes.len() as u64;
        inner.link.send(bytes, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inner.link.receive(buffer, deadline)?;
        inner.received += count as u64;
        Ok(count)
    }

    fn name(&self) -> String {
        "shared".into()
    }
}

fn inputs() -> Vec<Vec<u8>> {
    let mut random = Random(7);
    SIZES.inputs.iter().map(|&bytes| random.bytes(bytes as usize)).collect()
}

fn dialogue(link: &Shared) -> Result<(Session, BoardInfo), SessionError> {
    let session = Session::connect(Box::new(link.clone()), QUICK)?;
    let info = session.info().clone();
    Ok((session, info))
}

fn run(session: &mut Session) -> Result<RunResult, SessionError> {
    let inputs = inputs();
    let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    session.run(&inputs, Mode::PerLayerWithData)
}

/// What a sound link gives, and how many bytes that takes each way.
struct Truth {
    info: BoardInfo,
    result: RunResult,
    sent: u64,
    received: u64,
}

fn truth() -> Truth {
    let (link, _) = device::start("net", "abc", SIZES);
    let link = Shared::new(link);
    let (mut session, info) = dialogue(&link).expect("a sound link");
    let result = run(&mut session).expect("a sound link");
    for (index, (output, &bytes)) in result.outputs.iter().zip(SIZES.outputs).enumerate() {
        assert_eq!(output.bytes, Some(content(&inputs(), output_salt(index), bytes as usize)));
    }
    let (sent, received) = link.counts();
    Truth { info, result, sent, received }
}

/// What a fault may cost: an error that blames the way or the far end, never the model.
fn is_honest(error: &SessionError) -> bool {
    matches!(error.cause, Cause::Transport(_) | Cause::Timeout { .. } | Cause::Protocol(_) | Cause::Board(_))
}

/// Goes through the dialogue with these faults; answers what is wrong with how it ended.
fn check(truth: &Truth, faults: &[(Direction, Fault)]) -> Result<(), String> {
    let (link, device) = device::start("net", "abc", SIZES);
    let damaged = |link: Box<dyn Link>, &(direction, fault): &(Direction, Fault)| -> Box<dyn Link> {
        Box::new(FaultyLink::new(link, direction, fault))
    };
    let link = Shared::new(faults.iter().fold(Box::new(link) as Box<dyn Link>, damaged));
    let begin = Instant::now();
    let alive = !faults.iter().any(|(_, fault)| matches!(fault, Fault::Cut(_)));
    let mut session = None;
    // A fault in the first run may only be noticed in the next; what is left of it must be gone after some more.
    let mut last_error = String::new();
    let mut recovered = false;
    for attempt in 0..3 + faults.len() {
        if session.is_none() {
            match dialogue(&link) {
                Ok((new, info)) if info == truth.info => session = Some(new),
                Ok((_, info)) => return Err(format!("connected to {info:?}")),
                Err(error) if is_honest(&error) => last_error = error.to_string(),
                Err(error) => return Err(format!("connect: {error}")),
            }
        }
        let Some(open) = &mut session else { continue };
        match run(open) {
            Ok(result) if result == truth.result => {
                recovered = true;
                // Once more where it worked at once: the fault may have left something behind.
                if attempt > 0 {
                    break;
                }
            }
            Ok(result) => return Err(format!("attempt {attempt} gave {result:?}")),
            Err(error) if is_honest(&error) => {
                recovered = false;
                last_error = error.to_string();
            }
            Err(error) => return Err(format!("run: {error}")),
        }
        if !alive {
            break;
        }
    }
    let took = begin.elapsed();
    drop((session, link));
    if device.join().is_err() {
        return Err("the device loop panicked".into());
    }
    if alive && !recovered {
        return Err(format!("does not recover: {last_error}"));
    }
    if took > Duration::from_secs(20) {
        return Err(format!("took {took:?}"));
    }
    Ok(())
}

/// The ways, and how many bytes go each.
fn ways(truth: &Truth) -> [(Direction, u64); 2] {
    [(Direction::ToBoard, truth.sent), (Direction::FromBoard, truth.received)]
}

/// Puts these faults at every place.
fn sweep(faults: impl Fn(u64) -> Vec<Fault>) {
    let truth = truth();
    let places = ways(&truth).into_iter().flat_map(|(direction, length)| (0..length).map(move |at| (direction, at)));
    let cases: Vec<_> =
        places.flat_map(|(direction, at)| faults(at).into_iter().map(move |fault| vec![(direction, fault)])).collect();
    assert!(cases.len() > 500, "{} cases", cases.len());
    check_all(&truth, &cases);
}

/// Goes through all cases on many threads.
fn check_all(truth: &Truth, cases: &[Vec<(Direction, Fault)>]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(faults) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = check(truth, faults) {
                        let mut wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner);
                        wrong.push(format!("{faults:?}: {reason}"));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn a_lost_byte_at_any_place() {
    sweep(|at| vec![Fault::Drop(at)]);
}

#[test]
fn a_doubled_byte_at_any_place() {
    sweep(|at| vec![Fault::Duplicate(at)]);
}

#[test]
fn a_flipped_bit_at_any_place() {
    // Bits take turns, so that every one is met everywhere in a field or two.
    sweep(|at| vec![Fault::Flip(at, 1 << (at % 8)), Fault::Flip(at, 1 << ((at + 3) % 8))]);
}

#[test]
fn a_wire_that_comes_off_at_any_place() {
    sweep(|at| vec![Fault::Cut(at)]);
}

#[test]
fn several_faults_at_once() {
    let truth = truth();
    let mut random = Random(11);
    let mut fault = || {
        let (direction, length) = ways(&truth)[random.below(2)];
        let at = random.next() % length;
        let fault = match random.below(3) {
            0 => Fault::Drop(at),
            1 => Fault::Duplicate(at),
            _ => Fault::Flip(at, 1 | random.next() as u8),
        };
        (direction, fault)
    };
    let cases: Vec<_> = (0..600).map(|n| (0..2 + n % 4).map(|_| fault()).collect()).collect();
    check_all(&truth, &cases);
}
