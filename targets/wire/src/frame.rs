//! Frames: what the device and a host of its own make exchange instead of packets, so that no byte that is lost, changed,
//! added or sent twice goes unnoticed, and nobody waits for the next packet. Device side: one frame at a time, sans I/O.
//!
//! On the line a frame is `00 COBS(header, payload, CRC-32) 00`. The header:
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | kind, from [`KINDS`] on |
//! | 1 | 0: with it every frame begins `00 02 Fx`, which no packet does |
//! | 2 | sequence number of a data frame, from 0 on; each direction has its own |
//! | 2 | the sequence number that the sender expects next: all before it have come |
//! | 4 | session: a number that the host draws and both repeat; frames of another are thrown away |
//! | 4 | bytes of the message from this payload on |
//!
//! Numbers are little endian. The host opens a session, and it alone keeps time: it repeats what is not acknowledged, and
//! asks for what does not come. The device sends at most [`WINDOW`] data frames that are not acknowledged, keeps them, and
//! repeats the one that is asked for. It takes data frames in order only; the host takes them in any.

use cobs::{CobsEncoder, decode_in_place};

/// Bytes of a payload at most.
pub const PAYLOAD: usize = 1024;
/// Data frames that may wait for their acknowledgement.
pub const WINDOW: usize = 6;
/// The lowest kind.
pub const KINDS: u8 = 0xF0;

/// Bytes of the header, after which [`read`] leaves the payload.
pub const HEADER: usize = 14;
const CHECKSUM: usize = 4;
/// Bytes of a frame on the line at most: one more for each 254, and the zeros around it.
pub const ENCODED: usize = HEADER + PAYLOAD + CHECKSUM + (HEADER + PAYLOAD + CHECKSUM) / 254 + 1 + 2;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the host: forget what was before, a session begins.
    Open,
    /// The device has done so.
    Opened,
    /// The beginning of a message.
    First,
    /// More of a message.
    More,
    /// Nothing but what is expected next.
    Ack,
    /// What is expected next has not come; send it again.
    Resend,
    /// A line of text from a device that is about to stop. Has no place in any order.
    LastWords,
}

const ALL: [Kind; 7] = [Kind::Open, Kind::Opened, Kind::First, Kind::More, Kind::Ack, Kind::Resend, Kind::LastWords];

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is for.
    pub kind: Kind,
    /// Sequence number of a data frame.
    pub sequence: u16,
    /// The sequence number that the sender expects next.
    pub expect: u16,
    /// The session.
    pub session: u32,
    /// Bytes of the message from this payload on.
    pub rest: u32,
}

/// Writes a frame into `line`, and answers how many bytes it takes: none if they do not fit.
#[must_use]
pub fn write(header: &Header, payload: &[u8], line: &mut [u8]) -> usize {
    let mut bytes = [0; HEADER];
    bytes[0] = KINDS + ALL.iter().position(|&kind| kind == header.kind).unwrap_or(0) as u8;
    bytes[2..4].copy_from_slice(&header.sequence.to_le_bytes());
    bytes[4..6].copy_from_slice(&header.expect.to_le_bytes());
    bytes[6..10].copy_from_slice(&header.session.to_le_bytes());
    bytes[10..14].copy_from_slice(&header.rest.to_le_bytes());
    let mut checksum = crate::CRC.digest();
    checksum.update(&bytes);
    checksum.update(payload);
    let checksum = checksum.finalize().to_le_bytes();
    let [first, inner @ ..] = line else { return 0 };
    *first = 0;
    let mut encoder = CobsEncoder::new(inner);
    let written = [&bytes[..], payload, &checksum].iter().try_for_each(|part| encoder.push(part));
    if written.is_err() {
        return 0;
    }
    let length = encoder.finalize();
    match inner.get_mut(length) {
        Some(last) => {
            *last = 0;
            length + 2
        }
        None => 0,
    }
}

/// Reads a frame in place, from the bytes between its zeros. The payload is what is left of them after the header.
/// `None` where they are no frame, or one that was damaged.
pub fn read(line: &mut [u8]) -> Option<(Header, &[u8])> {
    let length = decode_in_place(line).ok()?;
    let (body, checksum) = line.get(..length)?.split_last_chunk::<CHECKSUM>()?;
    if crate::CRC.checksum(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (header, payload) = body.split_first_chunk::<HEADER>()?;
    let &[kind, zero, s0, s1, e0, e1, n0, n1, n2, n3, r0, r1, r2, r3] = header;
    let kind = *ALL.get(usize::from(kind.checked_sub(KINDS)?))?;
    (zero == 0).then_some((
        Header {
            kind,
            sequence: u16::from_le_bytes([s0, s1]),
            expect: u16::from_le_bytes([e0, e1]),
            session: u32::from_le_bytes([n0, n1, n2, n3]),
            rest: u32::from_le_bytes([r0, r1, r2, r3]),
        },
        payload,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Header = Header { kind: Kind::More, sequence: 0x1234, expect: 0, session: 0xDEAD_BEEF, rest: 70_000 };

    fn payload() -> [u8; PAYLOAD] {
        core::array::from_fn(|i| (i * i / 7) as u8)
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        for length in [0, 1, 239, 240, 254, 255, PAYLOAD] {
            let mut line = [0xFF; ENCODED];
            let size = write(&HEAD, &payload()[..length], &mut line);
            assert_eq!((&line[..2], line[2] >= KINDS, line[size - 1]), (&[0, 2][..], true, 0));
            let inner = &mut line[1..size - 1];
            assert!(!inner.contains(&0));
            assert_eq!(read(inner), Some((HEAD, &payload()[..length])), "{length}");
        }
    }

    #[test]
    fn the_largest_frame_fits_and_a_larger_one_does_not() {
        let mut line = [0; ENCODED];
        assert_eq!(write(&HEAD, &[1; PAYLOAD], &mut line), ENCODED);
        assert_eq!(write(&HEAD, &[1; PAYLOAD + 1], &mut line), 0);
        assert_eq!(write(&HEAD, &[], &mut []), 0);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let mut sound = [0; ENCODED];
        let size = write(&HEAD, &payload()[..40], &mut sound);
        for bit in 8..8 * (size - 1) {
            let mut line = sound;
            line[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&mut line[1..size - 1]), None, "bit {bit}");
        }
    }
}
