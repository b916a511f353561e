//! Seeded faults: each thing that can go wrong between a plan and an answer is put in on purpose, on the shipped model
//! and an emulated Cortex-M4, and has to be reported as what it is.

mod bench;
#[path = "../cli/image.rs"]
mod image;

use std::path::Path;

use bench::{Bench, Patch};
use hilbench::link::faulty::{Direction, Fault};
use hilbench::validate::{Origin, Outcome, Verdict};

#[track_caller]
fn first_wrong_layer(outcome: &Outcome) -> (&'static str, usize, bool) {
    match &outcome.verdict {
        Verdict::Differs(Origin::Layer { op_name, index, plan_agrees, .. }) => (op_name, *index, *plan_agrees),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unreachable(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Unreachable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_fault_it_matches() {
    let bench = Bench::new(20);
    let outcome = bench.run(bench.image(&Patch::None));
    assert_eq!(outcome.verdict, Verdict::Match);
    assert_eq!((outcome.answers.len(), outcome.outputs[0].mismatches), (20, 0));
}

/// Single rounding where the law has two: one result in a few hundred is off by one.
#[test]
fn wrong_rounding() {
    let bench = Bench::new(360);
    let pointwise =
        "dsp::conv2d(\n            &Conv2d { batches: 1, window: Window2d { input_h: 8, input_w: 8, filter_h: 1";
    let rounded_once = "fn rounded_once(\n\
        p: &Conv2d, x: &[i8], w: &[u32], c: &[Channel], _: &mut [u32], y: &mut [i8],\n\
        ) {\n\
        for (x, y) in x.chunks(p.input_channels).zip(y.chunks_mut(p.output_channels)) {\n\
        for (o, y) in y.iter_mut().enumerate() {\n\
        let filters = (p.output_channels - o / 2 * 2).min(2);\n\
        let word = |k: usize| w[o / 2 * 2 * p.input_channels.div_ceil(4) + k / 4 * filters + o % 2];\n\
        let weight = |k: usize| word(k).to_le_bytes()[k % 4] as i8 as i32;\n\
        let acc = c[o].bias() + x.iter().enumerate().map(|(k, &x)| x as i32 * weight(k)).sum::<i32>();\n\
        let r = c[o].requant();\n\
        let scaled = (acc as i64 * r.multiplier as i64 + (1 << (30 - r.shift))) >> (31 - r.shift);\n\
        *y = (scaled as i32 + p.output_zero_point).clamp(p.activation.min, p.activation.max) as i8;\n\
        }\n\
        }\n\
        }\n";
    let patch = pointwise.replace("dsp::conv2d(", &format!("{rounded_once}rounded_once("));
    let outcome = bench.run(bench.image(&Patch::Replace(pointwise, &patch)));
    assert_eq!(first_wrong_layer(&outcome), ("CONV_2D", 2, false));
    let Verdict::Differs(Origin::Layer { difference, .. }) = &outcome.verdict else { unreachable!("checked above") };
    assert_eq!((difference.expected.to_f64() - difference.got.to_f64()).abs(), 1.0);
}

#[test]
fn a_zero_point_off_by_one() {
    let bench = Bench::new(20);
    let first = "output_channels: 7, input_zero_point: -128, output_zero_point: -128";
    let outcome = bench
        .run(bench.image(&Patch::Replace(first, &first.replace("output_zero_point: -128", "output_zero_point: -127"))));
    assert_eq!(first_wrong_layer(&outcome), ("CONV_2D", 0, false));
}

/// A packing pass that mixes two output channels up: the plan itself is wrong, and it shows.
#[test]
fn swapped_channels() {
    let mut bench = Bench::new(20);
    bench.swap_weight_pairs(2, 15);
    let outcome = bench.run(bench.image(&Patch::None));
    assert_eq!(first_wrong_layer(&outcome), ("CONV_2D", 2, true));
}

#[test]
fn a_flipped_weight_bit_in_the_image() {
    let bench = Bench::new(20);
    let image = bench.flip_weight_bit(&bench.image(&Patch::None));
    // Which layer it is depends on where the linker put its weights; the plan is sound.
    let (_, _, plan_agrees) = first_wrong_layer(&bench.run(image));
    assert!(!plan_agrees);
}

/// Input and output of a layer in one place: the layer reads what it has written.
#[test]
fn an_overlapping_arena_slot() {
    let mut bench = Bench::new(20);
    bench.overlap_output_with_input(4);
    let outcome = bench.run(bench.image(&Patch::None));
    let (op_name, index, _) = first_wrong_layer(&outcome);
    assert_eq!((op_name, index), ("CONV_2D", 4));
}

/// A result that is right when it is written and wrong when it is read at the end.
#[test]
fn an_overwritten_output() {
    let bench = Bench::new(20);
    let outcome = bench.run(bench.image(&Patch::Replace(
        "0 => ARENA.slice::<u8>(0, 10),",
        "0 => { ARENA.slice_mut::<u8>(0, 10)[3] ^= 1; ARENA.slice::<u8>(0, 10) }",
    )));
    let Verdict::Differs(Origin::Overwritten { difference, .. }) = &outcome.verdict else {
        panic!("{:?}", outcome.verdict)
    };
    assert_eq!(difference.index, [0, 3]);
}

/// Bytes that the cable loses or doubles, in either direction and in the middle of a run, are sent again; a cable that is
/// cut is told, with what was answered before.
#[test]
fn a_bad_cable() {
    let bench = Bench::new(20);
    let image = bench.image(&Patch::None);
    for direction in [Direction::ToBoard, Direction::FromBoard] {
        for fault in [Fault::Drop(1000), Fault::Duplicate(1010), Fault::Cut(1500)] {
            let outcome = bench.run_over(image.clone(), direction, fault);
            if !matches!(fault, Fault::Cut(_)) {
                assert_eq!((&outcome.verdict, outcome.answers.len()), (&Verdict::Match, 20), "{direction:?} {fault:?}");
                continue;
            }
            let reason = unreachable(&outcome);
            let kinds = ["transport: ", "no answer within", "refused: "];
            assert!(kinds.iter().any(|kind| reason.contains(kind)), "{direction:?} {fault:?}: {reason}");
            assert!(outcome.answers.len() < 20, "{direction:?} {fault:?}");
            assert!(outcome.outputs.iter().all(|o| o.mismatches == 0), "{direction:?} {fault:?}");
        }
    }
}

#[test]
fn firmware_for_another_model() {
    let bench = Bench::new(5);
    let outcome = bench.run_expecting(bench.image(&Patch::None), "0123456789abcdef0123456789abcdef");
    let reason = unreachable(&outcome);
    assert!(reason.contains("board runs `digits_int8` (plan digest"), "{reason}");
    assert!(reason.contains("expected `digits_int8` (plan digest 0123456789abcdef0123456789abcdef)"), "{reason}");
    let other = bench.run(bench.image(&Patch::Replace("name: \"digits_int8\"", "name: \"letters\"")));
    assert!(unreachable(&other).contains("board runs `letters`"), "{}", unreachable(&other));
}

#[test]
fn a_board_that_never_answers() {
    let bench = Bench::new(5);
    let image = bench.image(&Patch::Replace("    Network(())\n", "    loop {}\n"));
    let Err(Verdict::Unreachable(reason)) = bench.start(&image) else { panic!("not unreachable") };
    assert!(reason.contains("has not begun to listen"), "{reason}");
}

/// Puts `what` at the beginning of every fourth inference.
fn in_the_fourth_inference(what: &str) -> String {
    format!(
        "fn run(&mut self, observer: &mut dyn Observer) {{\n\
         static RUNS: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(1);\n\
         let runs = RUNS.load(core::sync::atomic::Ordering::Relaxed);\n\
         RUNS.store(runs + 1, core::sync::atomic::Ordering::Relaxed);\n\
         if runs == 4 {{ {what} }}\n"
    )
}

const RUN: &str = "fn run(&mut self, observer: &mut dyn Observer) {\n";

#[track_caller]
fn dies_in_the_fourth(what: &str, said: &[&str]) {
    let bench = Bench::new(10);
    let outcome = bench.run(bench.image(&Patch::Replace(RUN, &in_the_fourth_inference(what))));
    let reason = unreachable(&outcome);
    assert!(said.iter().all(|part| reason.contains(part)), "{reason}");
    // What was answered before is kept, and was right.
    assert_eq!((outcome.answers.len(), outcome.outputs[0].mismatches, outcome.outputs[0].elements), (3, 0, 30));
}

#[test]
fn a_board_that_stops_in_the_middle() {
    dies_in_the_fourth("loop {}", &["inference: no answer within"]);
}

#[test]
fn a_hard_fault_names_its_registers() {
    dies_in_the_fourth("unsafe { core::arch::asm!(\"udf #0\") }", &["HardFault pc=", "lr=", "cfsr=", "hfsr="]);
}

#[test]
fn a_panic_names_its_place() {
    dies_in_the_fourth("panic!()", &["panicked at", "model.rs"]);
}

/// A fault in the fault handler locks the core up, at which the emulator gives up.
#[test]
fn a_lockup_is_told_from_silence() {
    let smash =
        "unsafe { core::arch::asm!(\"msr msp, {0}\", \"ldr {0}, [{0}]\", in(reg) 0xFFFF_FFF0_u32 as usize as u32) }";
    dies_in_the_fourth(smash, &["lock"]);
}

#[test]
fn a_babbling_board() {
    let babble = "loop { unsafe { core::ptr::write_volatile(0x4000_4000 as *mut u32, 0x55) } }";
    let bench = Bench::new(10);
    let outcome = bench.run(bench.image(&Patch::Replace(RUN, &in_the_fourth_inference(babble))));
    let reason = unreachable(&outcome);
    assert!(reason.contains("transport") || reason.contains("no answer within"), "{reason}");
    assert_eq!(outcome.answers.len(), 3);
}

#[test]
fn a_missing_emulator_is_a_missing_board() {
    let mut bench = Bench::new(5);
    let image = bench.image(&Patch::None);
    bench.board.emulator.as_mut().expect("it is emulated").program = "no-such-emulator".to_string();
    let Err(Verdict::Skipped(reason)) = bench.start(&image) else { panic!("not skipped") };
    assert!(reason.contains("no-such-emulator"), "{reason}");
}

#[test]
fn an_unchanged_model_is_not_built_again() {
    let bench = Bench::new(1);
    let first = bench.image(&Patch::None);
    let again = bench.image(&Patch::None);
    assert!(again.cached && again.elf == first.elf && Path::new(&again.elf).is_file());
}
