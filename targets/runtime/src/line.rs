//! Messages to and from the host over a port: in packets, until a host of the device's own make opens a session, then in
//! frames. Keeps no time; whoever lost something is told, or asks.

use core::sync::atomic::{AtomicU32, Ordering};

use hilbench_wire::decode::Error;
use hilbench_wire::encode::{self, Head, Payload};
use hilbench_wire::frame::{self, ENCODED, Header, KINDS, Kind, PAYLOAD, WINDOW};
use hilbench_wire::packet::{self, Count, PACKET, Packets, Sink};

use crate::Port;
use crate::reader::Reader;

/// The session that is open, 0 where there is none; last words go out in it.
static SESSION: AtomicU32 = AtomicU32::new(0);

/// Bytes of last words.
const LINE: usize = 160;

/// A data frame that may have to be sent again.
#[derive(Clone, Copy)]
struct Slot {
    /// It begins a message.
    first: bool,
    rest: u32,
    length: usize,
    payload: [u8; PAYLOAD],
}

/// Memory of a session in frames.
pub struct Frames {
    /// 0 where messages come in packets.
    session: u32,
    /// The byte before was a zero, with which a frame begins.
    zero: bool,
    /// What the host sends next.
    expect: u16,
    /// A gap has been told to the host.
    complained: bool,
    /// A session was opened since the last message began.
    abandoned: bool,
    /// What is sent next, and what the host has not acknowledged.
    next: u16,
    acknowledged: u16,
    slots: [Slot; WINDOW],
    /// The frame that came last; of its payload, where the bytes begin that were not taken, and how many they are.
    incoming: [u8; ENCODED],
    at: usize,
    left: usize,
    /// The payload begins a message, which nobody has begun to read.
    fresh: bool,
    /// Bytes of the message from the payload's beginning on.
    rest: usize,
    outgoing: [u8; ENCODED],
}

impl Frames {
    /// No session.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made in statics, where default cannot be called")]
    pub const fn new() -> Self {
        Frames {
            session: 0,
            zero: false,
            expect: 0,
            complained: false,
            abandoned: false,
            next: 0,
            acknowledged: 0,
            // All zero, so that none of it takes flash.
            slots: [Slot { first: false, rest: 0, length: 0, payload: [0; PAYLOAD] }; WINDOW],
            incoming: [0; ENCODED],
            at: 0,
            left: 0,
            fresh: false,
            rest: 0,
            outgoing: [0; ENCODED],
        }
    }

    fn open(&mut self, session: u32) {
        self.session = session;
        SESSION.store(session, Ordering::Relaxed);
        (self.expect, self.next, self.acknowledged) = (0, 0, 0);
        (self.left, self.fresh, self.complained, self.abandoned) = (0, false, false, true);
    }

    fn waiting(&self) -> usize {
        usize::from(self.next.wrapping_sub(self.acknowledged))
    }
}

/// What came.
pub(crate) enum Start {
    /// The first bytes of a packet.
    Packet([u8; 3], usize),
    /// A frame, which has been dealt with as far as it is not data.
    Frame { data: bool },
}

/// A port that carries messages.
pub(crate) struct Line<'a> {
    pub port: &'a mut dyn Port,
    pub frames: &'a mut Frames,
}

