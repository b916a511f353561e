//! Damage to a firmware image.

use std::fs;
use std::path::Path;

use object::{Object, ObjectSection};

/// Inverts a bit of the first weight, in place.
pub fn flip_first_weight_bit(elf: &Path) {
    let mut bytes = fs::read(elf).expect("an image");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let section = file.section_by_name(".weights").expect("weights");
    let (start, _) = section.file_range().expect("weights are in the file");
    bytes[start as usize] ^= 0x10;
    fs::write(elf, bytes).expect("the cache can be written");
}
