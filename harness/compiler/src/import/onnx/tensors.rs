//! Constants and declared values of an ONNX file as tensors. Refuses element types without a kernel, unknown sizes,
//! data that do not fill their shape, and constants elsewhere that nobody can read.

use std::collections::BTreeMap;

use super::elements::{Element, element};
use super::{External, MAX_TENSOR_BYTES, ReadExternal, invalid, proto, unsupported};
use crate::Result;
use crate::graph::{DType, Tensor};

/// The bytes of a shape, if they are few enough.
pub(super) fn sized(subject: &str, dtype: DType, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(dtype.size(), |bytes, &dim| bytes.checked_mul(dim))
        .filter(|&bytes| bytes <= MAX_TENSOR_BYTES)
        .ok_or_else(|| unsupported(subject, format!("shape {shape:?}; up to {MAX_TENSOR_BYTES} bytes are accepted")))
}

/// A constant, with the way the file writes its elements.
pub(super) fn constant(
    subject: &str,
    tensor: proto::Tensor,
    external: Option<&ReadExternal<'_>>,
) -> Result<(Tensor, Element)> {
    let element = element(subject, tensor.data_type)?;
    let dtype = element.dtype;
    let shape = tensor
        .dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| invalid(subject, format!("shape {:?}", tensor.dims))))
        .collect::<Result<Vec<usize>>>()?;
    let elements = sized(subject, dtype, &shape)? / dtype.size();
    let bytes = element.file_bytes(elements);
    let data = if tensor.data_location == 1 {
        read_external(subject, &tensor.external_data, bytes, external)?
    } else if !tensor.raw_data.is_empty() || elements == 0 {
        tensor.raw_data
    } else {
        match dtype {
            // Floats of 16 bits, and what is packed, lie in the numbers of 32.
            _ if element.half.is_some() => tensor.int32_data.iter().flat_map(|&x| (x as u16).to_le_bytes()).collect(),
            DType::F32 => tensor.float_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::I64 => tensor.int64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::I32 => tensor.int32_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::I16 | DType::U16 => tensor.int32_data.iter().flat_map(|&x| (x as u16).to_le_bytes()).collect(),
            DType::I8 | DType::U8 | DType::Bool => tensor.int32_data.iter().map(|&x| x as u8).collect::<Vec<u8>>(),
        }
    };
    if data.len() != bytes {
        let reason =
            format!("has {} bytes of data; its shape {shape:?} and type {} make {bytes}", data.len(), element.name);
        return Err(invalid(subject, reason));
    }
    let data = element.unpacked(data, elements);
    Ok((Tensor { name: tensor.name, dtype, shape, quantization: None, data: Some(data) }, element))
}

fn read_external(
    subject: &str,
    entries: &[proto::Entry],
    bytes: usize,
    external: Option<&ReadExternal<'_>>,
) -> Result<Vec<u8>> {
    let entry = |key: &str| entries.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let number = |key: &str, text: &str| {
        text.parse::<u64>().map_err(|_| invalid(subject, format!("external data with {key} {text:?}")))
    };
    let Some(location) = entry("location") else { return Err(invalid(subject, "external data without a location")) };
    let offset = entry("offset").map_or(Ok(0), |text| number("offset", text))?;
    if let Some(text) = entry("length")
        && number("length", text)? != bytes as u64
    {
        return Err(invalid(subject, format!("{text} bytes of external data; shape and type make {bytes}")));
    }
    let Some(read) = external else {
        return Err(unsupported(subject, format!("external data in {location:?}, which cannot be read here")));
    };
    read(&External { location, offset, length: bytes })
        .map_err(|reason| invalid(subject, format!("external data in {location:?}: {reason}")))
}

/// A declared value without data. An unknown first dimension is a batch, run one sample at a time. `fix_shape` has sizes of
/// dimensions by their name, and whole shapes by the tensor's.
pub(super) fn value(info: &proto::ValueInfo, fix_shape: &BTreeMap<String, Vec<usize>>) -> Result<(Tensor, Element)> {
    let name = &info.name;
    let subject = format!("tensor {name:?}");
    let Some(tensor) = info.r#type.as_ref().and_then(|t| t.tensor.as_ref()) else {
        return Err(unsupported(subject, "is not a tensor"));
    };
    let element = element(&subject, tensor.elem_type)?;
    let dims = tensor.shape.as_ref().map(|declared| &declared.dim);
    let given = fix_shape.get(name).map(|shape| &shape[..]);
    let Some(dims) = dims else {
        let Some(shape) = given else {
            let reason = format!("has no shape; give one with --fix-shape {name}=NxNxN");
            return Err(unsupported(subject, reason));
        };
        return declared(name, element, shape.to_vec());
    };
    let of_a_name = |name: &String| fix_shape.get(name).filter(|sizes| sizes.len() == 1).map(|sizes| sizes[0]);
    let mut shape = Vec::with_capacity(dims.len());
    for (i, dim) in dims.iter().enumerate() {
        let known = dim.value.and_then(|v| usize::try_from(v).ok()).filter(|_| dim.param.is_none());
        let size = dim.param.as_ref().and_then(of_a_name).or(known);
        match (size.or_else(|| given?.get(i).copied()), &dim.param) {
            (Some(size), _) => shape.push(size),
            (None, _) if i == 0 => shape.push(1),
            (None, Some(param)) if !param.is_empty() => {
                let reason = format!(
                    "dimension {i} is called {param:?} and has no size; give one with --fix-shape {param}=N, or the whole \
                     shape with --fix-shape {name}=NxNxN"
                );
                return Err(unsupported(subject, reason));
            }
            (None, _) => {
                let reason = format!("dimension {i} has no size; give the whole shape with --fix-shape {name}=NxNxN");
                return Err(unsupported(subject, reason));
            }
        }
    }
    if let Some(given) = given
        && given != shape
    {
        let reason = format!("the shape {given:?} that was given does not fit the file's, which makes it {shape:?}");
        return Err(invalid(subject, reason));
    }
    declared(name, element, shape)
}

fn declared(name: &str, element: Element, shape: Vec<usize>) -> Result<(Tensor, Element)> {
    sized(&format!("tensor {name:?}"), element.dtype, &shape)?;
    Ok((Tensor { name: name.to_string(), dtype: element.dtype, shape, quantization: None, data: None }, element))
}
