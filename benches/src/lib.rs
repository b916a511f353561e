//! Nothing but a place for the criterion benches beside it: `cargo bench -p hilbench-benches`.
