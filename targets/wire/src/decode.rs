//! Reads a host's messages from a [`Source`] of bytes, without keeping more of them than the caller has room for.

use crc::Digest;

/// A message, byte by byte.
pub trait Source {
    /// The next bytes of the message, as many as `into` holds.
    ///
    /// # Errors
    /// [`Error::Truncated`] when the message has fewer; what the transport says.
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error>;

    /// Bytes of the message that have not been taken.
    fn remaining(&self) -> usize;
}

/// Why a message was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The message ends inside a field.
    Truncated,
    /// A field that no protocol buffer has.
    Malformed,
    /// More bytes than there is room for; how many the message has.
    TooLong(usize),
    /// A packet that does not belong to the message: bytes were lost or added.
    Broken,
    /// A whole message whose bytes do not fit its seal.
    Damaged,
    /// The transport is closed.
    Closed,
    /// The host has begun anew in the middle of it.
    Abandoned,
}

/// A request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Repeated in every answer.
    pub id: u32,
    /// See [`crate::command`].
    pub command: u32,
    /// Meaning depends on the command.
    pub param: u32,
    /// Meaning depends on the command.
    pub option: u32,
    /// Name of a network: the bytes, and how many of them.
    pub name: ([[u8; 32]; 2], usize),
    /// The message had a seal, and it fits.
    pub sealed: bool,
}

impl Request {
    /// Whether the request names `name`, or nothing.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        let (bytes, length) = &self.name;
        let bytes = bytes.as_flattened();
        *length == 0 || bytes.get(..*length).is_some_and(|b| b == name.as_bytes())
    }
}

/// What came with the bytes of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// How many bytes came.
    pub bytes: usize,
    /// The message had a seal, and it fits.
    pub sealed: bool,
}

/// Reads a request.
///
/// # Errors
/// Malformed and damaged messages; a name of more than 64 bytes.
pub fn request(source: &mut dyn Source) -> Result<Request, Error> {
    let mut request = Request::default();
    let mut fields = Fields::of(source);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(v)) => request.id = v as u32,
            (2, Value::Varint(v)) => request.command = v as u32,
            (3, Value::Varint(v)) => request.param = v as u32,
            (4, Value::Length(length)) => {
                let room = request.name.0.as_flattened_mut().get_mut(..length).ok_or(Error::TooLong(length))?;
                fields.take(room)?;
                request.name.1 = length;
            }
            (5, Value::Varint(v)) => request.option = v as u32,
            (_, value) => skip(&mut fields, value)?,
        }
    }
    request.sealed = fields.sealed;
    Ok(request)
}

/// Reads the bytes of a tensor into the front of `room`.
///
/// # Errors
/// Malformed and damaged messages; more bytes than `room` has.
pub fn data(source: &mut dyn Source, room: &mut [u8]) -> Result<Data, Error> {
    let mut bytes = 0;
    let mut fields = Fields::of(source);
    while let Some(field) = fields.next()? {
        match field {
            (4, Value::Length(length)) => {
                fields.take(room.get_mut(..length).ok_or(Error::TooLong(length))?)?;
                bytes = length;
            }
            (_, value) => skip(&mut fields, value)?,
        }
    }
    Ok(Data { bytes, sealed: fields.sealed })
}

/// Reads an acknowledgement to its end, and answers whether it had a seal that fits.
///
/// # Errors
/// Malformed and damaged messages; a request or data in its place, which have a field of bytes.
pub fn ack(source: &mut dyn Source) -> Result<bool, Error> {
    let mut fields = Fields::of(source);
    while let Some(field) = fields.next()? {
        match field {
            (4, Value::Length(_)) => return Err(Error::Malformed),
            (_, value) => skip(&mut fields, value)?,
        }
    }
    Ok(fields.sealed)
}

/// The fields of a message, with a checksum of what was taken.
struct Fields<'a> {
    source: &'a mut dyn Source,
    checksum: Digest<'static, u32>,
    sealed: bool,
}

impl<'a> Fields<'a> {
    fn of(source: &'a mut dyn Source) -> Self {
        Fields { source, checksum: crate::CRC.digest(), sealed: false }
    }

    /// The next field but for the seal, which must be the last one and fit all before it.
    fn next(&mut self) -> Result<Option<(u32, Value)>, Error> {
        if self.remaining() == 0 {
            return Ok(None);
        }
        let before = self.checksum.clone();
        match field(self)? {
            (crate::SEAL, Value::Length(4)) => {
                let mut seal = [0; 4];
                self.take(&mut seal)?;
                self.sealed = self.remaining() == 0 && u32::from_le_bytes(seal) == before.finalize();
                if self.sealed { Ok(None) } else { Err(Error::Damaged) }
            }
            field => Ok(Some(field)),
        }
    }
}

