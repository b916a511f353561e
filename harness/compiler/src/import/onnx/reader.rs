//! What the reader of one operator may ask and do: attributes, operands, constants; operators and results.
//!
//! Every error names the operator, its number, its name and the opset. Refuses attributes of another type than asked.

use super::elements::Element;
use super::{Importer, fold, invalid, proto, tensors, unsupported};
use crate::graph::onnx::{Codes, Op};
use crate::graph::{self, DType, Node, Tensor, TensorId};
use crate::{Error, Result};

/// Most nodes that the operators of a file may become.
const MAX_NODES: usize = 1 << 17;

/// One operator of the file, being read.
pub(super) struct Reader<'r, 'a> {
    importer: &'r mut Importer<'a>,
    index: usize,
    node: &'r proto::Node,
    /// Name of the operator, as the list of operators has it.
    pub op_name: &'static str,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub fn new(importer: &'r mut Importer<'a>, index: usize, node: &'r proto::Node) -> Self {
        Reader { importer, index, node, op_name: "" }
    }

    /// Kind of the operator in the file, and its domain.
    pub fn kind(&self) -> (&'r str, &'r str) {
        (self.node.domain.as_str(), self.node.op_type.as_str())
    }

    pub fn opset(&self) -> i64 {
        self.importer.opset
    }

    fn subject(&self) -> String {
        let first = self.node.output.first().map_or("", String::as_str);
        let name = if self.node.name.is_empty() { first } else { &self.node.name };
        format!("{} #{} {name:?} (opset {})", self.node.op_type, self.index, self.importer.opset)
    }

    pub fn unsupported(&self, reason: impl Into<String>) -> Error {
        unsupported(self.subject(), reason)
    }

    pub fn invalid(&self, reason: impl Into<String>) -> Error {
        invalid(self.subject(), reason)
    }

    // Attributes.

    /// Attribute `name`, whose type must be number `kind` of the format.
    fn attribute(&self, name: &str, kind: i32) -> Result<Option<&'r proto::Attribute>> {
        let Some(attribute) = self.node.attribute.iter().find(|a| a.name == name) else { return Ok(None) };
        // Files from before the type was written down have 0.
        if attribute.r#type != kind && attribute.r#type != 0 {
            return Err(self.invalid(format!("attribute {name:?} has type {}; {kind} is expected", attribute.r#type)));
        }
        Ok(Some(attribute))
    }

    pub fn has(&self, name: &str) -> bool {
        self.node.attribute.iter().any(|a| a.name == name)
    }

    pub fn float(&self, name: &str, default: f32) -> Result<f32> {
        Ok(self.attribute(name, 1)?.map_or(default, |a| a.f))
    }

    pub fn int(&self, name: &str, default: i64) -> Result<i64> {
        Ok(self.attribute(name, 2)?.map_or(default, |a| a.i))
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self.int(name, i64::from(default))? != 0)
    }

    pub fn text(&self, name: &str, default: &'static str) -> Result<&'r str> {
        match self.attribute(name, 3)? {
            None => Ok(default),
            Some(a) => std::str::from_utf8(&a.s).map_err(|_| self.invalid(format!("attribute {name:?} is not text"))),
        }
    }

    pub fn tensor(&mut self, name: &str) -> Result<Option<(Tensor, Element)>> {
        let Some(tensor) = self.attribute(name, 4)?.and_then(|a| a.t.clone()) else { return Ok(None) };
        let subject = format!("{}, attribute {name:?}", self.subject());
        tensors::constant(&subject, tensor, self.importer.options.external).map(Some)
    }

    pub fn floats(&self, name: &str) -> Result<Option<&'r [f32]>> {
        Ok(self.attribute(name, 6)?.map(|a| a.floats.as_slice()))
    }

    pub fn ints(&self, name: &str) -> Result<Option<&'r [i64]>> {
        Ok(self.attribute(name, 7)?.map(|a| a.ints.as_slice()))
    }

    // Operands.

    pub fn input_count(&self) -> usize {
        self.node.input.len()
    }

    pub fn output_count(&self) -> usize {
        self.node.output.len()
    }

    /// Is result `k` asked for?
    pub fn wants(&self, k: usize) -> bool {
        self.node.output.get(k).is_some_and(|name| !name.is_empty())
    }

    pub fn optional(&self, i: usize) -> Result<Option<TensorId>> {
        match self.node.input.get(i).filter(|name| !name.is_empty()) {
            None => Ok(None),
            Some(name) => match self.importer.ids.get(name) {
                Some(&id) => Ok(Some(id)),
                None => Err(self.invalid(format!("operand {i} ({name:?}) is read before anything writes it"))),
            },
        }
    }

    pub fn input(&self, i: usize) -> Result<TensorId> {
        self.optional(i)?.ok_or_else(|| self.invalid(format!("operand {i} is missing")))
    }

    pub fn of(&self, id: TensorId) -> &Tensor {
        &self.importer.graph.tensors[id]
    }

    pub fn shape(&self, id: TensorId) -> Vec<usize> {
        self.of(id).shape.clone()
    }

    pub fn dtype(&self, id: TensorId) -> DType {
        self.of(id).dtype
    }

    /// The integers of constant `id`.
    pub fn integers(&self, id: TensorId) -> Result<Vec<i64>> {
        let tensor = self.of(id);
        let Some(data) = &tensor.data else {
            let reason = format!("tensor {:?} is computed at run time; a constant is accepted", tensor.name);
            return Err(self.unsupported(reason));
        };
        fold::integers(tensor.dtype, data)
            .ok_or_else(|| self.invalid(format!("tensor {:?} is {}; integers are expected", tensor.name, tensor.dtype)))
    }

    /// The floats of constant `id`.
    pub fn reals(&self, id: TensorId) -> Result<Vec<f32>> {
        let tensor = self.of(id);
        match (&tensor.data, tensor.dtype) {
            (Some(data), DType::F32) => Ok(fold::floats(data)),
            (None, _) => {
                let reason = format!("tensor {:?} is computed at run time; a constant is accepted", tensor.name);
                Err(self.unsupported(reason))
            }
            (_, other) => Err(self.invalid(format!("tensor {:?} is {other}; float32 is expected", tensor.name))),
        }
    }

    /// Axis `axis` of a tensor of this rank; negative ones count from the end.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize> {
        let positive = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        usize::try_from(positive)
            .ok()
            .filter(|&a| a < rank)
            .ok_or_else(|| self.invalid(format!("axis {axis} of a tensor with {rank} dimensions")))
    }

    /// The shape of `a` and `b` spread over each other.
    pub fn broadcast(&self, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
        let rank = a.len().max(b.len());
        let dim = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
        (0..rank)
            .map(|i| match (dim(a, i), dim(b, i)) {
                (x, y) if x == y => Ok(x),
                (1, y) => Ok(y),
                (x, 1) => Ok(x),
                _ => Err(self.invalid(format!("shapes {a:?} and {b:?} do not broadcast"))),
            })
            .collect()
    }

    // Operators and results.

    fn add(&mut self, tensor: Tensor) -> TensorId {
        self.importer.graph.tensors.push(tensor);
        self.importer.graph.tensors.len() - 1
    }

    /// Takes `bytes` of the memory that the constants of a file of this size may have.
    pub fn spend(&mut self, bytes: usize) -> Result<()> {
        let subject = self.subject();
        self.importer.spend(&subject, bytes)
    }

    /// The file's type of tensor `id`, where another one holds it.
    pub fn element(&self, id: TensorId) -> Option<&Element> {
        self.importer.elements.get(&id)
    }

    /// What the codes of tensor `id` are.
    pub fn codes(&self, id: TensorId) -> Codes {
        self.element(id).map_or(Codes::Whole, |element| element.codes)
    }

    /// Notes the file's type of tensor `id`.
    pub fn note(&mut self, id: TensorId, element: Element) {
        self.importer.note(id, element);
    }

    /// A constant.
    pub fn constant(&mut self, dtype: DType, shape: Vec<usize>, data: Vec<u8>) -> Result<TensorId> {
        self.spend(data.len())?;
        let name = self.node.output.first().cloned().unwrap_or_default();
        Ok(self.add(Tensor { name, dtype, shape, quantization: None, data: Some(data) }))
    }

    /// A constant of floats.
    pub fn constant_f32(&mut self, shape: Vec<usize>, values: &[f32]) -> Result<TensorId> {
        self.constant(DType::F32, shape, values.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// An operator on `inputs`; answers its result. Integers that are known are computed at once.
    pub fn push(&mut self, op: Op, inputs: &[TensorId], dtype: DType, shape: Vec<usize>) -> Result<TensorId> {
        let inputs: Vec<Option<TensorId>> = inputs.iter().map(|&id| Some(id)).collect();
        self.push_optional(op, inputs, dtype, shape)
    }

    /// The same where operands may be absent.
    pub fn push_optional(
        &mut self,
        op: Op,
        inputs: Vec<Option<TensorId>>,
        dtype: DType,
        shape: Vec<usize>,
    ) -> Result<TensorId> {
        Ok(self.push_all(op, inputs, &[(dtype, shape)])?[0])
    }

    /// The same with several results.
    pub fn push_all(
        &mut self,
        op: Op,
        inputs: Vec<Option<TensorId>>,
        results: &[(DType, Vec<usize>)],
    ) -> Result<Vec<TensorId>> {
        if let [(dtype, shape)] = results
            && let Some(data) = fold::fold(&op, &inputs, &self.importer.graph.tensors, *dtype, shape)
        {
            return Ok(vec![self.constant(*dtype, shape.clone(), data)?]);
        }
        if self.importer.graph.nodes.len() >= MAX_NODES {
            return Err(self.unsupported(format!("more than {MAX_NODES} operators")));
        }
        let mut outputs = Vec::with_capacity(results.len());
        for (k, (dtype, shape)) in results.iter().enumerate() {
            tensors::sized(&self.subject(), *dtype, shape)?;
            let name = self.node.output.get(k).or(self.node.output.first()).cloned().unwrap_or_default();
            outputs.push(self.add(Tensor {
                name,
                dtype: *dtype,
                shape: shape.clone(),
                quantization: None,
                data: None,
            }));
        }
        let node = Node {
            index: self.index,
            op_name: self.op_name,
            op: graph::Op::Onnx(Box::new(op)),
            inputs,
            outputs: outputs.clone(),
        };
        self.importer.graph.nodes.push(node);
        Ok(outputs)
    }

    /// Gives result `k` its value.
    pub fn result(&mut self, k: usize, id: TensorId) -> Result<()> {
        match self.node.output.get(k).filter(|name| !name.is_empty()) {
            Some(name) => self.importer.bind(name.clone(), id),
            None => Ok(()),
        }
    }
}
