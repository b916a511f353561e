//! Cortex-M: firmware by cargo, boards behind debug probes or emulated, the link by a serial port or through the probe.

mod board_source;
pub(crate) mod emulator;
mod footprint;

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hilbench_compiler::emit::Sources;
use probe_rs::Session;
use sha2::{Digest, Sha256};

use self::board_source::board_source;
use self::footprint::footprint;
use super::{Delivery, Image, Target, TargetError};
use crate::board::Board;
use crate::deploy::segments::Segments;
use crate::deploy::{self, Method, probe};
use crate::link::Link;
use crate::link::endpoint::{Endpoint, Port};
use crate::link::rtt::RttLink;
use crate::sources;

/// The firmware's package.
const PACKAGE: &str = "hilbench-firmware-cortex-m";
/// How long a started board's port may take to open.
const OPEN: Duration = Duration::from_secs(10);
/// Lines of a failed build that are shown.
const LINES: usize = 30;

/// Builds below a folder that is kept between runs.
#[derive(Clone, Debug)]
pub struct CortexM {
    cache: PathBuf,
}

impl CortexM {
    /// With `cache` as the folder for sources, builds and images.
    #[must_use]
    pub fn new(cache: PathBuf) -> Self {
        CortexM { cache }
    }
}

/// Name and version of the compiler, as part of what an image depends on.
///
/// # Errors
/// There is no compiler.
pub fn toolchain() -> Result<String, TargetError> {
    let missing = |e: io::Error| TargetError::Toolchain {
        advice: format!("rustc cannot be run ({e}); install Rust from https://rustup.rs"),
    };
    let output = Command::new("rustc").arg("-vV").output().map_err(missing)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Target for CortexM {
    fn build(&self, sources: &Sources, board: &Board) -> Result<Image, TargetError> {
        let mut files = sources.files.clone();
        files.push(("board.rs".to_string(), board_source(board).into_bytes()));
        files.push(("memory.x".to_string(), memory_script(board).into_bytes()));
        let key = key(&files, board)?;
        let images = self.cache.join("images");
        let elf = images.join(format!("{key}.elf"));
        if elf.is_file() {
            return Ok(Image { footprint: footprint(&elf)?, elf, cached: true });
        }
        create(&images)?;
        // Builds for one target share their products, so one at a time.
        let folder = self.cache.join("builds").join(products(board));
        create(&folder)?;
        let lock = folder.join("lock");
        let lock = File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(cache_error(&lock))?;
        let generated = folder.join("generated");
        lay_out(&generated, &files)?;
        let product = self.cargo(&folder, &generated, board)?;
        let draft = images.join(format!("{key}.draft"));
        fs::copy(&product, &draft).map_err(cache_error(&draft))?;
        fs::rename(&draft, &elf).map_err(cache_error(&elf))?;
        drop(lock);
        Ok(Image { footprint: footprint(&elf)?, elf, cached: false })
    }

    fn deploy(
        &self,
        image: &Image,
        board: &Board,
        delivery: &Delivery,
        progress: &deploy::Progress<'_>,
    ) -> Result<Box<dyn Link>, TargetError> {
        match &board.emulator {
            Some(config) => emulator::deploy(config, image, board, delivery, progress),
            None => hardware(image, board, delivery, progress),
        }
    }
}

/// A board that exists.
fn hardware(
    image: &Image,
    board: &Board,
    delivery: &Delivery,
    progress: &deploy::Progress<'_>,
) -> Result<Box<dyn Link>, TargetError> {
    let segments = Segments::read(&image.elf)?;
    let over_probe = |session: Session, rtt: Option<u64>| {
        let link = RttLink::open(session, rtt, None, Instant::now() + OPEN);
        Ok(Box::new(link.map_err(|e| TargetError::Start(e.to_string()))?) as Box<dyn Link>)
    };
    let link = at_desk(delivery.link.clone(), board);
    let wants_rtt = match &link {
        Some(endpoint) => matches!(endpoint, Endpoint::Rtt { .. }),
        None => board.rtt,
    };
    if let Method::Command(command) = &delivery.method {
        deploy::command::run(command, &image.elf, &board.name)?;
    }
    if delivery.method == Method::Probe || wants_rtt {
        let mut session =
            probe::attach(board, &probe::find(delivery.probe.as_ref(), board.place.probe.as_deref())?, None)?;
        if delivery.method == Method::Probe {
            probe::load(board, &mut session, &segments, progress)?;
            probe::start(&mut session, &segments)?;
        } else {
            // Somebody else has brought it there, or has not.
            probe::verify(&mut session, &segments)?;
        }
        if wants_rtt {
            return over_probe(session, segments.rtt);
        }
    }
    let Some(endpoint) = &link else {
        let reason = "no link: say which serial port the board has with --link serial:PATH, or in the desk file";
        return Err(TargetError::Start(reason.into()));
    };
    endpoint.open(board.baud, Instant::now() + OPEN).map_err(|e| TargetError::Start(e.to_string()))
}

/// The link that was asked for, at the port where the user has the board if no other is named.
fn at_desk(asked: Option<Endpoint>, board: &Board) -> Option<Endpoint> {
    let port = || board.place.port.clone().map(Port::Path);
    match asked {
        None => Some(Endpoint::Serial { port: Some(port()?), baud: None }),
        Some(Endpoint::Serial { port: None, baud }) => Some(Endpoint::Serial { port: port(), baud }),
        asked => asked,
    }
}

impl CortexM {
    fn cargo(&self, folder: &Path, generated: &Path, board: &Board) -> Result<PathBuf, TargetError> {
        let checkout = sources::unpack(&self.cache).map_err(cache_error(&self.cache))?;
        let firmware = checkout.join("targets/firmware/cortex-m");
        let products = folder.join("target");
        // Panics name their files; an image must not depend on where the cache lies.
        let unplaced = format!("--remap-path-prefix={}=hilbench", checkout.display());
        let mut command = Command::new("cargo");
        // What the caller's own cargo or shell has set must not change the firmware.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let kept = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];
            if name.starts_with("CARGO") && !kept.iter().any(|k| name.starts_with(k)) {
                command.env_remove(&*name);
            }
        }
        command
            .current_dir(&firmware)
            .args(["build", "--release", "--locked", "--quiet", "--target", &board.rust_target])
            .env_remove("RUSTFLAGS")
            .env("CARGO_ENCODED_RUSTFLAGS", format!("{}\u{1f}{unplaced}", rustflags(board)))
            .env("CARGO_TARGET_DIR", &products)
            .env("HILBENCH_BUILD_DIR", generated);
        let missing = |e: io::Error| TargetError::Toolchain {
            advice: format!("cargo cannot be run ({e}); install Rust from https://rustup.rs"),
        };
        let output = command.output().map_err(missing)?;
        if !output.status.success() {
            return Err(failure(&String::from_utf8_lossy(&output.stderr), board));
        }
        Ok(products.join(&board.rust_target).join("release").join(PACKAGE))
    }
}

