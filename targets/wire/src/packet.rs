//! Packets: 33 bytes each way, the first one says how many of the others are useful.
//!
//! A message to the device begins with its length as a varint, and the device asks for each packet after the first
//! with [`NEXT`]. A message to the host has no length: bit 7 of a packet's first byte marks the last one.

/// Useful bytes of a packet.
pub const PAYLOAD: usize = 32;
/// Bytes of a packet.
pub const PACKET: usize = 1 + PAYLOAD;
/// Asks the host for the next packet of its message.
pub const NEXT: u8 = 0xAA;
/// Marks the last packet of a message to the host.
pub const END: u8 = 0x80;

/// Where bytes of a message go.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

/// Counts bytes instead of taking them.
#[derive(Default)]
pub struct Count(pub usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Cuts a message for the host into packets and hands each to `send`.
pub struct Packets<F: FnMut(&[u8; PACKET])> {
    packet: [u8; PACKET],
    useful: usize,
    send: F,
}

impl<F: FnMut(&[u8; PACKET])> Packets<F> {
    /// An empty message.
    pub fn new(send: F) -> Self {
        Packets { packet: [0; PACKET], useful: 0, send }
    }

    /// Sends what is left as the last packet.
    pub fn end(mut self) {
        self.flush(END);
    }

    fn flush(&mut self, mark: u8) {
        self.packet[0] = self.useful as u8 | mark;
        self.packet[1 + self.useful..].fill(0);
        (self.send)(&self.packet);
        self.useful = 0;
    }
}

impl<F: FnMut(&[u8; PACKET])> Sink for Packets<F> {
    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A full packet waits until it is known not to be the last.
            if self.useful == PAYLOAD {
                self.flush(0);
            }
            let (now, rest) = bytes.split_at(bytes.len().min(PAYLOAD - self.useful));
            self.packet[1 + self.useful..][..now.len()].copy_from_slice(now);
            self.useful += now.len();
            bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[track_caller]
    fn check(length: usize, first_bytes: &[u8]) {
        let mut heads = Vec::new();
        let mut message = Vec::new();
        let mut packets = Packets::new(|p: &[u8; PACKET]| {
            heads.push(p[0]);
            message.extend_from_slice(&p[1..1 + usize::from(p[0] & !END)]);
        });
        let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
        bytes.chunks(7).for_each(|piece| packets.put(piece));
        packets.end();
        assert_eq!(message, bytes);
        assert_eq!(heads, first_bytes);
    }

    #[test]
    fn the_last_packet_is_marked() {
        check(0, &[0x80]);
        check(31, &[0x9F]);
        check(32, &[0xA0]);
        check(33, &[32, 0x81]);
        check(64, &[32, 0xA0]);
    }
}
