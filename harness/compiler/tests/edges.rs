//! The form of a model's inputs and outputs, where the file quantizes and dequantizes them in another shape.

use hilbench_compiler::edges::{EdgeType, Side, shape_edges};
use hilbench_compiler::exec;
use hilbench_compiler::graph::onnx::{Op, Scaling, Unary};
use hilbench_compiler::graph::{self, DType, Graph, Node, Tensor};
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::quantize::quantize;

/// x, reshaped, quantized, a sigmoid of the codes, dequantized, reshaped to y.
fn model() -> QGraph {
    let tensor = |name: &str, dtype: DType, shape: &[usize], data: Option<Vec<u8>>| {
        let (name, shape) = (name.to_string(), shape.to_vec());
        Tensor { name, dtype, shape, quantization: None, data }
    };
    let (f, i, image) = (DType::F32, DType::I8, [1, 2, 3]);
    let tensors = vec![
        tensor("x", f, &[1, 6], None),
        tensor("image", f, &image, None),
        tensor("scale", f, &[], Some(0.0625_f32.to_le_bytes().to_vec())),
        tensor("zero_point", i, &[], Some(vec![3])),
        tensor("q", i, &image, None),
        tensor("dq", f, &image, None),
        tensor("s", f, &image, None),
        tensor("q2", i, &image, None),
        tensor("dq2", f, &image, None),
        tensor("y", f, &[6, 1], None),
    ];
    let (scale, zero_point) = (Some(2), Some(3));
    let nodes = [
        (Op::Reshape, vec![Some(0)], 1),
        (Op::Quantize { scaling: Scaling::along(0), saturate: true }, vec![Some(1), scale, zero_point], 4),
        (Op::Dequantize(Scaling::along(0)), vec![Some(4), scale, zero_point], 5),
        (Op::Unary(Unary::Sigmoid), vec![Some(5)], 6),
        (Op::Quantize { scaling: Scaling::along(0), saturate: true }, vec![Some(6), scale, zero_point], 7),
        (Op::Dequantize(Scaling::along(0)), vec![Some(7), scale, zero_point], 8),
        (Op::Reshape, vec![Some(8)], 9),
    ];
    let nodes = nodes.into_iter().enumerate().map(|(index, (op, inputs, output))| {
        let op = graph::Op::Onnx(Box::new(op));
        Node { index, op_name: "node", op, inputs, outputs: vec![output] }
    });
    let graph = Graph {
        name: "edges".into(),
        opset: Some(13),
        tensors,
        nodes: nodes.collect(),
        inputs: vec![0],
        outputs: vec![9],
        states: Vec::new(),
        warnings: Vec::new(),
    };
    quantize(&graph).expect("a model that is taken")
}

#[test]
fn codes_are_the_edges_in_the_shapes_of_the_file() {
    let floats = model();
    let mut codes = model();
    let activation = || Side { elements: vec![EdgeType::Activation], channels: Vec::new() };
    shape_edges(&mut codes, &activation(), &activation()).expect("a form that it can have");
    let (x, y) = (&codes.tensors[codes.inputs[0]], &codes.tensors[codes.outputs[0]]);
    assert_eq!((&x.name[..], x.dtype, &x.shape[..]), ("x", DType::I8, &[1, 6][..]));
    assert_eq!((&y.name[..], y.dtype, &y.shape[..]), ("y", DType::I8, &[6, 1][..]));

    // The same numbers: code 3 + 16 v of a value v that the scale divides.
    let values = [-3.0_f32, -1.0, -0.0625, 0.0, 0.5, 4.0];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let coded: Vec<u8> = values.iter().map(|v| (3.0 + 16.0 * v) as i8 as u8).collect();
    let run = |graph: &QGraph, input: &[u8]| exec::outputs(graph, &exec::run_reference(graph, &[input])).remove(0);
    let answered: Vec<f32> = run(&codes, &coded).iter().map(|&c| (f32::from(c as i8) - 3.0) / 16.0).collect();
    let expected: Vec<f32> =
        run(&floats, &bytes).chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    assert_eq!(answered, expected);
}
