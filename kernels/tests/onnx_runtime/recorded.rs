//! Reads one file of recorded cases. The arrays of a name lie end to end over all cases; see
//! `models/record_onnx_kernels.py`, which writes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use hilbench_kernels::byte::Byte;
use npyz::{DType, NpyFile, TypeChar};
use zip::ZipArchive;

/// The element type of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    I8,
    U8,
    I32,
    F32,
}

/// One array of a case. `f64` holds every integer and single-precision number of a recording.
struct Array {
    kind: Kind,
    dims: Vec<usize>,
    elements: Vec<f64>,
}

/// What one model was given, and what it answered.
pub struct Case {
    pub name: String,
    arrays: BTreeMap<String, Array>,
}

/// Every case of one file.
pub fn cases(operator: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx_runtime").join(operator).with_extension("npz");
    let file = File::open(&path).unwrap_or_else(|e| panic!("{operator}: {e}"));
    let mut archive = ZipArchive::new(file).unwrap_or_else(|e| panic!("{operator}: {e}"));
    let keys: Vec<String> = archive.file_names().filter_map(|n| n.strip_suffix(".npy")).map(str::to_owned).collect();
    let mut cases: Vec<Case> = Vec::new();
    for key in keys.iter().filter(|key| !key.ends_with(".kinds")) {
        let mut elements = read(&mut archive, key).into_iter();
        let mut kinds = read(&mut archive, &format!("{key}.kinds")).into_iter().map(|x| x as usize);
        let mut index = 0;
        while let Some(kind) = kinds.next() {
            if cases.len() == index {
                cases.push(Case { name: format!("{operator} {index}"), arrays: BTreeMap::new() });
            }
            if kind != 0 {
                let rank = kinds.next().expect("a rank follows a type");
                let dims: Vec<usize> = kinds.by_ref().take(rank).collect();
                let elements = elements.by_ref().take(dims.iter().product()).collect();
                cases[index].arrays.insert(
                    key.clone(),
                    Array { kind: [Kind::I8, Kind::U8, Kind::I32, Kind::F32][kind - 1], dims, elements },
                );
            }
            index += 1;
        }
    }
    cases
}

fn read(archive: &mut ZipArchive<File>, key: &str) -> Vec<f64> {
    let member = archive.by_name(&format!("{key}.npy")).unwrap_or_else(|e| panic!("{key}: {e}"));
    let array = NpyFile::new(member).expect("the array reads");
    let DType::Plain(dtype) = array.dtype() else { panic!("a plain array") };
    let numbers = match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Int, 2) => array.into_vec::<i16>().map(|v| v.into_iter().map(f64::from).collect()),
        (TypeChar::Int, 4) => array.into_vec::<i32>().map(|v| v.into_iter().map(f64::from).collect()),
        (TypeChar::Float, 4) => array.into_vec::<f32>().map(|v| v.into_iter().map(f64::from).collect()),
        other => panic!("unexpected element type {other:?}"),
    };
    numbers.expect("the array reads")
}

impl Case {
    fn array(&self, name: &str) -> &Array {
        self.arrays.get(name).unwrap_or_else(|| panic!("{}: no {name}", self.name))
    }

    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    pub fn kind(&self, name: &str) -> Kind {
        self.array(name).kind
    }

    pub fn is_signed(&self, name: &str) -> bool {
        self.kind(name) == Kind::I8
    }

    pub fn dims(&self, name: &str) -> &[usize] {
        &self.array(name).dims
    }

    /// The elements of an 8-bit array.
    pub fn bytes<T: Byte>(&self, name: &str) -> Vec<T> {
        self.array(name).elements.iter().map(|&x| T::saturate(x as i32)).collect()
    }

    /// The elements of an integer array, or nothing when there is none.
    pub fn words(&self, name: &str) -> Vec<i32> {
        self.arrays.get(name).map_or(Vec::new(), |a| a.elements.iter().map(|&x| x as i32).collect())
    }

    /// The elements of a single-precision array.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        self.array(name).elements.iter().map(|&x| x as f32).collect()
    }

    pub fn float(&self, name: &str) -> f32 {
        self.floats(name)[0]
    }

    pub fn int(&self, name: &str) -> i32 {
        self.words(name)[0]
    }

    pub fn sizes(&self, name: &str) -> Vec<usize> {
        self.array(name).elements.iter().map(|&x| x as usize).collect()
    }
}
