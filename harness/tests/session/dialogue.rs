//! Dialogues in which nothing goes wrong, against the real device loop; and what the session refuses by itself.

use std::time::Duration;

use hilbench::link::memory::MemoryLink;
use hilbench::proto::Mode;
use hilbench::session::{Cause, CounterUnit, DataType, RunResult, Session, Timeouts};

use crate::device::{self, Sizes, content, output_salt, step_work};
use crate::random::Random;

fn connect(link: MemoryLink) -> Session {
    Session::connect(Box::new(link), Timeouts::default()).expect("a sound board answers")
}

fn run(session: &mut Session, inputs: &[Vec<u8>], mode: Mode) -> RunResult {
    let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    session.run(&inputs, mode).expect("a sound board runs")
}

/// Runs a network with tensors of these sizes in every mode, and compares all that comes.
#[track_caller]
fn check(sizes: Sizes) {
    let mut random = Random(1);
    let (link, device) = device::start("net", "abc", sizes);
    let mut session = connect(link);
    for mode in [Mode::IoOnly, Mode::PerLayer, Mode::PerLayerWithData] {
        let inputs: Vec<Vec<u8>> = sizes.inputs.iter().map(|&bytes| random.bytes(bytes as usize)).collect();
        let result = run(&mut session, &inputs, mode);
        let outputs = result.outputs.iter().map(|o| o.bytes.clone().expect("outputs have bytes"));
        for (index, (got, &bytes)) in outputs.zip(sizes.outputs).enumerate() {
            assert_eq!(
                got,
                content(&inputs, output_salt(index), bytes as usize),
                "output {index}, {sizes:?}, {mode:?}"
            );
        }
        assert_eq!(result.outputs.len(), sizes.outputs.len());
        let work: u64 = (0..sizes.steps.len()).map(step_work).sum();
        assert_eq!((result.count, result.unit), (Some(work), CounterUnit::Instructions), "{sizes:?}, {mode:?}");
        assert_eq!(result.stack_high_water, Some(1234));
        let observed = if mode == Mode::IoOnly { &[] } else { sizes.steps };
        assert_eq!(result.nodes.len(), observed.len());
        for (index, (node, &bytes)) in result.nodes.iter().zip(observed).enumerate() {
            assert_eq!(
                (node.name.as_str(), node.id, node.count),
                ("CONV_2D", 7 * index as u32, Some(step_work(index)))
            );
            let expect = (mode == Mode::PerLayerWithData).then(|| content(&inputs, index, bytes as usize));
            assert_eq!(node.tensors.iter().map(|t| &t.bytes).collect::<Vec<_>>(), [&expect], "step {index}, {sizes:?}");
        }
    }
    drop(session);
    device.join().expect("the device loop does not panic");
}

#[test]
fn every_size_around_a_packet_gets_through() {
    // The fields before and after the bytes take some of a packet: going through a whole one meets every edge.
    for length in (0..=100).chain([127, 128, 129, 16383, 16384]) {
        let sizes: &'static [u32] = vec![length].leak();
        check(Sizes { inputs: sizes, outputs: sizes, steps: sizes });
    }
}

#[test]
fn several_inputs_outputs_and_steps() {
    check(Sizes { inputs: &[3, 4, 64], outputs: &[31, 32, 33], steps: &[1, 2, 3, 4] });
    check(Sizes { inputs: &[1; 20], outputs: &[2; 20], steps: &[1; 50] });
    check(Sizes { inputs: &[], outputs: &[5], steps: &[1] });
    check(Sizes { inputs: &[5], outputs: &[], steps: &[] });
}

#[test]
fn tensors_of_a_hundred_kilobytes() {
    check(Sizes { inputs: &[100_000, 99_999], outputs: &[100_000], steps: &[100_000, 65_536] });
}

