//! The checksum at the end of a message, in both directions. Packets have none, so this is what tells a damaged
//! message from a whole one: field 100 as fixed32, the CRC-32 of all bytes of the message before that field.

/// Key of the field: number 100, wire type fixed32.
const KEY: [u8; 2] = [0xA5, 0x06];
/// Bytes of the field.
const LENGTH: usize = KEY.len() + 4;

/// Adds the seal to a message.
#[must_use]
pub fn close(mut message: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&message);
    message.extend_from_slice(&KEY);
    message.extend_from_slice(&checksum.to_le_bytes());
    message
}

/// Whether the message ends in a seal that fits the rest of it.
#[must_use]
pub fn fits(message: &[u8]) -> bool {
    let Some((body, field)) = message.split_last_chunk::<LENGTH>() else { return false };
    field.starts_with(&KEY) && field.ends_with(&crc32fast::hash(body).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_breaks_the_seal() {
        let sealed = close(vec![0x08, 1, 0x10, 0]);
        assert!(fits(&sealed));
        for bit in 0..8 * sealed.len() {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!fits(&damaged), "bit {bit}");
        }
    }

    #[test]
    fn short_messages_have_no_seal() {
        assert!(!fits(&[]));
        assert!(fits(&close(Vec::new())));
    }
}
