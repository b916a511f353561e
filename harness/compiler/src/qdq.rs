//! Channel-first [`Graph`] to [`QGraph`]: finds the regions between dequantize and quantize operators and decides how
//! ONNX Runtime's fused integer kernels compute them; what is left stays float32.
//!
//! Every value is known in up to two forms: as it is, and as a function of a tensor of 8-bit codes (`scale * (q - zero
//! point)`, or a table of 256 floats). An operator takes codes where its integer kernel exists and its result is only
//! quantized; data movement takes whatever there is; the float form is made when somebody asks for it. So a shared
//! dequantize costs nothing, a function of one value between two 8-bit tensors becomes a table, and nothing that ONNX
//! Runtime computes in integers is computed in floats here.
//!
//! Layout: a value carries the order in which its dimensions lie in memory. Operators with channel-last kernels ask for
//! that order and leave their result in it; transposes and most reshapes only change the book-keeping. A copy is made
//! where an operator needs another order than there is, and at the model's outputs, which keep the file's layout.

mod accumulators;
mod elementwise;
mod float;
mod logic;
mod movement;
mod order;
mod picks;
mod pools;
mod products;
mod resize;
mod scaling;
mod sink;
mod view;

use std::collections::{HashMap, HashSet};

use self::view::{Code, Coded, View};
use crate::graph::onnx::Op;
use crate::graph::{self, DType, Graph, Node, Quantization, Tensor, TensorId};
use crate::ops::direct::{self, Direct};
use crate::ops::{QOp, reshape};
use crate::qgraph::{QGraph, QNode};
use crate::value::Value;
use crate::{Error, Result};

/// Largest result that is folded; a larger one is computed where the model runs.
const MAX_FOLDED_BYTES: usize = 1 << 22;

/// Decides the arithmetic of a model in channel-first terms.
///
/// # Errors
/// Operators, types or parameters that no kernel computes.
pub(crate) fn quantize(graph: &Graph) -> Result<QGraph> {
    let mut stage = Stage::new(graph);
    for node in &graph.nodes {
        if node.outputs.iter().any(|&t| !stage.known[t].is_empty() || stage.absorbed.contains(&t)) {
            // Folded into the operator before it.
            continue;
        }
        let graph::Op::Onnx(op) = &node.op else {
            return Err(stage.site(node).invalid("is not an operator of a channel-first model"));
        };
        stage.decide(node, op)?;
    }
    stage.finish()
}

/// What is known of a tensor of the graph.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The elements themselves.
    plain: Option<View>,
    /// 8-bit codes (of a constant, codes of any width) that it is a function of.
    coded: Option<Coded>,
}

impl Known {
    fn is_empty(&self) -> bool {
        self.plain.is_none() && self.coded.is_none()
    }
}

/// The operator that is being decided, for messages and for what is emitted in its name.
#[derive(Clone, Copy)]
struct Site<'g> {
    node: &'g Node,
    graph: &'g Graph,
}

impl Site<'_> {
    fn subject(&self) -> String {
        let opset = self.graph.opset.map_or_else(String::new, |opset| format!(" (opset {opset})"));
        format!("{}{opset}", self.graph.describe(self.node))
    }

    fn unsupported(&self, reason: impl Into<String>) -> Error {
        Error::Unsupported { subject: self.subject(), reason: reason.into() }
    }

    fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::Invalid { subject: self.subject(), reason: reason.into() }
    }
}

/// A result to be made: its facts, in the order of memory.
struct Facts {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    quantization: Option<Quantization>,
}

struct Stage<'g> {
    graph: &'g Graph,
    q: QGraph,
    known: Vec<Known>,
    /// Nodes that read each tensor.
    readers: Vec<Vec<usize>>,
    /// Results in between of operators that were folded into the one before them.
    absorbed: HashSet<TensorId>,
    /// Copies of tensors in another order, made before.
    arranged: HashMap<(TensorId, Vec<usize>), TensorId>,
    /// What a reshape had to bring into another order: for the copy, the tensor as it was.
    flattened: HashMap<TensorId, View>,
    /// Operators that compute in floats, in the file's words.
    float_operators: Vec<String>,
}

