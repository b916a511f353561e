//! Firmware of the shipped model for every board that exists: a vector table where the core looks for it, sections in the
//! memories that they are placed in, code for that core.

use std::path::Path;

use hilbench::board::{Board, Memory, MemoryKind, boards};
use hilbench::dataset::Dataset;
use hilbench::model::{Form, Model};
use hilbench::reference;
use hilbench::session::Timeouts;
use hilbench::target::Delivery;
use hilbench::target::cortex_m::CortexM;
use hilbench::validate::{Job, build};
use object::read::elf::{ElfFile32, ProgramHeader, SectionHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags};

/// Public tags of the Arm ABI (ABI for the Arm Architecture, addenda, "Build attributes") that tell cores apart.
const CPU_ARCH: u64 = 6;
const CPU_ARCH_PROFILE: u64 = 7;
const ABI_VFP_ARGS: u64 = 28;
const MVE_ARCH: u64 = 48;

/// Values of the tag for the architecture: Armv7E-M, Armv8-M mainline, Armv8.1-M mainline.
fn architecture(core: &str) -> u64 {
    match core {
        "Cortex-M4F" | "Cortex-M7F" => 13,
        "Cortex-M33F" => 17,
        "Cortex-M55" => 21,
        other => panic!("{other}: which architecture?"),
    }
}

/// The attributes of the file as tag and number.
fn attributes(file: &ElfFile32<'_>) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let sections = file.elf_section_table().iter();
    for section in sections.filter(|s| s.sh_type(Endianness::Little) == object::elf::SHT_ARM_ATTRIBUTES) {
        let section = section.attributes(Endianness::Little, file.data()).expect("a sound section");
        let mut subsections = section.subsections().expect("a section of attributes");
        while let Some(subsection) = subsections.next().expect("a sound section") {
            let mut subsubsections = subsection.subsubsections();
            while let Some(file_wide) = subsubsections.next().expect("a sound section") {
                let mut reader = file_wide.attributes();
                while let Some(tag) = reader.read_tag().expect("a tag") {
                    // Names are text (5), compatibility is a number and text (32); all others below 64 are numbers, and
                    // above, odd tags are text.
                    match tag {
                        4 | 5 | 67 => drop(reader.read_string().expect("text")),
                        32 => {
                            reader.read_integer().expect("a number");
                            reader.read_string().expect("text");
                        }
                        _ => found.push((tag, reader.read_integer().expect("a number"))),
                    }
                }
            }
        }
    }
    found
}

fn contains(memory: &Memory, address: u64, size: u64) -> bool {
    let start = u64::from(memory.origin);
    address >= start && address + size <= start + u64::from(memory.length)
}

