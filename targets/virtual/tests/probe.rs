//! What probe-rs sees of boards, real emulators and a scripted one, at the end of an emulated probe.

use std::time::{Duration, Instant};

use hilbench_virtual::chip::Chip;
use hilbench_virtual::debug::DBGMCU_IDCODE;
use hilbench_virtual::machine::Core as CoreKind;
use hilbench_virtual::scripted::{Defects, Scripted};
use hilbench_virtual::{QemuConfig, VirtualBoard};
use probe_rs::config::Registry;
use probe_rs::config::TargetSelector;
use probe_rs::flashing::DownloadOptions;
use probe_rs::probe::list::Lister;
use probe_rs::{Core, CoreStatus, HaltReason, MemoryInterface, Permissions, RegisterId, Session};

fn mps2(machine: &str, core: CoreKind, flash: u32, ram: u32) -> (QemuConfig, Chip) {
    let config = QemuConfig {
        program: "qemu-system-arm".into(),
        machine: machine.into(),
        args: vec!["-icount".into(), "shift=7".into()],
    };
    let name = machine.to_uppercase();
    let chip = Chip { name, core, id: 0x386, flash: vec![flash..flash + 0x8_0000], ram: vec![ram..ram + 0x8_0000] };
    (config, chip)
}

fn boards() -> Vec<(QemuConfig, Chip)> {
    vec![
        mps2("mps2-an386", CoreKind::M4, 0, 0x2000_0000),
        mps2("mps2-an500", CoreKind::M7, 0, 0x2000_0000),
        mps2("mps2-an505", CoreKind::M33, 0x1000_0000, 0x3800_0000),
        mps2("mps3-an547", CoreKind::M55, 0x1000_0000, 0x3100_0000),
        mps2("netduinoplus2", CoreKind::M4, 0x0800_0000, 0x2000_0000).with_ram(0x2000_0000..0x2002_0000),
    ]
}

trait WithRam {
    fn with_ram(self, ram: std::ops::Range<u32>) -> Self;
}

impl WithRam for (QemuConfig, Chip) {
    fn with_ram(mut self, ram: std::ops::Range<u32>) -> Self {
        self.1.ram = vec![ram];
        self
    }
}

fn registry(chip: &Chip) -> Registry {
    let mut registry = Registry::new();
    registry.add_target_family(chip.family()).expect("a sound family");
    registry
}

fn attach(board: &VirtualBoard, chip: &Chip, under_reset: bool) -> Session {
    let probe = Lister::new().open(board.selector()).expect("the probe is plugged in");
    let (target, registry) = (TargetSelector::from(chip.name.as_str()), registry(chip));
    let attached = match under_reset {
        false => probe.attach_with_registry(target, Permissions::default(), &registry),
        true => probe.attach_under_reset_with_registry(target, Permissions::default(), &registry),
    };
    attached.expect("a target")
}

fn program(session: &mut Session, address: u64, bytes: &[u8]) {
    let mut loader = session.target().flash_loader();
    loader.add_data(address, bytes).expect("flash");
    let mut options = DownloadOptions::default();
    options.verify = true;
    loader.commit(session, options).expect("programmed and verified");
}

/// Counts in R0 for ever, in a program at `flash`.
fn counter(chip: &Chip) -> Vec<u8> {
    let (flash, ram) = (chip.flash[0].start, chip.ram[0].end);
    let mut image = Vec::new();
    image.extend(ram.to_le_bytes());
    image.extend((flash + 8 | 1).to_le_bytes());
    // movs r0, #0; adds r0, #1; nop; b back to the addition
    image.extend([0x2000_u16, 0x3001, 0xBF00, 0xE7FC].into_iter().flat_map(u16::to_le_bytes));
    image
}

fn register(core: &mut Core, number: u16) -> u32 {
    core.read_core_reg(RegisterId(number)).expect("a register of a halted core")
}

fn wait_halted(core: &mut Core) -> CoreStatus {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let status = core.status().expect("a status");
        if status.is_halted() || Instant::now() > deadline {
            return status;
        }
    }
}

