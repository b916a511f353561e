//! The library behind the `hilbench` command: models in, boards driven, verdicts out.

pub mod board;
pub mod cli;
pub mod error;
pub mod link;
pub mod model;
pub mod proto;
pub mod session;
pub mod sources;
pub mod target;
