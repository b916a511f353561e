//! A model file on its way through the compiler.

use std::path::Path;

use hilbench_compiler::graph::Graph;
use hilbench_compiler::lower::Isa;
use hilbench_compiler::plan::{self, Plan};
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::{import, quantize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

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
}

/// A model, compiled.
#[derive(Debug)]
pub struct Compiled {
    /// Its arithmetic; the reference is computed from this.
    pub qgraph: QGraph,
    /// What a board does, by the instruction set extension it has.
    plans: [Plan; Isa::ALL.len()],
}

impl Model {
    /// Reads and imports a model file.
    ///
    /// # Errors
    /// A file that cannot be read, or that no importer accepts.
    pub fn read(path: &Path) -> Result<Self> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
            return Err(Error::Input(format!("{}: an ONNX model; TFLite models are accepted", path.display())));
        }
        let bytes = std::fs::read(path).map_err(|e| Error::Read { path: path.to_path_buf(), reason: e.to_string() })?;
        let graph =
            import::tflite::import(&bytes).map_err(|reason| Error::Model { path: path.to_path_buf(), reason })?;
        let name = path.file_stem().map_or_else(|| "network".into(), |s| s.to_string_lossy().into_owned());
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Ok(Model { name, path: path.to_path_buf(), sha256, graph })
    }

    /// Decides the arithmetic and plans the memory.
    ///
    /// # Errors
    /// Operators or parameters outside what is supported.
    pub fn compile(&self) -> Result<Compiled> {
        let fail = |reason| Error::Model { path: self.path.clone(), reason };
        let qgraph = quantize::quantize(&self.graph).map_err(fail)?;
        let plan = |isa| plan::plan(&qgraph, isa).map_err(&fail);
        let plans = [plan(Isa::Generic)?, plan(Isa::Dsp)?, plan(Isa::Mve)?];
        Ok(Compiled { qgraph, plans })
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
