//! Frames of the board protocol, as the host reads and writes them: `00 COBS(header, payload, CRC-32) 00`.
//!
//! The header is kind, 0, sequence number (2), next expected sequence number (2), session (4), bytes of the message from
//! this payload on (4), little endian. With the 0 a frame begins `00 02 Fx`, which no packet does.

const HEADER: usize = 14;
const CHECKSUM: usize = 4;
const KINDS: u8 = 0xF0;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To the board: forget what was before, a session begins.
    Open = KINDS,
    /// The board has done so.
    Opened,
    /// The beginning of a message.
    First,
    /// More of a message.
    More,
    /// Nothing but what is expected next.
    Ack,
    /// What is expected next has not come; send it again.
    Resend,
    /// A line of text from a board that is about to stop.
    LastWords,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Open, Kind::Opened, Kind::First, Kind::More, Kind::Ack, Kind::Resend, Kind::LastWords];
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
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
    /// The payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The frame with its zeros around it.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind as u8, 0];
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.expect.to_le_bytes());
        bytes.extend(self.session.to_le_bytes());
        bytes.extend(self.rest.to_le_bytes());
        bytes.extend(&self.payload);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let mut line = vec![0];
        line.extend(cobs::encode_vec(&bytes));
        line.push(0);
        line
    }

    /// Reads the bytes between two zeros; `None` where they are no frame, or one that was damaged.
    #[must_use]
    pub fn read(line: &[u8]) -> Option<Frame> {
        let bytes = cobs::decode_vec(line).ok()?;
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (header, payload) = body.split_first_chunk::<HEADER>()?;
        let &[kind, zero, s0, s1, e0, e1, n0, n1, n2, n3, r0, r1, r2, r3] = header;
        let kind = *Kind::ALL.iter().find(|&&k| k as u8 == kind)?;
        (zero == 0).then(|| Frame {
            kind,
            sequence: u16::from_le_bytes([s0, s1]),
            expect: u16::from_le_bytes([e0, e1]),
            session: u32::from_le_bytes([n0, n1, n2, n3]),
            rest: u32::from_le_bytes([r0, r1, r2, r3]),
            payload: payload.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_and_damage_is_noticed() {
        let payload: Vec<u8> = (0..600).map(|i| (i * i / 7) as u8).collect();
        let frame =
            Frame { kind: Kind::More, sequence: 0x1234, expect: 7, session: 0xDEAD_BEEF, rest: 70_000, payload };
        let line = frame.write();
        assert_eq!((&line[..2], line[2], line[line.len() - 1]), (&[0, 2][..], Kind::More as u8, 0));
        let inner = &line[1..line.len() - 1];
        assert!(!inner.contains(&0));
        assert_eq!(Frame::read(inner), Some(frame));
        for bit in 0..8 * inner.len() {
            let mut damaged = inner.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::read(&damaged), None, "bit {bit}");
        }
    }
}
