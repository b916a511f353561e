//! Images on their way onto boards through a debug probe: what can be wrong with probe, cable, chip and flash is told apart,
//! and nothing runs that is not all there. Boards are scripted ones; that emulators are programmed alike is for other tests.

use std::cell::Cell;

use hilbench::board::Board;
use hilbench::deploy::segments::Segments;
use hilbench::deploy::{DeployError, probe};
use hilbench_virtual::VirtualBoard;
use hilbench_virtual::chip::{Chip, SECTOR};
use hilbench_virtual::machine::Core;
use hilbench_virtual::scripted::{Defects, Scripted};
use probe_rs::Session;

/// A board that the file of `virtual-m4` describes.
struct Bench {
    board: Board,
    chip: Chip,
    at_probe: VirtualBoard,
}

fn chip() -> Chip {
    Chip {
        name: "MPS2-AN386".into(),
        core: Core::M4,
        id: 0x386,
        flash: std::iter::once(0..0x2_0000).collect(),
        ram: std::iter::once(0x2000_0000..0x2002_0000).collect(),
    }
}

impl Bench {
    fn new(chip: &Chip, defects: Defects) -> Self {
        let at_probe = VirtualBoard::new(Box::new(Scripted::new(chip, defects, None)), chip);
        Bench { board: Board::find("virtual-m4").expect("carried"), chip: chip.clone(), at_probe }
    }

    fn attach(&self) -> Result<Session, DeployError> {
        probe::attach(&self.board, &self.at_probe.selector(), Some(self.chip.family()))
    }

    fn load(&self, image: &Segments) -> Result<probe::Loaded, DeployError> {
        probe::load(&self.board, &mut self.attach()?, image, &|_, _| {})
    }
}

/// An image of pieces at these places, each with bytes of its own.
fn image(pieces: &[(u64, usize)]) -> Segments {
    let bytes = |(n, &(_, size)): (usize, &(u64, usize))| (0..size).map(|at| (at * 7 + n * 31) as u8).collect();
    let mut all: Vec<(u64, Vec<u8>)> =
        pieces.iter().enumerate().map(|(n, piece)| (piece.0, bytes((n, piece)))).collect();
    if let Some((0, first)) = all.first_mut() {
        // A core that is reset goes where the vector table says.
        first[..8].copy_from_slice(&[0, 0, 2, 0x20, 9, 0, 0, 0]);
    }
    Segments { pieces: all, vectors: Some(0), rtt: None }
}

