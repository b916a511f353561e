//! Places buffers in one arena. Knows lives, bytes and which output may reach into which input; knows no operators.

use super::overlap::Overlap;
use super::views::root;
use super::{ALIGNMENT, Buffer};

/// Placements that are tried at random once the usual orders were.
const TRIALS: usize = 2000;

/// Gives every buffer an offset so that no two that live at the same moment overlap, but for what `overlaps` allows;
/// answers the arena's size.
///
/// First fit in several orders, then in orders that differ a little from the best one, until the lower bound is reached
/// or enough were tried. The same buffers always get the same places.
pub fn place(buffers: &mut [Buffer], overlaps: &[Overlap]) -> usize {
    let conflicts = Conflicts::of(buffers, overlaps);
    let (mut size, mut offsets, mut order) = conflicts.first_fits(buffers);
    let bound = lower_bound(buffers, overlaps);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..TRIALS {
        if size <= bound || order.len() < 2 {
            break;
        }
        let mut changed = order.clone();
        for _ in 0..=random.below(2) {
            let moved = changed.remove(random.below(changed.len()));
            changed.insert(random.below(changed.len() + 1), moved);
        }
        let (got, places) = conflicts.first_fit(&changed);
        if got <= size {
            (size, offsets, order) = (got, places, changed);
        }
    }
    for i in 0..buffers.len() {
        let (root, start) = root(buffers, i);
        buffers[i].offset = offsets.get(root).map_or(0, |offset| offset + start);
    }
    debug_assert_eq!(overlap(buffers, overlaps), None);
    size
}

/// Size and offsets by first fit in the usual orders alone.
pub(super) fn first_fits(buffers: &[Buffer], overlaps: &[Overlap]) -> (usize, Vec<usize>) {
    let (size, offsets, _) = Conflicts::of(buffers, overlaps).first_fits(buffers);
    (size, offsets)
}

/// The size that no placement can go below: the most bytes that live at one moment, inputs counted as far as outputs
/// may not lie over them.
#[must_use]
pub fn lower_bound(buffers: &[Buffer], overlaps: &[Overlap]) -> usize {
    let end = buffers.iter().filter(|b| is_live(b)).map(|b| b.life.1 + 1).max().unwrap_or(0);
    (0..end)
        .map(|moment| {
            let live = |b: &Buffer| is_live(b) && b.life.0 <= moment && moment <= b.life.1;
            let all: usize = buffers.iter().filter(|b| live(b)).map(|b| aligned(b.bytes)).sum();
            let born = (0..buffers.len()).filter(|&i| buffers[i].life.0 == moment);
            all.saturating_sub(born.map(|output| shared(buffers, overlaps, output)).sum())
        })
        .max()
        .unwrap_or(0)
}

/// The most bytes that an output can have in common with the inputs that die at its birth.
fn shared(buffers: &[Buffer], overlaps: &[Overlap], output: usize) -> usize {
    let (mut sum, mut most) = (0, 0);
    for o in overlaps.iter().filter(|o| o.lower == output || o.upper == output) {
        let input = if o.lower == output { o.upper } else { o.lower };
        if buffers[input].life.1 != buffers[output].life.0 {
            continue;
        }
        let apart = |i: usize| aligned(buffers[i].bytes).saturating_sub(aligned(o.distance.max(0) as usize));
        sum += apart(o.lower).min(aligned(buffers[o.upper].bytes));
        // Below its inputs it has its first bytes for itself.
        most = most.max(if o.lower == output { apart(output) } else { aligned(buffers[output].bytes) });
    }
    most.min(sum)
}

/// Two buffers that live at the same moment and share bytes that they may not share, if there are any.
#[must_use]
pub fn overlap(buffers: &[Buffer], overlaps: &[Overlap]) -> Option<(usize, usize)> {
    for (i, a) in buffers.iter().enumerate() {
        for (j, b) in buffers.iter().enumerate().skip(i + 1) {
            let bytes = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
            let allowed = |o: &Overlap| {
                let (lower, upper) = (buffers[o.lower].offset as isize, buffers[o.upper].offset as isize);
                o.is_of(i, j) && lower + o.distance <= upper
            };
            if bytes && both_live(a, b) && !overlaps.iter().any(allowed) {
                return Some((i, j));
            }
        }
    }
    None
}

/// Whether it needs a place: it lives, and is no part of another.
fn is_live(b: &Buffer) -> bool {
    b.within.is_none() && b.life.0 <= b.life.1
}

