//! Kernels that move or pick values without arithmetic, on shapes small enough to read.

use hilbench_kernels::params::{Reduce, Requant, Rescale, ResizeNearest};
use hilbench_kernels::reference;

#[test]
fn concatenation_lays_inputs_side_by_side_in_every_outer_row() {
    let mut output = [0; 10];
    reference::concatenation(2, &[3, 0, 2], &[&[1, 2, 3, 4, 5, 6][..], &[], &[7, 8, 9, 10]], &mut output);
    assert_eq!(output, [1, 2, 3, 7, 8, 4, 5, 6, 9, 10]);
}

#[test]
fn strided_slice_walks_both_ways() {
    let input: Vec<i32> = (0..12).collect();
    let mut output = [0; 4];
    reference::strided_slice(&[3, 4], &[0, 3], &[2, -3], &[2, 2], &input, &mut output);
    assert_eq!(output, [3, 0, 11, 8]);
}

#[test]
fn transpose_of_the_highest_rank_moves_every_axis() {
    let dims = [1, 2, 3, 1, 2, 2];
    let input: Vec<usize> = (0..24).collect();
    let mut output = [0; 24];
    reference::transpose(&dims, &[5, 4, 3, 2, 1, 0], &input, &mut output);
    // Output axes have sizes 2, 2, 1, 3, 2, 1; the second element steps along input axis 1, of stride 12.
    assert_eq!(output[..6], [0, 12, 4, 16, 8, 20]);
    assert_eq!(output[23], 23);
}

#[test]
fn pad_puts_the_value_on_all_sides() {
    let mut output = [0; 12];
    reference::pad(&[1, 2], &[1, 1], &[3, 4], 9, &[1, 2], &mut output);
    assert_eq!(output, [9, 9, 9, 9, 9, 1, 2, 9, 9, 9, 9, 9]);
}

#[test]
fn reduce_max_keeps_the_largest_of_the_reduced_axes() {
    let input = [-5_i8, 3, -128, 7, -1, -2];
    for (reduced, expect) in [([true, false], vec![7, 3, -2]), ([false, true], vec![3, 7]), ([true, true], vec![7])] {
        let p = Reduce { dims: [1, 1, 1, 1, 2, 3], reduced: [false, false, false, false, reduced[0], reduced[1]] };
        let mut output = vec![0; expect.len()];
        reference::reduce_max(&p, &input, &mut output);
        assert_eq!(output, expect);
    }
}

#[test]
fn resize_nearest_neighbor_picks_by_corner_or_by_center() {
    for (align_corners, half_pixel_centers, expect) in
        [(false, false, [0, 0, 1, 1, 2]), (true, false, [0, 1, 1, 2, 2]), (false, true, [0, 0, 1, 2, 2])]
    {
        let p = ResizeNearest {
            batches: 1,
            input_h: 1,
            input_w: 3,
            output_h: 1,
            output_w: 5,
            channels: 1,
            align_corners,
            half_pixel_centers,
        };
        let mut output = [0; 5];
        reference::resize_nearest_neighbor(&p, &[0, 1, 2], &mut output);
        assert_eq!(output, expect, "corners {align_corners}, centers {half_pixel_centers}");
    }
}

#[test]
fn rescale_between_signs_of_the_same_scale_is_a_shift_by_128() {
    let one = Requant { multiplier: 1 << 30, shift: 1 };
    let (bytes, mut signed, mut back) = ([0_u8, 1, 127, 128, 255], [0; 5], [0; 5]);
    let to_signed = Rescale { input_zero_point: 128, output_zero_point: 0, output: one };
    reference::rescale_u8_i8(&to_signed, &bytes, &mut signed);
    assert_eq!(signed, [-128, -127, -1, 0, 127]);
    let to_bytes = Rescale { input_zero_point: 0, output_zero_point: 128, output: one };
    reference::rescale_i8_u8(&to_bytes, &signed, &mut back);
    assert_eq!(back, bytes);
}