#[track_caller]
fn check(error: Result<impl Sized, DeployError>, says: &[&str]) -> DeployError {
    let Err(error) = error else { panic!("{says:?} was expected") };
    let text = error.to_string();
    for part in says {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    error
}

#[test]
fn only_sectors_that_differ_are_written_and_whole() {
    let bench = Bench::new(&chip(), Defects::default());
    let sector = u64::from(SECTOR);
    // Two pieces in the first sector, one over the border of the second and third, and RAM.
    let mut image = image(&[(0, 1000), (2000, 1000), (sector + 100, SECTOR as usize), (0x2000_0100, 64)]);
    let total = image.bytes();
    let told = Cell::new((0, 0));
    let mut session = bench.attach().expect("a board");
    let loaded = probe::load(&bench.board, &mut session, &image, &|done, all| told.set((done, all))).expect("written");
    assert_eq!((loaded.written, loaded.kept), (total, 0));
    let (done, all) = told.get();
    assert!(all > 0 && done == all, "{done} of {all} were told");
    assert_eq!(probe::verify(&mut session, &image), Ok(()));
    drop(session);

    // RAM is written anew, because the flash algorithm lives there too.
    let again = bench.load(&image).expect("written");
    assert_eq!((again.written, again.kept), (64, total - 64));

    image.pieces[1].1[500] ^= 1;
    let changed = bench.load(&image).expect("written");
    assert_eq!(changed.written, 2000 + 64, "both pieces of the sector");
    assert_eq!(probe::verify(&mut bench.attach().expect("a board"), &image), Ok(()));
}

#[test]
fn a_flash_that_does_not_hold_what_was_written_is_told_before_anything_runs() {
    let bench = Bench::new(&chip(), Defects { stuck: [0x4321].into(), ..Defects::default() });
    let image = Segments { pieces: vec![(0x4000, vec![0x55; 0x1000])], vectors: None, rtt: None };
    let error = check(bench.load(&image), &["0x00004321", "0x54", "0x55", "Nothing was run"]);
    assert_eq!(error, DeployError::Differs { address: 0x4321, expected: 0x55, found: 0x54 });
}

/// Power goes away in the middle, at every write there is; whoever comes later is told where the image ends.
#[test]
fn half_an_image_is_caught_wherever_it_ends() {
    let image = image(&[(0, 3 * SECTOR as usize)]);
    // Three sectors are erased and three pages are written.
    for writes in 0..6 {
        let bench = Bench::new(&chip(), Defects { dies_after: Some(writes), ..Defects::default() });
        let error = bench.load(&image).expect_err("no power");
        let told = matches!(error, DeployError::Flash { .. } | DeployError::Core { .. } | DeployError::NoTarget { .. });
        assert!(told, "after {writes} writes: {error:?}");
    }
    // The same flash, seen by a host that was told that the image is there.
    let bench = Bench::new(&chip(), Defects::default());
    let half = Segments { pieces: vec![(0, image.pieces[0].1[..SECTOR as usize].to_vec())], ..image.clone() };
    bench.load(&half).expect("written");
    let error = probe::verify(&mut bench.attach().expect("a board"), &image).expect_err("half of it");
    assert_eq!(error, DeployError::Differs { address: u64::from(SECTOR), expected: 0, found: 0xFF });
}

#[test]
fn another_chip_than_the_boards_file_names_is_left_alone() {
    let untouched = Segments { pieces: vec![(0, vec![0xFF; 100])], vectors: None, rtt: None };
    let rows = [
        (Chip { id: 0x433, ..chip() }, ["device id", "0x386", "0x433"]),
        (Chip { core: Core::M7, ..chip() }, ["core", "0xc24", "0xc27"]),
    ];
    for (other, says) in rows {
        let bench = Bench::new(&other, Defects::default());
        let error = check(bench.load(&image(&[(0, 100)])), &says);
        assert!(error.to_string().contains("Nothing was written"), "{error}");
        let session = probe::attach_chip(&other.name, &bench.at_probe.selector(), Some(other.family()));
        assert_eq!(probe::verify(&mut session.expect("a chip"), &untouched), Ok(()));
    }
}

#[test]
fn a_locked_chip_is_told_from_one_that_does_not_answer() {
    let bench = Bench::new(&chip(), Defects { locked: true, ..Defects::default() });
    check(bench.load(&image(&[(0x100, 100)])), &["MPS2-AN386 is locked", "0x00000100", "vendor's tool"]);
}

#[test]
fn a_probe_that_is_in_use_or_not_there_is_named() {
    let bench = Bench::new(&chip(), Defects::default());
    let session = bench.attach().expect("a board");
    let serial = bench.at_probe.selector().serial_number.expect("it has one");
    check(bench.attach(), &["in use", &serial]);
    drop(session);
    let selector = bench.at_probe.selector();
    let Bench { board, chip, at_probe } = bench;
    drop(at_probe);
    check(probe::attach(&board, &selector, Some(chip.family())), &["no debug probe", &serial]);
}

#[test]
fn a_target_without_power_or_cable_is_told_apart() {
    let bench = Bench::new(&chip(), Defects::default());
    bench.at_probe.set_voltage(Some(0.12));
    check(bench.attach(), &["0.12 V", "power the board"]);
    bench.at_probe.set_voltage(Some(3.3));
    drop(bench.attach().expect("a board"));
    bench.at_probe.set_connected(false);
    check(bench.attach(), &["no target answers", "cable"]);
}

#[test]
fn an_image_for_another_memory_map_is_refused_with_its_address() {
    let bench = Bench::new(&chip(), Defects::default());
    check(bench.load(&image(&[(0x0800_0000, 16)])), &["0x08000000", "no memory"]);
    check(bench.load(&image(&[(0x1_FFF0, 32)])), &["0x00020000", "no memory"]);
}

#[test]
fn chips_that_nobody_knows_are_named() {
    let mut bench = Bench::new(&chip(), Defects::default());
    bench.board.chip = Some("STM32Z9".into());
    check(bench.attach(), &["`STM32Z9`", "chip list"]);
    let real = probe::attach(&bench.board, &bench.at_probe.selector(), None);
    check(real, &["`STM32Z9`", "chip list"]);
    bench.board.chip = None;
    check(bench.attach(), &["names no chip"]);
}