#[test]
fn every_machine_is_programmed_stepped_stopped_and_reset() {
    for (config, chip) in boards() {
        let name = &chip.name;
        let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
        let mut session = attach(&board, &chip, false);
        let flash = u64::from(chip.flash[0].start);
        program(&mut session, flash, &counter(&chip));
        let mut core = session.core(0).expect("one core");

        let information = core.reset_and_halt(Duration::from_secs(1)).expect("caught at reset");
        assert_eq!(information.pc, flash + 8, "{name}");
        assert_eq!(register(&mut core, 13), chip.ram[0].end, "{name}");
        core.step().expect("one instruction");
        core.step().expect("one instruction");
        assert_eq!((register(&mut core, 0), register(&mut core, 15)), (1, flash as u32 + 12), "{name}");

        core.set_hw_breakpoint(flash + 12).expect("a free comparator");
        core.run().expect("running");
        assert!(matches!(wait_halted(&mut core), CoreStatus::Halted(HaltReason::Breakpoint(_))), "{name}");
        assert_eq!((register(&mut core, 0), register(&mut core, 15)), (2, flash as u32 + 12), "{name}");
        core.clear_hw_breakpoint(flash + 12).expect("a breakpoint of ours");

        core.run().expect("running");
        assert_eq!(core.status().expect("a status"), CoreStatus::Running, "{name}");
        std::thread::sleep(Duration::from_millis(20));
        core.halt(Duration::from_secs(1)).expect("halted");
        assert!(register(&mut core, 0) > 100, "{name}: it ran");
        core.reset().expect("reset");
        assert_eq!(core.status().expect("a status"), CoreStatus::Running, "{name}");
    }
}

#[test]
fn memory_is_reached_while_the_core_runs_in_every_width() {
    let (config, chip) = boards().swap_remove(0);
    let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
    let mut session = attach(&board, &chip, false);
    let mut core = session.core(0).expect("one core");
    let ram = u64::from(chip.ram[0].start);
    let bytes: Vec<u8> = (0..5000_u32).map(|n| (n * 7 % 251) as u8).collect();
    core.write_8(ram + 0x3FD, &bytes).expect("written");
    let mut back = vec![0; bytes.len()];
    core.read_8(ram + 0x3FD, &mut back).expect("read");
    assert!(back == bytes, "bytes over the borders of the address's increment");
    let mut halves = [0; 3];
    core.read_16(ram + 0x3FE, &mut halves).expect("read");
    assert_eq!(halves[0], u16::from_le_bytes([bytes[1], bytes[2]]));
    core.write_word_32(ram, 0x1234_5678).expect("written");
    assert_eq!(core.read_word_8(ram + 2).expect("read"), 0x34);
    assert_eq!(core.read_word_32(u64::from(DBGMCU_IDCODE)).expect("read"), 0x386);
    assert_eq!(core.read_word_32(0xE000_ED00).expect("read") >> 4 & 0xFFF, 0xC24, "a Cortex-M4");
    assert_eq!(core.status().expect("a status"), CoreStatus::Running);
}

#[test]
fn where_nothing_answers_the_access_fails_and_the_next_one_does_not() {
    let (config, chip) = boards().swap_remove(0);
    let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
    let mut session = attach(&board, &chip, false);
    let mut core = session.core(0).expect("one core");
    for nowhere in [0x3000_0000, 0x2440_0000, 0x7000_0000, 0xF000_0000] {
        core.read_word_32(nowhere).expect_err("nothing is there");
        core.write_word_32(nowhere, 1).expect_err("nothing is there");
        core.read_word_32(0x2000_0000).expect("memory is there");
    }
}

#[test]
fn core_registers_are_written_and_read_back() {
    // Number in DCRSR, and a value that the register keeps.
    let rows: Vec<(u16, u32)> = (0..13)
        .map(|n| (n, 0x0101_0101 * u32::from(n + 1)))
        .chain([(13, 0x2000_1000), (14, 0x0000_0201), (17, 0x2000_2000), (18, 0x2000_3000)])
        .chain([(20, 0x0000_4001), (33, 0x0300_0000)])
        .chain((64..96).map(|n| (n, 0x4000_0000 + u32::from(n))))
        .collect();
    for (config, mut chip) in boards() {
        chip.ram[0].end = chip.ram[0].end.min(chip.ram[0].start + 0x2_0000);
        let name = chip.name.clone();
        let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
        let mut session = attach(&board, &chip, true);
        let mut core = session.core(0).expect("one core");
        // FPCCR and CPACR: the float unit is on.
        core.write_word_32(0xE000_ED88, 0xF << 20).expect("written");
        for &(number, value) in &rows {
            core.write_core_reg(RegisterId(number), value).expect("written");
            assert_eq!(register(&mut core, number), value, "{name}, register {number}");
        }
        // What was written first is what it was.
        assert_eq!(register(&mut core, 0), 0x0101_0101, "{name}");
        assert_eq!(register(&mut core, 64), 0x4000_0040, "{name}");
    }
}