/// Everything that the image depends on.
fn key(files: &[(String, Vec<u8>)], board: &Board) -> Result<String, TargetError> {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(sources::digest().as_bytes());
    add(toolchain()?.as_bytes());
    add(board.rust_target.as_bytes());
    add(rustflags(board).as_bytes());
    for (name, bytes) in files {
        add(name.as_bytes());
        add(bytes);
    }
    Ok(hex::encode(hash.finalize())[..32].to_string())
}

/// Folder of a board's builds: boards whose cores are the same share what does not depend on the board.
fn products(board: &Board) -> String {
    let flags = hex::encode(Sha256::digest(rustflags(board)));
    format!("{}-{}", board.rust_target, &flags[..8])
}

/// The board's own flags, and which instructions kernels may spell out: no stable `target_feature` says so for Arm. The
/// linker keeps relocations, by which code is accounted to the network.
fn rustflags(board: &Board) -> String {
    let isa = format!("--cfg=hilbench_isa=\"{}\"", board.isa.name());
    let relocations = "-Clink-arg=--emit-relocs".to_string();
    let rtt = board.rtt.then(|| "--cfg=hilbench_rtt".to_string());
    let ours = [isa, relocations].into_iter().chain(rtt).collect::<Vec<_>>();
    [&board.rustflags[..], &ours].concat().join("\u{1f}")
}

