//! Arrays in npz files. Reads any file without trusting it: memory stays within what the file itself unpacks to.
//!
//! Knows shapes, element types and byte order; knows no model.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use npyz::{DType as NpyType, NpyHeader, Order, TypeChar, WriteOptions, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Largest array that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;
/// Most bytes that deflate makes of one.
const MAX_RATIO: u64 = 1032;

/// Element type of an array, in numpy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the types")]
pub enum Element {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Element {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Element::Bool | Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 => 2,
            Element::I32 | Element::U32 | Element::F32 => 4,
            Element::I64 | Element::U64 | Element::F64 => 8,
        }
    }

    fn of(kind: TypeChar, bytes: u64) -> Option<Self> {
        Some(match (kind, bytes) {
            (TypeChar::Bool, 1) => Element::Bool,
            (TypeChar::Int, 1) => Element::I8,
            (TypeChar::Uint, 1) => Element::U8,
            (TypeChar::Int, 2) => Element::I16,
            (TypeChar::Uint, 2) => Element::U16,
            (TypeChar::Int, 4) => Element::I32,
            (TypeChar::Uint, 4) => Element::U32,
            (TypeChar::Int, 8) => Element::I64,
            (TypeChar::Uint, 8) => Element::U64,
            (TypeChar::Float, 4) => Element::F32,
            (TypeChar::Float, 8) => Element::F64,
            _ => return None,
        })
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::Bool => "bool",
            Element::I8 => "int8",
            Element::U8 => "uint8",
            Element::I16 => "int16",
            Element::U16 => "uint16",
            Element::I32 => "int32",
            Element::U32 => "uint32",
            Element::I64 => "int64",
            Element::U64 => "uint64",
            Element::F32 => "float32",
            Element::F64 => "float64",
        })
    }
}

/// One array.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Element type.
    pub element: Element,
    /// Little-endian elements, row major: exactly the product of `shape` and the element's size of them.
    pub bytes: Vec<u8>,
}

/// Runs `$body` with `$numbers` iterating over the elements of `$array`, in their own type.
macro_rules! with_elements {
    ($array:expr, $numbers:ident => $body:expr) => {
        with_elements!(@arms $array, $numbers, $body,
            I8 i8, U8 u8, I16 i16, U16 u16, I32 i32, U32 u32, I64 i64, U64 u64, F32 f32, F64 f64)
    };
    (@arms $array:expr, $numbers:ident, $body:expr, $($element:ident $t:ty),*) => {
        match $array.element {
            Element::Bool => {
                let $numbers = $array.bytes.iter().map(|&b| u8::from(b != 0));
                $body
            }
            $(Element::$element => {
                let $numbers = $array
                    .bytes
                    .as_chunks::<{ size_of::<$t>() }>()
                    .0
                    .iter()
                    .map(|&bytes| <$t>::from_le_bytes(bytes));
                $body
            })*
        }
    };
}

impl Array {
    /// The elements as numbers, each to the nearest `f64`.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        #[allow(clippy::unnecessary_cast, reason = "one of the types is f64 already")]
        let reals = with_elements!(self, numbers => numbers.map(|n| n as f64).collect());
        reals
    }
}

/// The arrays of an npz file, in the file's order. A plain npy file is one array without a name.
///
/// # Errors
/// In words: what cannot be read, what is damaged, which array is of a type that is not accepted.
pub fn read(path: &Path) -> Result<Vec<(String, Array)>, String> {
    let mut file = BufReader::new(File::open(path).map_err(|e| format!("cannot be read: {e}"))?);
    let mut magic = [0; 6];
    let known = file.read_exact(&mut magic).is_ok();
    file.rewind().map_err(|e| format!("cannot be read: {e}"))?;
    if known && magic == *b"\x93NUMPY" {
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
        return Ok(vec![(String::new(), parse(&bytes)?)]);
    }
    let mut archive = ZipArchive::new(file).map_err(|e| format!("is no npz file: {e}"))?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(|e| format!("member {index} cannot be read: {e}"))?;
        let name = member.name().strip_suffix(".npy").unwrap_or(member.name()).to_string();
        let fail = |reason: String| format!("array {name:?}: {reason}");
        let size = member.size();
        if size > MAX_BYTES {
            return Err(fail(format!("{size} bytes; up to {MAX_BYTES} are accepted")));
        }
        if size > member.compressed_size().saturating_mul(MAX_RATIO).saturating_add(64) {
            return Err(fail(format!("damaged: {size} bytes cannot be packed in {}", member.compressed_size())));
        }
        let mut bytes = Vec::new();
        member.take(size + 1).read_to_end(&mut bytes).map_err(|e| fail(format!("cannot be unpacked: {e}")))?;
        let array = parse(&bytes).map_err(fail)?;
        arrays.push((name, array));
    }
    Ok(arrays)
}

