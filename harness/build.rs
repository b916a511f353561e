//! Carries the board descriptions and the sources of firmware, runtime, wire and kernels into the binary, so that an
//! installed `hilbench` needs no checkout.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are carried, relative to the repository.
const FOLDERS: [&str; 7] = [
    "kernels/src",
    "targets/wire/src",
    "targets/runtime/src",
    "targets/firmware/cortex-m/src",
    "targets/firmware/cortex-m/example",
    "targets/boards",
    "targets/firmware/cortex-m",
];

/// Files that are carried, relative to the repository.
const FILES: [&str; 3] = ["kernels/Cargo.toml", "targets/wire/Cargo.toml", "targets/runtime/Cargo.toml"];

fn main() {
    let repository = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let mut files: Vec<PathBuf> = FILES.iter().map(|f| repository.join(f)).collect();
    for folder in FOLDERS {
        let folder = repository.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        // The firmware's own folder holds its build products too; only its files are taken.
        collect(&folder, !folder.ends_with("cortex-m"), &mut files);
    }
    files.sort();
    files.dedup();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&repository).expect("every file lies below the repository");
        let full = file.canonicalize().expect("every file exists");
        writeln!(table, "    ({:?}, include_bytes!({full:?})),", name.display().to_string())
            .expect("writing to a String cannot fail");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("sources.rs"), table).expect("cargo's output folder can be written");
}

fn collect(folder: &Path, deep: bool, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            if deep {
                collect(&path, deep, files);
            }
        } else {
            files.push(path);
        }
    }
}
