//! A message from the host as [`Source`], packet by packet or frame by frame.

use hilbench_wire::decode::{Error, Source};
use hilbench_wire::packet::{NEXT, PACKET, PAYLOAD};

use crate::line::Line;

/// A message that is being read.
pub struct Reader<'a> {
    line: Line<'a>,
    /// The packet; `None` in frames.
    packet: Option<Packet>,
    /// Bytes of the message that were not taken, the packet's included.
    remaining: usize,
}

struct Packet {
    bytes: [u8; PACKET],
    /// Useful bytes of the packet, and how many of them were taken.
    useful: usize,
    taken: usize,
}

impl<'a> Reader<'a> {
    /// A message of `length` bytes in frames, the first of which has come.
    pub(crate) fn framed(line: Line<'a>, length: usize) -> Self {
        Reader { line, packet: None, remaining: length }
    }

    /// A message in packets, of the first of which so many bytes are `known`.
    ///
    /// # Errors
    /// [`Error::Closed`]; a length that is not one.
    pub(crate) fn packed(line: Line<'a>, first: [u8; 3], known: usize) -> Result<Self, Error> {
        let mut packet = Packet { bytes: [0; PACKET], useful: 0, taken: 0 };
        packet.bytes[..known].copy_from_slice(&first[..known]);
        let mut reader = Reader { line, packet: None, remaining: 0 };
        reader.fill(&mut packet, known)?;
        reader.read_length(&mut packet)?;
        reader.packet = Some(packet);
        Ok(reader)
    }

    /// Whether the message comes in packets.
    pub fn is_packed(&self) -> bool {
        self.packet.is_some()
    }

    /// Takes the rest of a packet of which so many bytes are there.
    fn fill(&mut self, packet: &mut Packet, known: usize) -> Result<(), Error> {
        self.line.port.read(&mut packet.bytes[known..]).map_err(|_| Error::Closed)?;
        packet.useful = usize::from(packet.bytes[0]);
        packet.taken = 0;
        Ok(())
    }

    fn read_length(&mut self, packet: &mut Packet) -> Result<(), Error> {
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = *packet.bytes[1..=packet.useful].get(packet.taken).ok_or(Error::Malformed)?;
            packet.taken += 1;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                self.remaining = length;
                let here = packet.useful - packet.taken;
                // A packet that is not the last is full, and the last holds no more than the message.
                return if here > length || (here < length && packet.useful < PAYLOAD) {
                    Err(Error::Broken)
                } else {
                    Ok(())
                };
            }
        }
        Err(Error::Malformed)
    }

    fn next_packet(&mut self, packet: &mut Packet) -> Result<(), Error> {
        self.line.port.write(&[NEXT]);
        packet.bytes[0] = self.line.byte()?;
        if usize::from(packet.bytes[0]) != self.remaining.min(PAYLOAD) {
            return Err(Error::Broken);
        }
        self.fill(packet, 1)
    }

    /// Up to so many bytes, at least one.
    fn some(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        let Some(mut packet) = self.packet.take() else { return self.line.more(into) };
        if packet.taken == packet.useful {
            self.next_packet(&mut packet)?;
        }
        let now = (packet.useful - packet.taken).min(into.len());
        into[..now].copy_from_slice(&packet.bytes[1 + packet.taken..][..now]);
        packet.taken += now;
        self.packet = Some(packet);
        Ok(now)
    }
}

impl Source for Reader<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
        if into.len() > self.remaining {
            return Err(Error::Truncated);
        }
        let mut done = 0;
        while done < into.len() {
            let now = self.some(&mut into[done..])?;
            self.remaining -= now;
            done += now;
        }
        Ok(())
    }

    fn remaining(&self) -> usize {
        self.remaining
    }
}
