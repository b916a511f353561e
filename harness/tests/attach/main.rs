//! Boards that run something already: is it the model's network, and how far from the reference is what it computes?

mod vendor;

use std::path::{Path, PathBuf};

use hilbench::attach::{Expectation, run_link};
use hilbench::dataset::Dataset;
use hilbench::model::{Compiled, Form, Model};
use hilbench::proto::NetworkInfo;
use hilbench::reference::{self, Outputs};
use hilbench::report::{Report, console, json};
use hilbench::session::Timeouts;
use hilbench::target::Delivery;
use hilbench::validate::{Job, Origin, Outcome, Verdict};
use vendor::{Arithmetic, Firmware, network};

struct Bench {
    model: Model,
    compiled: Compiled,
    data: Dataset,
    expected: Outputs,
}

impl Bench {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits/digits_int8.tflite");
        let model = Model::read(&path, &Form::default()).expect("the shipped model");
        let compiled = model.compile(&Form::default()).expect("the shipped model");
        let data = Dataset::random(&compiled.qgraph, 4, 1, None);
        let expected = reference::expected(&compiled.qgraph, &data, &|_| {});
        Bench { model, compiled, data, expected }
    }

    fn job(&self) -> Job<'_> {
        Job {
            model: &self.model,
            compiled: &self.compiled,
            data: &self.data,
            expected: &self.expected,
            per_layer: false,
            timeouts: Timeouts::default(),
            cache: PathBuf::new(),
            delivery: Delivery::default(),
            faults: None,
        }
    }

    fn named(&self, name: &str) -> NetworkInfo {
        network(name, &self.compiled.qgraph)
    }

    fn run(&self, arithmetic: Arithmetic, networks: Vec<NetworkInfo>, asked: Option<&str>) -> Outcome {
        let firmware = Firmware { graph: self.compiled.qgraph.clone(), arithmetic, networks };
        let expect = Expectation { board: None, network: asked.map(str::to_string) };
        run_link(&self.job(), Box::new(vendor::start(firmware)), &expect, &|_| {})
    }

    #[track_caller]
    fn refused(&self, networks: Vec<NetworkInfo>, says: &[&str]) {
        let outcome = self.run(|_, _| {}, networks, None);
        let Verdict::Unreachable(reason) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
        assert!(says.iter().all(|part| reason.contains(part)), "{says:?}: {reason}");
        assert!(outcome.answers.is_empty(), "nothing was run");
    }

    fn report<T>(&self, outcome: &Outcome, write: impl Fn(&Report<'_>) -> T) -> T {
        let outcomes = std::slice::from_ref(outcome);
        let elapsed = std::time::Duration::ZERO;
        let (model, compiled, data, expected) = (&self.model, &self.compiled, &self.data, &self.expected);
        write(&Report { model, compiled, data, expected, outcomes, elapsed })
    }
}

#[test]
fn other_firmware_that_computes_the_same_matches() {
    let bench = Bench::new();
    let outcome = bench.run(|_, _| {}, vec![bench.named("other")], None);
    assert_eq!(outcome.verdict, Verdict::Match);
    let firmware = outcome.foreign.as_deref().expect("it is not ours");
    assert!(firmware.contains("other runtime 1.0") && firmware.contains("0xd1e5a3"), "{firmware}");
    assert_eq!(outcome.board.core, "device 0x450, 480 MHz");
    assert_eq!(outcome.answers.len(), 4);
}

/// One element of every result is off by one step, of the last operator's three others by twenty.
fn elsewhere(node: usize, bytes: &mut [u8]) {
    bytes[0] = bytes[0].wrapping_add(if bytes[0] as i8 == i8::MAX { 0xFF } else { 1 });
    if node == LAST {
        for byte in &mut bytes[4..7] {
            *byte = (*byte as i8).saturating_add(20).max(i8::MIN + 20) as u8;
        }
    }
}

