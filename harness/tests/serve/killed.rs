//! `kill -9` of the command at any moment: nothing that it started lives on, and the next run works at once.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{MODEL, cache, path};

/// Moments at which the command is killed; a run of this length begins, deploys and infers in that time.
const MOMENTS: u32 = 50;
const LONGEST: Duration = Duration::from_millis(700);
/// Marks the command, and whatever it starts, in its environment.
const MARK: &str = "HILBENCH_TEST_MARK";

fn validate(mark: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hilbench"));
    command
        .args(["validate", &path(MODEL).to_string_lossy(), "--board", "virtual-m4", "-n", "200", "-q"])
        .env("HILBENCH_CACHE", cache())
        .env(MARK, mark)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Names of the processes that carry the mark.
fn marked(mark: &str) -> Vec<String> {
    let wanted = format!("{MARK}={mark}");
    let carries = |folder: &std::path::Path| {
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let processes = fs::read_dir("/proc").expect("a list of processes").flatten().map(|entry| entry.path());
    processes
        .filter(|folder| carries(folder))
        .map(|folder| fs::read_to_string(folder.join("comm")).unwrap_or_default().trim().to_string())
        .collect()
}

#[test]
fn nothing_outlives_a_command_that_is_killed_at_any_moment() {
    // The image is built before, so that all moments are of deploying and running.
    assert!(validate("built").status().expect("the command runs").success());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut running = 0;
    for moment in 0..MOMENTS {
        let mark = format!("{}-{moment}", std::process::id());
        let mut command = validate(&mark).spawn().expect("the command runs");
        thread::sleep(LONGEST.mul_f64(random.random()));
        running += usize::from(marked(&mark).iter().any(|name| name.starts_with("qemu")));
        command.kill().expect("it is ours");
        command.wait().expect("it has run");
        let deadline = Instant::now() + Duration::from_secs(10);
        while !marked(&mark).is_empty() {
            assert!(Instant::now() < deadline, "moment {moment}: {:?} live on", marked(&mark));
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(running > 0, "no emulator ran at any moment");
    assert!(validate("after").status().expect("the command runs").success(), "the next run works");
}