#[test]
fn the_board_says_what_it_is() {
    let (link, _) = device::start("kws", "0123abcd", Sizes { inputs: &[12, 8], outputs: &[6], steps: &[1, 2, 3] });
    let session = connect(link);
    let info = session.info();
    assert_eq!((info.protocol, info.device_id), ((3, 1), 0x450));
    assert_eq!((info.core_clock, info.bus_clock), (25_000_000, 12_500_000));
    let [network] = info.networks.as_slice() else { panic!("one network: {info:?}") };
    assert_eq!((network.name.as_str(), network.digest.as_deref()), ("kws", Some("0123abcd")));
    assert_eq!((network.boot_nonce, network.macs, network.nodes), (Some(0xB007), 1 << 33, 3));
    assert_eq!((network.activation_bytes, network.constant_bytes), (200_000, 77));
    let tensors: Vec<_> = network.inputs.iter().chain(&network.outputs).collect();
    let facts: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.data_type, t.dims.as_slice(), t.bytes)).collect();
    assert_eq!(
        facts,
        [
            ("input_0", DataType::I8, &[1, 12][..], 12),
            ("input_1", DataType::F32, &[1, 2][..], 8),
            ("output_0", DataType::I8, &[1, 6][..], 6)
        ]
    );
    let scales: Vec<_> = tensors.iter().map(|t| (t.scale, t.zero_point)).collect();
    assert_eq!(scales, [(0.25, -3), (1.25, -4), (0.25, -3)]);
}

#[test]
fn long_names_are_cut_at_a_character() {
    let name = "ä".repeat(40).leak();
    let (link, _) = device::start(name, "d", Sizes::default());
    assert_eq!(connect(link).info().networks[0].name, "ä".repeat(31));
}

#[test]
fn one_board_serves_one_session_after_the_other() {
    let sizes = Sizes { inputs: &[40], outputs: &[40], steps: &[] };
    let (link, device) = device::start("net", "abc", sizes);
    let link = crate::faults::Shared::new(link);
    for seed in 0..2 {
        let mut session = Session::connect(Box::new(link.clone()), Timeouts::default()).expect("answers");
        for turn in 0..3 {
            let inputs = [Random(seed * 10 + turn).bytes(40)];
            let result = run(&mut session, &inputs, Mode::IoOnly);
            assert_eq!(result.outputs[0].bytes, Some(content(&inputs, output_salt(0), 40)));
        }
    }
    drop(link);
    device.join().expect("the device loop does not panic");
}

#[test]
fn another_model_is_refused_by_name_and_digest() {
    let (link, _) = device::start("kws", "0123", Sizes::default());
    let mut session = connect(link);
    for (name, digest) in [("other", None), ("kws", Some("4567")), ("other", Some("0123"))] {
        let error = session.require(name, digest).expect_err("another model");
        let found = vec![("kws".to_string(), Some("0123".to_string()))];
        let expected = (name.to_string(), digest.map(str::to_string));
        assert_eq!(error.cause, Cause::WrongModel { found, expected });
        let text = error.to_string();
        assert!(text.contains("`kws` (plan digest 0123)") && text.contains(&format!("expected `{name}`")), "{text}");
    }
    assert_eq!(session.require("kws", Some("0123")).map(|n| n.name.clone()), Ok("kws".into()));
    assert_eq!(session.require("kws", None).map(|n| n.name.clone()), Ok("kws".into()));
}

#[test]
fn wrong_inputs_are_refused_before_anything_is_sent() {
    let (link, _) = device::start("net", "abc", Sizes { inputs: &[4, 2], outputs: &[1], steps: &[] });
    let mut session = connect(link);
    let rows: [(&[&[u8]], &str); 4] = [
        (&[], "0 given, `net` takes 2"),
        (&[&[0; 4]], "1 given, `net` takes 2"),
        (&[&[0; 4], &[0; 3]], "`input_1` has 2 bytes, 3 given"),
        (&[&[0; 5], &[0; 2]], "`input_0` has 4 bytes, 5 given"),
    ];
    for (inputs, reason) in rows {
        let error = session.run(inputs, Mode::IoOnly).expect_err("wrong inputs");
        assert_eq!(error.cause, Cause::Input(reason.into()));
    }
    assert!(session.run(&[&[0; 4], &[0; 2]], Mode::IoOnly).is_ok());
}

#[test]
fn a_silent_board_is_given_up_in_time() {
    let (link, _board) = hilbench::link::memory::pair();
    let timeouts = Timeouts { hello: Duration::from_millis(50), hellos: 3, ..Timeouts::default() };
    let begin = std::time::Instant::now();
    let error = Session::connect(Box::new(link), timeouts).err().expect("nobody is there");
    assert_eq!(error.cause, Cause::Timeout { waited: Duration::from_millis(150) });
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn a_closed_link_is_no_silence() {
    let (link, board) = hilbench::link::memory::pair();
    drop(board);
    let error = Session::connect(Box::new(link), Timeouts::default()).err().expect("nobody is there");
    assert!(matches!(error.cause, Cause::Transport(_)), "{error}");
}
