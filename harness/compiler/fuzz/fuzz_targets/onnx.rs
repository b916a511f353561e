//! Bytes as an ONNX file, on their way to firmware source.
#![no_main]

use hilbench_compiler::import::onnx::Options;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{emit, import, pass, plan, quantize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = import::onnx::import(bytes, &Options::default()) else { return };
    let Ok(graph) = quantize::quantize(&graph) else { return };
    let Ok(plan) = plan::plan(&pass::run(&graph).graph, Isa::Dsp) else { return };
    let identity = emit::Identity { name: "fuzzed".into(), digest: String::new() };
    assert!(!emit::rust::emit(&plan, &identity).files.is_empty());
});
