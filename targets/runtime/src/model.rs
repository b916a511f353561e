//! What the device loop knows of a model: descriptors, input and output bytes, and one function that runs it.
//!
//! The emitted source implements [`Model`]; nothing else ties the generated code to the loop.

/// Element type of a tensor, with the data-format word that the protocol uses for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// IEEE single precision.
    F32,
    /// Signed 8 bit.
    I8,
    /// Unsigned 8 bit.
    U8,
    /// Signed 16 bit.
    I16,
    /// Unsigned 16 bit.
    U16,
    /// Signed 32 bit.
    I32,
}

impl ElementType {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            ElementType::I8 | ElementType::U8 => 1,
            ElementType::I16 | ElementType::U16 => 2,
            ElementType::F32 | ElementType::I32 => 4,
        }
    }
}

/// A tensor as the protocol describes it.
#[derive(Clone, Copy, Debug)]
pub struct TensorInfo {
    /// Name in the model file, cut to what the protocol carries.
    pub name: &'static str,
    /// Element type.
    pub element: ElementType,
    /// Dimensions as the model file has them, batch first.
    pub dims: &'static [u32],
    /// Quantization scale; 0 where the tensor is not quantized.
    pub scale: f32,
    /// Quantization zero point.
    pub zero_point: i32,
    /// Size in bytes.
    pub bytes: u32,
}

/// One step of the plan: an operator of the model with the tensors it writes.
#[derive(Clone, Copy, Debug)]
pub struct NodeInfo {
    /// Operator name, e.g. `CONV_2D`.
    pub name: &'static str,
    /// Index of the operator in the model file.
    pub id: u32,
    /// The tensors this step writes.
    pub outputs: &'static [TensorInfo],
}

/// Everything the loop says about the model before it runs.
#[derive(Clone, Copy, Debug)]
pub struct ModelInfo {
    /// Name of the network.
    pub name: &'static str,
    /// Digest of plan, kernels and toolchain, as lower-case hexadecimal.
    pub digest: &'static str,
    /// Inputs in the model's order.
    pub inputs: &'static [TensorInfo],
    /// Outputs in the model's order.
    pub outputs: &'static [TensorInfo],
    /// Steps in execution order.
    pub nodes: &'static [NodeInfo],
    /// Multiply-accumulates of one inference (convolutions and fully connected layers).
    pub macs: u64,
    /// Bytes of the activation arena.
    pub arena_bytes: u32,
    /// Bytes of the constants.
    pub constant_bytes: u32,
}

/// Told of every step while a model runs.
pub trait Observer {
    /// Called before step `node`.
    fn before(&mut self, node: usize);
    /// Called after step `node` with the bytes of its outputs, in the order of [`NodeInfo::outputs`].
    fn after(&mut self, node: usize, outputs: &[&[u8]]);
}

/// Does not look.
pub struct Blind;

impl Observer for Blind {
    fn before(&mut self, _node: usize) {}
    fn after(&mut self, _node: usize, _outputs: &[&[u8]]) {}
}

/// A compiled network with its arena.
pub trait Model {
    /// Static facts.
    fn info(&self) -> &'static ModelInfo;
    /// Where the bytes of input `index` go. Inputs may share memory with later tensors: write all of
    /// them anew before every run.
    fn input(&mut self, index: usize) -> &mut [u8];
    /// The bytes of output `index`, valid until the next input is written.
    fn output(&self, index: usize) -> &[u8];
    /// Makes the next inference the first of a sequence: nothing is left of those before it.
    fn reset(&mut self) {}
    /// One inference.
    fn run(&mut self, observer: &mut dyn Observer);
}
