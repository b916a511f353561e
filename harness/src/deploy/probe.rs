//! Through a debug probe: attach, make sure which chip it is, program what differs, verify all of it, start it.
//!
//! Nothing is written before the chip is known to be the one that the board's file names.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::Range;
use std::time::Duration;

use probe_rs::config::{ChipFamily, MemoryRegion, Registry, RegistryError};
use probe_rs::flashing::{DownloadOptions, FlashProgress, ProgressEvent};
use probe_rs::probe::list::Lister;
use probe_rs::probe::{DebugProbeError, DebugProbeInfo, DebugProbeSelector, Probe};
use probe_rs::{Core, MemoryInterface, Permissions, Session};

use super::segments::Segments;
use super::{DeployError, Progress, probe_name};
use crate::board::Board;

/// Volts below which no chip of these runs.
const LOWEST: f32 = 1.5;
/// How long the core may take to stop.
const STOP: Duration = Duration::from_secs(1);
/// The processor's identity; bits 15..4 are its part number (Armv7-M Architecture Reference Manual, B3.2.3).
const CPUID: u64 = 0xE000_ED00;
/// How the USB library tells that another program has a device (EBUSY): its error has no kind of its own for that.
const BUSY: &str = "errno 16";
/// Bytes compared at once.
const CHUNK: usize = 16 * 1024;

/// What loading an image did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Bytes of the image that were written.
    pub written: u64,
    /// Bytes of the image that were there already.
    pub kept: u64,
}

/// The probe that was asked for, or else that with the serial number `at_desk`, or the only one there is.
///
/// # Errors
/// There is none, or more than one.
pub fn find(asked: Option<&DebugProbeSelector>, at_desk: Option<&str>) -> Result<DebugProbeSelector, DeployError> {
    if let Some(asked) = asked {
        return Ok(asked.clone());
    }
    let found = Lister::new().list_all();
    if let Some(serial) = at_desk {
        let there = found.iter().find(|info| info.serial_number.as_deref() == Some(serial));
        return there.map(DebugProbeSelector::from).ok_or_else(|| DeployError::NoProbe {
            asked: Some(serial.to_string()),
            found: found.iter().map(described).collect(),
        });
    }
    match found.as_slice() {
        [] => Err(DeployError::NoProbe { asked: None, found: Vec::new() }),
        [one] => Ok(DebugProbeSelector::from(one)),
        several => Err(DeployError::SeveralProbes { found: several.iter().map(described).collect() }),
    }
}

fn described(info: &DebugProbeInfo) -> String {
    format!("{} ({})", probe_name(&DebugProbeSelector::from(info)), info.identifier)
}

/// Connects to the board's chip, and makes sure that it is that chip. `family` describes a chip that probe-rs does not know.
///
/// # Errors
/// The probe is missing, busy or denied; no target answers, it has no power, or it is another one.
pub fn attach(
    board: &Board,
    selector: &DebugProbeSelector,
    family: Option<ChipFamily>,
) -> Result<Session, DeployError> {
    let chip = board.chip.as_deref().ok_or(DeployError::NoChip)?;
    let mut session = attach_chip(chip, selector, family)?;
    check_chip(board, chip, &mut session)?;
    Ok(session)
}

/// Connects to a chip by its name alone, and takes whatever answers for it.
///
/// # Errors
/// As [`attach`], but for another chip.
pub fn attach_chip(
    chip: &str,
    selector: &DebugProbeSelector,
    family: Option<ChipFamily>,
) -> Result<Session, DeployError> {
    let registry = registry(chip, family)?;
    let probe = open(selector)?;
    match probe.attach_with_registry(chip, Permissions::default(), &registry) {
        Ok(session) => Ok(session),
        // A program may sleep, or have taken the debugger's pins: under reset it cannot.
        Err(first) => open(selector)?
            .attach_under_reset_with_registry(chip, Permissions::default(), &registry)
            .map_err(|_| no_target(selector, &first)),
    }
}

fn registry(chip: &str, family: Option<ChipFamily>) -> Result<Registry, DeployError> {
    let unknown = |_: RegistryError| DeployError::UnknownChip { chip: chip.to_string() };
    let registry = match family {
        Some(family) => {
            let mut registry = Registry::new();
            registry.add_target_family(family).map_err(unknown)?;
            registry
        }
        None => Registry::from_builtin_families(),
    };
    registry.get_target_by_name(chip).map_err(unknown)?;
    Ok(registry)
}

