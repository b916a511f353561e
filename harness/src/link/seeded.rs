//! A link with faults at places that a seed draws, both ways: what a bad cable, a noisy adapter or another program on the
//! same port do. The same seed damages the same bytes in the same way. Knows no protocol.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Link, LinkError};

/// Faults a byte where none are given: a handful in a session of a small model.
const RATE: f64 = 1e-4;
/// Longest stall.
const STALL: u64 = 50;
/// Bytes that a loose contact loses at most.
const CUT: u64 = 200;
/// What another program says on the same line.
const TEXT: &[u8] = b"\r\n[boot] peripheral clocks up, 3 warnings\r\n";

/// Which faults to make: `SEED[:RATE]`, the rate in faults a byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// What everything is drawn from.
    pub seed: u64,
    /// Probability that a byte is the place of a fault.
    pub rate: f64,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (seed, rate) = text.split_once(':').map_or((text, None), |(seed, rate)| (seed, Some(rate)));
        let seed = seed.parse().map_err(|_| format!("`{seed}` is no seed; a whole number is"))?;
        let rate = match rate {
            None => RATE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|rate| (0.0..=0.1).contains(rate))
                .ok_or_else(|| format!("`{text}` is no rate; faults a byte from 0 to 0.1 are, e.g. 1e-4"))?,
        };
        Ok(Faults { seed, rate })
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, {} faults a byte", self.seed, self.rate)
    }
}

/// Kinds of faults, in the order of [`Tally`].
const NAMES: [&str; 8] =
    ["bits flipped", "drops", "insertions", "duplicates", "reorderings", "stalls", "cuts", "lines of text"];

/// How many faults of each kind were made.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<[AtomicU64; 8]>);

impl Tally {
    /// Of all kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn add(&self, kind: usize) {
        self.0[kind].fetch_add(1, Ordering::Relaxed);
    }
}

impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = NAMES.iter().zip(self.0.iter()).map(|(name, count)| (name, count.load(Ordering::Relaxed)));
        let words: Vec<String> = counts.filter(|c| c.1 > 0).map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// Damages one direction, byte by byte.
struct Damage {
    random: ChaCha8Rng,
    rate: f64,
    tally: Tally,
    /// Bytes until the next fault.
    gap: u64,
    /// Bytes that are lost; all of them where a wire has come off for good.
    losing: u64,
    /// Bytes that go again once so many have passed.
    repeat: Option<(u64, Vec<u8>)>,
    /// Bytes that are held back, until so many have passed them.
    held: (u64, Vec<u8>),
    stall: Duration,
}

impl Damage {
    fn new(faults: Faults, direction: u64, tally: Tally) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(faults.seed);
        random.set_stream(direction);
        let mut damage = Damage {
            random,
            rate: faults.rate,
            tally,
            gap: 0,
            losing: 0,
            repeat: None,
            held: (0, Vec::new()),
            stall: Duration::ZERO,
        };
        damage.gap = damage.draw_gap();
        damage
    }

    /// Geometrically distributed.
    fn draw_gap(&mut self) -> u64 {
        if self.rate <= 0.0 {
            return u64::MAX;
        }
        let uniform: f64 = self.random.random_range(f64::MIN_POSITIVE..1.0);
        (uniform.ln() / (1.0 - self.rate).ln()) as u64
    }

    fn pass(&mut self, byte: u8, out: &mut Vec<u8>) {
        let mut byte = byte;
        if self.gap == 0 {
            self.gap = self.draw_gap();
            let kind = self.random.random_range(0..NAMES.len());
            self.tally.add(kind);
            match kind {
                0 => byte ^= 1 << self.random.random_range(0..8),
                1 => self.losing = self.losing.max(self.random.random_range(1..=8)),
                2 => out.extend((0..self.random.random_range(1..=4)).map(|_| self.random.random::<u8>())),
                3 => self.repeat = Some((self.random.random_range(1..=32), Vec::new())),
                4 => self.held = (self.random.random_range(1..=16), std::mem::take(&mut self.held.1)),
                5 => self.stall = Duration::from_millis(self.random.random_range(1..=STALL)),
                // A loose contact; now and then it stays open.
                6 if self.random.random_range(0..16) == 0 => self.losing = u64::MAX,
                6 => self.losing = self.losing.max(self.random.random_range(1..=CUT)),
                _ => out.extend(TEXT),
            }
            if kind == 4 {
                self.held.1.push(byte);
                return;
            }
        } else {
            self.gap -= 1;
        }
        if self.losing > 0 {
            self.losing = if self.losing == u64::MAX { u64::MAX } else { self.losing - 1 };
            return;
        }
        out.push(byte);
        if let Some((left, bytes)) = &mut self.repeat {
            bytes.push(byte);
            *left -= 1;
            if *left == 0 {
                out.extend(self.repeat.take().map(|(_, bytes)| bytes).unwrap_or_default());
            }
        }
        if !self.held.1.is_empty() {
            self.held.0 = self.held.0.saturating_sub(1);
            if self.held.0 == 0 {
                out.append(&mut self.held.1);
            }
        }
    }

    fn pass_all(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        bytes.iter().for_each(|&byte| self.pass(byte, &mut out));
        out
    }

    /// Waits out a stall, but not beyond a deadline.
    fn wait(&mut self, deadline: Instant) {
        let stall = std::mem::take(&mut self.stall);
        std::thread::sleep(stall.min(deadline.saturating_duration_since(Instant::now())));
    }
}

