//! Points the firmware at what is generated for one network and one board: `model.rs` with its binary files,
//! `board.rs` and `memory.x` in the folder that `HILBENCH_BUILD_DIR` names, or else the example beside this file.

use std::env;
use std::path::PathBuf;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let folder = env::var_os("HILBENCH_BUILD_DIR").map_or_else(|| here.join("example"), PathBuf::from);
    println!("cargo::rerun-if-env-changed=HILBENCH_BUILD_DIR");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed={}", here.join("sections.x").display());
    println!("cargo::rustc-env=HILBENCH_GENERATED={}", folder.display());
    println!("cargo::rustc-link-search={}", folder.display());
    println!("cargo::rustc-link-search={}", here.display());
    for argument in ["-Tlink.x", "-Tsections.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
