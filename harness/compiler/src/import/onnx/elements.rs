//! The element types of ONNX: how each is held here, and how a file packs it. Refuses those that no kernel takes.

use half::{bf16, f16};
use hilbench_kernels::params::Minifloat;

use super::unsupported;
use crate::Result;
use crate::graph::DType;
use crate::graph::onnx::Codes;

/// One element type of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    /// As ONNX calls it, in lower case.
    pub name: &'static str,
    /// The type that holds it.
    pub dtype: DType,
    /// Which values of that it has.
    pub codes: Codes,
    /// To single precision, of a float of 16 bits.
    pub half: Option<fn(u16) -> f32>,
}

/// Element types by their number in the file format; those without a way to hold them are only named.
const ELEMENTS: [(&str, Option<(DType, Codes)>); 27] = {
    use DType::{Bool, F32, I8, I16, I32, I64, U8, U16};
    const fn whole(dtype: DType) -> Option<(DType, Codes)> {
        Some((dtype, Codes::Whole))
    }
    const fn float(format: Minifloat) -> Option<(DType, Codes)> {
        Some((U8, Codes::Float(format)))
    }
    [
        ("undefined", None),
        ("float32", whole(F32)),
        ("uint8", whole(U8)),
        ("int8", whole(I8)),
        ("uint16", whole(U16)),
        ("int16", whole(I16)),
        ("int32", whole(I32)),
        ("int64", whole(I64)),
        ("string", None),
        ("bool", whole(Bool)),
        ("float16", whole(F32)),
        ("float64", None),
        ("uint32", None),
        ("uint64", None),
        ("complex64", None),
        ("complex128", None),
        ("bfloat16", whole(F32)),
        ("float8e4m3fn", float(Minifloat::E4M3FN)),
        ("float8e4m3fnuz", float(Minifloat::E4M3FNUZ)),
        ("float8e5m2", float(Minifloat::E5M2)),
        ("float8e5m2fnuz", float(Minifloat::E5M2FNUZ)),
        ("uint4", Some((U8, Codes::Bits(4)))),
        ("int4", Some((I8, Codes::Bits(4)))),
        ("float4e2m1", float(Minifloat::E2M1)),
        ("float8e8m0", None),
        ("uint2", Some((U8, Codes::Bits(2)))),
        ("int2", Some((I8, Codes::Bits(2)))),
    ]
};

/// The element type with this number.
pub(super) fn element(subject: &str, number: i32) -> Result<Element> {
    let entry = usize::try_from(number).ok().and_then(|i| ELEMENTS.get(i));
    let Some(&(name, Some((dtype, codes)))) = entry else {
        let name = entry.map_or("unknown", |(name, _)| name);
        let held: Vec<&str> = ELEMENTS.iter().filter(|(_, held)| held.is_some()).map(|(name, _)| *name).collect();
        return Err(unsupported(subject, format!("element type {name} ({number}); {} are accepted", held.join(", "))));
    };
    let half: Option<fn(u16) -> f32> = match name {
        "float16" => Some(|bits| f16::from_bits(bits).to_f32()),
        "bfloat16" => Some(|bits| bf16::from_bits(bits).to_f32()),
        _ => None,
    };
    Ok(Element { name, dtype, codes, half })
}

impl Element {
    /// Bits of one element in the file.
    fn bits(&self) -> usize {
        match self.codes {
            Codes::Bits(bits) => bits as usize,
            Codes::Float(format) => (1 + format.exponent_bits + format.mantissa_bits) as usize,
            Codes::Whole if self.half.is_some() => 16,
            Codes::Whole => 8 * self.dtype.size(),
        }
    }

    /// Bytes of so many elements in the file.
    pub fn file_bytes(&self, elements: usize) -> usize {
        (elements * self.bits()).div_ceil(8)
    }

    /// Bytes that so many elements take beyond those in the file.
    pub fn growth(&self, elements: usize) -> usize {
        (elements * self.dtype.size()).saturating_sub(self.file_bytes(elements))
    }

    /// The file's bytes as elements of the type that holds them. Packed ones begin in the low bits of each byte.
    pub fn unpacked(&self, data: Vec<u8>, elements: usize) -> Vec<u8> {
        if let Some(to_f32) = self.half {
            return data.as_chunks().0.iter().flat_map(|&c| to_f32(u16::from_le_bytes(c)).to_le_bytes()).collect();
        }
        let bits = self.bits();
        if bits >= 8 {
            return data;
        }
        let each = 8 / bits;
        let code = |i: usize| {
            let high = data[i / each] << (8 - bits - i % each * bits);
            if self.dtype == DType::I8 { (high as i8 >> (8 - bits)) as u8 } else { high >> (8 - bits) }
        };
        (0..elements).map(code).collect()
    }
}
