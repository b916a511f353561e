//! Elements picked by an index, a truth or their size.

use hilbench_kernels::params::{ArgPick, Gather, GatherNd, Select, TopK};
use hilbench_kernels::shape::MAX_RANK;

use super::direct::Direct;
use super::operands::{broadcast_strides, right_aligned};
use super::{Operands, Quantized};
use crate::Result;
use crate::graph::{DType, Op};
use crate::lower::Call;

/// The indices in operand `i`: constants as int32, or a tensor of int32.
fn with_indices(operands: &Operands<'_>, direct: Direct, i: usize, inputs: &mut Vec<usize>) -> Result<Direct> {
    let tensor = operands.input(i)?;
    if tensor.data.is_some() {
        let indices = operands.integers(i)?;
        let bytes: Vec<u8> = indices.iter().flat_map(|&i| (i as i32).to_le_bytes()).collect();
        return Ok(direct.with("indices", &bytes));
    }
    if tensor.dtype != DType::I32 {
        let reason = format!("indices {:?} are {}; int32 is accepted at run time", tensor.name, tensor.dtype);
        return Err(operands.unsupported(reason));
    }
    inputs.push(operands.input_id(i)?);
    Ok(direct)
}

fn inside(operands: &Operands<'_>, index: i64, dim: usize) -> Result<()> {
    if (0..dim as i64).contains(&index) {
        return Ok(());
    }
    Err(operands.invalid(format!("index {index} leaves a dimension of {dim}")))
}

/// GATHER without batch dimensions.
pub(super) fn gather(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::Gather { axis, batch_dims } = operands.node.op else { return Err(operands.invalid("is not GATHER")) };
    if batch_dims != 0 {
        return Err(operands.unsupported(format!("{batch_dims} batch dimensions; none are accepted")));
    }
    let (x, indices) = (operands.input(0)?, operands.input(1)?);
    let axis = operands.axis(axis, x.shape.len())?;
    operands.expect_shape(0, &[&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat())?;
    operands.expect_same_values(x, operands.output()?)?;
    if indices.data.is_some() {
        operands.integers(1)?.iter().try_for_each(|&i| inside(operands, i, x.shape[axis]))?;
    }
    if x.shape[axis] == 0 {
        return Err(operands.invalid("gathers from nothing"));
    }
    let (outer, inner) = (x.shape[..axis].iter().product(), x.shape[axis + 1..].iter().product());
    let params = Gather { outer, depth: x.shape[axis], inner };
    let call = match x.dtype.size() {
        1 => Call::Gather8(params),
        2 => Call::Gather16(params),
        4 => Call::Gather32(params),
        width => return Err(operands.unsupported(format!("elements of {width} bytes; 1, 2 and 4 are accepted"))),
    };
    let mut inputs = vec![operands.input_id(0)?];
    Ok((with_indices(operands, Direct::new(call), 1, &mut inputs)?.into(), inputs))
}

/// GATHER_ND.
pub(super) fn gather_nd(operands: &Operands<'_>) -> Result<Quantized> {
    let (x, indices) = (operands.input(0)?, operands.input(1)?);
    let Some((&depth, leading)) = indices.shape.split_last() else { return Err(operands.invalid("has no indices")) };
    if depth == 0 || depth > x.shape.len() || depth > MAX_RANK {
        let reason = format!("rows of {depth} indices into a tensor of shape {:?}", x.shape);
        return Err(operands.invalid(reason));
    }
    operands.expect_shape(0, &[leading, &x.shape[depth..]].concat())?;
    operands.expect_same_values(x, operands.output()?)?;
    if x.shape[..depth].contains(&0) {
        return Err(operands.invalid("gathers from nothing"));
    }
    if indices.data.is_some() {
        let indices = operands.integers(1)?;
        indices.iter().enumerate().try_for_each(|(i, &index)| inside(operands, index, x.shape[i % depth]))?;
    }
    let mut dims = [1; MAX_RANK];
    dims[..depth].copy_from_slice(&x.shape[..depth]);
    let params = GatherNd { rows: leading.iter().product(), depth, dims, slice: x.shape[depth..].iter().product() };
    let call = match x.dtype.size() {
        1 => Call::GatherNd8(params),
        2 => Call::GatherNd16(params),
        4 => Call::GatherNd32(params),
        width => return Err(operands.unsupported(format!("elements of {width} bytes; 1, 2 and 4 are accepted"))),
    };
    let mut inputs = vec![operands.input_id(0)?];
    Ok((with_indices(operands, Direct::new(call), 1, &mut inputs)?.into(), inputs))
}

/// SELECT and SELECT_V2. A condition of one dimension beside more chooses whole slices of the first, as SELECT has it.
pub(super) fn select(operands: &Operands<'_>) -> Result<Quantized> {
    let (condition, a, b) = (operands.input(0)?, operands.input(1)?, operands.input(2)?);
    for tensor in [b, operands.output()?] {
        operands.expect_same_values(a, tensor)?;
    }
    if condition.dtype != DType::Bool {
        return Err(
            operands.unsupported(format!("condition {:?} is {}; bool is accepted", condition.name, condition.dtype))
        );
    }
    let mut condition_shape = condition.shape.clone();
    if operands.node.op_name == "SELECT" && condition.shape.len() == 1 && a.shape.len() > 1 {
        condition_shape.resize(a.shape.len(), 1);
    }
    let many = || operands.unsupported(format!("more than {MAX_RANK} dimensions"));
    let dims_of = [&condition_shape, &a.shape, &b.shape].map(|shape| right_aligned(shape));
    let [Some(dc), Some(da), Some(db)] = dims_of else { return Err(many()) };
    let mut dims = [1; MAX_RANK];
    for i in 0..MAX_RANK {
        for d in [dc[i], da[i], db[i]] {
            match (dims[i], d) {
                (x, y) if x == y || y == 1 => {}
                (1, y) => dims[i] = y,
                _ => return Err(operands.invalid("its operands do not broadcast")),
            }
        }
    }
    let rank = condition_shape.len().max(a.shape.len()).max(b.shape.len());
    operands.expect_shape(0, &dims[MAX_RANK - rank..])?;
    let broadcast = hilbench_kernels::params::Broadcast {
        dims,
        strides1: broadcast_strides(&da),
        strides2: broadcast_strides(&db),
    };
    let params = Select { broadcast, condition_strides: broadcast_strides(&dc) };
    let call = match a.dtype.size() {
        1 => Call::Select8(params),
        2 => Call::Select16(params),
        4 => Call::Select32(params),
        width => return Err(operands.unsupported(format!("elements of {width} bytes; 1, 2 and 4 are accepted"))),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?, operands.input_id(1)?, operands.input_id(2)?]))
}

