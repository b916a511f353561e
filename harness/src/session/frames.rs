//! A session in frames, the host's end: what to send again, what to ask for, and whole messages in their order. Sans I/O:
//! bytes in, bytes out, and a moment at which to be called again.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::proto::frame::{Frame, Kind};

/// Patience before anything is known of the line, and its bounds.
const FIRST_PATIENCE: Duration = Duration::from_millis(200);
const LEAST_PATIENCE: Duration = Duration::from_millis(20);
const MOST_PATIENCE: Duration = Duration::from_secs(5);
/// Least patience with a board that has everything and may be computing: what asks it takes cycles of its inference.
const COMPUTING: Duration = Duration::from_millis(250);
/// Frames that may come ahead of a lost one; a board sends fewer before it waits.
const AHEAD: u16 = 64;
/// Bytes without a zero that may be a frame.
const LONGEST_FRAME: usize = 128 * 1024;

/// What a board takes, as it says in its hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    /// Bytes of a payload at most.
    pub payload: usize,
    /// Data frames that may wait for their acknowledgement.
    pub window: usize,
}

/// What cannot be mended by sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A message is longer than any that is expected.
    TooLong,
    /// Whole frames that are no message.
    Senseless,
}

struct Sent {
    sequence: u16,
    line: Vec<u8>,
    /// When it was sent; `None` for one that was sent again, whose acknowledgement may be for either.
    at: Option<Instant>,
}

struct Part {
    first: bool,
    rest: usize,
    payload: Vec<u8>,
}

/// The host's end of a session.
pub(super) struct Frames {
    framing: Framing,
    session: u32,
    opened: bool,
    next: u16,
    waiting: VecDeque<Sent>,
    expect: u16,
    early: BTreeMap<u16, Part>,
    /// The frame that was last asked for.
    asked: Option<u16>,
    message: Vec<u8>,
    /// Bytes that the message lacks.
    lacks: usize,
    /// Messages that are complete.
    pub whole: VecDeque<Vec<u8>>,
    /// Bytes since the last zero.
    line: Vec<u8>,
    /// A line that the board sent before it stopped.
    pub last_words: Option<String>,
    /// Longest message that is accepted.
    longest: usize,
    patience: Duration,
    /// How often patience has ended without anything coming.
    silent: u32,
    since: Instant,
    /// Bytes for the board.
    pub out: Vec<u8>,
    /// Bytes that are in no frame.
    pub noise: Vec<u8>,
}

impl Frames {
    /// Opens a session under a number that nobody else uses.
    pub fn open(framing: Framing, longest: usize) -> Self {
        let mut frames = Frames {
            framing,
            session: rand::random::<u32>().max(1),
            opened: false,
            next: 0,
            waiting: VecDeque::new(),
            expect: 0,
            early: BTreeMap::new(),
            asked: None,
            message: Vec::new(),
            lacks: 0,
            whole: VecDeque::new(),
            line: Vec::new(),
            last_words: None,
            longest,
            patience: FIRST_PATIENCE,
            silent: 0,
            since: Instant::now(),
            out: Vec::new(),
            noise: Vec::new(),
        };
        frames.tell(Kind::Open);
        frames
    }

    pub fn is_open(&self) -> bool {
        self.opened
    }

    pub fn accept(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Whether another data frame may be sent.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.framing.window
    }

