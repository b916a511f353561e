//! Samples for a model: read from an npz file or drawn at random, with the references and labels that came along.
//!
//! Everything is in the model's own element types when it leaves here. Knows no board.

use std::path::Path;

use hilbench_compiler::graph::{DType, Tensor};
use hilbench_compiler::qgraph::QGraph;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::npz::{self, Array, Element};
use crate::values;

/// What arrays of inputs and of given outputs are called, followed by `_1`, `_2` …
const INPUTS: &str = "m_inputs";
const OUTPUTS: &str = "m_outputs";

/// Where the samples come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A file, by its path.
    File(String),
    /// Uniform random numbers.
    Random {
        /// Seed of the ChaCha8 generator.
        seed: u64,
        /// Bounds in real numbers; `None`: integers over their whole type, floats over [-1, 1).
        range: Option<(f32, f32)>,
    },
}

/// Given outputs that the results are measured against.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Real values: integers are dequantized with the output's own scale and zero point.
    pub real: Vec<f64>,
    /// Bytes in the output's own element type, where they were given so.
    pub bytes: Option<Vec<u8>>,
}

/// Samples in the model's own types.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    samples: usize,
    inputs: Vec<Vec<u8>>,
    /// By output; empty where none were given.
    pub given: Vec<Given>,
    /// Class of each sample, where given: an index into the last dimension of the first output.
    pub labels: Option<Vec<usize>>,
    /// Where they come from.
    pub source: Source,
}

impl Dataset {
    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The bytes of input `k` of one sample.
    #[must_use]
    pub fn input(&self, k: usize, sample: usize) -> &[u8] {
        let bytes = self.inputs[k].len() / self.samples;
        &self.inputs[k][sample * bytes..][..bytes]
    }

    /// The bytes of input `k` of all samples, one after the other.
    #[must_use]
    pub fn inputs(&self, k: usize) -> &[u8] {
        &self.inputs[k]
    }

    /// Draws samples. The same seed draws the same samples on every machine.
    #[must_use]
    pub fn random(graph: &QGraph, samples: usize, seed: u64, range: Option<(f32, f32)>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let tensors: Vec<&Tensor> = graph.inputs.iter().map(|&t| &graph.tensors[t]).collect();
        let mut inputs: Vec<Vec<u8>> = tensors.iter().map(|t| Vec::with_capacity(samples * t.bytes())).collect();
        for _ in 0..samples {
            for (tensor, bytes) in tensors.iter().zip(&mut inputs) {
                draw(tensor, range, &mut random, bytes);
            }
        }
        Dataset { samples, inputs, given: Vec::new(), labels: None, source: Source::Random { seed, range } }
    }

    /// Reads `m_inputs_1..N` (or `m_inputs`, or a plain npy file), and `m_outputs_1..N` and `labels` where there are
    /// any. `limit` keeps the first samples only.
    ///
    /// # Errors
    /// Files that cannot be read; arrays that are missing, of another type or of another shape than the model's.
    pub fn read(path: &Path, graph: &QGraph, limit: Option<usize>) -> Result<Self> {
        let file = path.display();
        let fail = |reason: String| Error::Input(format!("{file}: {reason}"));
        let mut arrays = npz::read(path).map_err(fail)?;
        // A file that is one array has no name for it: the input, of course.
        arrays.iter_mut().filter(|(name, _)| name.is_empty()).for_each(|(name, _)| *name = INPUTS.to_string());
        let mut inputs = Vec::new();
        for (k, &t) in graph.inputs.iter().enumerate() {
            let (name, array) = numbered(&arrays, INPUTS, k, graph.inputs.len()).ok_or_else(|| {
                let found: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
                let found = if found.is_empty() { "none".to_string() } else { found.join(", ") };
                fail(format!("array `{INPUTS}_{}` is missing; the arrays there are: {found}", k + 1))
            })?;
            let tensor = &graph.tensors[t];
            check_shape(name, array, tensor).map_err(fail)?;
            inputs.push((name, array.shape[0], to_model_type(name, array, tensor).map_err(fail)?));
        }
        let (first, samples) = (inputs[0].0, inputs[0].1);
        if let Some((name, count, _)) = inputs.iter().find(|(_, count, _)| *count != samples) {
            return Err(fail(format!("`{name}` has {count} samples, `{first}` has {samples}")));
        }
        if samples == 0 {
            return Err(fail(format!("`{first}` has no samples")));
        }
        let kept = limit.map_or(samples, |limit| limit.min(samples));
        let mut given = Vec::new();
        for (k, &t) in graph.outputs.iter().enumerate() {
            let Some((name, array)) = numbered(&arrays, OUTPUTS, k, graph.outputs.len()) else { continue };
            let tensor = &graph.tensors[t];
            check_shape(name, array, tensor).map_err(fail)?;
            if array.shape[0] != samples {
                return Err(fail(format!("`{name}` has {} samples, `{first}` has {samples}", array.shape[0])));
            }
            given.push(given_output(name, array, tensor, kept).map_err(fail)?);
        }
        if !given.is_empty() && given.len() != graph.outputs.len() {
            let reason = format!("has `{OUTPUTS}` for {} of the model's {} outputs", given.len(), graph.outputs.len());
            return Err(fail(reason));
        }
        let labels = match arrays.iter().find(|(name, _)| name == "labels") {
            Some((_, array)) => Some(labels(array, samples, graph).map_err(fail)?[..kept].to_vec()),
            None => None,
        };
        let inputs = inputs
            .into_iter()
            .map(|(_, _, mut bytes)| {
                bytes.truncate(bytes.len() / samples * kept);
                bytes
            })
            .collect();
        Ok(Dataset { samples: kept, inputs, given, labels, source: Source::File(file.to_string()) })
    }
}

