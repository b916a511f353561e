//! Quantized model file in, firmware source out: bytes and values only, no files, clocks, ports or probes.
//!
//! One way, one struct a box, one function an arrow:
//!
//! ```text
//! bytes --import--> Graph --quantize--> QGraph --passes--> QGraph --lower, plan--> Plan --emit--> Sources
//!                                         |                                        |
//!                                       exec                                     exec
//! ```

pub mod edges;
pub mod emit;
mod error;
pub mod exec;
pub mod graph;
pub mod host;
pub mod import;
mod legalize;
pub mod lower;
pub mod multiplier;
pub mod ops;
pub mod pass;
pub mod plan;
mod qdq;
pub mod qgraph;
pub mod quantize;
pub mod value;

pub use error::{Error, Result};