    /// A message as frames that are sent one after the other, where there is room.
    pub fn cut<'a>(&self, message: &'a [u8]) -> impl Iterator<Item = (Kind, usize, &'a [u8])> + use<'a> {
        let (length, size) = (message.len(), self.framing.payload);
        message.chunks(size).enumerate().map(move |(n, payload)| {
            let kind = if n == 0 { Kind::First } else { Kind::More };
            (kind, length - n * size, payload)
        })
    }

    /// Sends a data frame.
    pub fn data(&mut self, kind: Kind, rest: usize, payload: &[u8]) {
        let frame = self.frame(kind, self.next, rest, payload.to_vec());
        let line = frame.write();
        self.out.extend(&line);
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.push_back(Sent { sequence: self.next, line, at: Some(Instant::now()) });
        self.next = self.next.wrapping_add(1);
    }

    /// When to call [`Frames::remind`] if nothing comes.
    pub fn alarm(&self) -> Instant {
        let computing = self.opened && self.waiting.is_empty();
        let patience = if computing { self.patience.max(COMPUTING) } else { self.patience };
        let wait = patience.saturating_mul(1 << self.silent.min(10));
        self.since + wait.min(MOST_PATIENCE)
    }

    /// Nothing has come for a while: sends again what nobody has acknowledged, or asks for what may have been lost.
    pub fn remind(&mut self) {
        self.silent += 1;
        self.since = Instant::now();
        if !self.opened {
            self.tell(Kind::Open);
        } else if self.waiting.is_empty() {
            self.tell(Kind::Resend);
        } else {
            self.again();
        }
    }

    /// Takes bytes from the line. Answers go to `out`.
    ///
    /// # Errors
    /// [`Trouble`], which no repetition mends.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let mut answer = false;
        for &byte in bytes {
            if byte != 0 && self.line.len() < LONGEST_FRAME {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match Frame::read(&line) {
                Some(frame) => answer |= self.frame_came(frame)?,
                None => self.noise.extend(line),
            }
        }
        if answer {
            self.tell(Kind::Ack);
        }
        Ok(())
    }

    /// Text that has come and ends in no zero: what a board writes past all frames.
    pub fn unfinished(&self) -> &[u8] {
        &self.line
    }

    /// Takes a frame, and answers whether an acknowledgement is due.
    fn frame_came(&mut self, frame: Frame) -> Result<bool, Trouble> {
        if frame.session != self.session {
            return Ok(false);
        }
        self.acknowledged(frame.expect);
        match frame.kind {
            Kind::Opened => {
                (self.opened, self.silent, self.since) = (true, 0, Instant::now());
                Ok(false)
            }
            Kind::Resend => {
                self.again();
                Ok(false)
            }
            Kind::First | Kind::More => {
                let ahead = frame.sequence.wrapping_sub(self.expect);
                if ahead >= AHEAD {
                    // It came before, and the board has missed that.
                    return Ok(ahead >= 0x8000);
                }
                let part = Part { first: frame.kind == Kind::First, rest: frame.rest as usize, payload: frame.payload };
                self.early.insert(frame.sequence, part);
                self.in_order()?;
                Ok(true)
            }
            Kind::LastWords => {
                self.last_words = Some(String::from_utf8_lossy(&frame.payload).into_owned());
                Ok(false)
            }
            Kind::Open | Kind::Ack => Ok(false),
        }
    }

    /// Joins what has come without a gap, and asks for the frame at the gap, once.
    fn in_order(&mut self) -> Result<(), Trouble> {
        while let Some(part) = self.early.remove(&self.expect) {
            self.expect = self.expect.wrapping_add(1);
            (self.silent, self.since) = (0, Instant::now());
            self.join(part)?;
        }
        if !self.early.is_empty() && self.asked != Some(self.expect) {
            self.asked = Some(self.expect);
            self.tell(Kind::Resend);
        }
        Ok(())
    }

    fn join(&mut self, part: Part) -> Result<(), Trouble> {
        if part.first {
            self.message.clear();
            self.lacks = part.rest;
        }
        if part.rest > self.longest {
            return Err(Trouble::TooLong);
        }
        if part.rest != self.lacks || part.payload.is_empty() || part.payload.len() > self.lacks {
            return Err(Trouble::Senseless);
        }
        self.message.extend(&part.payload);
        self.lacks -= part.payload.len();
        if self.lacks == 0 {
            self.whole.push_back(std::mem::take(&mut self.message));
        }
        Ok(())
    }

    /// All before `expect` have come.
    fn acknowledged(&mut self, expect: u16) {
        while let Some(sent) = self.waiting.front() {
            // One that is not before it lies at most a window ahead.
            if expect.wrapping_sub(sent.sequence).wrapping_sub(1) >= 0x8000 {
                break;
            }
            if let Some(at) = sent.at {
                let patience = (at.elapsed() * 4).max(self.patience / 2);
                self.patience = patience.clamp(LEAST_PATIENCE, MOST_PATIENCE / 5);
            }
            (self.silent, self.since) = (0, Instant::now());
            self.waiting.pop_front();
        }
    }

    fn again(&mut self) {
        for sent in &mut self.waiting {
            sent.at = None;
            self.out.extend(&sent.line);
        }
    }

    fn frame(&self, kind: Kind, sequence: u16, rest: usize, payload: Vec<u8>) -> Frame {
        let rest = u32::try_from(rest).unwrap_or(u32::MAX);
        Frame { kind, sequence, expect: self.expect, session: self.session, rest, payload }
    }

    /// Sends a frame without data.
    fn tell(&mut self, kind: Kind) {
        let frame = self.frame(kind, self.next, 0, Vec::new());
        self.out.extend(frame.write());
    }
}
