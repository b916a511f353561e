//! Options about the form of a model: what the file leaves open, and what its inputs and outputs are to look like.

use clap::{Args, ValueEnum};
use hilbench_compiler::edges::{ChannelPosition, EdgeType, Side};
use hilbench_compiler::graph::DType;
use hilbench_compiler::plan::Optimize;

use crate::model::Form;

/// Element type of an input or output.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ElementType {
    Float32,
    Int8,
    Uint8,
}

/// Position of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Position {
    Chfirst,
    Chlast,
}

/// What counts where time and memory are traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Optimization {
    Time,
    Balanced,
    Ram,
}

/// Options about the form of a model.
#[derive(Debug, Args)]
pub struct FormArgs {
    /// Size of a dimension that an ONNX file only names (`N`), or the shape of an input (`NxNxN`); may be given several
    /// times.
    #[arg(long, value_name = "NAME=N[xN]", value_parser = named_sizes)]
    fix_shape: Vec<(String, Vec<usize>)>,
    /// Element type of the inputs: one for all, or one each. If not given: as the file has it, but integers where an ONNX
    /// file quantizes its inputs.
    #[arg(long, value_name = "TYPE", value_enum, value_delimiter = ',')]
    input_data_type: Vec<ElementType>,
    /// Element type of the outputs, likewise.
    #[arg(long, value_name = "TYPE", value_enum, value_delimiter = ',')]
    output_data_type: Vec<ElementType>,
    /// Where the channels of the inputs lie: one for all, or one each. If not given: as the file has it.
    #[arg(long, value_name = "POSITION", value_enum, value_delimiter = ',')]
    inputs_ch_position: Vec<Position>,
    /// Where the channels of the outputs lie, likewise.
    #[arg(long, value_name = "POSITION", value_enum, value_delimiter = ',')]
    outputs_ch_position: Vec<Position>,
    /// What counts where time and memory are traded: `time` runs every layer in one call, `ram` cuts layers into as many
    /// bands of rows as the smallest arena takes, `balanced` into fewer for an arena near that.
    #[arg(short = 'O', long, value_enum, default_value_t = Optimization::Balanced)]
    optimize: Optimization,
}

fn named_sizes(text: &str) -> Result<(String, Vec<usize>), String> {
    // Names of tensors may hold the sign that ends them here.
    let (name, sizes) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).unwrap_or(("", ""));
    let size = |text: &str| text.parse().ok().filter(|size| (1..=65_535).contains(size));
    match sizes.split('x').map(size).collect() {
        Some(sizes) => Ok((name.to_string(), sizes)),
        None => Err("NAME=N or NAME=NxNxN with N from 1 to 65535 is expected".to_string()),
    }
}

impl FormArgs {
    /// What was asked for, in the compiler's terms.
    #[must_use]
    pub fn form(&self) -> Form {
        Form {
            fix_shape: self.fix_shape.iter().cloned().collect(),
            inputs: side(&self.input_data_type, &self.inputs_ch_position),
            outputs: side(&self.output_data_type, &self.outputs_ch_position),
            optimize: match self.optimize {
                Optimization::Time => Optimize::Time,
                Optimization::Balanced => Optimize::Balanced,
                Optimization::Ram => Optimize::Ram,
            },
        }
    }
}

fn side(elements: &[ElementType], channels: &[Position]) -> Side {
    let element = |e: &ElementType| {
        EdgeType::Exactly(match e {
            ElementType::Float32 => DType::F32,
            ElementType::Int8 => DType::I8,
            ElementType::Uint8 => DType::U8,
        })
    };
    let position = |p: &Position| match p {
        Position::Chfirst => ChannelPosition::First,
        Position::Chlast => ChannelPosition::Last,
    };
    Side { elements: elements.iter().map(element).collect(), channels: channels.iter().map(position).collect() }
}