fn both_live(a: &Buffer, b: &Buffer) -> bool {
    is_live(a) && is_live(b) && a.life.0 <= b.life.1 && b.life.0 <= a.life.1
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// For each buffer the others that it meets, and between which distances from them it may not begin.
struct Conflicts {
    bytes: Vec<usize>,
    of: Vec<Vec<(usize, isize, isize)>>,
    /// How many buffers are to lie below one another below it.
    rank: Vec<usize>,
}

impl Conflicts {
    fn of(buffers: &[Buffer], overlaps: &[Overlap]) -> Self {
        let bytes: Vec<usize> = buffers.iter().map(|b| aligned(b.bytes)).collect();
        let forbidden = |i: usize, j: usize| {
            let apart = (j, -(bytes[i] as isize), bytes[j] as isize);
            match overlaps.iter().find(|o| o.is_of(i, j)) {
                Some(o) if o.lower == i => (j, apart.1.max(-o.distance), apart.2),
                Some(o) => (j, apart.1, apart.2.min(o.distance)),
                None => apart,
            }
        };
        let meets = |i: usize, j: usize| i != j && both_live(&buffers[i], &buffers[j]);
        let all = 0..buffers.len();
        let of = all.clone().map(|i| all.clone().filter(|&j| meets(i, j)).map(|j| forbidden(i, j)).collect()).collect();
        Conflicts { bytes, of, rank: ranks(buffers.len(), overlaps) }
    }

    fn first_fits(&self, buffers: &[Buffer]) -> (usize, Vec<usize>, Vec<usize>) {
        let span = |b: &Buffer| b.life.1 - b.life.0 + 1;
        let live: Vec<usize> = (0..buffers.len()).filter(|&i| is_live(&buffers[i])).collect();
        let mut best = (usize::MAX, Vec::new(), Vec::new());
        let mut by = |key: &dyn Fn(&Buffer) -> (usize, usize), ranked: bool| {
            let mut order = live.clone();
            order.sort_by_key(|&i| (if ranked { self.rank[i] } else { 0 }, std::cmp::Reverse(key(&buffers[i]))));
            let (size, offsets) = self.first_fit(&order);
            if size < best.0 {
                best = (size, offsets, order);
            }
        };
        // Ranked: what is to lie below before what may reach into it from above.
        for ranked in [false, true] {
            by(&|b| (b.bytes, span(b)), ranked);
            by(&|b| (span(b), b.bytes), ranked);
            by(&|b| (b.bytes * span(b), b.bytes), ranked);
            by(&|b| (usize::MAX - b.life.0, b.bytes), ranked);
            by(&|b| (b.life.0, b.bytes), ranked);
        }
        best
    }

    fn first_fit(&self, order: &[usize]) -> (usize, Vec<usize>) {
        let mut offsets = vec![0; self.bytes.len()];
        let mut placed = vec![false; self.bytes.len()];
        let mut size = 0;
        let mut taken = Vec::new();
        for &i in order {
            taken.clear();
            taken.extend(self.of[i].iter().filter(|(j, ..)| placed[*j]).map(|&(j, from, to)| {
                let at: usize = offsets[j];
                (at as isize + from, at as isize + to)
            }));
            taken.sort_unstable();
            let mut offset = 0_isize;
            for &(from, to) in &taken {
                if offset <= from {
                    break;
                }
                if offset < to {
                    offset = aligned(to as usize) as isize;
                }
            }
            offsets[i] = offset as usize;
            placed[i] = true;
            size = size.max(offsets[i] + self.bytes[i]);
        }
        (size, offsets)
    }
}

/// For each buffer the longest chain of buffers that are each to lie below the next, up to it.
fn ranks(buffers: usize, overlaps: &[Overlap]) -> Vec<usize> {
    let mut ranks = vec![0; buffers];
    // As often as a chain can be long; one that closes ends there too.
    for _ in 0..overlaps.len() {
        let mut changed = false;
        for o in overlaps {
            let rank = ranks[o.lower] + 1;
            if rank > ranks[o.upper] && rank < buffers {
                ranks[o.upper] = rank;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    ranks
}

/// Xorshift: numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(rows: &[(usize, usize, usize)]) -> Vec<Buffer> {
        rows.iter()
            .map(|&(bytes, first, last)| Buffer { life: (first, last), ..Buffer::new(String::new(), bytes) })
            .collect()
    }

    #[track_caller]
    fn check(rows: &[(usize, usize, usize)], overlaps: &[Overlap], size: usize) {
        let mut buffers = buffers(rows);
        assert_eq!(place(&mut buffers, overlaps), size);
        assert_eq!(overlap(&buffers, overlaps), None);
        assert!(size >= lower_bound(&buffers, overlaps));
    }

    #[test]
    fn lives_that_do_not_meet_share_bytes() {
        check(&[], &[], 0);
        check(&[(10, 0, 1)], &[], 16);
        check(&[(64, 0, 1), (32, 1, 2), (64, 2, 3)], &[], 96);
        check(&[(64, 0, 1), (32, 2, 3)], &[], 64);
        // A residual: the first stays while two more come and go.
        check(&[(48, 0, 3), (32, 0, 1), (16, 1, 2), (32, 2, 3)], &[], 96);
    }

    #[test]
    fn an_output_lies_over_an_input_as_far_as_it_may() {
        let over = |upper, lower, distance| Overlap { lower, upper, distance };
        check(&[(64, 0, 1), (64, 1, 2)], &[over(0, 1, 16)], 80);
        // Each below the one before.
        check(&[(64, 0, 1), (64, 1, 2), (64, 2, 3)], &[over(0, 1, 16), over(1, 2, 16)], 96);
        // The second below the first, the third above the second.
        check(&[(64, 0, 1), (64, 1, 2), (64, 2, 3)], &[over(0, 1, 16), over(2, 1, 16)], 80);
        // Smaller than its input, and allowed to begin above it.
        check(&[(64, 0, 1), (32, 1, 2)], &[over(0, 1, -32)], 64);
        // Larger: the last bytes of the input lie over the output's.
        check(&[(64, 0, 1), (128, 1, 2)], &[over(0, 1, 96)], 160);
        // Of two inputs either, at first.
        check(&[(64, 0, 1), (64, 0, 1), (64, 1, 2)], &[over(0, 2, 16), over(1, 2, 16)], 144);
    }

    #[test]
    fn what_may_not_overlap_is_seen() {
        let mut pair = buffers(&[(20, 0, 1), (4, 1, 2)]);
        pair[1].offset = 16;
        assert_eq!(overlap(&pair, &[]), Some((0, 1)));
        let allowed = |distance| [Overlap { lower: 1, upper: 0, distance }];
        assert_eq!(overlap(&pair, &allowed(-16)), None);
        assert_eq!(overlap(&pair, &allowed(-15)), Some((0, 1)));
        pair[1].life = (2, 3);
        assert_eq!(overlap(&pair, &[]), None);
    }

    /// The size of the best placement of all, in steps of the alignment.
    fn exhaustive(buffers: &mut [Buffer], overlaps: &[Overlap], next: usize, best: usize) -> usize {
        let high = |b: &Buffer| b.offset + aligned(b.bytes);
        if next == buffers.len() {
            return buffers.iter().map(high).max().unwrap_or(0).min(best);
        }
        let mut best = best;
        for offset in (0..).step_by(ALIGNMENT) {
            buffers[next].offset = offset;
            if high(&buffers[next]) >= best {
                return best;
            }
            if overlap(&buffers[..=next], &within(overlaps, next)).is_none() {
                best = exhaustive(buffers, overlaps, next + 1, best);
            }
        }
        best
    }

    fn within(overlaps: &[Overlap], last: usize) -> Vec<Overlap> {
        overlaps.iter().filter(|o| o.lower <= last && o.upper <= last).copied().collect()
    }

    #[test]
    fn placements_are_as_small_as_the_best_of_all() {
        let mut random = Random(7);
        let (mut graphs, mut shared) = (0, 0);
        for _ in 0..150 {
            // Steps in a row, each with an output that lives for a while and may lie over what dies with it.
            let steps = 3 + random.below(3);
            let mut graph = buffers(&[]);
            for birth in 0..steps {
                let bytes = ALIGNMENT * (1 + random.below(4));
                let life = (birth, (birth + 1 + random.below(2)).min(steps));
                graph.push(Buffer { life, ..Buffer::new(String::new(), bytes) });
            }
            let mut overlaps = Vec::new();
            for output in 1..steps {
                for (input, buffer) in graph[..output].iter().enumerate() {
                    if buffer.life.1 == output && random.below(3) > 0 {
                        let distance = (ALIGNMENT * random.below(3)) as isize - ALIGNMENT as isize;
                        let (lower, upper) = if random.below(2) == 0 { (output, input) } else { (input, output) };
                        overlaps.push(Overlap { lower, upper, distance });
                    }
                }
            }
            let got = place(&mut graph, &overlaps);
            let total = graph.iter().map(|b| aligned(b.bytes)).sum::<usize>() + 1;
            assert_eq!(got, exhaustive(&mut graph.clone(), &overlaps, 0, total), "{graph:?} {overlaps:?}");
            graphs += 1;
            shared += usize::from(got < lower_bound(&graph, &[]));
        }
        assert!(graphs == 150 && shared > 30, "only {shared} graphs gain by overlaps");
    }
}