impl Line<'_> {
    /// Whether messages go in frames.
    pub fn is_framed(&self) -> bool {
        self.frames.session != 0
    }

    /// Back to packets, which a host has asked for.
    pub fn leave_frames(&mut self) {
        self.frames.open(0);
        self.frames.abandoned = false;
    }

    /// Waits for the beginning of a message. What begins none is passed over.
    ///
    /// # Errors
    /// [`Error::Closed`]; a length that is not one.
    pub fn message(&mut self) -> Result<Reader<'_>, Error> {
        loop {
            if core::mem::take(&mut self.frames.fresh) {
                self.frames.abandoned = false;
                let length = self.frames.rest;
                return Ok(Reader::framed(Line { port: self.port, frames: self.frames }, length));
            }
            match self.start()? {
                Start::Packet(bytes, known) => {
                    self.frames.abandoned = false;
                    return Reader::packed(Line { port: self.port, frames: self.frames }, bytes, known);
                }
                Start::Frame { data: true } if self.take_data() => self.frames.fresh = self.frames.rest > 0,
                Start::Frame { .. } => {}
            }
        }
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Error> {
        let mut byte = [0];
        self.port.read(&mut byte).map_err(|_| Error::Closed)?;
        Ok(byte[0])
    }

    /// Waits for something to begin. In frames a packet is only taken for one where it begins as a request of one packet
    /// does, so that noise is not: a host that speaks packets says hello.
    fn start(&mut self) -> Result<Start, Error> {
        loop {
            let first = self.byte()?;
            let after_zero = core::mem::replace(&mut self.frames.zero, first == 0);
            if first == 0 {
                continue;
            }
            let framed = self.is_framed();
            if first == 2 && after_zero {
                let second = self.byte()?;
                if second >= KINDS {
                    return Ok(Start::Frame { data: self.frame(second)? });
                }
                if !framed {
                    return Ok(Start::Packet([first, second, 0], 2));
                }
                self.frames.zero = second == 0;
            } else if !framed && (1..=packet::PAYLOAD).contains(&usize::from(first)) {
                return Ok(Start::Packet([first, 0, 0], 1));
            } else if framed && (3..=packet::PAYLOAD).contains(&usize::from(first)) {
                let second = self.byte()?;
                self.frames.zero = second == 0;
                if second == first - 1 {
                    let third = self.byte()?;
                    self.frames.zero = third == 0;
                    if third == 0x08 {
                        return Ok(Start::Packet([first, second, third], 3));
                    }
                }
            }
        }
    }

    /// Takes a frame whose first two bytes came, and answers whether it has data that come next in order. What is no
    /// frame, or was damaged, is thrown away.
    fn frame(&mut self, kind: u8) -> Result<bool, Error> {
        let (mut length, mut fits) = (2, true);
        // The payload before is gone: only who has read it waits for a frame.
        self.frames.left = 0;
        (self.frames.incoming[0], self.frames.incoming[1]) = (2, kind);
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                break;
            }
            match self.frames.incoming.get_mut(length) {
                Some(place) => *place = byte,
                None => fits = false,
            }
            length += 1;
        }
        self.frames.zero = true;
        if !fits {
            return Ok(false);
        }
        let Some((header, payload)) = frame::read(&mut self.frames.incoming[..length]) else { return Ok(false) };
        let payload = payload.len();
        if header.kind == Kind::Open && header.session != 0 {
            self.frames.open(header.session);
            self.tell(Kind::Opened);
            return Ok(false);
        }
        if header.session != self.frames.session || !self.is_framed() {
            return Ok(false);
        }
        self.acknowledge(header.expect);
        match header.kind {
            Kind::Resend if self.frames.waiting() > 0 => self.transmit(self.frames.acknowledged),
            // Nothing is missing here; the host may have missed what was said of it.
            Kind::Resend => self.tell(Kind::Ack),
            Kind::First | Kind::More => {
                // What stands before the payload is the header, wherever decoding has put it.
                let (ahead, first) = (header.sequence.wrapping_sub(self.frames.expect), header.kind == Kind::First);
                (self.frames.at, self.frames.left) = (frame::HEADER, payload);
                (self.frames.fresh, self.frames.rest) = (first, header.rest as usize);
                return Ok(self.is_next(ahead));
            }
            _ => {}
        }
        Ok(false)
    }

    /// Whether a data frame that is so far ahead of the expected one is that one. Tells the host if not.
    fn is_next(&mut self, ahead: u16) -> bool {
        if ahead == 0 {
            return true;
        }
        (self.frames.left, self.frames.fresh) = (0, false);
        if ahead >= 0x8000 {
            // It came before; the host has missed that.
            self.tell(Kind::Ack);
        } else if !core::mem::replace(&mut self.frames.complained, true) {
            self.tell(Kind::Resend);
        }
        false
    }

    /// Takes the data frame that has just come, and answers whether it begins a message.
    fn take_data(&mut self) -> bool {
        self.frames.expect = self.frames.expect.wrapping_add(1);
        self.frames.complained = false;
        self.tell(Kind::Ack);
        core::mem::take(&mut self.frames.fresh)
    }

    /// Up to so many bytes of the message that is being read, as many as have come: at least one.
    ///
    /// # Errors
    /// The message was given up by the host.
    pub fn more(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        while self.frames.left == 0 {
            match self.start()? {
                Start::Frame { data: true } => {
                    if self.take_data() {
                        self.frames.fresh = true;
                        return Err(Error::Broken);
                    }
                }
                Start::Frame { data: false } => {}
                Start::Packet(..) if !self.is_framed() => return Err(Error::Abandoned),
                Start::Packet(..) => {}
            }
            if self.frames.abandoned {
                return Err(Error::Abandoned);
            }
        }
        let count = self.frames.left.min(into.len());
        into[..count].copy_from_slice(&self.frames.incoming[self.frames.at..self.frames.at + count]);
        self.frames.at += count;
        self.frames.left -= count;
        Ok(count)
    }

    /// Sends a message.
    pub fn send(&mut self, head: Head, payload: &Payload<'_>) {
        if !self.is_framed() {
            let port = &mut *self.port;
            let mut packets = Packets::new(|packet: &[u8; PACKET]| port.write(packet));
            encode::response(&mut packets, head, payload);
            return packets.end();
        }
        let mut count = Count::default();
        encode::response(&mut count, head, payload);
        let mut out = Out { line: self, rest: count.0, first: true, length: 0 };
        encode::response(&mut out, head, payload);
        out.flush();
    }

    fn acknowledge(&mut self, expect: u16) {
        if expect.wrapping_sub(self.frames.acknowledged) <= self.frames.next.wrapping_sub(self.frames.acknowledged) {
            self.frames.acknowledged = expect;
        }
    }

    fn header(&self, kind: Kind, sequence: u16, rest: u32) -> Header {
        Header { kind, sequence, expect: self.frames.expect, session: self.frames.session, rest }
    }

    /// Sends a frame without data.
    fn tell(&mut self, kind: Kind) {
        let header = self.header(kind, self.frames.next, 0);
        let length = frame::write(&header, &[], &mut self.frames.outgoing);
        self.port.write(&self.frames.outgoing[..length]);
    }

    /// Sends a data frame, for the first time or again.
    fn transmit(&mut self, sequence: u16) {
        let slot = &self.frames.slots[usize::from(sequence) % WINDOW];
        let kind = if slot.first { Kind::First } else { Kind::More };
        let header = self.header(kind, sequence, slot.rest);
        let length = frame::write(&header, &slot.payload[..slot.length], &mut self.frames.outgoing);
        self.port.write(&self.frames.outgoing[..length]);
    }
}