fn check(board: &Board, elf: &Path) -> Result<(), String> {
    let bytes = std::fs::read(elf).map_err(|e| e.to_string())?;
    let file = ElfFile32::<Endianness>::parse(&*bytes).map_err(|e| e.to_string())?;
    let memory = |index: usize| &board.memories[index];
    let section = |name: &str| file.section_by_name(name).ok_or(format!("no section {name}"));
    for (name, place) in [
        (".vector_table", board.code),
        (".text", board.code),
        (".weights", board.weights),
        (".arena", board.arena),
        (".bss", board.data),
    ] {
        let section = section(name)?;
        if !contains(memory(place), section.address(), section.size()) {
            return Err(format!("{name} at {:#010x} is not in {}", section.address(), memory(place).name));
        }
    }
    let table = section(".vector_table")?;
    if table.address() != u64::from(memory(board.code).origin) || !table.address().is_multiple_of(1024) {
        return Err(format!("the vector table lies at {:#010x}", table.address()));
    }
    let data = table.data().map_err(|e| e.to_string())?;
    let word = |index: usize| u32::from_le_bytes(data[4 * index..4 * index + 4].try_into().expect("four bytes"));
    let stack = memory(board.data).origin + board.stack_bytes;
    let symbol = |name: &str| file.symbols().find(|s| s.name() == Ok(name)).map(|s| s.address() as u32);
    if word(0) != stack || symbol("_stack_end") != Some(memory(board.data).origin) {
        return Err(format!("the stack begins at {:#010x}, not at {stack:#010x}", word(0)));
    }
    let text = section(".text")?;
    let entry = u64::from(word(1) & !1);
    if word(1) & 1 == 0
        || file.entry() != u64::from(word(1))
        || entry < text.address()
        || entry >= text.address() + text.size()
    {
        return Err(format!("the entry {:#010x} is no Thumb code", word(1)));
    }
    // The handler of the port's interrupt is the one that every interrupt has.
    let handler = word(16 + usize::from(board.uart.rx_irq));
    if Some(handler & !1) != symbol("DefaultHandler").map(|a| a & !1) {
        return Err(format!("interrupt {} goes to {handler:#010x}", board.uart.rx_irq));
    }
    for header in file.elf_program_headers() {
        let (at, size) =
            (u64::from(header.p_paddr(Endianness::Little)), u64::from(header.p_filesz(Endianness::Little)));
        if size > 0 && !board.memories.iter().any(|m| contains(m, at, size)) {
            return Err(format!("{size} bytes are loaded to {at:#010x}, where there is no memory"));
        }
        let rom = |m: &&Memory| m.kind == MemoryKind::Rom;
        if size > 0
            && board.memories.iter().any(|m| rom(&m))
            && !board.memories.iter().filter(rom).any(|m| contains(m, at, size))
        {
            return Err(format!("{size} bytes are loaded to {at:#010x}, which forgets them without power"));
        }
    }
    let writable = |s: &object::read::elf::ElfSection32<'_, '_>| matches!(s.flags(), SectionFlags::Elf { sh_flags } if sh_flags & u64::from(object::elf::SHF_WRITE) != 0);
    if let Some(wrong) = file
        .sections()
        .filter(|s| writable(s) && s.size() > 0)
        .find(|s| !board.memories.iter().any(|m| m.kind == MemoryKind::Ram && contains(m, s.address(), s.size())))
    {
        return Err(format!("{:?} is written and lies at {:#010x}", wrong.name(), wrong.address()));
    }
    let attributes = attributes(&file);
    let of = |tag| attributes.iter().find(|a| a.0 == tag).map_or(0, |a| a.1);
    let found = (of(CPU_ARCH), of(CPU_ARCH_PROFILE), of(ABI_VFP_ARGS), of(MVE_ARCH) > 0);
    let expect = (architecture(&board.core), u64::from(b'M'), 1, board.core == "Cortex-M55");
    if found != expect {
        return Err(format!("attributes {found:?}, a {} has {expect:?}", board.core));
    }
    Ok(())
}

#[test]
fn the_shipped_model_builds_for_every_board() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits");
    let model = Model::read(&models.join("digits_int8.tflite"), &Form::default()).expect("the shipped model");
    let compiled = model.compile(&Form::default()).expect("the shipped model compiles");
    let data = Dataset::random(&compiled.qgraph, 1, 1, None);
    let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let job = Job {
        model: &model,
        compiled: &compiled,
        data: &data,
        expected: &expected,
        per_layer: false,
        timeouts: Timeouts::default(),
        delivery: Delivery::default(),
        cache: cache.clone(),
        faults: None,
    };
    let boards: Vec<Board> = boards().expect("sound").into_iter().filter(|b| b.emulator.is_none()).collect();
    let failures: Vec<String> = boards
        .iter()
        .filter_map(|board| {
            let checked = build(&job, board, &CortexM::new(cache.clone()))
                .map_err(|e| e.to_string())
                .and_then(|(image, _)| check(board, &image.elf));
            checked.err().map(|why| format!("{}: {why}", board.name))
        })
        .collect();
    assert!(boards.len() >= 14 && failures.is_empty(), "{}", failures.join("\n"));
}