fn open(selector: &DebugProbeSelector) -> Result<Probe, DeployError> {
    let name = || probe_name(selector);
    let mut probe = Lister::new().open(selector.clone()).map_err(|error| match kind(&error) {
        _ if chain(&error).contains(BUSY) => DeployError::Busy { probe: name() },
        Some(ErrorKind::PermissionDenied) => DeployError::Denied { probe: name() },
        // What a driver says of a probe that is not there depends on whether there is any USB.
        _ if Lister::new().list(Some(selector)).is_empty() => DeployError::NoProbe {
            asked: Some(name()),
            found: Lister::new().list_all().iter().map(described).collect(),
        },
        _ => DeployError::Probe { probe: name(), reason: chain(&error) },
    })?;
    // Probes that measure nothing say so by an error or by nothing.
    match probe.get_target_voltage() {
        Ok(Some(volts)) if volts < LOWEST => {
            Err(DeployError::LowVoltage { millivolts: (volts.max(0.0) * 1000.0) as u32 })
        }
        _ => Ok(probe),
    }
}

/// What the system said of an error that came from it.
fn kind(error: &DebugProbeError) -> Option<ErrorKind> {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

fn no_target(selector: &DebugProbeSelector, error: &probe_rs::Error) -> DeployError {
    DeployError::NoTarget { probe: probe_name(selector), reason: chain(error) }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text = format!("{text}: {line}");
        }
        cause = error.source();
    }
    text
}

fn core_error(step: &'static str) -> impl Fn(probe_rs::Error) -> DeployError {
    move |error| DeployError::Core { step, reason: chain(&error) }
}

/// Compares the core's part number, and the device id where the board's file says where that is.
fn check_chip(board: &Board, chip: &str, session: &mut Session) -> Result<(), DeployError> {
    let failed = core_error("reading which chip it is");
    let mut core = session.core(0).map_err(&failed)?;
    let part = core.read_word_32(CPUID).map_err(&failed)? >> 4 & 0xFFF;
    let wrong = |what, expected, found| DeployError::WrongChip { what, expected, found, chip: chip.to_string() };
    if let Some(expected) = board.core_part().filter(|&expected| expected != part) {
        return Err(wrong("core", expected, part));
    }
    if let Some(address) = board.id_at {
        let id = core.read_word_32(address.into()).map_err(&failed)? & 0xFFF;
        if id != board.device_id {
            return Err(wrong("device id", board.device_id, id));
        }
    }
    Ok(())
}

/// Writes what of the image is not in the chip's memories yet, and verifies all of it.
///
/// # Errors
/// The chip is locked, the image does not fit its memories, writing failed, or the memories hold something else at the end.
pub fn load(
    board: &Board,
    session: &mut Session,
    image: &Segments,
    progress: &Progress<'_>,
) -> Result<Loaded, DeployError> {
    let chip = board.chip.as_deref().ok_or(DeployError::NoChip)?;
    let mut parts = Vec::new();
    // A sector is erased as a whole, so whatever of the image is in one that differs has to be written.
    let mut different = BTreeSet::new();
    for (address, bytes) in &image.pieces {
        for (sector, range) in cut(session, *address, bytes.len() as u64, chip)? {
            let bytes = &bytes[(range.start - address) as usize..(range.end - address) as usize];
            // Whatever is in RAM, the flash algorithm may lie on it.
            let in_ram = session.target().memory_map.iter().any(|r| r.is_ram() && r.contains(range.start));
            if in_ram {
                different.insert(sector);
                parts.push((sector, range.start, bytes));
                continue;
            }
            let here = read(session, range.start, bytes.len());
            if here.map_err(|error| locked(session, chip, range.start, error))? != bytes {
                different.insert(sector);
            }
            parts.push((sector, range.start, bytes));
        }
    }
    let mut loaded = Loaded::default();
    let mut loader = session.target().flash_loader();
    for (sector, address, bytes) in parts {
        if different.contains(&sector) {
            let outside = |_| DeployError::Outside { chip: chip.to_string(), address };
            loader.add_data(address, bytes).map_err(outside)?;
            loaded.written += bytes.len() as u64;
        } else {
            loaded.kept += bytes.len() as u64;
        }
    }
    if loaded.written > 0 {
        let mut options = DownloadOptions::default();
        options.progress = bar(progress);
        let failed = |error: probe_rs::flashing::FlashError| DeployError::Flash { reason: chain(&error) };
        loader.commit(session, options).map_err(failed)?;
        verify(session, image)?;
    }
    Ok(loaded)
}

