//! The sources that this binary carries: firmware and what it is built from, and the board descriptions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Name below the repository, and content.
static CARRIED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// What the carried packages inherit from; the firmware itself is a workspace of its own.
const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["kernels", "targets/runtime", "targets/wire"]
exclude = ["targets/firmware"]

[workspace.package]
version = "0.1.0"
edition = "2024"
rust-version = "1.89"
license = "Apache-2.0 OR MIT"

[workspace.dependencies]
hilbench-wire = { path = "targets/wire" }

[workspace.lints.rust]
"#;

/// The carried board descriptions: file name and text.
pub fn boards() -> impl Iterator<Item = (&'static str, &'static str)> {
    CARRIED.iter().filter_map(|(name, bytes)| {
        let file = name.strip_prefix("targets/boards/")?;
        Some((file, std::str::from_utf8(bytes).ok()?))
    })
}

fn firmware() -> impl Iterator<Item = &'static (&'static str, &'static [u8])> {
    CARRIED.iter().filter(|(name, _)| !name.starts_with("targets/boards/"))
}

/// Digest of everything that firmware is built from, beside the network.
#[must_use]
pub fn digest() -> String {
    let mut hash = Sha256::new();
    hash.update(WORKSPACE);
    for (name, bytes) in firmware() {
        for part in [name.as_bytes(), bytes] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
    }
    hex::encode(hash.finalize())
}

/// Lays the firmware sources out below `cache`, once for each content, and answers where.
///
/// # Errors
/// The folder cannot be written.
pub fn unpack(cache: &Path) -> io::Result<PathBuf> {
    let folder = cache.join("sources").join(&digest()[..16]);
    if folder.is_dir() {
        return Ok(folder);
    }
    let parent = cache.join("sources");
    fs::create_dir_all(&parent)?;
    // Written beside and renamed, so that a folder of this name is always whole.
    let draft = tempfile::tempdir_in(&parent)?;
    fs::write(draft.path().join("Cargo.toml"), WORKSPACE)?;
    for (name, bytes) in firmware() {
        let path = draft.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    match fs::rename(draft.path(), &folder) {
        Ok(()) => {
            // It is no draft any more.
            let _ = draft.keep();
            Ok(folder)
        }
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(e) => Err(e),
    }
}