/// ARG_MAX and ARG_MIN; of equal elements the first.
pub(super) fn arg_extreme(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::ArgExtreme { max } = operands.node.op else { return Err(operands.invalid("is not ARG_MAX or ARG_MIN")) };
    let x = operands.input(0)?;
    let axes = operands.integers(1)?;
    let &[axis] = &axes[..] else { return Err(operands.invalid(format!("axis is {axes:?}; one is expected"))) };
    let axis = operands.axis(axis, x.shape.len())?;
    if x.shape[axis] == 0 {
        return Err(operands.invalid("picks from nothing"));
    }
    let mut shape = x.shape.clone();
    shape.remove(axis);
    operands.expect_shape(0, &shape)?;
    let y = operands.output()?;
    if y.dtype != DType::I32 {
        return Err(operands.unsupported(format!("output {:?} is {}; int32 is accepted", y.name, y.dtype)));
    }
    let params = ArgPick {
        outer: x.shape[..axis].iter().product(),
        depth: x.shape[axis],
        inner: x.shape[axis + 1..].iter().product(),
        last: false,
    };
    let call = match (x.dtype, max) {
        (DType::F32, true) => Call::ArgMaxF32(params),
        (DType::F32, false) => Call::ArgMinF32(params),
        (_, true) => Call::ArgMaxI8(params),
        (_, false) => Call::ArgMinI8(params),
    };
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}

/// TOPK_V2, the values or the indices of it.
pub(super) fn top_k(operands: &Operands<'_>) -> Result<Quantized> {
    let Op::TopK { indices } = operands.node.op else { return Err(operands.invalid("is not TOPK_V2")) };
    let x = operands.input(0)?;
    let (outer, depth) = operands.rows(x)?;
    let counts = operands.integers(1)?;
    let k = match counts[..] {
        [k] if (1..=depth as i64).contains(&k) => k as usize,
        _ => return Err(operands.invalid(format!("k is {counts:?} of {depth}"))),
    };
    let mut shape = x.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = k;
    }
    operands.expect_shape(0, &shape)?;
    let y = operands.output()?;
    let params = TopK { outer, depth, inner: 1, k, largest: true };
    let call = match (x.dtype, indices) {
        (DType::F32, false) => Call::TopKValuesF32(params),
        (DType::F32, true) => Call::TopKIndicesF32(params),
        (_, false) => Call::TopKValuesI8(params),
        (_, true) => Call::TopKIndicesI8(params),
    };
    if indices && y.dtype != DType::I32 {
        return Err(operands.unsupported(format!("indices {:?} are {}; int32 is accepted", y.name, y.dtype)));
    }
    if !indices {
        operands.expect_same_values(x, y)?;
    }
    Ok((Direct::new(call).into(), vec![operands.input_id(0)?]))
}