/// Compares the chip's memories with the image. The core may run.
///
/// # Errors
/// [`DeployError::Differs`]; the memories cannot be read.
pub fn verify(session: &mut Session, image: &Segments) -> Result<(), DeployError> {
    for (address, bytes) in &image.pieces {
        for (n, part) in bytes.chunks(CHUNK).enumerate() {
            let start = address + (n * CHUNK) as u64;
            let here = read(session, start, part.len()).map_err(core_error("reading the memory back"))?;
            if let Some(at) = (0..part.len()).find(|&at| here[at] != part[at]) {
                let address = start + at as u64;
                return Err(DeployError::Differs { address, expected: part[at], found: here[at] });
            }
        }
    }
    Ok(())
}

/// Resets the chip and lets the image run. A control block of the debugger's channel that is left in memory from before is
/// taken away first, so that the one that is found later is this image's.
///
/// # Errors
/// The core does not start.
pub fn start(session: &mut Session, image: &Segments) -> Result<(), DeployError> {
    let failed = core_error("starting the image");
    let in_ram = image.vectors.filter(|&at| {
        session.target().memory_map.iter().any(|region| matches!(region, MemoryRegion::Ram(r) if r.range.contains(&at)))
    });
    if let Some(rtt) = image.rtt {
        let mut core = session.core(0).map_err(&failed)?;
        // The core may be running, and lay the block out at this moment.
        core.halt(STOP).map_err(&failed)?;
        core.write_8(rtt, &[0; 16]).map_err(&failed)?;
    }
    match in_ram {
        Some(vectors) => {
            session.prepare_running_on_ram(vectors, 0).map_err(&failed)?;
            session.core(0).and_then(|mut core| core.run()).map_err(&failed)
        }
        None => session.core(0).and_then(|mut core| core.reset()).map_err(&failed),
    }
}

fn read(session: &mut Session, address: u64, size: usize) -> Result<Vec<u8>, probe_rs::Error> {
    let mut bytes = vec![0; size];
    session.core(0)?.read(address, &mut bytes)?;
    Ok(bytes)
}

/// A chip that is locked lets its RAM be read and its flash not.
fn locked(session: &mut Session, chip: &str, address: u64, error: probe_rs::Error) -> DeployError {
    let ram = session.target().memory_map.iter().find_map(MemoryRegion::as_ram_region).map(|ram| ram.range.start);
    let reads = |core: &mut Core<'_>, at: u64| core.read_word_32(at).is_ok();
    let ram_answers = ram.is_some_and(|at| session.core(0).is_ok_and(|mut core| reads(&mut core, at)));
    if ram_answers {
        DeployError::Locked { chip: chip.to_string(), address }
    } else {
        core_error("reading the flash")(error)
    }
}

/// A piece of the image, cut where sectors end, each part with the start of its sector.
fn cut(session: &Session, address: u64, size: u64, chip: &str) -> Result<Vec<(u64, Range<u64>)>, DeployError> {
    let mut parts = Vec::new();
    let mut at = address;
    while at < address + size {
        let region = session.target().memory_map.iter().find(|region| match region {
            MemoryRegion::Nvm(r) => r.range.contains(&at),
            MemoryRegion::Ram(r) => r.range.contains(&at),
            MemoryRegion::Generic(_) => false,
        });
        let sector = match region {
            Some(MemoryRegion::Nvm(region)) => sector(session, at).unwrap_or(region.range.clone()),
            Some(MemoryRegion::Ram(region)) => region.range.clone(),
            _ => return Err(DeployError::Outside { chip: chip.to_string(), address: at }),
        };
        let end = sector.end.min(address + size);
        parts.push((sector.start, at..end));
        at = end;
    }
    Ok(parts)
}

/// The sector that `address` is in.
fn sector(session: &Session, address: u64) -> Option<Range<u64>> {
    let algorithms = &session.target().flash_algorithms;
    let properties =
        algorithms.iter().map(|algorithm| &algorithm.flash_properties).find(|p| p.address_range.contains(&address))?;
    let base = properties.address_range.start;
    let first = properties.sectors.iter().rfind(|s| base + s.address <= address).filter(|s| s.size > 0)?;
    let start = address - (address - base - first.address) % first.size;
    Some(start..start + first.size)
}

/// Sums up all that flashing announces, and tells how much of it is done.
fn bar<'a>(progress: &'a Progress<'a>) -> FlashProgress<'a> {
    let (mut done, mut total) = (0, 0);
    FlashProgress::new(move |event| {
        match event {
            ProgressEvent::AddProgressBar { total: Some(more), .. } => total += more,
            ProgressEvent::Progress { size, .. } => done += size,
            _ => return,
        }
        progress(done.min(total), total);
    })
}
