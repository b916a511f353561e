//! The memory plan: near to what no plan can go below, at or below what a vendor's closed tool needs, and right where
//! an output lies over its input.
//!
//! Public models lie in `zoo` of the folder named by `HILBENCH_SHARED` or of `shared` beside the checkout; without it
//! they are skipped aloud.

use std::path::{Path, PathBuf};

use hilbench_compiler::lower::Isa;
use hilbench_compiler::plan::{self, Optimize, Plan};
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::{exec, import, pass, quantize};

/// Activation memory with inputs and outputs inside, in KiB, as STMicroelectronics publishes it in its model zoo
/// (release 4.0 and before); of `mcunet_vww` what TinyEngine needs (MCUNetV2, 92 kB).
const PUBLISHED: [(&str, f64); 8] = [
    ("fdmobilenet_025_128", 56.16),
    ("gmp_wl_24", 4.73),
    ("ign_wl_24", 1.63),
    ("mcunet_vww", 89.84),
    ("mobilenet_v2_035_128", 237.32),
    ("st_mnist", 17.21),
    ("st_yolo_lc_192", 158.73),
    ("yamnet_256", 109.57),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn zoo() -> Option<PathBuf> {
    let shared = std::env::var_os("HILBENCH_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let zoo = shared.join("zoo");
    if !zoo.is_dir() {
        eprintln!("SKIPPED: no public models: set HILBENCH_SHARED or lay them in ../shared");
        return None;
    }
    Some(zoo)
}

fn graph(model: &Path) -> Option<QGraph> {
    let bytes = std::fs::read(model).expect("the model exists");
    let graph = quantize::quantize(&import::tflite::import(&bytes).ok()?).ok()?;
    Some(pass::run(&graph).graph)
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut models = Vec::new();
    for path in entries {
        if path.is_dir() {
            models.extend(self::models(&path));
        } else if path.extension().is_some_and(|e| e == "tflite") {
            models.push(path);
        }
    }
    models.sort();
    models
}

#[test]
fn arenas_are_no_larger_than_the_published_ones() {
    let Some(zoo) = zoo() else { return };
    let mut larger = Vec::new();
    for (name, kib) in PUBLISHED {
        let graph = graph(&zoo.join(format!("{name}.tflite"))).expect("a model that is accepted");
        for isa in [Isa::Dsp, Isa::Mve] {
            let sizes = Optimize::ALL.map(|(_, optimize)| {
                plan::plan_for(&graph, isa, optimize).expect("a model that is accepted").arena_bytes
            });
            let [time, balanced, ram] = sizes.map(|bytes| bytes as f64 / 1024.0);
            println!(
                "{name:<22} {} time {time:7.2} balanced {balanced:7.2} ram {ram:7.2} published {kib:7.2}",
                isa.name()
            );
            if balanced > kib {
                larger.push(format!("{name} {}: {balanced:.2} KiB, published {kib}", isa.name()));
            }
            assert!(ram <= balanced && balanced <= time, "{name}");
        }
    }
    assert!(larger.is_empty(), "{larger:#?}");
}

/// How far above the lower bound an arena may be: a part of it, and a few bytes of alignment.
const NEAR: f64 = 1.05;
const NEAR_BYTES: f64 = 64.0;

#[test]
fn arenas_come_near_to_the_lower_bound() {
    // What the small models are for is one operator; which kernel runs it does not matter here.
    // Packs of operators side by side are no network that anybody would plan.
    let small = ["cases", "digits"].map(|folder| models(&repository().join("models").join(folder)));
    let small = small.into_iter().flatten().map(|path| (path, &Isa::ALL[1..2]));
    let public = zoo().map(|zoo| models(&zoo)).unwrap_or_default().into_iter().map(|path| (path, &Isa::ALL[..]));
    let (mut plans, mut reached, mut far) = (0, 0, Vec::new());
    for (path, isas) in small.chain(public) {
        let Some(graph) = graph(&path) else { continue };
        for &isa in isas {
            for (name, optimize) in Optimize::ALL {
                let Ok(plan) = plan::plan_for(&graph, isa, optimize) else { continue };
                let (size, bound) = (plan.arena_bytes, plan.arena_bound());
                assert_eq!(plan.conflict(), None, "{}", path.display());
                assert!(size >= bound, "{}: {size} bytes, bound {bound}", path.display());
                let near = size as f64 <= bound as f64 * NEAR + NEAR_BYTES;
                if !near {
                    far.push(format!("{} {} {name}: {size} bytes, bound {bound}", path.display(), isa.name()));
                }
                plans += 1;
                reached += usize::from(size == bound);
            }
        }
    }
    println!("{plans} plans, {reached} at the lower bound");
    assert!(far.is_empty(), "{far:#?}");
    assert!(plans > 300);
}

/// Random bytes that are the same every time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// The plan with the two buffers of its first overlap above all others and so far from each other.
fn at_distance(plan: &Plan, distance: isize) -> Plan {
    let mut plan = plan.clone();
    let overlap = plan.overlaps[0];
    let lower = plan.arena_bytes.next_multiple_of(plan::ALIGNMENT) as isize + (-distance).max(0);
    plan.buffers[overlap.lower].offset = lower as usize;
    plan.buffers[overlap.upper].offset = (lower + distance) as usize;
    plan.arena_bytes = (lower + distance.max(0)) as usize + plan.buffers.iter().map(|b| b.bytes).sum::<usize>();
    plan
}

/// Every kernel that can be cut, in place at the distance that was computed for it; and nearer, where results differ or
/// at least slices overlap.
#[test]
fn outputs_over_inputs_are_right_at_the_computed_distance_and_wrong_nearer() {
    let (mut checked, mut differing) = (0, 0);
    for path in models(&repository().join("models/cases")) {
        let Some(graph) = graph(&path) else { continue };
        let inputs: Vec<Vec<u8>> = graph.inputs.iter().map(|&t| noise(graph.tensors[t].bytes())).collect();
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let values = exec::run_reference(&graph, &inputs);
        let expected = exec::outputs(&graph, &values);
        for isa in Isa::ALL {
            let Ok(plan) = plan::plan_for(&graph, isa, Optimize::Ram) else { continue };
            let one_step = plan.nodes.iter().map(|node| node.steps.len()).sum::<usize>() == 1;
            let Some(&overlap) = plan.overlaps.first().filter(|_| one_step) else { continue };
            let what = format!("{} {}", path.display(), isa.name());
            let at = |distance| exec::run_plan(&at_distance(&plan, distance), &inputs).outputs;
            assert_eq!(at(overlap.distance), expected, "{what}");
            checked += 1;
            let pair = |plan: &Plan| plan.conflict().is_some_and(|(a, b)| overlap.is_of(a, b));
            assert!(!pair(&at_distance(&plan, overlap.distance)), "{what}");
            assert!(pair(&at_distance(&plan, overlap.distance - 1)), "{what}");
            let bytes = plan.buffers[overlap.lower].bytes as isize;
            let mut nearer = (1..=bytes).step_by(bytes as usize / 32 + 1);
            differing += usize::from(nearer.any(|by| at(overlap.distance - by) != expected));
        }
    }
    println!("{checked} kernels in place, {differing} of them wrong when nearer");
    assert!(checked > 60 && differing > 30, "{checked} checked, {differing} differ");
}
