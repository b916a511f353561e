//! Importers: one file format a file, each from bytes to a [`Graph`](crate::graph::Graph).

pub mod onnx;
pub mod tflite;
