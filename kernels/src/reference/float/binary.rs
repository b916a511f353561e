//! Functions of two elements, whichever way the operands repeat. Comparisons give one byte, 0 or 1.

use crate::float::single;
use crate::params::Broadcast;
use crate::shape::{elements, offset, position};

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident -> $output:ty => |$x1:ident, $x2:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(p: &Broadcast, input1: &[f32], input2: &[f32], output: &mut [$output]) {
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
    add -> f32 => |x1, x2| x1 + x2;
    /// Quotient.
    div -> f32 => |x1, x2| x1 / x2;
    /// Whether both are the same number.
    equal -> u8 => |x1, x2| u8::from(x1 == x2);
    /// Whether the first is larger.
    greater -> u8 => |x1, x2| u8::from(x1 > x2);
    /// Whether the first is larger or the same.
    greater_or_equal -> u8 => |x1, x2| u8::from(x1 >= x2);
    /// Whether the first is smaller.
    less -> u8 => |x1, x2| u8::from(x1 < x2);
    /// Whether the first is smaller or the same.
    less_or_equal -> u8 => |x1, x2| u8::from(x1 <= x2);
    /// The larger one; NaN when either is.
    maximum -> f32 => |x1, x2| if x1.is_nan() || x1 > x2 { x1 } else { x2 };
    /// The smaller one; NaN when either is.
    minimum -> f32 => |x1, x2| if x1.is_nan() || x1 < x2 { x1 } else { x2 };
    /// Product.
    mul -> f32 => |x1, x2| x1 * x2;
    /// The first to the power of the second.
    pow -> f32 => |x1, x2| single::pow(x1, x2);
    /// The first, or their product when it is negative.
    prelu -> f32 => |x1, x2| if x1 < 0.0 { x1 * x2 } else { x1 };
    /// Difference.
    sub -> f32 => |x1, x2| x1 - x2;
}
