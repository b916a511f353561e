//! Reads a host's messages from a [`Source`] of bytes, without keeping more of them than the caller has room for.

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
    /// The transport is closed.
    Closed,
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
    /// The host's CRC-32 of them.
    pub crc: Option<u32>,
}

/// Reads a request.
///
/// # Errors
/// Malformed messages; a name of more than 64 bytes.
pub fn request(source: &mut dyn Source) -> Result<Request, Error> {
    let mut request = Request::default();
    while source.remaining() > 0 {
        match field(source)? {
            (1, Value::Varint(v)) => request.id = v as u32,
            (2, Value::Varint(v)) => request.command = v as u32,
            (3, Value::Varint(v)) => request.param = v as u32,
            (4, Value::Length(length)) => {
                let room = request.name.0.as_flattened_mut().get_mut(..length).ok_or(Error::TooLong(length))?;
                source.take(room)?;
                request.name.1 = length;
            }
            (5, Value::Varint(v)) => request.option = v as u32,
            (_, value) => skip(source, value)?,
        }
    }
    Ok(request)
}

/// Reads the bytes of a tensor into the front of `room`.
///
/// # Errors
/// Malformed messages; more bytes than `room` has.
pub fn data(source: &mut dyn Source, room: &mut [u8]) -> Result<Data, Error> {
    let mut data = Data::default();
    while source.remaining() > 0 {
        match field(source)? {
            (4, Value::Length(length)) => {
                source.take(room.get_mut(..length).ok_or(Error::TooLong(length))?)?;
                data.bytes = length;
            }
            (100, Value::Varint(v)) => data.crc = Some(v as u32),
            (_, value) => skip(source, value)?,
        }
    }
    Ok(data)
}

/// Reads any message to its end.
///
/// # Errors
/// What the transport says.
pub fn ignore(source: &mut dyn Source) -> Result<(), Error> {
    let rest = source.remaining();
    skip(source, Value::Length(rest))
}

enum Value {
    Varint(u64),
    /// This many bytes follow.
    Length(usize),
}

fn field(source: &mut dyn Source) -> Result<(u32, Value), Error> {
    let key = varint(source)?;
    let number = u32::try_from(key >> 3).map_err(|_| Error::Malformed)?;
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
        let rows: [(&[u8], Error); 4] = [
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
        let bytes = [0x08, 0, 0x22, 3, 7, 8, 9, 0xA0, 0x06, 5];
        let mut room = [0; 4];
        assert_eq!(data(&mut Slice(&bytes), &mut room), Ok(Data { bytes: 3, crc: Some(5) }));
        assert_eq!(room, [7, 8, 9, 0]);
        assert_eq!(data(&mut Slice(&bytes), &mut room[..2]), Err(Error::TooLong(3)));
    }
}
