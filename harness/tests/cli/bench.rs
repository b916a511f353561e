//! Figures, and figures that were kept.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{digits, json, refused, run};

/// The form is that of github-action-benchmark's `customSmallerIsBetter`: an array of names, units and values.
#[test]
fn figures_are_kept_compared_and_written() {
    let folder = TempDir::new().expect("a folder");
    let model = digits("digits_int8.tflite");
    let bench = |more: &[&str]| run(folder.path(), &[&["bench", &model, "-b", "virtual-m4"], more].concat());
    let first = bench(&["--save-baseline", "mine.json", "--json", "all.json"]);
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{}", first.out);
    for part in ["instructions, counted in emulation", "#0 CONV_2D", "whole inference"] {
        assert!(first.out.contains(part), "{part}: {}", first.out);
    }
    let (kept, every) = (json(&folder.path().join("mine.json")), json(&folder.path().join("all.json")));
    let names = |figures: &Value| {
        let figures = figures.as_array().expect("an array").iter();
        figures.map(|f| f["name"].as_str().expect("a name").to_string()).collect::<Vec<_>>()
    };
    let whole = ["inference", "RAM", "flash"].map(|what| format!("digits_int8 on virtual-m4: {what}"));
    assert_eq!(names(&kept), whole);
    assert_eq!(names(&every)[..3], whole);
    assert!(names(&every)[3].starts_with("digits_int8 on virtual-m4: step 0, CONV_2D #"), "{every}");
    let value = |figures: &Value, n: usize| figures[n]["value"].as_u64().expect("a number");
    let layers: u64 = (3..names(&every).len()).map(|n| value(&every, n)).sum();
    let whole = value(&every, 0);
    // Both are counted by a clock that may be off by a few.
    assert!(whole > 10_000 && layers.abs_diff(whole) < whole / 50, "{layers} of {whole}");

    let again = bench(&["--baseline", "mine.json"]);
    assert_eq!(again.code, 0, "{}", again.out);
    assert!(again.out.contains("3 figures compared"), "{}", again.out);

    // What was less before is a regression now, beyond the tolerance only.
    let text = fs::read_to_string(folder.path().join("mine.json")).expect("a baseline");
    let less = whole - whole / 20;
    let text = text.replace(&format!("\"value\":{whole}"), &format!("\"value\":{less}"));
    fs::write(folder.path().join("less.json"), &text).expect("a baseline");
    let worse = bench(&["--baseline", "less.json"]);
    assert_eq!(worse.code, 1, "{}", worse.out);
    assert!(worse.out.contains("WORSE") && worse.out.contains("1 worse by more than 1 %"), "{}", worse.out);
    assert_eq!(bench(&["--baseline", "less.json", "--tolerance", "6"]).code, 0);

    // A comparison with nothing is none.
    fs::write(folder.path().join("other.json"), text.replace("digits_int8 on", "another on")).expect("a baseline");
    let none = bench(&["--baseline", "other.json"]);
    assert_eq!(none.code, 2, "{}", none.out);
    assert!(none.err.contains("`other.json` has no figure of these models and boards"), "{}", none.err);
}

#[test]
fn benches_that_make_no_sense_are_refused() {
    let model = digits("digits_int8.tflite");
    refused(&["bench", "-b", "virtual-m4"], &["--kernels"]);
    refused(&["bench", &model, &model, "-b", "virtual-m4"], &["two models are called `digits_int8`"]);
    refused(&["bench", &model, "-b", "virtual-m4", "--baseline", "gone.json"], &["gone.json", "cannot be read"]);
    refused(&["bench", &model, "-b", "virtual-m4", "--baseline", "../x"], &["../x", ".json", "is accepted"]);
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("other.json");
    fs::write(&path, "{\"a\":1}").expect("a file");
    refused(
        &["bench", &model, "-b", "virtual-m4", "--baseline", &path.display().to_string()],
        &["other.json", "is no baseline"],
    );
}
