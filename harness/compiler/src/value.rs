//! The bytes of one tensor on the host, aligned for every element type.

use bytemuck::{AnyBitPattern, NoUninit};

/// Bytes of a tensor; little-endian elements, row major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    words: Vec<u64>,
    bytes: usize,
}

impl Value {
    /// All zero.
    #[must_use]
    pub fn zeros(bytes: usize) -> Self {
        Value { words: vec![0; bytes.div_ceil(8)], bytes }
    }

    /// A copy of `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut value = Value::zeros(bytes.len());
        value.as_mut_slice().copy_from_slice(bytes);
        value
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_slice()
    }

    /// The elements; `T` must divide the number of bytes.
    #[must_use]
    pub fn as_slice<T: AnyBitPattern>(&self) -> &[T] {
        &bytemuck::cast_slice(&self.words)[..self.bytes / size_of::<T>()]
    }

    /// The elements, to be written.
    #[must_use]
    pub fn as_mut_slice<T: AnyBitPattern + NoUninit>(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.bytes / size_of::<T>()]
    }
}
