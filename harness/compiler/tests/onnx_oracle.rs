//! ONNX models against ONNX Runtime: outputs that it recorded must be met exactly, or, where a graph ends in float
//! operators, to within the last bits of their float sums.
//!
//! The shipped model lies in `models/digits`. Public models lie outside the repository, in `zoo` of the folder named by
//! `HILBENCH_SHARED` or of `shared` beside the checkout; without it they are skipped aloud. Every model also runs as a
//! plan, in its one overlaid arena, which must agree with the reference tensor by tensor.

use std::io::Read;
use std::path::{Path, PathBuf};

use hilbench_compiler::graph::DType;
use hilbench_compiler::import::onnx::{External, Options};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::{exec, import, pass, plan, quantize};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The bytes of one array of an npz file and its number of samples.
fn array(archive: &Path, key: &str) -> Option<(usize, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).expect("vectors exist")).expect("an npz file");
    let mut bytes = Vec::new();
    zip.by_name(&format!("{key}.npy")).ok()?.read_to_end(&mut bytes).expect("an npz member");
    let header = npyz::NpyHeader::from_reader(&bytes[..]).expect("an npy header");
    let data = header.len() as usize * header.dtype().num_bytes().expect("plain elements");
    Some((header.shape()[0] as usize, bytes[bytes.len() - data..].to_vec()))
}

/// How far floats may be from those of ONNX Runtime, which sums in another order: a part of the largest one.
const FLOAT_DISTANCE: f32 = 1e-5;

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&c| f32::from_le_bytes(c)).collect()
}

/// A model with its arithmetic decided; constants may lie beside it.
fn quantized(model: &Path) -> hilbench_compiler::Result<QGraph> {
    let bytes = std::fs::read(model).expect("the model exists");
    let beside = |part: &External<'_>| {
        let bytes = std::fs::read(model.with_file_name(part.location)).map_err(|e| e.to_string())?;
        let part = bytes.get(part.offset as usize..).and_then(|rest| rest.get(..part.length));
        part.map(<[u8]>::to_vec).ok_or_else(|| "too short".to_string())
    };
    let options = Options { external: Some(&beside), ..Options::default() };
    quantize::quantize(&import::onnx::import(&bytes, &options)?)
}

/// Answers what differs, in words.
fn check(model: &Path, vectors: &Path) -> Result<String, String> {
    let graph = quantized(model).map_err(|e| e.to_string())?;
    let passed = pass::run(&graph);
    let plan = plan::plan(&passed.graph, Isa::Dsp).map_err(|e| e.to_string())?;
    assert_eq!(plan.conflict(), None);
    let arrays = |prefix: &str, count: usize| -> Vec<(usize, Vec<u8>)> {
        (1..=count)
            .map(|k| array(vectors, &format!("{prefix}_{k}")).or_else(|| array(vectors, prefix)))
            .map(|found| found.expect("an array for every input and output"))
            .collect()
    };
    let (inputs, goldens) = (arrays("m_inputs", graph.inputs.len()), arrays("m_outputs", graph.outputs.len()));
    let samples = goldens[0].0;
    let (mut differing, mut inexact, mut worst) = (0, 0, 0.0_f32);
    for sample in 0..samples {
        let part = |(count, bytes): &(usize, Vec<u8>)| {
            let size = bytes.len() / count;
            bytes[sample * size..(sample + 1) * size].to_vec()
        };
        let input: Vec<Vec<u8>> = inputs.iter().map(part).collect();
        let input: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        let values = exec::run_reference(&graph, &input);
        let outputs = exec::outputs(&graph, &values);
        for (k, (got, golden)) in outputs.iter().zip(goldens.iter().map(part)).enumerate() {
            let dtype = graph.tensors[graph.outputs[k]].dtype;
            assert_eq!(got.len(), golden.len(), "size of output {k}");
            let width = dtype.size();
            if dtype != DType::F32 {
                differing += got.chunks(width).zip(golden.chunks(width)).filter(|(a, b)| a != b).count();
                continue;
            }
            let (got, golden) = (floats(got), floats(&golden));
            let largest = golden.iter().filter(|x| x.is_finite()).fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
            for (&a, &b) in got.iter().zip(&golden) {
                // What is not a number has many bits.
                if a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()) {
                    inexact += 1;
                    let distance = (a - b).abs() / largest;
                    worst = worst.max(if distance.is_nan() { f32::INFINITY } else { distance });
                }
            }
        }
        let trace = exec::run_plan(&plan, &input);
        for (node, written) in plan.nodes.iter().zip(&trace.nodes) {
            for (tensor, bytes) in written {
                let expected = values[*tensor].as_ref().expect("written at run time").as_bytes();
                if *bytes != *passed.part(&graph, *tensor, expected) {
                    return Err(format!("plan: {} #{} differs from the reference", node.op_name, node.index));
                }
            }
        }
        assert_eq!(trace.outputs, outputs, "plan outputs");
    }
    let found = format!(
        "{samples} samples, {differing} integers differ, {inexact} floats, at most by {worst:e} of the largest"
    );
    // A model that computes no floats has no excuse.
    let float = graph.warnings.iter().any(|w| w.contains("computed in float32"));
    let met = differing == 0 && if float { worst <= FLOAT_DISTANCE } else { inexact == 0 };
    if met { Ok(found) } else { Err(found) }
}

