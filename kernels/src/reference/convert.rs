//! Integers to wider integers and to floats.

macro_rules! convert {
    ($($(#[$doc:meta])* $name:ident($input:ty => $output:ty);)*) => {$(
        $(#[$doc])*
        pub fn $name(_p: &(), input: &[$input], output: &mut [$output]) {
            for i in 0..input.len() {
                output[i] = input[i] as $output;
            }
        }
    )*};
}

convert! {
    /// Exact.
    i8_to_f32(i8 => f32);
    /// Exact.
    i8_to_i32(i8 => i32);
    /// Beyond 2^24 to the nearest float, ties to even.
    i32_to_f32(i32 => f32);
    /// Exact.
    u8_to_f32(u8 => f32);
    /// Exact.
    u8_to_i32(u8 => i32);
}
