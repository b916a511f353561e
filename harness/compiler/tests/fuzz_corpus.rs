//! Files that fuzzing found interesting, again: each is answered with a plan or an error, in little memory.
//!
//! `fuzz/corpus` holds one folder an importer; `fuzz/README.md` says how it grows.

use std::alloc::System;
use std::path::{Path, PathBuf};

use cap::Cap;
use hilbench_compiler::import::onnx::Options;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::{Result, emit, graph::Graph, import, pass, plan, quantize};

/// Counts memory, and ends the test where a file takes more than it may.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What a file of so many bytes may take on its way to source.
const fn allowance(bytes: usize) -> usize {
    8 * bytes + (64 << 20)
}

fn files(importer: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(importer);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a corpus").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

fn compile(graph: Result<Graph>) -> Result<usize> {
    let plan = plan::plan(&pass::run(&quantize::quantize(&graph?)?).graph, Isa::Dsp)?;
    let identity = emit::Identity { name: "fuzzed".into(), digest: String::new() };
    Ok(emit::rust::emit(&plan, &identity).files.len())
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn every_file_is_answered_in_little_memory() {
    // A panic tells where it comes from, which takes more memory than a file may: without it, it would never be told.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        MEMORY.set_limit(usize::MAX).expect("no limit");
        tell(panic);
    }));
    type Import = fn(&[u8]) -> Result<Graph>;
    let importers: [(&str, Import); 2] =
        [("tflite", import::tflite::import), ("onnx", |bytes| import::onnx::import(bytes, &Options::default()))];
    for (name, import) in importers {
        let files = files(name);
        assert!(files.len() >= 50, "{name}: only {} files", files.len());
        let mut compiled = 0;
        for file in &files {
            let bytes = std::fs::read(file).expect("a file");
            MEMORY.set_limit(MEMORY.allocated() + allowance(bytes.len())).expect("more than there is now");
            let answer = std::panic::catch_unwind(|| compile(import(&bytes)).is_ok());
            compiled += usize::from(answer.unwrap_or_else(|_| panic!("{} makes it panic", file.display())));
            MEMORY.set_limit(usize::MAX).expect("no limit");
        }
        println!("{name}: {} files, {compiled} of them compile", files.len());
        assert!(compiled > 0, "{name}: nothing compiles: the corpus no longer reaches the compiler");
    }
}
