//! Where tensors of a channel-first model are brought into another order: as seldom as can be, and told with its cost.

use std::path::Path;

use hilbench_compiler::import::onnx::{self, Options};
use hilbench_compiler::quantize;

/// Bytes of every transpose that is left in a case of `models/onnx_cases`.
fn check(case: &str, expect: &[usize]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/onnx_cases").join(case).join("model.onnx");
    let model = std::fs::read(path).expect("the case");
    let graph = onnx::import(&model, &Options::default()).and_then(|graph| quantize::quantize(&graph));
    let graph = graph.expect("a model that is taken");
    let bytes: Vec<usize> = graph.transposes().map(|(_, bytes)| bytes).collect();
    assert_eq!(bytes, expect, "{case}");
}

#[test]
fn only_the_input_is_turned_before_a_convolution_and_the_layers_behind_its_flattened_result() {
    // Codes of [1, 2, 4, 5]; the order of [1, 3, 4, 5] goes into the rows of the weights.
    check("layers/conv_flatten_gemm_s8s8", &[40]);
    check("layers/conv_flatten_gemm_u8s8_per_channel", &[40]);
    check("layers/conv_flatten_gemm_qoperator_u8u8", &[40]);
}

#[test]
fn nothing_is_turned_where_no_layer_looks_at_neighbours() {
    check("pitfalls/flatten_then_gemm", &[]);
    check("layers/swish_s8s8", &[]);
}

#[test]
fn an_output_is_turned_as_codes_and_not_as_floats() {
    check("transpose/channels_last", &[48]);
    // Codes of [1, 3, 6, 6] and of [1, 4, 4, 4].
    check("conv/s8s8", &[108, 64]);
}
