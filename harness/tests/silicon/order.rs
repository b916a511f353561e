//! Every table ends, in an order that the chip allows, at the clocks that the board's file says; and a table that lacks a
//! step is noticed.

use hilbench::board::{Board, Cache, boards};
use hilbench_runtime::bring_up::Step;

use crate::chip::{Words, bring_up, table};
use crate::families::{self, Family};

fn real() -> Vec<Board> {
    boards().expect("sound").into_iter().filter(|b| b.emulator.is_none()).collect()
}

/// Where a pin of the serial port must end: port's address, pin, alternate function. From the boards' manuals.
fn pins(board: &Board) -> (u32, [u32; 2], u32) {
    match board.name.as_str() {
        "nucleo-f401re" | "nucleo-f446re" => (0x4002_0000, [2, 3], 7),
        "nucleo-l4r5zi" => (0x4800_1800, [7, 8], 8),
        "nucleo-g474re" => (0x4800_0000, [2, 3], 12),
        "nucleo-wb55rg" => (0x4800_0400, [6, 7], 7),
        "nucleo-h743zi2" | "nucleo-h7a3zi-q" => (0x5802_0C00, [8, 9], 7),
        "stm32h747i-disco" => (0x5802_0000, [9, 10], 7),
        "nucleo-u575zi-q" | "b-u585i-iot02a" => (0x4202_0000, [9, 10], 7),
        "nucleo-h563zi" => (0x4202_0C00, [8, 9], 7),
        "nucleo-n657x0-q" | "stm32n6570-dk" => (0x5602_1000, [5, 6], 7),
        "sr5e1-evbe3000d" => (0x4800_1400, [2, 3], 7),
        other => panic!("{other}: which pins?"),
    }
}

fn check_pins(board: &Board, words: &Words) -> Result<(), String> {
    let (port, pins, function) = pins(board);
    let right = |pin: &u32| {
        let alternate = port + 0x20 + 4 * (pin / 8);
        words.bits(port, 2 * pin, 2) == 2 && words.bits(alternate, 4 * (pin % 8), 4) == function
    };
    if pins.iter().all(right) { Ok(()) } else { Err("the pins do not carry the serial port".to_string()) }
}

/// Everything that is asked of a board's table.
fn verdict(board: &Board, family: &dyn Family, steps: &[Step]) -> Result<(), String> {
    let (words, first_uart_clock, result) = bring_up(family, board.uart.base, steps);
    let clocks = result?;
    let expect = [board.clock_hz, board.bus_clock_hz, board.uart.kernel_hz].map(u64::from);
    if [clocks.core, clocks.bus, clocks.uart] != expect {
        return Err(format!("{clocks:?}, the board's file says {expect:?}"));
    }
    if first_uart_clock != board.uart.boot_hz.map(u64::from) {
        return Err(format!("the port starts with {first_uart_clock:?} Hz, not {:?}", board.uart.boot_hz));
    }
    family.caches(&words)?;
    check_pins(board, &words)
}

#[test]
fn every_table_brings_its_chip_to_the_clocks_of_its_file() {
    let boards = real();
    let failures: Vec<String> = boards
        .iter()
        .filter_map(|board| {
            let family = families::of(board);
            verdict(board, &*family, &table(board)).err().map(|why| format!("{}: {why}", board.name))
        })
        .collect();
    assert!(boards.len() >= 14 && failures.is_empty(), "{}", failures.join("\n"));
}

/// Steps whose absence the simulation cannot show: the edges of pins, and what reset or the boot ROM leaves as it is to be.
fn is_electrical(name: &str) -> bool {
    ["OSPEEDR", "TRIGENR"].iter().any(|word| name.contains(word))
}

#[test]
fn no_step_can_be_left_out() {
    let mut failures = Vec::new();
    for board in real() {
        let (family, steps) = (families::of(&board), table(&board));
        let (whole, ..) = bring_up(&*family, board.uart.base, &steps);
        let mut seeded = 0;
        for index in 0..steps.len() {
            let name = &board.bring_up[index].name;
            let without: Vec<Step> = [&steps[..index], &steps[index + 1..]].concat();
            let idle = bring_up(&*family, board.uart.base, &without).0 == whole;
            match verdict(&board, &*family, &without) {
                Err(_) => seeded += 1,
                // Nothing changed: the step says again what holds already.
                Ok(()) if idle || is_electrical(name) => {}
                Ok(()) => failures.push(format!("{}: `{name}` is not missed", board.name)),
            }
        }
        println!("{}: {seeded} of {} steps are missed when left out", board.name, steps.len());
        assert!(2 * seeded > steps.len(), "{}: {seeded} of {}", board.name, steps.len());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn waits_end_with_the_name_of_what_did_not_come() {
    let board = Board::find("nucleo-f446re").expect("carried");
    let steps: Vec<Step> =
        table(&board).into_iter().filter(|s| !matches!(s, Step::Write { mask: 0x0001_0000, .. })).collect();
    let (.., result) = bring_up(&*families::of(&board), board.uart.base, &steps);
    assert_eq!(result, Err("`RCC.CR HSERDY=1` never came".to_string()));
}

#[test]
fn cores_with_caches_of_their_own_switch_both_on() {
    for board in real() {
        let both = [Cache::Instruction, Cache::Data].iter().all(|c| board.caches.contains(c));
        assert_eq!(both, ["Cortex-M7F", "Cortex-M55"].contains(&&*board.core), "{}", board.name);
    }
}
