//! The library behind the `hilbench` command: models in, boards driven, verdicts out.

pub mod attach;
pub mod bench;
pub mod board;
pub mod cli;
pub mod compare;
pub mod dataset;
pub mod deploy;
pub mod desk;
pub mod error;
pub mod link;
pub mod metrics;
pub mod model;
pub mod npz;
pub mod proto;
pub mod reference;
pub mod report;
pub mod session;
pub mod sources;
pub mod target;
pub mod validate;
pub mod values;
