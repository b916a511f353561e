//! What an output channel begins with and is finished by, in eight bytes, for kernels whose sums are known to be small.
//! Knows no rounding.

use super::Requant;

/// Bits of the first word that hold the shift.
const SHIFT_BITS: u32 = 8;

/// A bias of 24 bits, a factor's shift and its multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Channel {
    /// The bias times 256, and the shift as the two's complement in its lowest byte, where instructions that shift by a
    /// register look for it.
    start: i32,
    multiplier: i32,
}

impl Channel {
    /// No bias, and a factor of 0.
    pub const ZERO: Channel = Channel { start: 0, multiplier: 0 };

    /// Whether `bias` goes into 24 bits.
    #[must_use]
    pub const fn holds(bias: i32) -> bool {
        bias << SHIFT_BITS >> SHIFT_BITS == bias
    }

    /// A channel. [`Channel::holds`] is true of `bias`, and the shift is one of a byte.
    #[must_use]
    pub const fn new(bias: i32, requant: Requant) -> Channel {
        Channel { start: bias << SHIFT_BITS | requant.shift & 0xFF, multiplier: requant.multiplier }
    }

    /// From the two words that it is kept as.
    #[must_use]
    pub const fn from_words([start, multiplier]: [i32; 2]) -> Channel {
        Channel { start, multiplier }
    }

    /// The two words that it is kept as.
    #[must_use]
    pub const fn words(self) -> [i32; 2] {
        [self.start, self.multiplier]
    }

    /// What sums begin with.
    #[must_use]
    #[inline(always)]
    pub const fn bias(self) -> i32 {
        self.start >> SHIFT_BITS
    }

    /// What sums are rescaled by.
    #[must_use]
    #[inline(always)]
    pub const fn requant(self) -> Requant {
        Requant { multiplier: self.multiplier, shift: self.start as i8 as i32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_and_factor_come_out_as_they_went_in() {
        for bias in [0, 1, -1, (1 << 23) - 1, -(1 << 23)] {
            for shift in [-31, -22, -1, 0, 30] {
                let requant = Requant { multiplier: i32::MAX, shift };
                let channel = Channel::new(bias, requant);
                assert!(Channel::holds(bias));
                assert_eq!((channel.bias(), channel.requant()), (bias, requant));
                assert_eq!(Channel::from_words(channel.words()), channel);
            }
        }
        assert!(!Channel::holds(1 << 23) && !Channel::holds(-(1 << 23) - 1) && !Channel::holds(i32::MIN));
    }
}
