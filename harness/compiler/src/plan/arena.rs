//! Places buffers in one arena. Knows lives and bytes; knows no operators.

use super::{ALIGNMENT, Buffer};

/// Gives every buffer an offset so that no two that live at the same moment overlap; answers the arena's size.
///
/// First fit, for several orders of placement; the smallest result is kept.
pub fn place(buffers: &mut [Buffer]) -> usize {
    let span = |b: &Buffer| b.life.1 - b.life.0 + 1;
    let mut orders: Vec<Vec<usize>> = Vec::new();
    let live: Vec<usize> = (0..buffers.len()).filter(|&i| buffers[i].life.0 <= buffers[i].life.1).collect();
    let mut by = |key: &dyn Fn(&Buffer) -> (usize, usize)| {
        let mut order = live.clone();
        order.sort_by_key(|&i| std::cmp::Reverse(key(&buffers[i])));
        orders.push(order);
    };
    by(&|b| (b.bytes, span(b)));
    by(&|b| (span(b), b.bytes));
    by(&|b| (b.bytes * span(b), b.bytes));
    by(&|b| (usize::MAX - b.life.0, b.bytes));
    let (size, offsets) = orders
        .iter()
        .map(|order| first_fit(buffers, order))
        .min_by_key(|(size, _)| *size)
        .unwrap_or((0, vec![0; buffers.len()]));
    for (buffer, offset) in buffers.iter_mut().zip(offsets) {
        buffer.offset = offset;
    }
    debug_assert_eq!(overlap(buffers), None);
    size
}

/// The size that no placement can go below: the most bytes that live at one moment.
#[must_use]
pub fn lower_bound(buffers: &[Buffer]) -> usize {
    let end = buffers.iter().map(|b| b.life.1 + 1).max().unwrap_or(0);
    (0..end)
        .map(|m| buffers.iter().filter(|b| b.life.0 <= m && m <= b.life.1).map(|b| aligned(b.bytes)).sum())
        .max()
        .unwrap_or(0)
}

/// Two buffers that live at the same moment and share bytes, if there are any.
#[must_use]
pub fn overlap(buffers: &[Buffer]) -> Option<(usize, usize)> {
    for (i, a) in buffers.iter().enumerate() {
        for (j, b) in buffers.iter().enumerate().skip(i + 1) {
            let bytes = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
            if bytes && both_live(a, b) {
                return Some((i, j));
            }
        }
    }
    None
}

fn both_live(a: &Buffer, b: &Buffer) -> bool {
    a.life.0 <= b.life.1 && b.life.0 <= a.life.1
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

fn first_fit(buffers: &[Buffer], order: &[usize]) -> (usize, Vec<usize>) {
    let mut offsets = vec![0; buffers.len()];
    let mut size = 0;
    for (n, &i) in order.iter().enumerate() {
        let mut taken: Vec<(usize, usize)> = order[..n]
            .iter()
            .filter(|&&j| both_live(&buffers[i], &buffers[j]))
            .map(|&j| (offsets[j], offsets[j] + aligned(buffers[j].bytes)))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + aligned(buffers[i].bytes) <= start {
                break;
            }
            offset = offset.max(end);
        }
        offsets[i] = offset;
        size = size.max(offset + aligned(buffers[i].bytes));
    }
    (size, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[(usize, usize, usize)], size: usize) {
        let mut buffers: Vec<Buffer> = rows
            .iter()
            .map(|&(bytes, first, last)| Buffer { life: (first, last), ..Buffer::new(String::new(), bytes) })
            .collect();
        assert_eq!(place(&mut buffers), size);
        assert_eq!(overlap(&buffers), None);
        assert!(size >= lower_bound(&buffers));
    }

    #[test]
    fn lives_that_do_not_meet_share_bytes() {
        check(&[], 0);
        check(&[(10, 0, 1)], 16);
        check(&[(64, 0, 1), (32, 1, 2), (64, 2, 3)], 96);
        check(&[(64, 0, 1), (32, 2, 3)], 64);
        // A residual: the first stays while two more come and go.
        check(&[(48, 0, 3), (32, 0, 1), (16, 1, 2), (32, 2, 3)], 96);
    }

    #[test]
    fn an_overlap_is_seen() {
        let a = Buffer { life: (0, 1), offset: 0, ..Buffer::new(String::new(), 20) };
        let b = Buffer { life: (1, 2), offset: 16, ..Buffer::new(String::new(), 4) };
        assert_eq!(overlap(&[a.clone(), b.clone()]), Some((0, 1)));
        assert_eq!(overlap(&[a, Buffer { life: (2, 3), ..b }]), None);
    }
}
