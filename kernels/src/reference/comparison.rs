//! Comparisons, choices between two tensors and logic, whichever way the operands repeat. A truth is one byte, 0 or 1.

use crate::params::{Broadcast, Select};
use crate::shape::{elements, offset, position};

macro_rules! truths {
    ($($(#[$doc:meta])* $name:ident$(<$t:ident: $bound:ident>)?($element:ty) => |$x1:ident, $x2:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name$(<$t: Copy + $bound>)?(p: &Broadcast, input1: &[$element], input2: &[$element], output: &mut [u8]) {
            for flat in 0..elements(&p.dims) {
                let at = position(flat, &p.dims);
                let $x1 = input1[offset(&at, &p.strides1)];
                let $x2 = input2[offset(&at, &p.strides2)];
                output[flat] = u8::from($y);
            }
        }
    )*};
}

truths! {
    /// Whether both are the same number.
    equal<T: PartialEq>(T) => |x1, x2| x1 == x2;
    /// Whether the first is larger.
    greater<T: PartialOrd>(T) => |x1, x2| x1 > x2;
    /// Whether the first is larger or the same.
    greater_or_equal<T: PartialOrd>(T) => |x1, x2| x1 >= x2;
    /// Whether the first is smaller.
    less<T: PartialOrd>(T) => |x1, x2| x1 < x2;
    /// Whether the first is smaller or the same.
    less_or_equal<T: PartialOrd>(T) => |x1, x2| x1 <= x2;
    /// Whether the two are different numbers.
    not_equal<T: PartialEq>(T) => |x1, x2| x1 != x2;
    /// Whether both are true.
    and(u8) => |x1, x2| x1 != 0 && x2 != 0;
    /// Whether one or both are true.
    or(u8) => |x1, x2| x1 != 0 || x2 != 0;
    /// Whether one is true and the other is not.
    xor(u8) => |x1, x2| (x1 != 0) != (x2 != 0);
}

/// The element of `input1` where `condition` is true, else that of `input2` (`Where`).
pub fn select<T: Copy>(p: &Select, condition: &[u8], input1: &[T], input2: &[T], output: &mut [T]) {
    for flat in 0..elements(&p.broadcast.dims) {
        let at = position(flat, &p.broadcast.dims);
        let first = condition[offset(&at, &p.condition_strides)] != 0;
        let (x1, x2) = (offset(&at, &p.broadcast.strides1), offset(&at, &p.broadcast.strides2));
        output[flat] = if first { input1[x1] } else { input2[x2] };
    }
}
