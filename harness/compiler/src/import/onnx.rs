//! ONNX protobuf to [`Graph`]: channel first, float with explicit quantize and dequantize operators, shapes all known.
//!
//! Refuses damaged files, control flow, functions, sequences, unknown sizes without a given one, element types that no
//! kernel takes, and quantized models of an opset below 10, each by name. Operators that are made of others, and the
//! fused `QLinear` ones, become those others. Any bytes are answered with a graph or an error; memory stays within a
//! few times the file.

mod elements;
mod fold;
mod limits;
mod operators;
mod proto;
mod reader;
mod tensors;

use std::collections::{BTreeMap, HashMap};

use prost::Message;

use self::elements::Element;
use self::reader::Reader;
use crate::graph::onnx::Codes;
use crate::graph::{Graph, Tensor, TensorId};
use crate::{Error, Result};

/// Largest tensor that is accepted, in bytes: more than any microcontroller addresses.
const MAX_TENSOR_BYTES: usize = 1 << 28;

/// Oldest and newest version of the ONNX operators that are accepted.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// Where a constant lies outside of the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct External<'a> {
    /// File, relative to the model's folder.
    pub location: &'a str,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: usize,
}

/// Reads the bytes of a constant outside of the model file, or says why it cannot.
pub type ReadExternal<'a> = dyn Fn(&External<'_>) -> Result<Vec<u8>, String> + 'a;

/// What the file leaves open.
#[derive(Default)]
pub struct Options<'a> {
    /// Sizes of dimensions that the file only names, by that name, and whole shapes of inputs, by the input's.
    pub fix_shape: BTreeMap<String, Vec<usize>>,
    /// Inputs that have one value for good: they become constants.
    pub constants: BTreeMap<String, Tensor>,
    /// Constants outside of the file; without it they are refused.
    pub external: Option<&'a ReadExternal<'a>>,
}

/// Reads an `.onnx` file.
///
/// # Errors
/// Malformed, unsupported or contradictory files.
pub fn import(bytes: &[u8], options: &Options<'_>) -> Result<Graph> {
    limits::check(bytes)?;
    let model = proto::Model::decode(bytes)
        .map_err(|e| Error::Malformed { offset: 0, reason: format!("not an ONNX file: {e}") })?;
    if let Some(function) = model.functions.first() {
        return Err(unsupported("model", format!("function {:?}; built-in operators are accepted", function.name)));
    }
    let version = |domain: &str| model.opset_import.iter().find(|o| o.domain == domain).map(|o| o.version);
    let opset = version("").or_else(|| version("ai.onnx")).unwrap_or(1);
    let Some(graph) = model.graph else {
        return Err(Error::Malformed { offset: 0, reason: "not an ONNX file: there is no graph in it".to_string() });
    };
    if !OPSETS.contains(&opset) {
        let reason = format!("opset {opset}; {} to {} are accepted", OPSETS.start(), OPSETS.end());
        return Err(unsupported("model", reason));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(unsupported("model", "sparse constants; dense ones are accepted"));
    }
    let mut importer = Importer {
        options,
        opset,
        graph: Graph {
            name: graph.name.clone(),
            opset: Some(opset),
            tensors: Vec::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            states: Vec::new(),
            warnings: Vec::new(),
        },
        ids: HashMap::new(),
        elements: HashMap::new(),
        halves: Vec::new(),
        budget: bytes.len().saturating_mul(2).saturating_add(16 << 20),
    };
    importer.read(graph)?;
    Ok(importer.graph)
}

/// Names of the operators that are read, those of ONNX Runtime after `com.microsoft.`.
pub fn operators() -> impl Iterator<Item = String> {
    let own = operators::OPERATORS.iter().map(|(name, _)| (*name).to_string());
    own.chain(operators::MICROSOFT_OPERATORS.iter().map(|(name, _)| format!("{}.{name}", operators::MICROSOFT)))
}

/// Reads one serialized tensor: the form in which conformance data come.
///
/// # Errors
/// Damaged bytes, element types without a kernel.
pub fn tensor(bytes: &[u8]) -> Result<Tensor> {
    let tensor = proto::Tensor::decode(bytes)
        .map_err(|e| Error::Malformed { offset: 0, reason: format!("not an ONNX tensor: {e}") })?;
    tensors::constant(&format!("tensor {:?}", tensor.name), tensor, None).map(|(tensor, _)| tensor)
}

fn unsupported(subject: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Unsupported { subject: subject.into(), reason: reason.into() }
}

fn invalid(subject: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Invalid { subject: subject.into(), reason: reason.into() }
}

/// A graph in the making.
struct Importer<'a> {
    options: &'a Options<'a>,
    opset: i64,
    graph: Graph,
    /// Tensors by the file's name.
    ids: HashMap<String, TensorId>,
    /// The file's types of tensors that another one holds.
    elements: HashMap<TensorId, Element>,
    /// Inputs and outputs that are floats of 16 bits in the file.
    halves: Vec<String>,
    /// Bytes of constants that may still be made.
    budget: usize,
}

