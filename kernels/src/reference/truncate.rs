//! Numbers to integers (`Cast`).

macro_rules! truncate {
    ($($name:ident($output:ty);)*) => {$(
        /// Drops the fraction. Beyond the type's range it saturates, and NaN gives 0; ONNX leaves both open.
        pub fn $name(_p: &(), input: &[f32], output: &mut [$output]) {
            for i in 0..input.len() {
                output[i] = input[i] as $output;
            }
        }
    )*};
}

truncate! {
    truncate_i8(i8);
    truncate_i32(i32);
    truncate_u8(u8);
}