#[test]
fn attaching_under_reset_catches_the_first_instruction() {
    let (config, chip) = boards().swap_remove(2);
    let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
    program(&mut attach(&board, &chip, false), u64::from(chip.flash[0].start), &counter(&chip));
    let mut session = attach(&board, &chip, true);
    let mut core = session.core(0).expect("one core");
    assert!(core.core_halted().expect("a status"));
    assert_eq!(register(&mut core, 15), chip.flash[0].start + 8);
    drop(core);
    drop(session);
    let mut session = attach(&board, &chip, false);
    let status = session.core(0).expect("one core").status().expect("a status");
    assert_eq!(status, CoreStatus::Running, "who lets go of a core lets it run");
}

#[test]
fn lockup_is_told_and_a_reset_brings_the_board_back_with_its_flash() {
    let (config, chip) = boards().swap_remove(0);
    let board = VirtualBoard::power_on(&config, &chip).expect("QEMU");
    let mut session = attach(&board, &chip, false);
    // The entry is an undefined instruction, and the fault's handler is none.
    let mut image = counter(&chip);
    image[8..10].copy_from_slice(&0xDE00_u16.to_le_bytes());
    program(&mut session, 0, &image);
    let mut core = session.core(0).expect("one core");
    core.reset().expect("reset");
    let deadline = Instant::now() + Duration::from_secs(5);
    while core.status().expect("a status") != CoreStatus::LockedUp {
        assert!(Instant::now() < deadline, "{:?}", core.status());
    }
    let words = board.last_words().expect("it is dead");
    assert!(words.contains("locks up") && words.contains("R15="), "{words}");
    core.read_word_32(0x2000_0000).expect_err("there is no memory any more");
    drop(core);
    drop(session);

    let mut session = attach(&board, &chip, true);
    assert_eq!(board.last_words(), None);
    let mut core = session.core(0).expect("one core");
    let mut back = vec![0; image.len()];
    core.read_8(0, &mut back).expect("flash");
    assert_eq!(back, image);
    drop(core);
    drop(session);
    // Mended, it runs.
    let mut session = attach(&board, &chip, true);
    program(&mut session, 0, &counter(&chip));
    let mut core = session.core(0).expect("one core");
    core.reset().expect("reset");
    assert_eq!(core.status().expect("a status"), CoreStatus::Running);
}

#[test]
fn a_scripted_board_is_flashed_by_the_same_code() {
    let (_, chip) = boards().swap_remove(0);
    let board = VirtualBoard::new(Box::new(Scripted::new(&chip, Defects::default(), None)), &chip);
    let mut session = attach(&board, &chip, true);
    let image: Vec<u8> = (0..40_000_u32).map(|n| (n % 249) as u8).collect();
    program(&mut session, 0x4000, &image);
    let mut back = vec![0; image.len()];
    session.core(0).expect("one core").read_8(0x4000, &mut back).expect("flash");
    assert!(back == image);
}

#[test]
fn a_bit_that_stays_0_fails_verification() {
    let (_, chip) = boards().swap_remove(0);
    let defects = Defects { stuck: [0x1001].into(), ..Defects::default() };
    let board = VirtualBoard::new(Box::new(Scripted::new(&chip, defects, None)), &chip);
    let mut session = attach(&board, &chip, true);
    let mut loader = session.target().flash_loader();
    loader.add_data(0, &[0xFF; 0x2000]).expect("flash");
    let mut options = DownloadOptions::default();
    options.verify = true;
    let error = loader.commit(&mut session, options).expect_err("one bit is wrong");
    assert!(error.to_string().to_lowercase().contains("verif"), "{error}");
}

#[test]
fn a_probe_is_opened_once_and_a_target_without_its_cable_is_missing() {
    let (_, chip) = boards().swap_remove(0);
    let board = VirtualBoard::new(Box::new(Scripted::new(&chip, Defects::default(), None)), &chip);
    let lister = Lister::new();
    let listed = lister.list_all().iter().any(|info| info.serial_number == board.selector().serial_number);
    assert!(listed, "probes are listed");
    let probe = lister.open(board.selector()).expect("free");
    lister.open(board.selector()).expect_err("busy");
    drop(probe);
    board.set_connected(false);
    let probe = lister.open(board.selector()).expect("free again");
    let target = TargetSelector::from(chip.name.as_str());
    probe.attach_with_registry(target, Permissions::default(), &registry(&chip)).expect_err("nobody answers");
    drop(board);
}