impl Source for Fields<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.source.take(into)?;
        self.checksum.update(into);
        Ok(())
    }

    fn remaining(&self) -> usize {
        self.source.remaining()
    }
}

enum Value {
    Varint(u64),
    /// This many bytes follow.
    Length(usize),
}

fn field(source: &mut dyn Source) -> Result<(u32, Value), Error> {
    let key = varint(source)?;
    let number = u32::try_from(key >> 3).ok().filter(|&n| n != 0).ok_or(Error::Malformed)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(source)?),
        1 => Value::Length(8),
        2 => Value::Length(usize::try_from(varint(source)?).map_err(|_| Error::Malformed)?),
        5 => Value::Length(4),
        _ => return Err(Error::Malformed),
    };
    match value {
        Value::Length(length) if length > source.remaining() => Err(Error::Truncated),
        value => Ok((number, value)),
    }
}

fn varint(source: &mut dyn Source) -> Result<u64, Error> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        source.take(&mut byte)?;
        value |= u64::from(byte[0] & 0x7F) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::Malformed)
}

fn skip(source: &mut dyn Source, value: Value) -> Result<(), Error> {
    let Value::Length(mut length) = value else { return Ok(()) };
    let mut waste = [0; 32];
    while length > 0 {
        let now = length.min(waste.len());
        source.take(&mut waste[..now])?;
        length -= now;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slice<'a>(&'a [u8]);

    impl Source for Slice<'_> {
        fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
            let (now, rest) = self.0.split_at_checked(into.len()).ok_or(Error::Truncated)?;
            into.copy_from_slice(now);
            self.0 = rest;
            Ok(())
        }

        fn remaining(&self) -> usize {
            self.0.len()
        }
    }

    #[test]
    fn a_request_is_read_and_unknown_fields_are_skipped() {
        let bytes =
            [0x08, 0x96, 0x01, 0x10, 11, 0x18, 1, 0x22, 2, b'a', b'b', 0x28, 1, 0xA2, 0x06, 1, 9, 0x3D, 1, 2, 3, 4];
        let got = request(&mut Slice(&bytes)).expect("sound");
        assert_eq!((got.id, got.command, got.param, got.option), (150, 11, 1, 1));
        assert!(got.is_for("ab") && !got.is_for("a"));
    }

    #[test]
    fn damage_is_an_error() {
        let rows: [(&[u8], Error); 5] = [
            (&[0x00, 0], Error::Malformed),
            (&[0x08], Error::Truncated),
            (&[0x22, 5, 1], Error::Truncated),
            (&[0x0F], Error::Malformed),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], Error::Malformed),
        ];
        for (bytes, expect) in rows {
            assert_eq!(request(&mut Slice(bytes)), Err(expect), "{bytes:?}");
        }
        let mut long = [0; 70];
        (long[0], long[1]) = (0x22, 68);
        assert_eq!(request(&mut Slice(&long)), Err(Error::TooLong(68)));
    }

    #[test]
    fn tensor_bytes_go_where_there_is_room() {
        let bytes = [0x08, 0, 0x22, 3, 7, 8, 9];
        let mut room = [0; 4];
        assert_eq!(data(&mut Slice(&bytes), &mut room), Ok(Data { bytes: 3, sealed: false }));
        assert_eq!(room, [7, 8, 9, 0]);
        assert_eq!(data(&mut Slice(&bytes), &mut room[..2]), Err(Error::TooLong(3)));
    }

    #[test]
    fn a_seal_covers_all_before_it_and_is_the_last() {
        let seal = crate::CRC.checksum(&[0x08, 5]).to_le_bytes();
        let sealed = [0x08, 5, 0xA5, 0x06, seal[0], seal[1], seal[2], seal[3]];
        assert_eq!(request(&mut Slice(&sealed)).map(|r| (r.id, r.sealed)), Ok((5, true)));
        let mut damaged = sealed;
        damaged[1] ^= 1;
        assert_eq!(request(&mut Slice(&damaged)), Err(Error::Damaged));
        let mut followed = [0; 10];
        followed[..8].copy_from_slice(&sealed);
        (followed[8], followed[9]) = (0x10, 1);
        assert_eq!(request(&mut Slice(&followed)), Err(Error::Damaged));
    }

    #[test]
    fn a_request_is_no_acknowledgement() {
        assert_eq!(ack(&mut Slice(&[0x08, 0, 0x10, 0])), Ok(false));
        assert_eq!(ack(&mut Slice(&[0x08, 0, 0x10, 0, 0x18, 0, 0x22, 0])), Err(Error::Malformed));
    }
}
