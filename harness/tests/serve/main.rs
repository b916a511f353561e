//! `hilbench serve`: an emulated board that other programs reach: by its pty, over TCP, and through the debug probe, by the
//! driver that any program with probe-rs has.

mod killed;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hilbench::deploy::segments::Segments;
use hilbench::link::endpoint::Endpoint;
use hilbench::session::{Session, Timeouts};
use probe_rs::config::Registry;
use probe_rs::flashing::DownloadOptions;
use probe_rs::probe::DebugProbeSelector;
use probe_rs::probe::list::Lister;
use probe_rs::{CoreStatus, MemoryInterface, Permissions, RegisterId};

const MODEL: &str = "../models/digits/digits_int8.tflite";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A `hilbench serve` that runs, and what it said of how it is reached.
struct Served {
    process: Child,
    said: Vec<String>,
    _rest: BufReader<ChildStdout>,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_hilbench"))
            .arg("serve")
            .args(arguments)
            .env("HILBENCH_CACHE", cache())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut rest = BufReader::new(process.stdout.take().expect("it is a pipe"));
        let mut said = Vec::new();
        while !said.iter().any(|line: &String| line.starts_with("debugger")) {
            let mut line = String::new();
            assert!(rest.read_line(&mut line).expect("text") > 0, "it ended: {said:?}");
            said.push(line.trim_end().to_string());
        }
        Served { process, said, _rest: rest }
    }

    fn said(&self, what: &str) -> String {
        let line = self.said.iter().find_map(|line| line.strip_prefix(what)).expect("it was said");
        line.trim().to_string()
    }

    /// What stands behind an option in the debugger's line.
    fn option(&self, name: &str) -> String {
        let line = self.said("debugger");
        let mut words = line.split(' ').skip_while(|word| *word != name);
        words.nth(1).expect("an option").to_string()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It ends by nothing else.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hilbench(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hilbench"))
        .args(arguments)
        .env("HILBENCH_CACHE", cache())
        .output()
        .expect("the command runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn what_a_served_board_runs_is_validated_over_every_way_to_it() {
    let model = path(MODEL).to_string_lossy().into_owned();
    let board = Served::start(&[&model, "--board", "virtual-m4", "--tcp", "127.0.0.1:0"]);
    let (pty, tcp) = (format!("serial:{}", board.said("serial")), board.said("socket"));
    let rtt = format!("rtt:{}:{}", board.option("--chip"), board.option("--probe"));
    // The debugger's channel after the serial port, which has put the core to sleep, and the other way round.
    for link in [&pty, &tcp, &rtt, &tcp, &rtt, &pty] {
        let (code, said) = hilbench(&["validate", &model, "--attach", link, "--board", "virtual-m4", "-n", "2", "-q"]);
        assert_eq!((code, said.as_str()), (Some(0), "Match       digits_int8 on virtual-m4\n"), "{link}");
    }
    let (code, said) = hilbench(&["validate", &model, "--attach", &tcp, "--board", "virtual-m7", "-n", "2", "-q"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("board runs `digits_int8` (plan digest"), "firmware of another board: {said}");
}

#[test]
fn any_program_with_probe_rs_flashes_and_debugs_a_served_board() {
    let board = Served::start(&["--board", "virtual-m33"]);
    let mut registry = Registry::new();
    let description = std::fs::read_to_string(board.option("--chip-description-path")).expect("a description");
    registry.add_target_family_from_yaml(&description).expect("a description that probe-rs accepts");
    let selector: DebugProbeSelector = board.option("--probe").parse().expect("a selector");
    let attach = || {
        let probe = Lister::new().open(selector.clone()).expect("the probe answers");
        let chip = board.option("--chip");
        probe.attach_under_reset_with_registry(chip, Permissions::default(), &registry).expect("a target")
    };
    let mut session = attach();
    let image: Vec<u8> = (0..50_000_u32).map(|n| (n % 253) as u8).collect();
    let mut loader = session.target().flash_loader();
    loader.add_data(0x1000_8000, &image).expect("flash");
    let mut options = DownloadOptions::default();
    options.verify = true;
    loader.commit(&mut session, options).expect("programmed and verified");
    let mut core = session.core(0).expect("one core");
    let mut back = vec![0; image.len()];
    core.read_8(0x1000_8000, &mut back).expect("flash");
    assert!(back == image);
    core.reset_and_halt(Duration::from_secs(1)).expect("caught at reset");
    let pc: u32 = core.read_core_reg(RegisterId(15)).expect("a register");
    assert_eq!(pc, 0x1000_0008, "the loop that boards are delivered with");
    core.read_word_32(0x7000_0000).expect_err("nothing is there");
    assert_eq!(core.read_word_32(0x1000_8000).expect("the next access works"), 0x0302_0100);
    core.run().expect("running");
    assert_eq!(core.status().expect("a status"), CoreStatus::Running);
    drop(core);
    drop(session);
    // The next client is served as the first was.
    drop(attach());
}

#[test]
fn a_board_that_dies_comes_back_with_its_flash() {
    let board = Served::start(&["--board", "virtual-m4"]);
    let mut registry = Registry::new();
    let description = std::fs::read_to_string(board.option("--chip-description-path")).expect("a description");
    registry.add_target_family_from_yaml(&description).expect("a description that probe-rs accepts");
    let selector: DebugProbeSelector = board.option("--probe").parse().expect("a selector");
    let attach = || {
        let probe = Lister::new().open(selector.clone()).expect("the probe answers");
        let chip = board.option("--chip");
        probe.attach_under_reset_with_registry(chip, Permissions::default(), &registry).expect("a target")
    };
    let mut session = attach();
    // A vector table whose entry is undefined, and so is its fault handler's.
    let mut image = vec![0xFF; 0x100];
    image[..10].copy_from_slice(&[0, 0, 2, 0x20, 9, 0, 0, 0, 0, 0xDE]);
    let mut loader = session.target().flash_loader();
    loader.add_data(0, &image).expect("flash");
    loader.commit(&mut session, DownloadOptions::default()).expect("programmed");
    let mut core = session.core(0).expect("one core");
    core.reset().expect("reset");
    let deadline = Instant::now() + Duration::from_secs(10);
    while core.status().expect("a status") != CoreStatus::LockedUp {
        assert!(Instant::now() < deadline, "it does not lock up");
    }
    drop(core);
    drop(session);
    let mut session = attach();
    let mut back = vec![0; image.len()];
    session.core(0).expect("one core").read_8(0, &mut back).expect("flash");
    assert!(back == image);
}

#[test]
fn no_emulator_outlives_the_command() {
    let mut board = Served::start(&["--board", "virtual-m4"]);
    let pty = board.said("serial");
    let open = || serialport::new(&pty, 115_200).open();
    drop(open().expect("it is there"));
    // As by `kill -9`: nothing of the command runs any more.
    board.process.kill().expect("it runs");
    board.process.wait().expect("it has run");
    let deadline = Instant::now() + Duration::from_secs(5);
    while open().is_ok() {
        assert!(Instant::now() < deadline, "the emulator lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The link's own code over a socket, and an image's segments, as other programs of this library would use them.
#[test]
fn the_library_reaches_a_served_board_too() {
    let model = path(MODEL).to_string_lossy().into_owned();
    let board = Served::start(&[&model, "--board", "virtual-m4", "--tcp", "127.0.0.1:0"]);
    let endpoint: Endpoint = board.said("socket").parse().expect("a link");
    let link = endpoint.open(115_200, Instant::now() + Duration::from_secs(5)).expect("it accepts");
    let session = Session::connect(link, Timeouts::default()).expect("it answers");
    assert_eq!(session.info().device_id, 0x386);
    assert_eq!(session.network().expect("one").name, "digits_int8");
    let elf = std::fs::read_dir(cache().join("images")).expect("images").flatten().map(|e| e.path());
    let elf = elf.into_iter().find(|path| path.extension().is_some_and(|e| e == "elf")).expect("an image");
    let segments = Segments::read(&elf).expect("an image of ours");
    assert!(segments.rtt.is_some() && segments.vectors.is_some() && segments.bytes() > 10_000);
}
