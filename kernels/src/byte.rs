//! The element types of quantized tensors: activations are [`Byte`]s, weights anything that is a [`Small`] integer,
//! [`Code`]s what is only quantized or dequantized.

/// An integer narrow enough that the product of two, and sums of many, fit the accumulator.
pub trait Small: Copy + Default {
    /// The same number in 32 bits.
    fn widen(self) -> i32;
}

/// An 8-bit element of an activation tensor.
pub trait Byte: Small + Ord {
    /// Smallest number of the type.
    const MIN: i32;
    /// Largest number of the type.
    const MAX: i32;
    /// `x` limited to the type's range.
    fn saturate(x: i32) -> Self;
    /// The bits as an index into a table of 256 entries.
    fn index(self) -> usize;
}

macro_rules! small {
    ($($t:ty)*) => {$(
        impl Small for $t {
            #[inline(always)]
            fn widen(self) -> i32 {
                i32::from(self)
            }
        }
    )*};
}
small!(i8 u8 i16 u16);

/// The integer type that holds the codes of a quantized tensor, all of its numbers or fewer.
pub trait Code: Small {
    /// `x`, which the type holds.
    fn narrow(x: i32) -> Self;
}

macro_rules! code {
    ($($t:ty)*) => {$(
        impl Code for $t {
            #[inline(always)]
            fn narrow(x: i32) -> Self {
                x as $t
            }
        }
    )*};
}
code!(i8 u8 i16 u16);

macro_rules! byte {
    ($($t:ty)*) => {$(
        impl Byte for $t {
            const MIN: i32 = <$t>::MIN as i32;
            const MAX: i32 = <$t>::MAX as i32;

            #[inline(always)]
            fn saturate(x: i32) -> Self {
                crate::requant::clamp(x, <Self as Byte>::MIN, <Self as Byte>::MAX) as Self
            }

            #[inline(always)]
            fn index(self) -> usize {
                usize::from(self as u8)
            }
        }
    )*};
}
byte!(i8 u8);