/// Array `prefix_k` (counted from 1); for a model with one, plain `prefix` too.
fn numbered<'a>(arrays: &'a [(String, Array)], prefix: &str, k: usize, count: usize) -> Option<(&'a str, &'a Array)> {
    let name = format!("{prefix}_{}", k + 1);
    arrays
        .iter()
        .find(|(found, _)| *found == name || (count == 1 && found == prefix))
        .map(|(name, array)| (name.as_str(), array))
}

/// The first axis is samples; the others are the tensor's, where a size of 1 may be left out, or one flat axis.
fn check_shape(name: &str, array: &Array, tensor: &Tensor) -> Result<(), String> {
    let significant = |shape: &[usize]| shape.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let fits = array.shape.split_first().is_some_and(|(_, rest)| {
        significant(rest) == significant(&tensor.shape) || (rest.len() == 1 && rest[0] == tensor.elements())
    });
    if fits {
        return Ok(());
    }
    let per_sample: Vec<String> = tensor.shape.iter().skip(1).map(ToString::to_string).collect();
    Err(format!(
        "`{name}` has shape {:?}; [samples, {}] is expected for tensor {:?}",
        array.shape,
        per_sample.join(", "),
        tensor.name
    ))
}

/// The array in the element type of `tensor`: as it is, or quantized from floats.
fn to_model_type(name: &str, array: &Array, tensor: &Tensor) -> Result<Vec<u8>, String> {
    if element(tensor.dtype) == array.element && tensor.dtype != DType::F32 {
        return Ok(array.bytes.clone());
    }
    if !matches!(array.element, Element::F32 | Element::F64) {
        let or = if values::affine(tensor).is_some() { " or float32 (which is then quantized)" } else { "" };
        return Err(format!("`{name}` is {}; {}{or} is accepted", array.element, tensor.dtype));
    }
    let reals = array.to_f64();
    if let Some(at) = reals.iter().position(|x| !x.is_finite()) {
        let sample = at / tensor.elements().max(1);
        return Err(format!("`{name}` holds {} in sample {sample}; finite numbers are accepted", reals[at]));
    }
    let mut bytes = Vec::with_capacity(reals.len() * tensor.dtype.size());
    for x in reals {
        values::encode(tensor, x as f32, &mut bytes)
            .ok_or_else(|| format!("`{name}` is {}; {} is accepted", array.element, tensor.dtype))?;
    }
    Ok(bytes)
}

fn given_output(name: &str, array: &Array, tensor: &Tensor, samples: usize) -> Result<Given, String> {
    let elements = samples * tensor.elements();
    if element(tensor.dtype) == array.element {
        let bytes = array.bytes[..elements * tensor.dtype.size()].to_vec();
        return Ok(Given { real: values::reals(tensor, &bytes), bytes: Some(bytes) });
    }
    if !matches!(array.element, Element::F32 | Element::F64) {
        return Err(format!("`{name}` is {}; {} or float32 is accepted", array.element, tensor.dtype));
    }
    let mut real = array.to_f64();
    real.truncate(elements);
    Ok(Given { real, bytes: None })
}

fn labels(array: &Array, samples: usize, graph: &QGraph) -> Result<Vec<usize>, String> {
    let output = &graph.tensors[graph.outputs[0]];
    let classes = output.elements();
    if array.shape != [samples] && array.shape != [samples, 1] {
        return Err(format!("`labels` has shape {:?}; [{samples}] is expected", array.shape));
    }
    let label = |(sample, label): (usize, f64)| {
        // A label is a whole number below the number of classes, whatever type it was saved in.
        if label >= 0.0 && label.fract() == 0.0 && label < classes as f64 {
            return Ok(label as usize);
        }
        Err(format!("`labels` holds {label} for sample {sample}; 0 to {} are accepted", classes.saturating_sub(1)))
    };
    array.to_f64().into_iter().enumerate().map(label).collect()
}

/// The numpy type of a tensor's elements.
#[must_use]
pub fn element(dtype: DType) -> Element {
    match dtype {
        DType::F32 => Element::F32,
        DType::I8 => Element::I8,
        DType::U8 => Element::U8,
        DType::I16 => Element::I16,
        DType::U16 => Element::U16,
        DType::I32 => Element::I32,
        DType::I64 => Element::I64,
        DType::Bool => Element::Bool,
    }
}

fn draw(tensor: &Tensor, range: Option<(f32, f32)>, random: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    for _ in 0..tensor.elements() {
        if let (Some((low, high)), true) = (range, tensor.dtype == DType::F32 || values::affine(tensor).is_some()) {
            // Between two finite bounds, by parts, so that their distance need not be finite.
            let part: f32 = random.random();
            let drawn = values::encode(tensor, low * (1.0 - part) + high * part, bytes);
            debug_assert!(drawn.is_some());
            continue;
        }
        match tensor.dtype {
            DType::F32 => bytes.extend((random.random::<f32>() * 2.0 - 1.0).to_le_bytes()),
            DType::Bool => bytes.push(u8::from(random.random::<bool>())),
            _ => (0..tensor.dtype.size()).for_each(|_| bytes.push(random.random())),
        }
    }
}
