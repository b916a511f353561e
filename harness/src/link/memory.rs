//! A link inside this process: two ends that talk to each other. The board's end is for a device loop on a thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use super::{Link, LinkError, time_left};

/// One end of a pipe in memory.
pub struct MemoryLink {
    outgoing: Sender<Vec<u8>>,
    incoming: Receiver<Vec<u8>>,
    /// Bytes that came and were not taken yet, and where the rest of them begins.
    pending: (Vec<u8>, usize),
}

/// Two ends: what one sends the other receives. An end that is dropped closes the link.
#[must_use]
pub fn pair() -> (MemoryLink, MemoryLink) {
    let (to_right, from_left) = channel();
    let (to_left, from_right) = channel();
    let end = |outgoing, incoming| MemoryLink { outgoing, incoming, pending: (Vec::new(), 0) };
    (end(to_right, from_right), end(to_left, from_left))
}

impl Link for MemoryLink {
    fn send(&mut self, bytes: &[u8], _deadline: Instant) -> Result<(), LinkError> {
        self.outgoing.send(bytes.to_vec()).map_err(|_| LinkError::Closed)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        while self.pending.1 == self.pending.0.len() {
            let bytes = self.incoming.recv_timeout(time_left(deadline)?).map_err(|error| match error {
                RecvTimeoutError::Timeout => LinkError::TimedOut,
                RecvTimeoutError::Disconnected => LinkError::Closed,
            })?;
            self.pending = (bytes, 0);
        }
        let waiting = &self.pending.0[self.pending.1..];
        let count = waiting.len().min(buffer.len());
        buffer[..count].copy_from_slice(&waiting[..count]);
        self.pending.1 += count;
        Ok(count)
    }

    fn name(&self) -> String {
        "memory".into()
    }
}
