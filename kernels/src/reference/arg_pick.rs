//! Index of the largest or smallest element along one axis.

use crate::params::ArgPick;

/// Where the largest element is (`ArgMax`).
pub fn arg_max<T: Copy + PartialOrd>(p: &ArgPick, input: &[T], output: &mut [i32]) {
    pick(p, input, output, |x, best| x > best);
}

/// Where the smallest element is (`ArgMin`).
pub fn arg_min<T: Copy + PartialOrd>(p: &ArgPick, input: &[T], output: &mut [i32]) {
    pick(p, input, output, |x, best| x < best);
}

fn pick<T: Copy + PartialOrd>(p: &ArgPick, input: &[T], output: &mut [i32], better: impl Fn(T, T) -> bool) {
    for outer in 0..p.outer {
        for inner in 0..p.inner {
            let mut index = 0;
            let mut best = input[outer * p.depth * p.inner + inner];
            for i in 1..p.depth {
                let x = input[(outer * p.depth + i) * p.inner + inner];
                if better(x, best) || (p.last && x == best) {
                    (index, best) = (i, x);
                }
            }
            output[outer * p.inner + inner] = index as i32;
        }
    }
}
