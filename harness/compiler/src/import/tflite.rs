//! TFLite flatbuffer to [`Graph`].
//!
//! Refuses damaged files, subgraphs that do more than initialize, sparse and custom parts, and operators without a rule,
//! each by name. Any bytes are answered with a graph or an error; memory stays within a few times the file.

mod names;
mod operators;
mod schema;
mod variables;

use flatbuffers::InvalidFlatbuffer;

use self::operators::Refusal;
use self::variables::{Access, Variables};
use crate::graph::{DType, Graph, Node, Quantization, Tensor, TensorId};
use crate::{Error, Result};

/// Largest tensor that is accepted, in bytes: more than any microcontroller addresses.
const MAX_TENSOR_BYTES: usize = 1 << 28;

/// Reads a `.tflite` file.
///
/// # Errors
/// Malformed, unsupported or contradictory files.
pub fn import(bytes: &[u8]) -> Result<Graph> {
    match bytes.get(4..8) {
        Some(b"TFL3") => {}
        found => {
            let found = found
                .map_or_else(|| format!("{} bytes", bytes.len()), |f| format!("{:?}", f.escape_ascii().to_string()));
            let reason = format!("not a TFLite file: \"TFL3\" is expected here, found {found}");
            return Err(Error::Malformed { offset: 4, reason });
        }
    }
    let model = schema::root(bytes).map_err(malformed)?;
    if model.version() != 3 {
        return Err(unsupported("model", format!("schema version {}; version 3 is accepted", model.version())));
    }
    let subgraphs = model.subgraphs();
    // Others initialize variables; operators that call them for another reason are refused by name.
    let [subgraph, ..] = &subgraphs[..] else {
        return Err(invalid("model", "has no subgraph"));
    };
    let buffers = model.buffers();
    let tensors = subgraph.tensors();
    let used = used_tensors(subgraph, tensors.len())?;
    let mut graph = Graph {
        name: subgraph.name().unwrap_or_default().to_string(),
        opset: None,
        tensors: Vec::with_capacity(tensors.len()),
        nodes: Vec::new(),
        inputs: ids("model inputs", subgraph.inputs().map(|v| v.iter().collect()), tensors.len())?,
        outputs: ids("model outputs", subgraph.outputs().map(|v| v.iter().collect()), tensors.len())?,
        states: Vec::new(),
        warnings: Vec::new(),
    };
    // Tensors may share a buffer; what they hold together must stay within reach of the file.
    let mut budget = bytes.len().saturating_mul(4);
    for (id, tensor) in tensors.iter().enumerate() {
        graph.tensors.push(if used[id] { read_tensor(id, tensor, &buffers, &mut budget)? } else { unused(tensor) });
    }
    read_operators(bytes, &model, subgraph, &mut graph)?;
    check_order(&graph)?;
    Ok(graph)
}

fn malformed(e: InvalidFlatbuffer) -> Error {
    let offset = match &e {
        InvalidFlatbuffer::Unaligned { position, .. } => *position,
        InvalidFlatbuffer::RangeOutOfBounds { range, .. }
        | InvalidFlatbuffer::MissingNullTerminator { range, .. }
        | InvalidFlatbuffer::Utf8Error { range, .. } => range.start,
        InvalidFlatbuffer::SignedOffsetOutOfBounds { position, .. } => *position,
        _ => 0,
    };
    let text = e.to_string();
    let reason = text.lines().next().unwrap_or("damaged").trim_end_matches('.').to_string();
    Error::Malformed { offset, reason }
}

fn unsupported(subject: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Unsupported { subject: subject.into(), reason: reason.into() }
}

fn invalid(subject: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Invalid { subject: subject.into(), reason: reason.into() }
}

fn id(what: &str, index: i32, tensors: usize) -> Result<TensorId> {
    usize::try_from(index)
        .ok()
        .filter(|&i| i < tensors)
        .ok_or_else(|| invalid(what, format!("refers to tensor {index}; there are {tensors}")))
}

fn ids(what: &str, indices: Option<Vec<i32>>, tensors: usize) -> Result<Vec<TensorId>> {
    let ids: Vec<TensorId> =
        indices.unwrap_or_default().into_iter().map(|i| id(what, i, tensors)).collect::<Result<_>>()?;
    if ids.is_empty() {
        return Err(invalid("model", format!("there are no {what}")));
    }
    Ok(ids)
}

