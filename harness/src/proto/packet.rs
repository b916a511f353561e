//! Packets of the board protocol: how a message is cut for the board, and how one from it is put together.
//!
//! Neither direction has checksums, sequence numbers or a way to find the next packet. What can be noticed is
//! a first byte that no packet has, and a message that does not begin as every one does; what cannot is left to
//! the checksums inside the messages.

/// Useful bytes of a packet.
pub const PAYLOAD: usize = 32;
/// Bytes of a packet.
pub const PACKET: usize = 1 + PAYLOAD;
/// What the board sends when it wants the next packet.
pub const NEXT: u8 = 0xAA;
/// Marks the last packet of a message from the board.
const END: u8 = 0x80;
/// First byte of every message from the board: the key of the request's id. A space begins a full packet too, and
/// this tells the two apart.
const FIRST: u8 = 0x08;

/// Cuts a message for the board: its length in front, each packet filled up to the fixed size.
#[must_use]
pub fn cut(message: &[u8]) -> Vec<[u8; PACKET]> {
    let mut stream = Vec::with_capacity(message.len() + 5);
    // A Vec always has room, so the only error there is cannot occur.
    let _ = prost::encode_length_delimiter(message.len(), &mut stream);
    stream.extend_from_slice(message);
    stream
        .chunks(PAYLOAD)
        .map(|piece| {
            let mut packet = [0; PACKET];
            packet[0] = piece.len() as u8;
            packet[1..=piece.len()].copy_from_slice(piece);
            packet
        })
        .collect()
}

/// What a byte from the board turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Part of a message.
    Taken,
    /// Not part of one: noise, or text that something on the board wrote past the protocol.
    Stray,
    /// The last byte of this message.
    Message(Vec<u8>),
    /// A first byte that no packet has, in the middle of a message: bytes were lost or added.
    Broken,
    /// The message is longer than any that is expected.
    TooLong,
}

/// Puts messages from the board together, a byte at a time.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    message: Vec<u8>,
    packet: Option<Packet>,
    /// Bytes of the message's packets so far.
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    useful: usize,
    seen: usize,
    last: bool,
}

impl Assembler {
    /// Forgets a message that was begun.
    pub fn reset(&mut self) {
        self.message.clear();
        self.packet = None;
        self.taken = 0;
    }

    /// How many of the last bytes are the message under way.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Whether a message was begun and not ended.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.packet.is_some() || !self.message.is_empty()
    }

    /// Takes the next byte. After [`Step::Broken`] and [`Step::TooLong`] the assembler is as new.
    pub fn push(&mut self, byte: u8, longest: usize) -> Step {
        let Some(packet) = &mut self.packet else {
            return self.begin(byte, longest);
        };
        if self.taken == 1 && byte != FIRST {
            // The byte before was no first byte of a packet; this one may be.
            self.reset();
            return self.begin(byte, longest);
        }
        if packet.seen < packet.useful {
            self.message.push(byte);
        }
        self.taken += 1;
        packet.seen += 1;
        if packet.seen < PAYLOAD {
            return Step::Taken;
        }
        let last = packet.last;
        self.packet = None;
        if !last {
            return Step::Taken;
        }
        self.taken = 0;
        Step::Message(std::mem::take(&mut self.message))
    }

    fn begin(&mut self, byte: u8, longest: usize) -> Step {
        let (useful, last) = (usize::from(byte & !END), byte & END != 0);
        // Only the last packet may be short.
        if useful > PAYLOAD || (!last && useful < PAYLOAD) {
            let inside = self.is_inside();
            self.reset();
            return if inside { Step::Broken } else { Step::Stray };
        }
        if self.message.len() + useful > longest {
            self.reset();
            return Step::TooLong;
        }
        self.packet = Some(Packet { useful, seen: 0, last });
        self.taken += 1;
        Step::Taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the board sends for `message`.
    fn from_board(message: &[u8]) -> Vec<u8> {
        let count = message.len().div_ceil(PAYLOAD).max(1);
        let mut bytes = Vec::new();
        for n in 0..count {
            let piece = &message[n * PAYLOAD..message.len().min((n + 1) * PAYLOAD)];
            bytes.push(piece.len() as u8 | if n + 1 == count { END } else { 0 });
            bytes.extend_from_slice(piece);
            bytes.resize((n + 1) * PACKET, 0);
        }
        bytes
    }

    fn check(stream: &[u8], expect: &[Step]) {
        let mut assembler = Assembler::default();
        let notable: Vec<Step> =
            stream.iter().map(|&b| assembler.push(b, 100)).filter(|step| *step != Step::Taken).collect();
        assert_eq!(notable, expect);
    }

    #[test]
    fn messages_come_out_as_they_went_in() {
        for length in [1, 31, 32, 33, 64, 65, 100] {
            let message: Vec<u8> = (FIRST..FIRST + length).collect();
            check(&from_board(&message), &[Step::Message(message)]);
        }
    }

    #[test]
    fn text_between_messages_is_stray() {
        let mut stream = b"boot\n".to_vec();
        stream.extend(from_board(&[FIRST, 2]));
        let mut expect = vec![Step::Stray; 5];
        expect.push(Step::Message(vec![FIRST, 2]));
        check(&stream, &expect);
    }

    #[test]
    fn a_space_begins_no_packet_unless_a_message_follows() {
        let mut stream = b"a  b ".to_vec();
        stream.extend(from_board(&[FIRST; 40]));
        // A space is only known for one when the next byte is there.
        check(&stream, &[Step::Stray, Step::Stray, Step::Message(vec![FIRST; 40])]);
    }

    #[test]
    fn a_lost_byte_is_noticed_at_the_next_packet() {
        let mut message = [0xFF; 70];
        message[0] = FIRST;
        let mut stream = from_board(&message);
        stream.remove(10);
        check(&stream[..=PACKET], &[Step::Broken]);
    }

    #[test]
    fn a_message_without_end_is_given_up() {
        check(&from_board(&[FIRST; 101])[..=3 * PACKET], &[Step::TooLong]);
    }

    #[test]
    fn packets_for_the_board_are_full_size() {
        let packets = cut(&[9; 40]);
        assert_eq!(packets.len(), 2);
        assert_eq!((packets[0][0], packets[0][1], packets[0][2]), (32, 40, 9));
        assert_eq!((packets[1][0], packets[1][9], packets[1][10]), (9, 9, 0));
    }
}
