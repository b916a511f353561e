//! The kernels of each instruction set agree with the reference on a core that has it: in assembly, where the host runs
//! the same steps in Rust.

use std::time::Duration;

use hilbench::board::Board;
use hilbench::proto::Mode;
use hilbench::session::{Session, Timeouts};
use hilbench::target::cortex_m::CortexM;
use hilbench::target::{Delivery, Target};
use hilbench_compiler::emit::Sources;

use crate::cache;

/// What the first disagreement says, if there is one, in so many rounds of each seed.
fn disagreement(board: &Board, model: &str, seeds: std::ops::Range<u32>, rounds: u32) -> Option<String> {
    let target = CortexM::new(cache());
    let sources = Sources { files: vec![("model.rs".to_string(), model.as_bytes().to_vec())] };
    let image = target.build(&sources, board).expect("the check builds");
    let link = target.deploy(&image, board, &Delivery::default(), &|_, _| {}).expect("the board starts");
    let patience = Timeouts { run: Duration::from_secs(300), ..Timeouts::default() };
    let mut session = Session::connect(link, patience).expect("the board answers");
    seeds.into_iter().find_map(|seed| {
        let input = [seed.to_le_bytes(), rounds.to_le_bytes()].concat();
        let result = session.run(&[&input], Mode::IoOnly).expect("the check runs");
        let text = result.outputs[0].bytes.as_deref().expect("an output");
        let text = String::from_utf8_lossy(text).trim_end_matches('\0').to_string();
        (!text.is_empty()).then(|| format!("{} seed {seed}: {text}", board.name))
    })
}

fn agrees(board: &str) {
    let board = Board::find(board).expect("carried");
    assert_eq!(disagreement(&board, include_str!("agreement_model.rs"), 0..40, 20), None);
}

#[test]
fn kernels_agree_on_a_cortex_m4() {
    agrees("virtual-m4");
}

#[test]
fn kernels_agree_on_a_cortex_m33() {
    agrees("virtual-m33");
}

#[test]
fn kernels_agree_on_a_cortex_m55() {
    agrees("virtual-m55");
}

/// A kernel that forgets a zero point is caught there too, and named.
#[test]
fn a_broken_kernel_is_named_by_the_board() {
    let model = include_str!("agreement_model.rs").replace(
        "    // SAFETY: the places",
        "    let mut set = *set;\n    set.sub = set.add;\n    let set = &set;\n    // SAFETY: the places",
    );
    let board = Board::find("virtual-m4").expect("carried");
    let said = disagreement(&board, &model, 0..10, 20).expect("a disagreement");
    assert!(said.starts_with("virtual-m4 seed 0: dsp: element ") && said.contains(" for Sub(Add {"), "{said}");
}
