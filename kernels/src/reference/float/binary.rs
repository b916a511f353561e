//! Functions of two elements, whichever way the operands repeat.

use crate::float::single;
use crate::params::Broadcast;
use crate::shape::{elements, offset, position};

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => |$x1:ident, $x2:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(p: &Broadcast, input1: &[f32], input2: &[f32], output: &mut [f32]) {
            for flat in 0..elements(&p.dims) {
                let at = position(flat, &p.dims);
                let $x1 = input1[offset(&at, &p.strides1)];
                let $x2 = input2[offset(&at, &p.strides2)];
                output[flat] = $y;
            }
        }
    )*};
}

binary! {
    /// Sum.
    add => |x1, x2| x1 + x2;
    /// Quotient.
    div => |x1, x2| x1 / x2;
    /// The larger one; NaN when either is.
    maximum => |x1, x2| if x1.is_nan() || x1 > x2 { x1 } else { x2 };
    /// The smaller one; NaN when either is.
    minimum => |x1, x2| if x1.is_nan() || x1 < x2 { x1 } else { x2 };
    /// Product.
    mul => |x1, x2| x1 * x2;
    /// The first to the power of the second.
    pow => |x1, x2| single::pow(x1, x2);
    /// The first, or their product when it is negative.
    prelu => |x1, x2| if x1 < 0.0 { x1 * x2 } else { x1 };
    /// Square of the difference.
    squared_difference => |x1, x2| (x1 - x2) * (x1 - x2);
    /// Difference.
    sub => |x1, x2| x1 - x2;
}