fn parse(file: &[u8]) -> Result<Array, String> {
    // The header's own length field is checked first: the parser reserves as much as that says.
    let (start, length) = match file {
        [b'\x93', b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        [b'\x93', b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err("is no npy array".to_string()),
    };
    let text = file.get(start..).and_then(|rest| rest.get(..length)).ok_or("damaged: the header is cut off")?;
    // The parser of the header's expression is recursive; no header of a plain array nests at all deep.
    if text.len() > 4096 || text.iter().filter(|b| b"([{".contains(b)).count() > 8 {
        return Err("damaged: the header is none of a plain array".to_string());
    }
    // The parser multiplies dimensions without a look at what comes of it.
    promised_elements(text).ok_or("damaged: the header has no shape of a size that is accepted")?;
    let header = NpyHeader::from_reader(file).map_err(|e| format!("damaged header: {e}"))?;
    let NpyType::Plain(plain) = header.dtype() else {
        return Err("structured elements; plain ones are accepted".to_string());
    };
    let element = Element::of(plain.type_char(), plain.size_field()).ok_or_else(|| {
        format!("elements of type {plain}; bool, int8 to int64, uint8 to uint64, float32 and float64 are accepted")
    })?;
    let shape = header.shape().iter().map(|&d| usize::try_from(d)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| format!("shape {:?} is too large", header.shape()))?;
    let elements = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let wanted = elements.and_then(|n| n.checked_mul(element.size()));
    let data = &file[start + length..];
    if wanted != Some(data.len()) {
        let reason = format!("damaged: {} bytes of data for {element} of shape {shape:?}", data.len());
        return Err(reason);
    }
    let mut bytes = data.to_vec();
    if plain.endianness() == npyz::Endianness::Big {
        bytes.chunks_exact_mut(element.size()).for_each(<[u8]>::reverse);
    }
    if header.order() == Order::Fortran && shape.len() > 1 && !bytes.is_empty() {
        bytes = row_major(&bytes, &shape, element.size());
    }
    Ok(Array { shape, element, bytes })
}

/// Product of the dimensions in a header's text, each taken as 1 at least.
fn promised_elements(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("shape")?;
    let (_, rest) = rest.split_once('(')?;
    let (dims, _) = rest.split_once(')')?;
    let mut dims = dims.split(',').map(str::trim).filter(|d| !d.is_empty());
    let product = dims.try_fold(1_u64, |n, d| n.checked_mul(d.parse::<u64>().ok()?.max(1)))?;
    (product <= MAX_BYTES).then_some(product)
}

/// Column-major elements in row-major order.
fn row_major(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..bytes.len() / size {
        let mut from = 0;
        for (&i, &d) in index.iter().zip(shape).rev() {
            from = from * d + i;
        }
        out.extend_from_slice(&bytes[from * size..][..size]);
        for (i, &d) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < d {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// Writes arrays as an npz file, first to a file beside it: a file of this name is always whole.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, arrays: &[(String, Array)]) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::NamedTempFile::new_in(folder)?;
    let mut archive = ZipWriter::new(BufWriter::new(draft.as_file()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), options)?;
        let shape: Vec<u64> = array.shape.iter().map(|&d| d as u64).collect();
        match array.element {
            Element::Bool => write_npy(&mut archive, &shape, array.bytes.iter().map(|&b| b != 0))?,
            _ => with_elements!(array, numbers => write_npy(&mut archive, &shape, numbers))?,
        }
    }
    archive.finish()?.flush()?;
    // The draft is private to its owner; the result is an ordinary file.
    draft.persist(path).map_err(|e| e.error)?;
    Ok(())
}

fn write_npy<T: npyz::AutoSerialize>(
    into: &mut impl Write,
    shape: &[u64],
    numbers: impl Iterator<Item = T>,
) -> std::io::Result<()> {
    let mut writer = WriteOptions::new().default_dtype().shape(shape).writer(into).begin_nd()?;
    writer.extend(numbers)?;
    writer.finish()
}
