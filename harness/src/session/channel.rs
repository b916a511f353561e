//! Messages over a link: requests out, responses in, log lines put aside. Knows deadlines, not dialogues.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use prost::Message;

use super::frames::{Frames, Framing, Trouble};
use super::{Cause, Result, SessionError};
use crate::link::{Link, LinkError};
use crate::proto::packet::{self, Assembler};
use crate::proto::{Ack, Data, Payload, Request, Response, error as code, seal, state};

/// Log lines kept.
const LINES: usize = 20;
/// Bytes of a log line kept.
const LINE: usize = 256;
/// Bytes of messages that are taken in one step: no board's tensors are so many, and memory has an end.
const MOST: usize = 512 * 1024 * 1024;
/// What a message counts beside its bytes, for what is kept of even the shortest.
const UPKEEP: usize = 256;
/// Packets that are under way at once where the link holds back. So many answers fit any board's ring.
const WINDOW: usize = 64;
/// Bytes outside of messages kept.
const TAIL: usize = 1024;
/// Bytes outside of messages that are borne in one step.
const NOISE: usize = 64 * 1024;
/// Silence that ends a drain.
const SILENCE: Duration = Duration::from_millis(20);
/// What a board writes first when it dies.
const LAST_GASPS: [&str; 3] = ["HardFault", "hard fault", "panicked"];

/// Something under way, with the moment at which patience ends.
pub(super) struct Step {
    name: String,
    started: Instant,
    deadline: Instant,
    /// Bytes of messages so far.
    taken: usize,
}

impl Step {
    /// A step that begins now.
    pub fn new(name: &str, patience: Duration) -> Self {
        let started = Instant::now();
        Step { name: name.to_string(), started, deadline: started + patience, taken: 0 }
    }

    /// Moves the end of patience.
    pub fn extend(&mut self, by: Duration) {
        self.deadline += by;
    }
}

/// A link that carries messages.
pub(super) struct Channel {
    link: Box<dyn Link>,
    /// Longest message that is accepted.
    pub longest: usize,
    request_id: u32,
    /// How many answers to that request came.
    answers: u32,
    /// The board has sealed a message: one without is damaged.
    sealed: bool,
    assembler: Assembler,
    /// How the board takes frames, once it has said so.
    pub framing: Option<Framing>,
    /// The session in frames; without one messages go in packets.
    frames: Option<Frames>,
    inbox: VecDeque<u8>,
    lines: VecDeque<String>,
    /// The end of what came, without the messages that were understood.
    tail: Vec<u8>,
}

impl Channel {
    pub fn new(link: Box<dyn Link>, longest: usize) -> Self {
        Channel {
            link,
            longest,
            request_id: 0,
            answers: 0,
            sealed: false,
            assembler: Assembler::default(),
            framing: None,
            frames: None,
            inbox: VecDeque::new(),
            lines: VecDeque::new(),
            tail: Vec::new(),
        }
    }

    pub fn link_name(&self) -> String {
        self.link.name()
    }

    pub fn last_lines(&self) -> Vec<String> {
        let text: String =
            self.tail.iter().map(|&b| if (b' '..=b'~').contains(&b) { b as char } else { '\n' }).collect();
        // Short runs are packets that happen to look like letters.
        let readable = text.lines().map(str::trim).filter(|line| line.len() >= 6).map(str::to_string);
        self.lines.iter().cloned().chain(readable).collect()
    }

    /// An error in `step`.
    pub fn fail(&self, step: &str, cause: Cause) -> SessionError {
        SessionError { cause, step: step.to_string(), last_lines: self.last_lines() }
    }

    /// An error for an answer that does not belong into `step`.
    pub fn unexpected(&self, step: &str, payload: &Payload) -> SessionError {
        let cause = match payload {
            Payload::Ack(ack) if self.sealed && ack.error == code::INVALID_FORMAT => {
                Cause::Transport("the board received other bytes than were sent".into())
            }
            Payload::Ack(ack) if ack.error != code::NONE => {
                Cause::Board(format!("refused: {} ({})", code::name(ack.error), ack.error))
            }
            other => Cause::Protocol(format!("the board answered with {}", other.noun())),
        };
        self.fail(step, cause)
    }

