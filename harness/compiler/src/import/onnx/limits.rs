//! Walks over the bytes of an ONNX file before it is decoded. Refuses damaged framing, with the place, and files whose
//! decoded form would be far larger than they are. Knows which fields hold messages; knows no meaning.

use crate::{Error, Result};

/// What a decoded message takes at most, without what it refers to.
const MESSAGE_BYTES: usize = 512;

/// What an element of a repeated field of texts takes, without its characters.
const TEXT_BYTES: usize = 24;

/// What the decoded form may take beyond three times the file.
const ALLOWANCE: usize = 40 << 20;

/// Deepest nesting of messages that are read.
const MAX_DEPTH: usize = 16;

#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Leaf,
}

impl Kind {
    /// The message in field `number`, if it holds one that is read.
    fn child(self, number: u64) -> Option<Kind> {
        Some(match (self, number) {
            (Kind::Model, 7) => Kind::Graph,
            (Kind::Model, 8 | 25) | (Kind::Tensor, 13) | (Kind::Shape, 1) => Kind::Leaf,
            (Kind::Graph, 1) => Kind::Node,
            (Kind::Graph, 5) | (Kind::Attribute, 5) => Kind::Tensor,
            (Kind::Graph, 11 | 12) => Kind::ValueInfo,
            (Kind::Node, 5) => Kind::Attribute,
            (Kind::ValueInfo, 2) => Kind::Type,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::TensorType, 2) => Kind::Shape,
            _ => return None,
        })
    }

    /// Bytes that one byte of a packed field becomes.
    fn growth(self, number: u64) -> usize {
        match (self, number) {
            (Kind::Tensor, 1 | 7) | (Kind::Attribute, 8) => 16,
            (Kind::Tensor, 5) => 6,
            _ => 1,
        }
    }
}

/// Checks the framing of every message that is read and the size that they decode to.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut decoded = 0_usize;
    walk(bytes, 0, Kind::Model, 0, &mut decoded)?;
    let limit = bytes.len().saturating_mul(3).saturating_add(ALLOWANCE);
    if decoded > limit {
        let reason = format!("so many parts that {} bytes of file become {decoded} bytes", bytes.len());
        return Err(Error::Unsupported { subject: "model".to_string(), reason });
    }
    Ok(())
}

fn walk(bytes: &[u8], base: usize, kind: Kind, depth: usize, decoded: &mut usize) -> Result<()> {
    let malformed = |at: usize, reason: &str| Error::Malformed { offset: base + at, reason: reason.to_string() };
    *decoded = decoded.saturating_add(MESSAGE_BYTES);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let tag = varint(bytes, &mut at).ok_or_else(|| malformed(start, "a field number that does not end"))?;
        let number = tag >> 3;
        let length = match tag & 7 {
            0 => {
                varint(bytes, &mut at).ok_or_else(|| malformed(start, "a number that does not end"))?;
                *decoded = decoded.saturating_add(kind.growth(number));
                0
            }
            1 => 8,
            5 => 4,
            2 => {
                let length = varint(bytes, &mut at).ok_or_else(|| malformed(start, "a length that does not end"))?;
                usize::try_from(length).map_err(|_| malformed(start, "a length outside of the file"))?
            }
            other => {
                return Err(malformed(start, &format!("not an ONNX file: there is no field of wire type {other}")));
            }
        };
        let end = at.checked_add(length).filter(|&end| end <= bytes.len());
        let Some(end) = end else {
            return Err(malformed(start, &format!("field {number} ends outside of its message")));
        };
        if tag & 7 == 2 {
            match kind.child(number) {
                Some(child) if depth < MAX_DEPTH => walk(&bytes[at..end], base + at, child, depth + 1, decoded)?,
                Some(_) => return Err(malformed(start, "messages nested too deeply")),
                None => {
                    let grown = length.saturating_mul(kind.growth(number)).saturating_add(TEXT_BYTES);
                    *decoded = decoded.saturating_add(grown);
                }
            }
        }
        at = end;
    }
    Ok(())
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        // Bits beyond 64 are dropped, as every decoder does.
        value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_followed_to_where_it_breaks() {
        assert_eq!(check(&[]), Ok(()));
        // Field 7, the graph, of two bytes: its field 2, an empty name.
        assert_eq!(check(&[0x3A, 2, 0x12, 0]), Ok(()));
        for (bytes, expect) in
            [(&[0x3A, 3, 0x12, 0][..], 0), (&[0x3A, 2, 0x12, 1], 2), (&[0x08, 0x80], 0), (&[0x0F], 0)]
        {
            match check(bytes) {
                Err(Error::Malformed { offset, .. }) => assert_eq!(offset, expect, "{bytes:?}"),
                other => panic!("{bytes:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn many_empty_parts_are_refused() {
        // A graph of two million empty operators.
        let nodes = [0x0A, 0].repeat(2_000_000);
        let mut bytes = vec![0x3A];
        let mut length = nodes.len();
        while length > 0x7F {
            bytes.push((length & 0x7F | 0x80) as u8);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(nodes);
        assert!(matches!(check(&bytes), Err(Error::Unsupported { .. })));
    }
}
