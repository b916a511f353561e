//! Reads one recorded case: every array and every `cfg_*` constant of an `.npz` file, as integers.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use hilbench_kernels::params::{Clamp, Requant};
use npyz::{DType, NpyFile, TypeChar};
use zip::ZipArchive;

pub struct Vectors {
    pub name: String,
    arrays: BTreeMap<String, Vec<i64>>,
}

impl Vectors {
    pub fn read(path: &Path) -> Self {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let file = File::open(path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut archive = ZipArchive::new(file).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut arrays = BTreeMap::new();
        for index in 0..archive.len() {
            let member = archive.by_index(index).unwrap_or_else(|e| panic!("{name}: {e}"));
            let key = member.name().trim_end_matches(".npy").to_string();
            let values = NpyFile::new(member).and_then(integers).unwrap_or_else(|e| panic!("{name}: {key}: {e}"));
            arrays.insert(key, values);
        }
        Self { name, arrays }
    }

    pub fn has(&self, constant: &str) -> bool {
        self.arrays.contains_key(&format!("cfg_{constant}"))
    }

    pub fn constant(&self, constant: &str) -> i32 {
        let values =
            &self.arrays.get(&format!("cfg_{constant}")).unwrap_or_else(|| panic!("{}: no {constant}", self.name));
        i32::try_from(values[0]).expect("constants are small")
    }

    pub fn constant_or(&self, constant: &str, default: i32) -> i32 {
        if self.has(constant) { self.constant(constant) } else { default }
    }

    pub fn size(&self, constant: &str) -> usize {
        usize::try_from(self.constant(constant)).expect("sizes are not negative")
    }

    /// The first of `keys` that the file has, or nothing at all.
    pub fn words(&self, keys: &[&str]) -> Vec<i32> {
        let values = keys.iter().find_map(|key| self.arrays.get(*key)).map_or(&[][..], Vec::as_slice);
        values.iter().map(|&x| i32::try_from(x).expect("32 bits")).collect()
    }

    pub fn bytes(&self, keys: &[&str]) -> Vec<i8> {
        let bytes: Vec<i8> = self.words(keys).into_iter().map(|x| i8::try_from(x).expect("8 bits")).collect();
        assert!(!bytes.is_empty(), "{}: none of {keys:?}", self.name);
        bytes
    }

    /// One factor a channel.
    pub fn requants(&self, multipliers: &str, shifts: &str) -> Vec<Requant> {
        let shifts = self.words(&[shifts]);
        let pairs = self.words(&[multipliers]).into_iter().zip(shifts);
        pairs.map(|(multiplier, shift)| Requant { multiplier, shift }).collect()
    }

    pub fn requant(&self, multiplier: &str, shift: &str) -> Requant {
        Requant { multiplier: self.constant(multiplier), shift: self.constant(shift) }
    }

    pub fn clamp(&self, prefix: &str) -> Clamp {
        Clamp {
            min: self.constant(&format!("{prefix}ACTIVATION_MIN")),
            max: self.constant(&format!("{prefix}ACTIVATION_MAX")),
        }
    }
}

fn integers<R: std::io::Read>(array: npyz::NpyFile<R>) -> std::io::Result<Vec<i64>> {
    let DType::Plain(dtype) = array.dtype() else { panic!("a plain array") };
    match (dtype.type_char(), dtype.size_field()) {
        (TypeChar::Int, 1) => Ok(array.into_vec::<i8>()?.into_iter().map(i64::from).collect()),
        (TypeChar::Int, 4) => Ok(array.into_vec::<i32>()?.into_iter().map(i64::from).collect()),
        (TypeChar::Int, 8) => array.into_vec::<i64>(),
        other => panic!("unexpected element type {other:?}"),
    }
}