/// Which tensors the model refers to; files may hold others of types that do not matter then.
fn used_tensors(subgraph: &schema::SubGraph<'_>, tensors: usize) -> Result<Vec<bool>> {
    let mut used = vec![false; tensors];
    let mut mark = |index: i32| {
        if let Some(flag) = usize::try_from(index).ok().and_then(|i| used.get_mut(i)) {
            *flag = true;
        }
    };
    subgraph.inputs().iter().flat_map(|v| v.iter()).for_each(&mut mark);
    subgraph.outputs().iter().flat_map(|v| v.iter()).for_each(&mut mark);
    for operator in subgraph.operators() {
        operator.inputs().iter().flat_map(|v| v.iter()).for_each(&mut mark);
        operator.outputs().iter().flat_map(|v| v.iter()).for_each(&mut mark);
    }
    Ok(used)
}

fn unused(tensor: &schema::Tensor<'_>) -> Tensor {
    let name = tensor.name().unwrap_or_default().to_string();
    Tensor { name, dtype: DType::I8, shape: vec![0], quantization: None, data: None }
}

fn read_tensor(
    id: TensorId,
    tensor: &schema::Tensor<'_>,
    buffers: &[schema::Buffer<'_>],
    budget: &mut usize,
) -> Result<Tensor> {
    let name = tensor.name().unwrap_or_default().to_string();
    let subject = format!("tensor #{id} {name:?}");
    let dtype = match tensor.element_type() {
        0 => DType::F32,
        1 => return read_packed(&subject, name, tensor, buffers, budget, DType::F32),
        17 => return read_packed(&subject, name, tensor, buffers, budget, DType::I8),
        // A handle of a variable; what it refers to is told by operators.
        13 => return Ok(unused(tensor)),
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I64,
        6 => DType::Bool,
        7 => DType::I16,
        9 => DType::I8,
        other => {
            let reason = format!(
                "element type {}; float32, int8, uint8, int16, int32, int64 and bool are accepted, float16 and int4 as constants",
                type_name(other)
            );
            return Err(unsupported(subject, reason));
        }
    };
    if tensor.sparsity().is_some() {
        return Err(unsupported(subject, "sparse storage; dense is accepted"));
    }
    let shape = read_shape(&subject, tensor, dtype)?;
    let bytes = shape.iter().product::<usize>() * dtype.size();
    let data = read_data(&subject, tensor, buffers, bytes, budget)?;
    let quantization = read_quantization(&subject, tensor, &shape)?;
    Ok(Tensor { name, dtype, shape, quantization, data })
}

/// A constant of half floats, which becomes one of floats, or of int4, which becomes one of int8.
fn read_packed(
    subject: &str,
    name: String,
    tensor: &schema::Tensor<'_>,
    buffers: &[schema::Buffer<'_>],
    budget: &mut usize,
    dtype: DType,
) -> Result<Tensor> {
    if tensor.is_variable() || tensor.sparsity().is_some() {
        return Err(unsupported(subject, "a variable, or sparse storage; a dense constant is accepted"));
    }
    let shape = read_shape(subject, tensor, dtype)?;
    let elements: usize = shape.iter().product();
    let bytes = if dtype == DType::F32 { 2 * elements } else { elements.div_ceil(2) };
    let Some(packed) = read_data(subject, tensor, buffers, bytes, budget)? else {
        let reason = format!("{} at run time; it is accepted for constants", type_name(tensor.element_type()));
        return Err(unsupported(subject, reason));
    };
    let data = if dtype == DType::F32 {
        let half = |pair: &[u8]| half::f16::from_le_bytes([pair[0], pair[1]]).to_f32().to_le_bytes();
        packed.chunks_exact(2).flat_map(half).collect()
    } else {
        // The lower half of a byte comes first; an arithmetic shift brings its sign along.
        let both = packed.iter().flat_map(|&b| [((b << 4) as i8) >> 4, (b as i8) >> 4]);
        both.take(elements).map(|v| v as u8).collect()
    };
    let quantization = read_quantization(subject, tensor, &shape)?;
    Ok(Tensor { name, dtype, shape, quantization, data: Some(data) })
}

fn type_name(code: i8) -> String {
    const NAMES: [&str; 20] = [
        "float32",
        "float16",
        "int32",
        "uint8",
        "int64",
        "string",
        "bool",
        "int16",
        "complex64",
        "int8",
        "float64",
        "complex128",
        "uint64",
        "resource",
        "variant",
        "uint32",
        "uint16",
        "int4",
        "bfloat16",
        "int2",
    ];
    usize::try_from(code).ok().and_then(|i| NAMES.get(i)).map_or_else(|| code.to_string(), ToString::to_string)
}

fn read_shape(subject: &str, tensor: &schema::Tensor<'_>, dtype: DType) -> Result<Vec<usize>> {
    let dims: Vec<i32> = tensor.shape().map(|v| v.iter().collect()).unwrap_or_default();
    let mut shape = Vec::with_capacity(dims.len());
    for (i, &dim) in dims.iter().enumerate() {
        match usize::try_from(dim) {
            Ok(dim) => shape.push(dim),
            // A dynamic batch is run one sample at a time.
            Err(_) if dim == -1 && i == 0 => shape.push(1),
            Err(_) => return Err(unsupported(subject, format!("shape {dims:?}; fixed sizes are accepted"))),
        }
    }
    shape
        .iter()
        .try_fold(dtype.size(), |bytes, &dim| bytes.checked_mul(dim))
        .filter(|&bytes| bytes <= MAX_TENSOR_BYTES)
        .ok_or_else(|| unsupported(subject, format!("shape {dims:?}; up to {MAX_TENSOR_BYTES} bytes are accepted")))?;
    Ok(shape)
}

fn read_data(
    subject: &str,
    tensor: &schema::Tensor<'_>,
    buffers: &[schema::Buffer<'_>],
    bytes: usize,
    budget: &mut usize,
) -> Result<Option<Vec<u8>>> {
    let index = tensor.buffer() as usize;
    let Some(buffer) = buffers.get(index) else {
        return Err(invalid(subject, format!("refers to buffer {index}; there are {}", buffers.len())));
    };
    if buffer.offset() > 1 || buffer.size() > 1 {
        return Err(unsupported(subject, "constants outside the flatbuffer; a file below 2 GB has them inside"));
    }
    let Some(data) = buffer.data().filter(|d| !d.is_empty()) else {
        return Ok(None);
    };
    if data.len() != bytes {
        return Err(invalid(subject, format!("has {} bytes of data; its shape and type make {bytes}", data.len())));
    }
    *budget = budget
        .checked_sub(bytes)
        .ok_or_else(|| unsupported(subject, "a constant shared so often that the model is far larger than its file"))?;
    Ok(Some(data.bytes().to_vec()))
}

fn read_quantization(subject: &str, tensor: &schema::Tensor<'_>, shape: &[usize]) -> Result<Option<Quantization>> {
    let Some(q) = tensor.quantization() else { return Ok(None) };
    if q.details_type() != 0 {
        return Err(unsupported(subject, "custom or block-wise quantization; affine is accepted"));
    }
    let scales: Vec<f32> = q.scale().map(|v| v.iter().collect()).unwrap_or_default();
    if scales.is_empty() {
        return Ok(None);
    }
    if let Some(scale) = scales.iter().find(|s| !s.is_finite() || **s <= 0.0) {
        return Err(invalid(subject, format!("scale {scale}; finite positive scales are accepted")));
    }
    let mut zero_points: Vec<i64> = q.zero_point().map(|v| v.iter().collect()).unwrap_or_default();
    if zero_points.is_empty() {
        zero_points = vec![0; scales.len()];
    } else if zero_points.len() == 1 && scales.len() > 1 {
        zero_points = vec![zero_points[0]; scales.len()];
    }
    if zero_points.len() != scales.len() {
        return Err(invalid(subject, format!("has {} scales but {} zero points", scales.len(), zero_points.len())));
    }
    let axis = if scales.len() == 1 { 0 } else { usize::try_from(q.quantized_dimension()).unwrap_or(usize::MAX) };
    if scales.len() > 1 && shape.get(axis) != Some(&scales.len()) {
        let reason =
            format!("has {} scales along dimension {} of shape {shape:?}", scales.len(), q.quantized_dimension());
        return Err(invalid(subject, reason));
    }
    Ok(Some(Quantization { scales, zero_points, axis }))
}

fn read_operators(
    bytes: &[u8],
    model: &schema::Model<'_>,
    subgraph: &schema::SubGraph<'_>,
    graph: &mut Graph,
) -> Result<()> {
    let codes = model.operator_codes();
    let mut refused: Vec<(String, String)> = Vec::new();
    let mut variables = Variables::default();
    let variable: Vec<bool> = subgraph.tensors().iter().map(|t| t.is_variable()).collect();
    for (index, operator) in subgraph.operators().iter().enumerate() {
        let Some(code) = codes.get(operator.opcode_index() as usize) else {
            let reason = format!("refers to operator code {}; there are {}", operator.opcode_index(), codes.len());
            return Err(invalid(format!("operator #{index}"), reason));
        };
        // Old files have the small field alone; in new ones it saturates at 127.
        let number = code.builtin_code().max(i32::from(code.deprecated_builtin_code()));
        let outputs = operands(&format!("operator #{index}"), operator.outputs(), graph.tensors.len())?;
        let outputs: Vec<TensorId> = outputs.into_iter().flatten().collect();
        let called = match names::name(number) {
            Some(_) if number == operators::CUSTOM => format!("CUSTOM {:?}", code.custom_code().unwrap_or_default()),
            Some(name) => name.to_string(),
            None => format!("operator number {number}"),
        };
        let result = outputs.first().map_or("", |&t| graph.tensors[t].name.as_str());
        let subject = format!("{called} #{index} {result:?}");
        let name = names::name(number).unwrap_or_default();
        let inputs = operands(&subject, operator.inputs(), graph.tensors.len())?;
        let access = Access { name, index, operator, inputs: &inputs, outputs: &outputs, subject: &subject };
        if variables.take(&access, model, bytes, graph)? {
            continue;
        }
        let op = match operators::op(name, operator, bytes) {
            Ok(op) => op,
            Err(Refusal::Operator) => {
                refused.push((subject, called));
                continue;
            }
            Err(Refusal::Unsupported(reason)) => return Err(unsupported(subject, reason)),
            Err(Refusal::Invalid(reason)) => return Err(invalid(subject, reason)),
            Err(Refusal::Malformed(e)) => return Err(malformed(e)),
        };
        let ([fewest_in, most_in], [fewest_out, most_out]) = operators::arity(&op);
        if !(fewest_in..=most_in).contains(&inputs.len()) || !(fewest_out..=most_out).contains(&outputs.len()) {
            let reason = format!("has {} operands and {} results", inputs.len(), outputs.len());
            return Err(invalid(subject, reason));
        }
        let outputs = variables::with_states(&op, &inputs, outputs, &variable, graph);
        graph.nodes.push(Node { index, op_name: name, op, inputs, outputs });
    }
    let Some((subject, first)) = refused.first() else { return variables.states(graph) };
    let mut others: Vec<&str> = refused.iter().map(|(_, called)| called.as_str()).filter(|c| c != first).collect();
    others.sort_unstable();
    others.dedup();
    let mut reason = "no rule for this operator; `hilbench supported-ops` lists those that have one".to_string();
    if !others.is_empty() {
        reason += &format!("; nor for {}", others.join(", "));
    }
    Err(unsupported(subject, reason))
}

/// Tensor numbers of an operator; -1 stands for an operand that is absent.
fn operands(
    subject: &str,
    indices: Option<flatbuffers::Vector<'_, i32>>,
    tensors: usize,
) -> Result<Vec<Option<TensorId>>> {
    let indices = indices.iter().flat_map(|v| v.iter());
    indices.map(|i| if i == -1 { Ok(None) } else { id(subject, i, tensors).map(Some) }).collect()
}

/// Every operand is a model input, a constant, or written by an earlier operator; every tensor is written once.
fn check_order(graph: &Graph) -> Result<()> {
    let mut known: Vec<bool> = graph.tensors.iter().map(|t| t.data.is_some()).collect();
    for input in graph.entries() {
        if std::mem::replace(&mut known[input], true) {
            return Err(invalid(graph.describe_tensor(input), "is a model input twice, or an input and a constant"));
        }
    }
    for node in &graph.nodes {
        for &input in node.inputs.iter().flatten() {
            if !known[input] {
                let reason = format!("is read by {} before anything writes it", graph.describe(node));
                return Err(invalid(graph.describe_tensor(input), reason));
            }
        }
        for &output in &node.outputs {
            if std::mem::replace(&mut known[output], true) {
                let reason = format!("is written by {}, but has a value already", graph.describe(node));
                return Err(invalid(graph.describe_tensor(output), reason));
            }
        }
    }
    match graph.exits().find(|&t| !known[t]) {
        Some(output) => Err(invalid(graph.describe_tensor(output), "is a model output that nothing writes")),
        None => Ok(()),
    }
}
