//! A message from the host, packet by packet, as [`Source`].

use hilbench_wire::decode::{Error, Source};
use hilbench_wire::packet::{NEXT, PACKET, PAYLOAD};

use crate::Port;

/// A message that is being read.
pub struct Reader<'a> {
    port: &'a mut dyn Port,
    packet: [u8; PACKET],
    /// Useful bytes of the packet, and how many of them were taken.
    useful: usize,
    taken: usize,
    /// Bytes of the message that were not taken, the packet's included.
    remaining: usize,
}

impl<'a> Reader<'a> {
    /// Waits for the first packet of a message. Bytes that begin no packet are passed over.
    ///
    /// # Errors
    /// [`Error::Closed`]; a length that is not one.
    pub fn open(port: &'a mut dyn Port) -> Result<Self, Error> {
        let mut reader = Reader { port, packet: [0; PACKET], useful: 0, taken: 0, remaining: 0 };
        loop {
            reader.port.read(&mut reader.packet[..1]).map_err(|_| Error::Closed)?;
            if (1..=PAYLOAD).contains(&usize::from(reader.packet[0])) {
                break;
            }
        }
        reader.fill()?;
        reader.read_length()?;
        Ok(reader)
    }

    /// Takes the rest of a packet whose first byte is there.
    fn fill(&mut self) -> Result<(), Error> {
        self.port.read(&mut self.packet[1..]).map_err(|_| Error::Closed)?;
        self.useful = usize::from(self.packet[0]);
        self.taken = 0;
        Ok(())
    }

    fn read_length(&mut self) -> Result<(), Error> {
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = *self.packet[1..=self.useful].get(self.taken).ok_or(Error::Malformed)?;
            self.taken += 1;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                self.remaining = length;
                let here = self.useful - self.taken;
                // A packet that is not the last is full, and the last holds no more than the message.
                return if here > length || (here < length && self.useful < PAYLOAD) {
                    Err(Error::Broken)
                } else {
                    Ok(())
                };
            }
        }
        Err(Error::Malformed)
    }

    fn next_packet(&mut self) -> Result<(), Error> {
        self.port.write(&[NEXT]);
        self.port.read(&mut self.packet[..1]).map_err(|_| Error::Closed)?;
        if usize::from(self.packet[0]) != self.remaining.min(PAYLOAD) {
            return Err(Error::Broken);
        }
        self.fill()
    }
}

impl Source for Reader<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
        if into.len() > self.remaining {
            return Err(Error::Truncated);
        }
        let mut done = 0;
        while done < into.len() {
            if self.taken == self.useful {
                self.next_packet()?;
            }
            let now = (self.useful - self.taken).min(into.len() - done);
            into[done..done + now].copy_from_slice(&self.packet[1 + self.taken..][..now]);
            self.taken += now;
            self.remaining -= now;
            done += now;
        }
        Ok(())
    }

    fn remaining(&self) -> usize {
        self.remaining
    }
}
