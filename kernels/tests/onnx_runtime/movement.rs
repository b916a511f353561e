//! Operators that pick or interpolate elements: exact in every type.

use hilbench_kernels::params::{ArgPick, Coordinates, Nearest, PadMode, PadWithin, Resize2d};
use hilbench_kernels::reference::{self, Sample};
use hilbench_kernels::shape::{elements, right_aligned};

use crate::recorded::{Case, Kind, cases};

#[test]
fn resize_in_integers_and_in_single_precision() {
    fn check<T: Sample + PartialEq>(case: &Case, read: fn(&Case, &str) -> Vec<T>) {
        let (x, y, scale) = (case.dims("x"), case.dims("y"), case.floats("scale"));
        let coordinates =
            [Coordinates::HalfPixel, Coordinates::PytorchHalfPixel, Coordinates::Asymmetric, Coordinates::AlignCorners];
        let nearest = [Nearest::RoundPreferFloor, Nearest::RoundPreferCeil, Nearest::Floor, Nearest::Ceil];
        let p = Resize2d {
            batches: x[0],
            input_h: x[1],
            input_w: x[2],
            output_h: y[1],
            output_w: y[2],
            channels: x[3],
            scale_h: scale[0],
            scale_w: scale[1],
            coordinates: coordinates[case.sizes("coordinates")[0]],
            nearest: nearest[case.sizes("nearest")[0]],
        };
        let input = read(case, "x");
        let mut got = vec![T::from_f32(0.0); elements(y)];
        reference::resize_linear(&p, &input, &mut got);
        assert!(got == read(case, "y"), "{}: linear, {p:?}", case.name);
        reference::resize_nearest(&p, &input, &mut got);
        assert!(got == read(case, "n"), "{}: nearest, {p:?}", case.name);
    }
    let cases = cases("resize");
    assert_eq!(cases.len(), 30);
    for case in &cases {
        match case.kind("x") {
            Kind::I8 => check::<i8>(case, Case::bytes),
            Kind::U8 => check::<u8>(case, Case::bytes),
            _ => check::<f32>(case, Case::floats),
        }
    }
}

#[test]
fn index_of_the_largest_and_of_the_smallest() {
    for case in &cases("pick_and_pad") {
        let x = case.dims("x");
        let p = ArgPick { outer: x[0], depth: x[1], inner: x[2], last: case.int("last") == 1 };
        let mut got = vec![0; x[0] * x[2]];
        reference::arg_max(&p, &case.floats("x"), &mut got);
        assert_eq!(got, case.words("largest"), "{}", case.name);
        reference::arg_min(&p, &case.floats("x"), &mut got);
        assert_eq!(got, case.words("smallest"), "{}", case.name);
    }
}

#[test]
fn padding_with_elements_of_the_tensor() {
    for case in &cases("pick_and_pad") {
        for (name, mode) in [("edge", PadMode::Edge), ("reflect", PadMode::Reflect), ("wrap", PadMode::Wrap)] {
            let mut before = [0; 6];
            before[3..].copy_from_slice(&case.sizes("before"));
            let input_dims = right_aligned(case.dims("x"));
            let p = PadWithin { input_dims, before, output_dims: right_aligned(case.dims(name)), mode };
            let mut got = vec![0.0; elements(&p.output_dims)];
            reference::pad_within(&p, &case.floats("x"), &mut got);
            assert_eq!(got, case.floats(name), "{}: {name}", case.name);
        }
    }
}

#[test]
fn debug_text_of_a_choice_is_its_path() {
    let text = format!("{:?} {:?} {:?}", Coordinates::AlignCorners, Nearest::CeilWhenShrinking, PadMode::Wrap);
    assert_eq!(text, "Coordinates::AlignCorners Nearest::CeilWhenShrinking PadMode::Wrap");
}
