//! Hand-made npz files, sound and odd ones.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Name, kind (a numpy type string, or a word for something odd), shape.
pub type Row<'a> = (&'a str, &'a str, &'a [usize]);

/// Writes arrays of ones, of the given types and shapes.
pub fn write(path: &Path, rows: &[Row<'_>]) {
    let mut archive = ZipWriter::new(File::create(path).expect("a folder that can be written"));
    for &(name, kind, shape) in rows {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).expect("a member");
        archive.write_all(&npy(kind, shape)).expect("a member");
    }
    archive.finish().expect("an archive");
}

fn npy(kind: &str, shape: &[usize]) -> Vec<u8> {
    let elements: usize = shape.iter().product();
    let (descriptor, column_major, element): (&str, bool, Vec<u8>) = match kind {
        "|i1" => ("|i1", false, vec![1]),
        "column-major" => ("|i1", true, vec![1]),
        "<i8" => ("<i8", false, 1_i64.to_le_bytes().to_vec()),
        "99" => ("<i8", false, 99_i64.to_le_bytes().to_vec()),
        "<f4" => ("<f4", false, 0.5_f32.to_le_bytes().to_vec()),
        "<f8" => ("<f8", false, 0.5_f64.to_le_bytes().to_vec()),
        "inf" => ("<f4", false, f32::INFINITY.to_le_bytes().to_vec()),
        "<U1" => ("<U1", false, vec![b'a', 0, 0, 0]),
        "short" => ("|i1", false, vec![]),
        other => panic!("no array of {other}"),
    };
    let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let order = if column_major { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descriptor}', 'fortran_order': {order}, 'shape': ({dims}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(element.repeat(elements));
    bytes
}
