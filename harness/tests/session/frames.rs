//! Sessions in frames: they survive what a line does, they end when a host speaks packets, and what they cannot survive is
//! an error that blames the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hilbench::link::seeded::{Faults, SeededLink};
use hilbench::link::{Link, LinkError};
use hilbench::proto::frame::Frame;
use hilbench::proto::{Command, Mode, Request, packet, seal};
use hilbench::session::{Cause, Session, Timeouts};
use prost::Message;

use crate::device::{self, Sizes, content, output_salt};
use crate::faults::Shared;
use crate::random::Random;

const SIZES: Sizes = Sizes { inputs: &[3000, 40], outputs: &[2500, 36], steps: &[] };

const QUICK: Timeouts = Timeouts {
    hello: Duration::from_millis(200),
    hellos: 6,
    info: Duration::from_secs(2),
    request: Duration::from_secs(2),
    packet: Duration::from_secs(2),
    run: Duration::from_secs(3),
};

fn inputs() -> Vec<Vec<u8>> {
    let mut random = Random(11);
    SIZES.inputs.iter().map(|&bytes| random.bytes(bytes as usize)).collect()
}

/// One session: `Ok` where every output is right, or the error that it ended with.
fn session(link: Box<dyn Link>, runs: usize) -> Result<(), Cause> {
    let mut session = Session::connect(link, QUICK).map_err(|e| e.cause)?;
    session.require("net", Some("abc")).map_err(|e| e.cause)?;
    let given = inputs();
    let given: Vec<&[u8]> = given.iter().map(Vec::as_slice).collect();
    for _ in 0..runs {
        let result = session.run(&given, Mode::IoOnly).map_err(|e| e.cause)?;
        for (index, (output, &bytes)) in result.outputs.iter().zip(SIZES.outputs).enumerate() {
            let expect = content(&inputs(), output_salt(index), bytes as usize);
            assert!(output.bytes.as_ref() == Some(&expect), "output {index} is wrong, and nobody noticed");
        }
    }
    Ok(())
}

#[test]
fn seeded_faults_are_mended_or_blamed_on_the_way() {
    const SESSIONS: usize = 400;
    let (next, mended, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SESSIONS {
                        return;
                    }
                    let (link, _) = device::start("net", "abc", SIZES);
                    let (link, _) = SeededLink::new(link, Faults { seed: seed as u64, rate: 2e-4 });
                    match session(Box::new(link), 2) {
                        Ok(()) => mended.fetch_add(1, Ordering::Relaxed),
                        Err(Cause::Transport(_) | Cause::Timeout { .. }) => failed.fetch_add(1, Ordering::Relaxed),
                        Err(cause) => panic!("seed {seed}: {cause}"),
                    };
                }
            });
        }
    });
    let (mended, failed) = (mended.into_inner(), failed.into_inner());
    println!("{SESSIONS} sessions, {mended} right, {failed} failed, {:?}", begin.elapsed());
    // Two or three faults a session, of which only a wire that stays off and a hello that is hit often cannot be mended.
    assert!(mended + failed == SESSIONS && mended > SESSIONS * 8 / 10, "{mended} of {SESSIONS}");
}

/// A link that keeps what went over it.
struct Recorder<L>(L, Arc<Mutex<Vec<u8>>>);

impl<L: Link> Link for Recorder<L> {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        self.0.send(bytes, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        self.0.receive(buffer, deadline)
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

#[test]
fn after_the_first_hello_everything_is_framed() {
    let (link, _) = device::start("net", "abc", SIZES);
    let sent = Arc::new(Mutex::new(Vec::new()));
    assert_eq!(session(Box::new(Recorder(link, Arc::clone(&sent))), 1), Ok(()));
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (hello, frames) = sent.split_at(packet::PACKET);
    assert!(hello[0] > 2 && frames.starts_with(&[0, 2]));
    let frames: Vec<Option<Frame>> = frames.split(|&b| b == 0).filter(|f| !f.is_empty()).map(Frame::read).collect();
    let data: usize = frames.iter().map(|f| f.as_ref().expect("nothing but frames").payload.len()).sum();
    assert!(data > 3040 && sent.len() < 3700, "{data} of {}", sent.len());
}

fn packets(command: Command) -> Vec<u8> {
    let request = Request { request_id: 77, command: command as u32, ..Request::default() };
    packet::cut(&seal::close(request.encode_to_vec())).concat()
}

#[test]
fn a_host_that_speaks_packets_ends_a_session_in_frames_by_its_hello_only() {
    let (link, _) = device::start("net", "abc", SIZES);
    let mut link = Shared::new(link);
    let soon = || Instant::now() + Duration::from_millis(200);
    let mut session = Session::connect(Box::new(link.clone()), QUICK).expect("a sound link");
    let mut buffer = [0; 4096];
    // What is no hello is noise in a session, and the session goes on.
    link.send(&packets(Command::SystemInfo), soon()).expect("a sound link");
    assert_eq!(link.receive(&mut buffer, soon()), Err(LinkError::TimedOut));
    let given = inputs();
    let given: Vec<&[u8]> = given.iter().map(Vec::as_slice).collect();
    session.run(&given, Mode::IoOnly).expect("the session goes on");
    for command in [Command::Sync, Command::SystemInfo] {
        link.send(&packets(command), soon()).expect("a sound link");
        let count = link.receive(&mut buffer, soon()).expect("an answer in packets");
        assert!(count >= packet::PACKET && buffer[0] & 0x7F <= 32 && buffer[1] == 0x08, "{:?}", &buffer[..8]);
        while link.receive(&mut buffer, soon()).is_ok() {}
    }
    // The other host is left with a board that does not answer in frames, and says hello again.
    assert!(session.run(&given, Mode::IoOnly).is_err());
    session.run(&given, Mode::IoOnly).expect("a new session");
}
