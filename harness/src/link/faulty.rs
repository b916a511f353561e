//! A link with one chosen fault, for tests of what a bad cable does. Counts bytes; knows no protocol.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Link, LinkError};

/// Which way the damaged bytes were going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this host to the board.
    ToBoard,
    /// From the board to this host.
    FromBoard,
}

/// What happens to the byte stream; offsets count from the first byte of the link's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The byte at this offset is lost.
    Drop(u64),
    /// The byte at this offset comes twice.
    Duplicate(u64),
    /// The byte at this offset has the bits of this mask inverted.
    Flip(u64, u8),
    /// The bytes from this offset on are lost, as when a wire comes off.
    Cut(u64),
}

/// A link with a fault in one direction.
pub struct FaultyLink<L> {
    inner: L,
    direction: Direction,
    fault: Fault,
    seen: u64,
    received: VecDeque<u8>,
}

impl<L: Link> FaultyLink<L> {
    /// Puts `fault` into one direction of `inner`.
    pub fn new(inner: L, direction: Direction, fault: Fault) -> Self {
        FaultyLink { inner, direction, fault, seen: 0, received: VecDeque::new() }
    }

    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            let here = self.seen;
            self.seen += 1;
            match self.fault {
                Fault::Drop(at) if here == at => {}
                Fault::Cut(at) if here >= at => {}
                Fault::Duplicate(at) if here == at => out.extend([byte, byte]),
                Fault::Flip(at, mask) if here == at => out.push(byte ^ mask),
                _ => out.push(byte),
            }
        }
        out
    }
}

impl<L: Link> Link for FaultyLink<L> {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        if self.direction == Direction::FromBoard {
            return self.inner.send(bytes, deadline);
        }
        let damaged = self.damage(bytes);
        if damaged.is_empty() { Ok(()) } else { self.inner.send(&damaged, deadline) }
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        if self.direction == Direction::ToBoard {
            return self.inner.receive(buffer, deadline);
        }
        while self.received.is_empty() {
            let count = self.inner.receive(buffer, deadline)?;
            let damaged = self.damage(&buffer[..count]);
            self.received.extend(damaged);
        }
        let count = self.received.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.received.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn name(&self) -> String {
        format!("faulty {}", self.inner.name())
    }

    fn last_words(&mut self) -> Option<String> {
        self.inner.last_words()
    }
}
