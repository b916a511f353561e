//! A model file on its way through the compiler.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use hilbench_compiler::edges::{ChannelPosition, EdgeType, Side, shape_edges};
use hilbench_compiler::graph::Graph;
use hilbench_compiler::import::onnx::{External, Options};
use hilbench_compiler::lower::Isa;
use hilbench_compiler::pass::{self, Passed};
use hilbench_compiler::plan::{self, Optimize, Plan};
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::{import, quantize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What a file leaves open, what its inputs and outputs are to look like, and what its plan is to spare.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Sizes of dimensions that an ONNX file only names, by that name, and whole shapes of its inputs, by the input's.
    pub fix_shape: BTreeMap<String, Vec<usize>>,
    /// The inputs. Without element types: as the file has them, but integers where an ONNX file quantizes its inputs.
    pub inputs: Side,
    /// The outputs, likewise.
    pub outputs: Side,
    /// Time or memory.
    pub optimize: Optimize,
}

/// A model file, read.
#[derive(Debug)]
pub struct Model {
    /// File name without extension; the network is called so everywhere.
    pub name: String,
    /// The file.
    pub path: std::path::PathBuf,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// What the file says.
    pub graph: Graph,
    /// Channels lie first in the file, and quantization is spelled out: ONNX.
    channels_first: bool,
}

/// A model, compiled.
#[derive(Debug)]
pub struct Compiled {
    /// Its arithmetic; the reference is computed from this.
    pub qgraph: QGraph,
    /// The same after the passes; plans are made of this.
    pub passed: Passed,
    /// What a board does, by the instruction set extension it has.
    plans: [Plan; Isa::ALL.len()],
}

impl Model {
    /// Reads and imports a model file.
    ///
    /// # Errors
    /// A file that cannot be read, or that no importer accepts.
    pub fn read(path: &Path, form: &Form) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::Read { path: path.to_path_buf(), reason: e.to_string() })?;
        Model::parse(path, &bytes, form)
    }

    /// Imports the bytes of a model file; `path` says what it is called.
    ///
    /// # Errors
    /// Bytes that no importer accepts.
    pub fn parse(path: &Path, bytes: &[u8], form: &Form) -> Result<Self> {
        // A TFLite file says so itself; an ONNX file is known by its name only.
        let onnx = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) && bytes.get(4..8) != Some(b"TFL3");
        if !onnx && let Some(name) = form.fix_shape.keys().next() {
            let path = path.display();
            return Err(Error::Input(format!("{path}: --fix-shape {name}: only ONNX files leave sizes open")));
        }
        let graph = if onnx { import_onnx(path, bytes, form) } else { import::tflite::import(bytes) };
        let graph = graph.map_err(|reason| Error::Model { path: path.to_path_buf(), reason })?;
        let name = path.file_stem().map_or_else(|| "network".into(), |s| s.to_string_lossy().into_owned());
        let sha256 = hex::encode(Sha256::digest(bytes));
        Ok(Model { name, path: path.to_path_buf(), sha256, graph, channels_first: onnx })
    }

    /// A model that was made here. Its digest is that of its constants.
    #[must_use]
    pub fn made(graph: Graph) -> Self {
        let mut hash = Sha256::new();
        graph.tensors.iter().filter_map(|t| t.data.as_ref()).for_each(|data| hash.update(data));
        let (name, sha256) = (graph.name.clone(), hex::encode(hash.finalize()));
        Model { path: name.clone().into(), name, sha256, graph, channels_first: false }
    }

    /// Decides the arithmetic, runs the passes and plans the memory.
    ///
    /// # Errors
    /// Operators or parameters outside what is supported.
    pub fn compile(&self, form: &Form) -> Result<Compiled> {
        let fail = |reason| Error::Model { path: self.path.clone(), reason };
        let mut qgraph = quantize::quantize(&self.graph).map_err(fail)?;
        shape_edges(&mut qgraph, &self.side(&form.inputs), &self.side(&form.outputs)).map_err(fail)?;
        let passed = pass::run(&qgraph);
        let plan = |isa| plan::plan_for(&passed.graph, isa, form.optimize).map_err(&fail);
        let plans = [plan(Isa::Generic)?, plan(Isa::Dsp)?, plan(Isa::Mve)?];
        Ok(Compiled { qgraph, passed, plans })
    }

    /// What was asked for, in terms of this file: channels that lie where they are wanted are left alone.
    fn side(&self, asked: &Side) -> Side {
        let there = if self.channels_first { ChannelPosition::First } else { ChannelPosition::Last };
        let mut side = asked.clone();
        if side.elements.is_empty() && self.channels_first {
            side.elements.push(EdgeType::Activation);
        }
        side.channels.iter_mut().filter(|c| **c == there).for_each(|c| *c = ChannelPosition::Unchanged);
        side
    }
}

impl Compiled {
    /// What a board with this extension does.
    #[must_use]
    pub fn plan(&self, isa: Isa) -> &Plan {
        &self.plans[isa as usize]
    }

    /// The same, to be tampered with.
    pub fn plan_mut(&mut self, isa: Isa) -> &mut Plan {
        &mut self.plans[isa as usize]
    }
}

fn import_onnx(path: &Path, bytes: &[u8], form: &Form) -> hilbench_compiler::Result<Graph> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let external = |part: &External<'_>| read_part(folder, part);
    import::onnx::import(
        bytes,
        &Options { external: Some(&external), fix_shape: form.fix_shape.clone(), ..Options::default() },
    )
}

/// Constants that lie beside the model file, and never anywhere else.
fn read_part(folder: &Path, part: &External<'_>) -> Result<Vec<u8>, String> {
    let location = Path::new(part.location);
    if !location.components().all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir)) {
        return Err("lies outside of the model's folder".to_string());
    }
    let mut file = std::fs::File::open(folder.join(location)).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if part.offset.checked_add(part.length as u64).is_none_or(|end| end > size) {
        return Err(format!("{} bytes from byte {} on, of a file of {size}", part.length, part.offset));
    }
    let mut bytes = vec![0; part.length];
    file.seek(SeekFrom::Start(part.offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(|e| e.to_string())?;
    Ok(bytes)
}
