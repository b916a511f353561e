//! A model file on its way through the compiler.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use hilbench_compiler::graph::Graph;
use hilbench_compiler::import::onnx::{External, Options};
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
    /// What a board does.
    pub plan: Plan,
}

impl Model {
    /// Reads and imports a model file. `fix_shape` gives sizes to dimensions that an ONNX file only names.
    ///
    /// # Errors
    /// A file that cannot be read, or that no importer accepts.
    pub fn read(path: &Path, fix_shape: &[(String, usize)]) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::Read { path: path.to_path_buf(), reason: e.to_string() })?;
        let graph =
            import(path, &bytes, fix_shape).map_err(|reason| Error::Model { path: path.to_path_buf(), reason })?;
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
        let plan = plan::plan(&qgraph).map_err(fail)?;
        Ok(Compiled { qgraph, plan })
    }
}

/// A TFLite file says so itself; an ONNX file is known by its name only.
fn import(path: &Path, bytes: &[u8], fix_shape: &[(String, usize)]) -> hilbench_compiler::Result<Graph> {
    let onnx = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
    if !onnx || bytes.get(4..8) == Some(b"TFL3") {
        return import::tflite::import(bytes);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let external = |part: &External<'_>| read_part(folder, part);
    let fix_shape = fix_shape.iter().cloned().collect();
    import::onnx::import(bytes, &Options { fix_shape, external: Some(&external), ..Options::default() })
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
