//! Whatever the bytes of a data file are, they are answered with samples or an error: no panic, no hang, no gigabytes.

use std::alloc::System;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cap::Cap;
use hilbench::dataset::Dataset;
use hilbench::model::{Compiled, Form, Model};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Memory that a test of this file may have in use; a panic of the allocator ends it.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 512 << 20);

struct Bench {
    compiled: Compiled,
    sound: Vec<u8>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits");
        let model = Model::read(&digits.join("digits_int8.tflite"), &Form::default()).expect("the shipped model");
        let sound = fs::read(digits.join("digits_test.npz")).expect("the shipped test set");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.npz");
        Bench { compiled: model.compile(&Form::default()).expect("it compiles"), sound, file, _folder: folder }
    }

    /// Answers whether the bytes are taken for samples.
    fn survives(&self, bytes: &[u8], what: &str) -> bool {
        fs::write(&self.file, bytes).expect("a folder that can be written");
        let outcome = catch_unwind(AssertUnwindSafe(|| Dataset::read(&self.file, &self.compiled.qgraph, None)));
        match outcome {
            Ok(Ok(data)) => data.samples() > 0,
            Ok(Err(error)) => {
                assert!(error.to_string().contains("x.npz"), "{what}: {error}");
                false
            }
            Err(_) => panic!("{what}: panicked"),
        }
    }
}

#[test]
fn truncated_anywhere() {
    let bench = Bench::new();
    for end in (0..bench.sound.len()).step_by(97) {
        assert!(!bench.survives(&bench.sound[..end], &format!("cut at {end}")));
    }
    assert!(bench.survives(&bench.sound, "sound"));
}

#[test]
fn with_flipped_bits() {
    let bench = Bench::new();
    let mut random = StdRng::seed_from_u64(1);
    // Arrays lie uncompressed in a second file, so that flips reach headers and data behind the archive's checksums.
    let bare: Vec<u8> = [&b"\x93NUMPY\x01\x00v\x00"[..], &header(), &[1; 128]].concat();
    assert!(bench.survives(&bare, "bare"));
    let mut taken = 0;
    for round in 0..10_000 {
        let mut bytes = if round % 2 == 0 { bench.sound.clone() } else { bare.clone() };
        for _ in 0..random.random_range(1..=8) {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        taken += usize::from(bench.survives(&bytes, &format!("variant {round}")));
    }
    assert!(taken > 100, "only {taken} of 10000 were taken: the variants no longer get past the headers");
}

/// Two samples of the shipped model's input.
fn header() -> Vec<u8> {
    let mut text = b"{'descr': '|i1', 'fortran_order': False, 'shape': (2, 8, 8, 1), }".to_vec();
    text.resize(117, b' ');
    text.push(b'\n');
    text
}

#[test]
fn random_bytes() {
    let bench = Bench::new();
    let mut random = StdRng::seed_from_u64(2);
    for round in 0..2000 {
        let mut bytes = vec![0; random.random_range(0..600)];
        random.fill_bytes(&mut bytes);
        let magic: &[u8] = [&b"PK\x03\x04"[..], b"\x93NUMPY\x01\x00v\x00", b""][round % 3];
        if bytes.len() >= magic.len() {
            bytes[..magic.len()].copy_from_slice(magic);
        }
        bench.survives(&bytes, &format!("random {round}"));
    }
}

/// Headers that promise far more than there is.
#[test]
fn promises_are_not_believed() {
    let bench = Bench::new();
    for shape in
        ["9999999999999999, 8, 8, 1", "18446744073709551615, 2", "0, 18446744073709551615", "-1, 64", "1e3, 64"]
    {
        let text = format!("{{'descr': '|i1', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let length = (text.len() as u16).to_le_bytes();
        let bytes = [&b"\x93NUMPY\x01\x00"[..], &length, text.as_bytes(), &[0; 64]].concat();
        assert!(!bench.survives(&bytes, shape));
    }
    let huge = [&b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF"[..], &header()].concat();
    assert!(!bench.survives(&huge, "a header of 4 GB"));
}
