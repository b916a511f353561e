//! Numbers that are the same in every run. (SplitMix64, Steele, Lea and Flood 2014.)

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// Less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A number of any magnitude: short and long encodings come equally often.
    pub fn word(&mut self) -> u32 {
        let bits = self.below(33) as u32;
        (u64::from(self.next() as u32) & ((1 << bits) - 1)) as u32
    }
}