fn check_all(folder: &Path, rows: &[(&str, &str)]) {
    let mut failures = Vec::new();
    for &(model, vectors) in rows {
        match check(&folder.join(model), &folder.join(vectors)) {
            Ok(found) => println!("{model}: {found}"),
            Err(e) => failures.push(format!("{model}: {e}")),
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

#[test]
fn the_shipped_model_is_met_exactly() {
    let digits = repository().join("models/digits");
    check_all(&digits, &[("digits_qdq.onnx", "digits_qdq_test.npz")]);
}

#[test]
fn scales_along_input_channels_are_refused_by_name() {
    let cases = repository().join("models/onnx_cases/pitfalls");
    let error = quantized(&cases.join("weights_per_channel_on_the_wrong_axis/model.onnx"));
    let error = error.expect_err("no integer sum exists").to_string();
    for part in ["Conv #2", "(opset 13)", "weights \"w_", "dimension 1"] {
        assert!(error.contains(part), "{error}");
    }
}

/// Folders of operators, folders of cases: with vectors, or with a reason to be refused.
#[test]
fn every_layer_and_pitfall_is_met_or_refused() {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).expect("the cases");
        let mut found: Vec<PathBuf> =
            entries.filter_map(|e| Some(e.ok()?.path())).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    };
    let cases: Vec<PathBuf> =
        folders(&repository().join("models/onnx_cases")).iter().flat_map(|operator| folders(operator)).collect();
    let mut failures = Vec::new();
    for case in &cases {
        let (model, name) = (case.join("model.onnx"), case.display());
        let result = match quantized(&model) {
            // It is taken, and said aloud to be requantized.
            Ok(graph) if name.to_string().ends_with("bias_scale_not_the_product") && !graph.warnings.is_empty() => {
                Ok(String::new())
            }
            Ok(_) if case.join("refused.txt").is_file() => Err("is not refused".to_string()),
            Err(_) if case.join("refused.txt").is_file() => Ok(String::new()),
            _ => check(&model, &case.join("io.npz")),
        };
        if let Err(reason) = result {
            failures.push(format!("{name}: {reason}"));
        }
    }
    println!("{} cases", cases.len());
    assert!(cases.len() >= 563, "only {} cases found", cases.len());
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn every_public_model_is_met() {
    let shared = std::env::var_os("HILBENCH_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    if !shared.is_dir() {
        eprintln!("SKIPPED: no public models: set HILBENCH_SHARED or lay them in ../shared");
        return;
    }
    const ROWS: &[(&str, &str)] = &[
        ("autoencoder_qdq.onnx", "autoencoder_qdq.io.npz"),
        ("kws_qdq.onnx", "kws_qdq.io.npz"),
        ("mobilenet_v1_qdq.onnx", "mobilenet_v1_qdq.io.npz"),
        ("mobilenet_v2_float.onnx", "mobilenet_v2_float.io.npz"),
        ("qrelu.onnx", "qrelu.io.npz"),
        ("qsigmoid.onnx", "qsigmoid.io.npz"),
        ("qtanh.onnx", "qtanh.io.npz"),
        ("vww_qdq_u8s8.onnx", "vww_qdq_u8s8.io.npz"),
        ("vww_qop_u8s8.onnx", "vww_qop_u8s8.io.npz"),
        ("vww_qop_u8u8.onnx", "vww_qop_u8u8.io.npz"),
        ("yamnet_1024_qdq.onnx", "yamnet_1024_qdq.io.npz"),
        ("yamnet_dynamic.onnx", "yamnet_dynamic.io.npz"),
        ("yamnet_qdq_s8s8.onnx", "yamnet_qdq_s8s8.io.npz"),
    ];
    check_all(&shared.join("zoo"), ROWS);
}