impl<'g> Stage<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut readers = vec![Vec::new(); graph.tensors.len()];
        for (n, node) in graph.nodes.iter().enumerate() {
            for &t in node.inputs.iter().flatten() {
                readers[t].push(n);
            }
        }
        let mut known = vec![Known::default(); graph.tensors.len()];
        for (id, tensor) in graph.tensors.iter().enumerate() {
            if tensor.data.is_some() || graph.inputs.contains(&id) {
                known[id].plain = Some(View::new(id, &tensor.shape));
            }
        }
        let q = QGraph {
            name: graph.name.clone(),
            tensors: graph.tensors.clone(),
            nodes: Vec::new(),
            inputs: graph.inputs.clone(),
            outputs: Vec::new(),
            states: Vec::new(),
            warnings: graph.warnings.clone(),
        };
        Stage {
            graph,
            q,
            known,
            readers,
            absorbed: HashSet::new(),
            arranged: HashMap::new(),
            flattened: HashMap::new(),
            float_operators: Vec::new(),
        }
    }

    fn site(&self, node: &'g Node) -> Site<'g> {
        Site { node, graph: self.graph }
    }

    fn tensor(&self, id: TensorId) -> &'g Tensor {
        &self.graph.tensors[id]
    }

    fn decide(&mut self, node: &'g Node, op: &'g Op) -> Result<()> {
        let site = self.site(node);
        match op {
            Op::ArgExtreme { axis, max, last } => self.arg_extreme(site, *axis, *max, *last),
            Op::Cast => self.cast(site),
            Op::ConvInteger { window, groups } => self.conv_integer(site, window, *groups),
            Op::DynamicQuantize => self.dynamic_quantize(site),
            Op::MatMulInteger => self.mat_mul_integer(site),
            Op::TopK { axis, largest } => self.top_k(site, *axis, *largest),
            Op::Where => self.select(site),
            Op::Quantize { scaling, saturate } => self.quantize(site, scaling, *saturate),
            Op::Dequantize(scaling) => self.dequantize(site, scaling),
            Op::Unary(unary) => self.unary(site, *unary),
            Op::Binary(binary) => self.binary(site, *binary),
            Op::Conv { window, groups } => self.conv(site, window, *groups),
            Op::ConvTranspose { window, groups } => self.conv_transpose(site, window, *groups),
            Op::Gemm { .. } => self.gemm(site, op),
            Op::MatMul => self.mat_mul(site),
            Op::Pool { pooling, window } => self.pool(site, *pooling, window),
            Op::GlobalAveragePool => self.global_average_pool(site),
            Op::Resize { interpolation, coordinates, scales } => {
                self.resize(site, *interpolation, *coordinates, scales)
            }
            Op::Softmax { axis, log } => self.softmax(site, *axis, *log),
            Op::Concat { axis } => self.concat(site, *axis),
            Op::Reshape | Op::Transpose { .. } | Op::Slice { .. } | Op::Expand | Op::Gather { .. } | Op::Pad { .. } => {
                self.movement(site, op)
            }
            _ => self.float_operator(site, op),
        }
    }

    /// Puts the outputs into the file's layout, and says what stayed float.
    fn finish(mut self) -> Result<QGraph> {
        for &id in &self.graph.outputs {
            let Some(node) = self.graph.nodes.iter().find(|n| n.outputs.contains(&id)).or(self.graph.nodes.first())
            else {
                // Without operators the outputs are inputs or constants.
                self.q.outputs.push(id);
                continue;
            };
            let site = Site { node, graph: self.graph };
            let view = self.output(site, id)?;
            let mut output = self.arrange(site, &view, &View::identity(view.shape.len()))?;
            let tensor = &self.q.tensors[output];
            // An output is a buffer of its own, under its own name.
            if self.q.inputs.contains(&output)
                || self.q.outputs.contains(&output)
                || (tensor.data.is_none() && tensor.shape != self.tensor(id).shape)
            {
                let facts = Facts {
                    name: String::new(),
                    dtype: tensor.dtype,
                    shape: self.tensor(id).shape.clone(),
                    quantization: tensor.quantization.clone(),
                };
                output = self.emit(site, direct::copy(tensor.bytes()), vec![output], facts)?;
            }
            let name = self.tensor(id).name.clone();
            self.q.tensors[output].name = name;
            self.q.outputs.push(output);
        }
        self.forget_unread();
        self.forget_unused();
        if !self.float_operators.is_empty() {
            let warning = format!("computed in float32: {}", self.float_operators.join(", "));
            self.q.warnings.push(warning);
        }
        Ok(self.q)
    }

    /// The elements of model output `id`. Codes are brought into the file's order before they become floats: fewer bytes
    /// are copied, and the output can be the codes themselves.
    fn output(&mut self, site: Site<'g>, id: TensorId) -> Result<View> {
        match self.known[id].coded.clone() {
            Some(coded) if self.known[id].plain.is_none() && self.q.tensors[coded.view.tensor].data.is_none() => {
                let tensor = self.arrange(site, &coded.view, &View::identity(coded.view.shape.len()))?;
                let coded = Coded { view: View::new(tensor, &coded.view.shape), ..coded };
                self.decode(site, &self.tensor(id).name.clone(), &coded)
            }
            _ => self.plain(site, id),
        }
    }

    /// Copies that every reader could do without are not made.
    fn forget_unread(&mut self) {
        let mut read: HashSet<TensorId> = self.q.outputs.iter().copied().collect();
        let mut kept = Vec::with_capacity(self.q.nodes.len());
        for node in std::mem::take(&mut self.q.nodes).into_iter().rev() {
            if node.outputs.iter().any(|t| read.contains(t)) {
                read.extend(&node.inputs);
                kept.push(node);
            }
        }
        kept.reverse();
        self.q.nodes = kept;
    }

    /// Constants that became parameters, or codes, are not kept.
    fn forget_unused(&mut self) {
        let mut used = vec![false; self.q.tensors.len()];
        for &t in self.q.nodes.iter().flat_map(|n| &n.inputs).chain(&self.q.outputs) {
            used[t] = true;
        }
        for (tensor, used) in self.q.tensors.iter_mut().zip(used) {
            if !used {
                tensor.data = None;
            }
        }
    }

    /// Adds a computation; answers its result. What depends on constants alone is computed at once.
    fn emit(&mut self, site: Site<'g>, op: QOp, inputs: Vec<TensorId>, result: Facts) -> Result<TensorId> {
        let name = if result.name.is_empty() {
            site.node.outputs.first().map_or_else(String::new, |&t| self.graph.tensors[t].name.clone())
        } else {
            result.name
        };
        if result.shape.len() > hilbench_kernels::shape::MAX_RANK {
            let reason = format!("{} dimensions; up to 6 are accepted", result.shape.len());
            return Err(site.unsupported(reason));
        }
        let tensor = Tensor {
            name: name.clone(),
            dtype: result.dtype,
            shape: result.shape,
            quantization: result.quantization,
            data: None,
        };
        // Parameters are written down as source, which has no literal for these.
        if let QOp::Direct(direct) = &op
            && direct.params().split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "inf" | "NaN"))
        {
            return Err(site.unsupported("a factor outside of the range of float32"));
        }
        let bytes = tensor.bytes();
        if bytes == 0 {
            // Nothing is computed of nothing.
            self.q.tensors.push(Tensor { data: Some(Vec::new()), ..tensor });
            return Ok(self.q.tensors.len() - 1);
        }
        self.q.tensors.push(tensor);
        let output = self.q.tensors.len() - 1;
        let constant = inputs.iter().all(|&t| self.q.tensors[t].data.is_some());
        if constant && bytes <= MAX_FOLDED_BYTES && op.computation().macs() == 0 {
            let values: Vec<Value> =
                inputs.iter().filter_map(|&t| self.q.tensors[t].data.as_deref()).map(Value::from_bytes).collect();
            let mut outputs = [Value::zeros(bytes)];
            op.computation().reference(&values.iter().collect::<Vec<_>>(), &mut outputs);
            self.q.tensors[output].data = Some(outputs[0].as_bytes().to_vec());
            return Ok(output);
        }
        self.q.nodes.push(QNode {
            index: site.node.index,
            op_name: site.node.op_name,
            name,
            op,
            inputs,
            outputs: vec![output],
        });
        Ok(output)
    }

    /// The elements of `y` as `op` computes them, of this type and in the order `order`; answers their tensor.
    fn set_result(
        &mut self,
        site: Site<'g>,
        op: Direct,
        inputs: Vec<TensorId>,
        (y, dtype): (TensorId, DType),
        order: Vec<usize>,
    ) -> Result<TensorId> {
        let (name, shape) = (self.tensor(y).name.clone(), self.tensor(y).shape.clone());
        let physical = order.iter().map(|&d| shape[d]).collect();
        let tensor = self.emit(site, op.into(), inputs, Facts { name, dtype, shape: physical, quantization: None })?;
        self.set_plain(y, View { tensor, shape, order });
        Ok(tensor)
    }

    /// `view` in the order `order`, under the shape that this order gives it: the same tensor, or a copy.
    fn arrange(&mut self, site: Site<'g>, view: &View, order: &[usize]) -> Result<TensorId> {
        let tensor = &self.q.tensors[view.tensor];
        let shape: Vec<usize> = order.iter().map(|&d| view.shape[d]).collect();
        let significant = |order: &[usize]| order.iter().copied().filter(|&d| view.shape[d] != 1).collect::<Vec<_>>();
        let same_bytes = significant(order) == significant(&view.order);
        if same_bytes && tensor.shape == shape {
            return Ok(view.tensor);
        }
        let key = (view.tensor, [order, &view.order, &view.shape].concat());
        if let Some(&made) = self.arranged.get(&key) {
            return Ok(made);
        }
        let facts =
            Facts { name: tensor.name.clone(), dtype: tensor.dtype, shape, quantization: tensor.quantization.clone() };
        let op: QOp = if same_bytes {
            reshape::Reshape.into()
        } else {
            let place = |d: &usize| view.order.iter().position(|o| o == d);
            let permutation: Option<Vec<usize>> = order.iter().map(place).collect();
            let physical: Vec<usize> = view.order.iter().map(|&d| view.shape[d]).collect();
            permutation
                .and_then(|p| crate::ops::transpose::Transpose::new(tensor.dtype.size(), &physical, &p))
                .ok_or_else(|| site.unsupported(format!("{} dimensions; up to 6 are accepted", view.shape.len())))?
                .into()
        };
        let made = self.emit(site, op, vec![view.tensor], facts)?;
        self.arranged.insert(key, made);
        Ok(made)
    }

    /// The elements of tensor `id`, made from its codes if need be.
    fn plain(&mut self, site: Site<'g>, id: TensorId) -> Result<View> {
        if let Some(view) = &self.known[id].plain {
            return Ok(view.clone());
        }
        let Some(coded) = self.known[id].coded.clone() else {
            return Err(site.invalid(format!("tensor {:?} is read before anything writes it", self.tensor(id).name)));
        };
        let view = self.decode(site, &self.tensor(id).name.clone(), &coded)?;
        self.known[id].plain = Some(view.clone());
        Ok(view)
    }

    /// Codes to floats.
    fn decode(&mut self, site: Site<'g>, name: &str, coded: &Coded) -> Result<View> {
        let source = &self.q.tensors[coded.view.tensor];
        let facts =
            Facts { name: name.to_string(), dtype: DType::F32, shape: source.shape.clone(), quantization: None };
        if source.data.is_some() {
            let floats = coded.floats(source);
            self.q.tensors.push(Tensor {
                name: facts.name,
                dtype: DType::F32,
                shape: facts.shape,
                quantization: None,
                data: Some(floats.iter().flat_map(|x| x.to_le_bytes()).collect()),
            });
            return Ok(View { tensor: self.q.tensors.len() - 1, ..coded.view.clone() });
        }
        let op = match &coded.code {
            Code::Affine(q) => match (&q.scales[..], &q.zero_points[..], source.dtype) {
                (&[scale], &[zero_point], DType::I8 | DType::U8) => {
                    crate::ops::dequantize::Dequantize::new(scale, zero_point as i32, source.dtype == DType::U8).into()
                }
                (_, _, dtype) => {
                    let reason = format!(
                        "tensor {:?} is dequantized from {dtype} with {} scales; int8 and uint8 with one are accepted",
                        source.name,
                        q.scales.len()
                    );
                    return Err(site.unsupported(reason));
                }
            },
            Code::Table(table) => direct::table_f32(table),
        };
        let tensor = self.emit(site, op, vec![coded.view.tensor], facts)?;
        Ok(View { tensor, ..coded.view.clone() })
    }

    /// Notes that `site` computes in floats.
    fn note_float(&mut self, site: Site<'g>) {
        self.float_operators.push(self.graph.describe(site.node));
    }

    fn set_coded(&mut self, id: TensorId, coded: Coded) {
        self.known[id].coded = Some(coded);
    }

    fn set_plain(&mut self, id: TensorId, view: View) {
        self.known[id].plain = Some(view);
    }
}