impl Importer<'_> {
    fn read(&mut self, graph: proto::Graph) -> Result<()> {
        for tensor in graph.initializer {
            let name = tensor.name.clone();
            let subject = format!("tensor {name:?}");
            let (tensor, element) = tensors::constant(&subject, tensor, self.options.external)?;
            self.spend(&subject, element.growth(tensor.elements()))?;
            let id = self.name(name, tensor)?;
            self.note(id, element);
        }
        for info in &graph.input {
            // Old files list constants among the inputs: those stay what they are.
            if let Some(constant) = self.options.constants.get(&info.name) {
                let id = self.name(info.name.clone(), constant.clone())?;
                let (_, element) = tensors::value(info, &self.options.fix_shape)?;
                self.note(id, element);
            } else if !self.ids.contains_key(&info.name) {
                let (tensor, element) = tensors::value(info, &self.options.fix_shape)?;
                let id = self.name(info.name.clone(), tensor)?;
                self.note(id, element);
                self.note_half(&info.name, element);
                self.graph.inputs.push(id);
            }
        }
        self.refuse_unknown_names(&graph.input)?;
        for (index, node) in graph.node.iter().enumerate() {
            operators::read(&mut Reader::new(self, index, node))?;
        }
        for info in &graph.output {
            let Some(&id) = self.ids.get(&info.name) else {
                return Err(invalid(format!("tensor {:?}", info.name), "is a model output that nothing writes"));
            };
            if self.graph.outputs.contains(&id) {
                return Err(unsupported(format!("tensor {:?}", info.name), "is a model output twice"));
            }
            let declared = info.r#type.as_ref().and_then(|t| t.tensor.as_ref()).map_or(0, |t| t.elem_type);
            if let Ok(element) = elements::element("", declared) {
                self.note_half(&info.name, element);
            }
            // A constant or an input that goes by several names keeps the one that it is asked for by.
            self.graph.tensors[id].name.clone_from(&info.name);
            self.graph.outputs.push(id);
        }
        if !self.halves.is_empty() {
            let warning = format!(
                "held and computed in float32, with more digits than the file's types have: {}",
                self.halves.join(", ")
            );
            self.graph.warnings.push(warning);
        }
        if self.graph.inputs.is_empty() || self.graph.outputs.is_empty() {
            return Err(invalid("model", "there are no inputs, or no outputs"));
        }
        Ok(())
    }

    /// A size that was given for nothing is a mistake.
    fn refuse_unknown_names(&self, inputs: &[proto::ValueInfo]) -> Result<()> {
        let dims = |info: &proto::ValueInfo| {
            let shape = info.r#type.as_ref().and_then(|t| t.tensor.as_ref()).and_then(|t| t.shape.as_ref());
            shape.map_or_else(Vec::new, |s| s.dim.iter().filter_map(|d| d.param.clone()).collect())
        };
        let mut open: Vec<String> = inputs.iter().flat_map(dims).filter(|name| !name.is_empty()).collect();
        open.sort();
        open.dedup();
        let given = self.options.fix_shape.keys();
        match given.into_iter().find(|&name| !open.contains(name) && inputs.iter().all(|i| i.name != *name)) {
            None => Ok(()),
            Some(name) => {
                let inputs: Vec<&String> = inputs.iter().map(|i| &i.name).collect();
                let reason =
                    format!("nothing is called {name:?}; there are the dimensions {open:?} and the inputs {inputs:?}");
                Err(invalid("model", reason))
            }
        }
    }

    /// Takes `bytes` of the memory that the constants of a file of this size may have.
    fn spend(&mut self, subject: &str, bytes: usize) -> Result<()> {
        match self.budget.checked_sub(bytes) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(unsupported(subject, "constants that together are far larger than the file")),
        }
    }

    /// Notes the file's type of a tensor where it is not the one that holds it.
    fn note(&mut self, id: TensorId, element: Element) {
        if element.codes != Codes::Whole || element.half.is_some() {
            self.elements.insert(id, element);
        }
    }

    /// Notes an input or output that is a float of 16 bits in the file.
    fn note_half(&mut self, name: &str, element: Element) {
        if element.half.is_some() {
            self.halves.push(format!("{name:?} ({})", element.name));
        }
    }

    /// A new tensor under a name that nothing has yet.
    fn name(&mut self, name: String, tensor: Tensor) -> Result<TensorId> {
        self.graph.tensors.push(tensor);
        let id = self.graph.tensors.len() - 1;
        self.bind(name, id)?;
        Ok(id)
    }

    fn bind(&mut self, name: String, id: TensorId) -> Result<()> {
        let subject = format!("tensor {name:?}");
        match self.ids.insert(name, id) {
            Some(_) => Err(invalid(subject, "has two values")),
            None => Ok(()),
        }
    }
}