/// Cuts a message into data frames.
struct Out<'a, 'b> {
    line: &'a mut Line<'b>,
    /// Bytes of the message from the payload's beginning on.
    rest: usize,
    first: bool,
    length: usize,
}

impl Out<'_, '_> {
    /// Sends what has been put together, and waits until there is room for another frame.
    fn flush(&mut self) {
        let frames = &mut *self.line.frames;
        if self.length == 0 || frames.abandoned {
            return;
        }
        let (sequence, rest) = (frames.next, self.rest as u32);
        let slot = &mut frames.slots[usize::from(sequence) % WINDOW];
        (slot.first, slot.rest, slot.length) = (self.first, rest, self.length);
        frames.next = sequence.wrapping_add(1);
        self.line.transmit(sequence);
        self.rest -= self.length;
        (self.first, self.length) = (false, 0);
        // Data that come meanwhile have no place; the host will send them again.
        while self.line.frames.waiting() >= WINDOW && !self.line.frames.abandoned {
            match self.line.start() {
                Ok(Start::Frame { .. }) => (self.line.frames.left, self.line.frames.fresh) = (0, false),
                // A host that speaks packets says hello more than once.
                Ok(Start::Packet(..)) => {
                    self.line.leave_frames();
                    self.line.frames.abandoned = true;
                }
                Err(_) => self.line.frames.abandoned = true,
            }
        }
    }
}

impl Sink for Out<'_, '_> {
    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.line.frames.abandoned {
            if self.length == PAYLOAD {
                self.flush();
                continue;
            }
            let slot = usize::from(self.line.frames.next) % WINDOW;
            let (now, rest) = bytes.split_at(bytes.len().min(PAYLOAD - self.length));
            self.line.frames.slots[slot].payload[self.length..][..now.len()].copy_from_slice(now);
            self.length += now.len();
            bytes = rest;
        }
    }
}

/// Sends a line of text from wherever the device got stuck: in a frame of its own where a session is open, or else as the
/// log message of a request.
pub(crate) fn last_words(port: &mut dyn Port, head: Head, text: &[u8]) {
    let session = SESSION.load(Ordering::Relaxed);
    if session == 0 {
        let mut packets = Packets::new(|packet: &[u8; PACKET]| port.write(packet));
        encode::response(&mut packets, head, &Payload::Log(text));
        return packets.end();
    }
    // What was being sent may have been cut off: its rest ends at the zero with which this begins.
    let header = Header { kind: Kind::LastWords, sequence: 0, expect: 0, session, rest: text.len() as u32 };
    let mut line = [0; LINE + 32];
    let length = frame::write(&header, text.get(..LINE).unwrap_or(text), &mut line);
    port.write(&line[..length]);
}
