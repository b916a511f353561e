//! Walks several tensors together, a row at a time. Knows strides; knows no values.

use crate::shape::MAX_RANK;

const INNERMOST: usize = MAX_RANK - 1;

/// Joins neighbouring dimensions that every tensor walks in one stride, so that the innermost one is as long as it can be.
#[inline]
pub(super) fn collapse<const TENSORS: usize>(dims: &mut [usize; MAX_RANK], strides: &mut [[isize; MAX_RANK]; TENSORS]) {
    let mut to = INNERMOST;
    for axis in (0..INNERMOST).rev() {
        let size = dims[axis];
        if size == 1 {
            continue;
        }
        let joined = strides.iter().all(|s| s[axis] == s[to] * dims[to] as isize);
        if dims[to] == 1 {
            dims[to] = size;
            strides.iter_mut().for_each(|s| s[to] = s[axis]);
        } else if joined {
            dims[to] *= size;
        } else {
            to -= 1;
            dims[to] = size;
            strides.iter_mut().for_each(|s| s[to] = s[axis]);
        }
    }
    dims[..to].fill(1);
}

/// Calls `visit` with each tensor's element number at the start of every row, in row-major order of `dims`.
#[inline(always)]
pub(super) fn for_each_row<const TENSORS: usize>(
    dims: &[usize; MAX_RANK],
    strides: &[[isize; MAX_RANK]; TENSORS],
    starts: [isize; TENSORS],
    mut visit: impl FnMut([usize; TENSORS]),
) {
    if dims.contains(&0) {
        return;
    }
    let mut at = [0_usize; INNERMOST];
    let mut places = starts;
    loop {
        visit(places.map(|place| place as usize));
        let mut axis = INNERMOST;
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            at[axis] += 1;
            if at[axis] < dims[axis] {
                (0..TENSORS).for_each(|t| places[t] += strides[t][axis]);
                break;
            }
            at[axis] = 0;
            (0..TENSORS).for_each(|t| places[t] -= strides[t][axis] * (dims[axis] as isize - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_tensors_collapse_to_one_row() {
        let mut dims = [1, 2, 1, 3, 4, 5];
        let mut strides = [[60, 60, 60, 20, 5, 1], [60, 60, 7, 20, 5, 1]];
        collapse(&mut dims, &mut strides);
        assert_eq!(dims, [1, 1, 1, 1, 1, 120]);
    }

    #[test]
    fn a_repeated_operand_keeps_its_own_dimension() {
        let mut dims = [1, 1, 2, 3, 4, 5];
        let mut strides = [[0, 0, 60, 20, 5, 1], [0, 0, 0, 0, 0, 1]];
        collapse(&mut dims, &mut strides);
        assert_eq!(dims, [1, 1, 1, 1, 24, 5]);
        assert_eq!((strides[0][4], strides[1][4]), (5, 0));
    }
}
