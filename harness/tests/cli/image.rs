//! Damage to a firmware image.

use std::fs;
use std::path::Path;

use object::{Object, ObjectSection, ObjectSymbol};

/// Inverts a bit of the first constant's first weight, in place. Where in its section it lies is up to the linker.
pub fn flip_first_weight_bit(elf: &Path) {
    let mut bytes = fs::read(elf).expect("an image");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let section = file.section_by_name(".weights").expect("weights");
    let (start, _) = section.file_range().expect("weights are in the file");
    let mut symbols = file.symbols();
    let first = symbols.find(|s| s.name().is_ok_and(|name| name.contains("C0_"))).expect("the first constant");
    let place = start + first.address() - section.address();
    bytes[place as usize] ^= 0x10;
    fs::write(elf, bytes).expect("the cache can be written");
}
