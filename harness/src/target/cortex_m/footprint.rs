//! What an image takes, read from its ELF file. Code and data are accounted to the network where an inference reaches them,
//! through the relocations that the linker left; the rest is the loop that validates. Knows sections and symbols, no board.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolKind, elf};

use crate::target::{Footprint, TargetError};

/// The function that computes one inference, named by the emitted source.
const INFERENCE: &str = "hilbench_inference";

/// Where an inference ends that has failed: a product would have a handler of its own.
const PANIC: &str = "rust_begin_unwind";

/// Sections of code and its constants.
const CODE: [&str; 3] = [".vector_table", ".text", ".rodata"];

/// Sections of data that is written, without the arena.
const DATA: [&str; 3] = [".data", ".bss", ".uninit"];

/// Reads the image at `path`.
///
/// # Errors
/// The file cannot be read, or is no image of this firmware.
pub(super) fn footprint(path: &Path) -> Result<Footprint, TargetError> {
    let damaged = |reason: String| TargetError::Cache { path: path.to_path_buf(), reason };
    let bytes = std::fs::read(path).map_err(super::cache_error(path))?;
    let file = ElfFile32::parse(&*bytes).map_err(|e| damaged(e.to_string()))?;
    let mut footprint = Footprint::default();
    for section in file.sections() {
        let size = section.size();
        match section.name().unwrap_or_default() {
            ".weights" => footprint.weights += size,
            ".arena" => footprint.arena += size,
            name if CODE.contains(&name) => footprint.code += size,
            ".data" => {
                footprint.code += size;
                footprint.ram += size;
            }
            name if DATA.contains(&name) => footprint.ram += size,
            _ => {}
        }
    }
    (footprint.network_code, footprint.network_ram) = network(&file).map_err(damaged)?;
    Ok(footprint)
}

/// Bytes of the pieces of code and constants that the inference reaches, and of those of data.
fn network(file: &ElfFile32<'_>) -> Result<(u64, u64), String> {
    let (pieces, data) = (pieces(file, &[&CODE[..], &DATA].concat()), pieces(file, &DATA));
    let links = links(file, &pieces)?;
    let symbol = |name: &str| file.symbols().find(|s| s.name().is_ok_and(|n| n.contains(name))).map(|s| s.address());
    // Where nothing is computed, the compiler has left out the call, and the linker the function.
    let Some(root) = symbol(INFERENCE) else { return Ok((0, 0)) };
    let panic = symbol(PANIC).and_then(|address| piece_at(&pieces, address));
    let mut reached: BTreeSet<u64> = panic.into_iter().collect();
    let mut open: Vec<u64> = piece_at(&pieces, root).into_iter().collect();
    let (mut code, mut ram) = (0, 0);
    while let Some(piece) = open.pop() {
        if reached.insert(piece) {
            *(if data.contains_key(&piece) { &mut ram } else { &mut code }) += pieces[&piece] - piece;
            open.extend(links.get(&piece).into_iter().flatten());
        }
    }
    Ok((code, ram))
}

/// These sections cut at symbols, and where a symbol ends: start to end of each piece. Bytes without a symbol, such
/// as merged strings, make pieces of their own.
fn pieces(file: &ElfFile32<'_>, sections: &[&str]) -> BTreeMap<u64, u64> {
    let mut pieces = BTreeMap::new();
    for section in file.sections().filter(|s| s.name().is_ok_and(|name| sections.contains(&name))) {
        let (start, end) = (section.address(), section.address() + section.size());
        let mut cuts = vec![start, end];
        for symbol in file.symbols().filter(|s| s.section_index() == Some(section.index()) && s.size() > 0) {
            let address = code_address(symbol.address());
            cuts.extend([address, (address + symbol.size()).min(end)]);
        }
        cuts.sort_unstable();
        cuts.dedup();
        pieces.extend(cuts.windows(2).map(|w| (w[0], w[1])));
    }
    pieces
}

fn piece_at(pieces: &BTreeMap<u64, u64>, address: u64) -> Option<u64> {
    let address = code_address(address);
    pieces.range(..=address).next_back().filter(|&(_, &end)| address < end).map(|(&start, _)| start)
}

/// Without the bit that says Thumb.
fn code_address(address: u64) -> u64 {
    address & !1
}

/// For each piece, the pieces that its relocations name.
fn links(file: &ElfFile32<'_>, pieces: &BTreeMap<u64, u64>) -> Result<BTreeMap<u64, Vec<u64>>, String> {
    let mut links: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for section in file.sections().filter(|s| s.name().is_ok_and(|name| CODE.contains(&name))) {
        let (start, data) = (section.address(), section.data().map_err(|e| e.to_string())?);
        // Of a linked file the offset of a relocation is an address.
        for (address, relocation) in section.relocations() {
            let target = match (relocation.flags(), relocation.target()) {
                // The linked word is the address itself; the relocation may name only a section.
                (RelocationFlags::Elf { r_type: elf::R_ARM_ABS32 }, _) => {
                    let offset = usize::try_from(address.wrapping_sub(start)).unwrap_or(usize::MAX);
                    let word = data.get(offset..).and_then(|rest| rest.first_chunk::<4>());
                    u64::from(u32::from_le_bytes(*word.ok_or("has a relocation outside of its section")?))
                }
                (_, RelocationTarget::Symbol(index)) => {
                    let symbol = file.symbol_by_index(index).map_err(|e| e.to_string())?;
                    if symbol.kind() == SymbolKind::Section {
                        return Err(format!("has a relocation at {address:#x} that names no symbol"));
                    }
                    symbol.address()
                }
                _ => continue,
            };
            if let (Some(from), Some(to)) = (piece_at(pieces, address), piece_at(pieces, target)) {
                links.entry(from).or_default().push(to);
            }
        }
    }
    Ok(links)
}