    /// Forgets what the board wrote: it has been reported, and says nothing about what comes now.
    pub fn forget_lines(&mut self) {
        self.lines.clear();
        self.tail.clear();
    }

    /// Ends the packet that the board may be waiting for the rest of. Between packets zeros mean nothing to it,
    /// and in the middle of a message none begins with zero.
    pub fn complete_packet(&mut self, step: &mut Step) -> Result<()> {
        self.link.send(&[0; packet::PACKET], step.deadline).map_err(|error| self.link_failure(error, step))
    }

    /// Opens a session in frames.
    ///
    /// # Errors
    /// The board does not answer, or the link fails; messages go in packets then.
    pub fn open_frames(&mut self, framing: Framing, step: &mut Step) -> Result<()> {
        self.inbox.clear();
        self.frames = Some(Frames::open(framing, self.longest));
        let mut noise = 0;
        while !self.frames.as_ref().is_some_and(Frames::is_open) {
            if let Err(error) = self.pump(step, &mut noise) {
                self.frames = None;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Back to packets.
    pub fn leave_frames(&mut self) {
        self.frames = None;
    }

    /// Throws away what has come, until the board is silent or `patience` ends.
    pub fn drain(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 4096];
        self.assembler.reset();
        let waiting: Vec<u8> = self.inbox.drain(..).collect();
        self.keep(&waiting);
        while let Ok(count) = self.link.receive(&mut buffer, deadline.min(Instant::now() + SILENCE)) {
            self.keep(&buffer[..count]);
        }
    }

    /// Sends a request under a new id, which the answers have to repeat.
    pub fn request(&mut self, request: Request, step: &mut Step) -> Result<()> {
        self.request_id = self.request_id.wrapping_add(1);
        self.answers = 0;
        let request = Request { request_id: self.request_id, ..request };
        self.send(request.encode_to_vec(), step, None)
    }

    /// Tells the board that its last message was taken.
    pub fn acknowledge(&mut self, step: &mut Step) -> Result<()> {
        self.send(Ack::default().encode_to_vec(), step, None)
    }

    /// Sends the bytes of a tensor; the board has `patience` for each packet.
    pub fn data(&mut self, bytes: &[u8], step: &mut Step, patience: Duration) -> Result<()> {
        let size = u32::try_from(bytes.len())
            .map_err(|_| self.fail(&step.name, Cause::Input("a tensor of 4 GB or more".into())))?;
        let data = Data { size, bytes: bytes.to_vec(), ..Data::default() };
        self.send(data.encode_to_vec(), step, Some(patience))
    }

    /// The next answer to the last request. Log lines are put aside, stale answers thrown away.
    pub fn receive(&mut self, step: &mut Step) -> Result<(u32, Payload)> {
        let mut noise = 0;
        loop {
            let Some(response) = self.response(step, &mut noise)? else { continue };
            match response.payload {
                // Whatever it was said under: a board that is not acknowledged waits for ever.
                Some(Payload::Log(log)) => {
                    self.log(&log.text, step)?;
                    self.acknowledge(step)?;
                }
                _ if response.request_id != self.request_id => {}
                Some(payload) => return Ok((response.state, payload)),
                None => return Err(self.fail(&step.name, Cause::Protocol("an answer without content".into()))),
            }
        }
    }

    /// Sends a message packet by packet. With `patience` the step's deadline moves along: it is then the time
    /// that one packet may take.
    fn send(&mut self, message: Vec<u8>, step: &mut Step, patience: Option<Duration>) -> Result<()> {
        let message = seal::close(message);
        if self.frames.is_some() {
            return self.send_frames(&message, step, patience);
        }
        let packets = packet::cut(&message);
        // Over a link that holds back, packets need not wait for the board to ask for each; it does so all the same.
        let window = if self.link.holds_back() { WINDOW } else { 1 };
        let mut asks = packets.len() - 1;
        for packets in packets.chunks(window) {
            if let Some(patience) = patience {
                step.deadline = Instant::now() + patience;
            }
            if let Err(error) = self.link.send(&packets.concat(), step.deadline) {
                return Err(self.link_failure(error, step));
            }
            for _ in 0..packets.len().min(asks) {
                self.await_next(step)?;
                asks -= 1;
            }
        }
        Ok(())
    }

    /// Sends a message frame by frame, as fast as the board takes them.
    fn send_frames(&mut self, message: &[u8], step: &mut Step, patience: Option<Duration>) -> Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        let mut noise = 0;
        for (kind, rest, payload) in frames.cut(message) {
            if let Some(patience) = patience {
                step.deadline = Instant::now() + patience;
            }
            while !self.frames.as_ref().is_none_or(Frames::has_room) {
                self.pump(step, &mut noise)?;
                self.heed_refusal(step)?;
            }
            if let Some(frames) = &mut self.frames {
                frames.data(kind, rest, payload);
            }
            self.flush(step)?;
        }
        Ok(())
    }

    /// Ends the sending of a message that the board has refused in the middle.
    fn heed_refusal(&mut self, step: &mut Step) -> Result<()> {
        while let Some(message) = self.frames.as_mut().and_then(|frames| frames.whole.pop_front()) {
            let response = self.decode(&message, step)?;
            let ours = response.request_id == self.request_id;
            match response.payload {
                Some(Payload::Log(log)) => self.log(&log.text, step)?,
                Some(payload) if ours && response.state == state::ERROR => {
                    return Err(self.unexpected(&step.name, &payload));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sends what the session in frames has put together.
    fn flush(&mut self, step: &Step) -> Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        let out = std::mem::take(&mut frames.out);
        if out.is_empty() {
            return Ok(());
        }
        self.link.send(&out, step.deadline).map_err(|error| self.link_failure(error, step))
    }

    /// Waits for bytes, and gives them to the session in frames.
    fn pump(&mut self, step: &mut Step, noise: &mut usize) -> Result<()> {
        self.flush(step)?;
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.accept(self.longest);
        let mut buffer = [0; 4096];
        let taken = match self.link.receive(&mut buffer, step.deadline.min(frames.alarm())) {
            Ok(count) => frames.take(&buffer[..count]),
            Err(LinkError::TimedOut) if Instant::now() < step.deadline => {
                frames.remind();
                Ok(())
            }
            Err(error) => {
                // A board that died may have written why.
                let text = frames.unfinished().to_vec();
                self.keep(&text);
                return Err(self.link_failure(error, step));
            }
        };
        let (stray, words) = (std::mem::take(&mut frames.noise), frames.last_words.take());
        self.flush(step)?;
        *noise += stray.len();
        self.keep(&stray);
        if stray.contains(&b'\n') {
            self.listen(b'\n', step)?;
        }
        if let Some(words) = words {
            self.log(words.as_bytes(), step)?;
        }
        match taken {
            Err(Trouble::TooLong) => Err(self.broken(step, "a message came that is longer than any expected")),
            Err(Trouble::Senseless) => Err(self.broken(step, "whole frames came that are no message")),
            Ok(()) if *noise > NOISE => {
                Err(self.fail(&step.name, Cause::Transport(format!("{NOISE} bytes came that are no messages"))))
            }
            Ok(()) => Ok(()),
        }
    }

    /// The response that has come, if one has.
    fn response(&mut self, step: &mut Step, noise: &mut usize) -> Result<Option<Response>> {
        let Some(frames) = &mut self.frames else {
            let byte = self.next_byte(step)?;
            return self.take(byte, step, noise);
        };
        match frames.whole.pop_front() {
            Some(message) => self.decode(&message, step).map(Some),
            None => self.pump(step, noise).map(|()| None),
        }
    }

    /// Waits until the board wants the next packet.
    fn await_next(&mut self, step: &mut Step) -> Result<()> {
        let mut noise = 0;
        loop {
            let byte = self.next_byte(step)?;
            if byte == packet::NEXT && !self.assembler.is_inside() {
                return Ok(());
            }
            let Some(response) = self.take(byte, step, &mut noise)? else { continue };
            let ours = response.request_id == self.request_id;
            match response.payload {
                // It cannot be acknowledged now: the board would take the acknowledgement for the next packet.
                Some(Payload::Log(log)) => self.log(&log.text, step)?,
                Some(payload) if ours && response.state == state::ERROR => {
                    return Err(self.unexpected(&step.name, &payload));
                }
                _ => {}
            }
        }
    }

    fn next_byte(&mut self, step: &Step) -> Result<u8> {
        if let Some(byte) = self.inbox.pop_front() {
            return Ok(byte);
        }
        let mut buffer = [0; 4096];
        match self.link.receive(&mut buffer, step.deadline) {
            Ok(count) => {
                self.inbox.extend(&buffer[1..count]);
                Ok(buffer[0])
            }
            Err(error) => Err(self.link_failure(error, step)),
        }
    }

    /// Gives a byte to the assembler and answers the response that it completes.
    fn take(&mut self, byte: u8, step: &mut Step, noise: &mut usize) -> Result<Option<Response>> {
        self.keep(&[byte]);
        let claimed = self.assembler.taken() + 1;
        match self.assembler.push(byte, self.longest) {
            packet::Step::Taken => Ok(None),
            packet::Step::Message(message) => {
                let response = self.decode(&message, step)?;
                self.tail.truncate(self.tail.len().saturating_sub(claimed));
                Ok(Some(response))
            }
            packet::Step::Stray => {
                *noise += 1;
                self.listen(byte, step)?;
                if *noise <= NOISE {
                    return Ok(None);
                }
                Err(self.fail(&step.name, Cause::Transport(format!("{NOISE} bytes came that are no messages"))))
            }
            packet::Step::Broken => Err(self.broken(step, "bytes were lost or added inside a message")),
            packet::Step::TooLong => Err(self.broken(step, "a message came that is longer than any expected")),
        }
    }

    fn decode(&mut self, message: &[u8], step: &mut Step) -> Result<Response> {
        step.taken += message.len() + UPKEEP;
        if step.taken > MOST {
            return Err(self.fail(&step.name, Cause::Protocol(format!("the board sent more than {MOST} bytes"))));
        }
        let damaged =
            |reason: String| self.fail(&step.name, Cause::Transport(format!("a message came damaged: {reason}")));
        let misfit = || damaged("its checksum does not fit, or is missing where others had one".into());
        let fits = seal::fits(message);
        if self.sealed && !fits {
            return Err(misfit());
        }
        let response = Response::decode(message).map_err(|error| damaged(error.to_string()))?;
        if response.seal.is_some() && !fits {
            return Err(misfit());
        }
        self.sealed |= response.seal.is_some();
        if response.request_id == self.request_id {
            let expect = self.answers;
            self.answers = self.answers.wrapping_add(1);
            if let Some(index) = response.index.filter(|&index| index != expect) {
                let reason = format!("answer {index} came where answer {expect} was expected");
                return Err(self.fail(&step.name, Cause::Transport(reason)));
            }
        }
        Ok(response)
    }

    /// Error for a stream that makes no sense from here on. What still comes may be text that says why.
    fn broken(&mut self, step: &Step, reason: &str) -> SessionError {
        self.drain(SILENCE * 5);
        match self.last_gasp() {
            Some(line) => self.fail(&step.name, Cause::Board(line)),
            None => self.fail(&step.name, Cause::Transport(reason.into())),
        }
    }

    /// Ends the step when a line is complete that a dying board wrote past the protocol.
    fn listen(&mut self, byte: u8, step: &Step) -> Result<()> {
        if byte != b'\n' {
            return Ok(());
        }
        self.last_gasp().map_or(Ok(()), |line| Err(self.fail(&step.name, Cause::Board(line))))
    }

    fn last_gasp(&self) -> Option<String> {
        self.last_lines().into_iter().find(|line| LAST_GASPS.iter().any(|gasp| line.contains(gasp)))
    }

    fn log(&mut self, text: &[u8], step: &Step) -> Result<()> {
        let line = String::from_utf8_lossy(&text[..text.len().min(LINE)]).trim_end().to_string();
        let dying = LAST_GASPS.iter().any(|gasp| line.contains(gasp));
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.clone());
        if dying { Err(self.fail(&step.name, Cause::Board(line))) } else { Ok(()) }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        // Cut now and then, not at every byte.
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    fn link_failure(&mut self, error: LinkError, step: &Step) -> SessionError {
        let cause = match (error, self.link.last_words()) {
            (_, Some(words)) => Cause::Board(words),
            (LinkError::TimedOut, None) => match self.last_gasp() {
                Some(line) => Cause::Board(line),
                None => Cause::Timeout { waited: step.started.elapsed() },
            },
            (error, None) => Cause::Transport(error.to_string()),
        };
        self.fail(&step.name, cause)
    }
}