/// A link with seeded faults.
pub struct SeededLink<L> {
    inner: L,
    faults: Faults,
    to_board: Damage,
    from_board: Damage,
    received: VecDeque<u8>,
}

impl<L: Link> SeededLink<L> {
    /// Puts faults into both directions of `inner`. The tally counts on while the link lives.
    pub fn new(inner: L, faults: Faults) -> (Self, Tally) {
        let tally = Tally::default();
        let damage = |direction| Damage::new(faults, direction, tally.clone());
        let (to_board, from_board) = (damage(0), damage(1));
        (SeededLink { inner, faults, to_board, from_board, received: VecDeque::new() }, tally)
    }
}

impl<L: Link> Link for SeededLink<L> {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        let damaged = self.to_board.pass_all(bytes);
        self.to_board.wait(deadline);
        if damaged.is_empty() { Ok(()) } else { self.inner.send(&damaged, deadline) }
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        while self.received.is_empty() {
            let count = self.inner.receive(buffer, deadline)?;
            self.received.extend(self.from_board.pass_all(&buffer[..count]));
            self.from_board.wait(deadline);
        }
        let count = self.received.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.received.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn name(&self) -> String {
        format!("{} with faults ({})", self.inner.name(), self.faults)
    }

    fn last_words(&mut self) -> Option<String> {
        self.inner.last_words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(seed: u64, rate: f64, pieces: usize) -> (Vec<u8>, Tally) {
        let bytes: Vec<u8> = (0..50_000).map(|i| (i * 7) as u8).collect();
        let tally = Tally::default();
        let mut damage = Damage::new(Faults { seed, rate }, 0, tally.clone());
        (bytes.chunks(pieces).flat_map(|piece| damage.pass_all(piece)).collect(), tally)
    }

    #[test]
    fn a_seed_damages_the_same_however_the_bytes_are_cut() {
        assert_eq!(damage(3, 1e-3, 1), damage(3, 1e-3, 777));
        assert_ne!(damage(3, 1e-3, 10).0, damage(4, 1e-3, 10).0);
    }

    #[test]
    fn a_rate_is_kept_and_every_kind_is_made() {
        let (undamaged, none) = damage(1, 0.0, 100);
        assert_eq!((undamaged.len(), none.total(), none.to_string()), (50_000, 0, "none".to_string()));
        let tallies: Vec<Tally> = (0..20).map(|seed| damage(seed, 1e-3, 100).1).collect();
        let total: u64 = tallies.iter().map(Tally::total).sum();
        assert!((800..1200).contains(&total), "{total} of about 1000");
        for (kind, name) in NAMES.iter().enumerate() {
            assert!(tallies.iter().any(|t| t.0[kind].load(Ordering::Relaxed) > 0), "no {name}");
        }
    }

    #[test]
    fn words_are_read_and_refused() {
        assert_eq!("7".parse(), Ok(Faults { seed: 7, rate: RATE }));
        assert_eq!("7:0.001".parse(), Ok(Faults { seed: 7, rate: 0.001 }));
        for text in ["", "x", "-1", "7:", "7:2", "7:-1", "7:nan", "7:1:1"] {
            assert!(text.parse::<Faults>().is_err(), "{text}");
        }
    }
}