/// The linker's view: the stack lies below the data, so that an overflow leaves the memory and faults.
fn memory_script(board: &Board) -> String {
    let mut text = String::from("MEMORY\n{\n");
    let names = |index: usize| match index {
        i if i == board.code => "FLASH".to_string(),
        i if i == board.data => "RAM".to_string(),
        i => format!("M{i}_{}", board.memories[i].name.to_uppercase().replace('-', "_")),
    };
    for (i, memory) in board.memories.iter().enumerate() {
        let (mut origin, mut length) = (memory.origin, memory.length);
        if i == board.data {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  STACK : ORIGIN = {origin:#010x}, LENGTH = {:#x}", board.stack_bytes);
            origin += board.stack_bytes;
            length -= board.stack_bytes;
        }
        let _ = writeln!(text, "  {} : ORIGIN = {origin:#010x}, LENGTH = {length:#x}", names(i));
    }
    let _ = writeln!(text, "}}");
    let _ = writeln!(text, "REGION_ALIAS(\"WEIGHTS\", {});", names(board.weights));
    let _ = writeln!(text, "REGION_ALIAS(\"ARENA\", {});", names(board.arena));
    text.push_str("_stack_start = ORIGIN(STACK) + LENGTH(STACK);\n_stack_end = ORIGIN(STACK);\n");
    text
}

/// Replaces the content of `folder`, leaving files alone that are the same already.
fn lay_out(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<(), TargetError> {
    create(folder)?;
    for entry in fs::read_dir(folder).map_err(cache_error(folder))?.flatten() {
        let stale = !files.iter().any(|(name, _)| *name == entry.file_name().to_string_lossy());
        if stale {
            fs::remove_file(entry.path()).map_err(cache_error(&entry.path()))?;
        }
    }
    for (name, bytes) in files {
        let path = folder.join(name);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            fs::write(&path, bytes).map_err(cache_error(&path))?;
        }
    }
    Ok(())
}

fn create(folder: &Path) -> Result<(), TargetError> {
    fs::create_dir_all(folder).map_err(cache_error(folder))
}

fn cache_error(path: &Path) -> impl Fn(io::Error) -> TargetError {
    let path = path.to_path_buf();
    move |e| TargetError::Cache { path: path.clone(), reason: e.to_string() }
}

/// What cargo's words mean for the user.
fn failure(said: &str, board: &Board) -> TargetError {
    if said.contains("can't find crate for `core`") || said.contains("target may not be installed") {
        return TargetError::Toolchain {
            advice: format!("the compiler's target is missing: rustup target add {}", board.rust_target),
        };
    }
    if let Some(error) = overflow(said, board) {
        return error;
    }
    let lines: Vec<String> = said.lines().map(str::to_string).collect();
    TargetError::Build { lines: lines[lines.len().saturating_sub(LINES)..].to_vec() }
}

/// The linker's `section '.weights' will not fit in region 'FLASH': overflowed by 1234 bytes`.
fn overflow(said: &str, board: &Board) -> Option<TargetError> {
    let line = said.lines().rfind(|l| l.contains("will not fit in region"))?;
    let quoted: Vec<&str> = line.split('\'').collect();
    let (section, region) = (*quoted.get(1)?, *quoted.get(3)?);
    let over: u64 = line.rsplit("overflowed by ").next()?.split(' ').next()?.parse().ok()?;
    let (index, what) = match (region, section) {
        (_, ".weights") => (board.weights, "weights and code"),
        (_, ".arena") => (board.arena, "arena and data"),
        ("RAM", _) => (board.data, "arena and data"),
        _ => (board.code, "weights and code"),
    };
    let have = board.room(index);
    Some(TargetError::DoesNotFit { what, need: have + over, have, memory: board.memories[index].name.clone() })
}