/// Index of the shipped model's last operator.
const LAST: usize = 7;

#[test]
fn how_far_other_arithmetic_is_away_is_told_in_steps_and_by_layer() {
    let bench = Bench::new();
    let last = bench.compiled.qgraph.nodes.iter().map(|node| node.index).max();
    assert_eq!(last, Some(LAST));
    let outcome = bench.run(elsewhere, vec![bench.named("other")], None);
    assert_eq!(outcome.verdict, Verdict::Differs(Origin::OtherArithmetic));
    let output = &outcome.outputs[0];
    assert_eq!((output.mismatches, output.max_difference, output.samples), (16, 20.0, 4));
    assert_eq!(output.distances, [4, 0, 0, 0, 0, 12]);
    assert_eq!(outcome.layers.len(), bench.compiled.qgraph.nodes.len());
    for layer in &outcome.layers {
        let worst = if layer.index == LAST { 20.0 } else { 1.0 };
        assert_eq!(layer.outputs[0].max_difference, worst, "{} #{}", layer.op_name, layer.index);
    }
    let text = bench.report(&outcome, |report| console::text(report, console::Detail::Normal));
    for part in ["steps 1: 4, 17 and more: 12", "by design", "1 differ, by at most 1", "`other`, other runtime 1.0"] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let text = bench.report(&outcome, |report| json::write(report).expect("JSON"));
    let report: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(report["boards"][0]["outputs"][0]["distances"], serde_json::json!([[1, 4], [17, 12]]));
    assert_eq!(report["exit_code"], 1);
}

#[test]
fn a_network_of_another_shape_type_or_scale_is_refused_before_anything_runs() {
    let bench = Bench::new();
    let sound = bench.named("other");
    let changed = |change: fn(&mut NetworkInfo)| {
        let mut network = sound.clone();
        change(&mut network);
        vec![network]
    };
    bench.refused(changed(|n| n.inputs[0].dims = vec![1, 4, 16, 1]), &["input 1", "[1, 4, 16, 1]", "[1, 8, 8, 1]"]);
    bench.refused(changed(|n| n.outputs[0].zero_point += 1), &["output 1", "quantized by"]);
    bench.refused(changed(|n| n.inputs[0].scale *= 1.001), &["input 1", "quantized by"]);
    bench.refused(changed(|n| n.inputs[0].format = 0x0004_0440), &["input 1", "U8", "--input-data-type"]);
    let two = changed(|n| {
        n.outputs.push(n.outputs[0].clone());
        n.output_count = 2;
    });
    bench.refused(two, &["2 outputs, the model has 1"]);
    bench.refused(Vec::new(), &["no network"]);
    // Firmware of this project says which model it was built from.
    let other_model = changed(|n| {
        n.name = "letters".into();
        n.plan_digest = Some("abc".into());
    });
    bench.refused(other_model, &["board runs `letters`", "expected `digits_int8`"]);
    // Ones around a shape are another way to say the same, and no scale says nothing.
    let loose = changed(|n| {
        n.inputs[0].dims = vec![8, 8];
        n.outputs[0].scale = 0.0;
    });
    assert_eq!(bench.run(|_, _| {}, loose, None).verdict, Verdict::Match);
}

#[test]
fn of_several_networks_the_named_one_is_run() {
    let bench = Bench::new();
    let both = || vec![bench.named("first"), bench.named("second")];
    bench.refused(both(), &["`first`, `second`", "--network"]);
    assert_eq!(bench.run(|_, _| {}, both(), Some("second")).verdict, Verdict::Match);
    let ours = vec![bench.named("first"), bench.named("digits_int8")];
    assert_eq!(bench.run(|_, _| {}, ours, None).verdict, Verdict::Match);
    let outcome = bench.run(|_, _| {}, both(), Some("third"));
    assert!(matches!(&outcome.verdict, Verdict::Unreachable(reason) if reason.contains("`third`")), "{outcome:?}");
}
