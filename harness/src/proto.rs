//! The STM32 AI validation protocol 3.1, host side: its messages. Packets are in [`packet`]; no ports, no waiting.
//!
//! The messages are proto2: a required field is written even when it is zero, because the device's decoder
//! insists on it. Fields of 100 and above are this project's; other ends skip them, and they may be missing.

pub mod frame;
pub mod packet;
pub mod seal;

/// Major and minor version that is spoken here.
pub const VERSION: (u32, u32) = (3, 1);

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    /// Say hello.
    Sync = 0,
    /// Describe the chip.
    SystemInfo = 1,
    /// Describe the network with the index in `param`.
    NetworkInfo = 10,
    /// Run the network called `name` once.
    NetworkRun = 11,
}

/// What a run reports beside the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Outputs only.
    IoOnly,
    /// Outputs, and the time of each layer.
    PerLayer,
    /// Outputs, and time and tensors of each layer.
    PerLayerWithData,
}

impl Mode {
    /// The bit of the run request.
    #[must_use]
    pub fn bit(self) -> u32 {
        match self {
            Mode::IoOnly => 1,
            Mode::PerLayer => 2,
            Mode::PerLayerWithData => 4,
        }
    }
}

/// States that a response can carry.
pub mod state {
    /// Nothing under way.
    pub const IDLE: u32 = 0;
    /// The board waits for data from the host.
    pub const WAITING: u32 = 1;
    /// More messages follow.
    pub const PROCESSING: u32 = 2;
    /// The last message of a dialogue.
    pub const DONE: u32 = 3;
    /// The dialogue is over, without success.
    pub const ERROR: u32 = 4;
}

/// Error codes of an [`Ack`].
pub mod error {
    /// No error.
    pub const NONE: u32 = 0;
    /// Data of the wrong kind; this project's firmware also says so of messages that came damaged.
    pub const INVALID_FORMAT: u32 = 2;
    /// A parameter out of range, e.g. the index after the last network.
    pub const INVALID_PARAM: u32 = 4;

    /// The protocol's word for a code.
    #[must_use]
    pub fn name(code: u32) -> &'static str {
        match code {
            NONE => "no error",
            1 => "invalid size",
            INVALID_FORMAT => "invalid format",
            3 => "invalid state",
            INVALID_PARAM => "invalid parameter",
            5 => "invalid shape",
            6 => "invalid command",
            7 => "network not initialised",
            8 => "out of memory",
            10 => "generic error",
            _ => "unknown error",
        }
    }
}

/// Bits of a tensor descriptor's flags.
pub mod tensor_flag {
    /// The last tensor of a group.
    pub const LAST: u32 = 256;
    /// The message describes the tensor and carries no bytes of it.
    pub const NO_DATA: u32 = 512;
}

/// Bits of an operator's `kind`, in bits 31 to 24.
pub mod operator_flag {
    /// A step of the network, not the whole inference.
    pub const INTERNAL: u32 = 1 << 24;
    /// The last step.
    pub const LAST: u32 = 2 << 24;
    /// No tensors follow.
    pub const WITHOUT_TENSOR: u32 = 4 << 24;
}

/// Host to board: a request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// Counts up; every response repeats it.
    #[prost(uint32, required, tag = "1")]
    pub request_id: u32,
    /// A [`Command`].
    #[prost(uint32, required, tag = "2")]
    pub command: u32,
    /// Meaning depends on the command.
    #[prost(uint32, required, tag = "3")]
    pub param: u32,
    /// Name of a network.
    #[prost(string, required, tag = "4")]
    pub name: String,
    /// Meaning depends on the command.
    #[prost(uint32, required, tag = "5")]
    pub option: u32,
}

/// Either way: taken, or refused.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Ack {
    /// Meaning depends on the dialogue.
    #[prost(uint32, required, tag = "1")]
    pub param: u32,
    /// One of [`error`].
    #[prost(uint32, required, tag = "2")]
    pub error: u32,
}

/// Board to host: a line for people. May come at any time and is acknowledged.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Log {
    /// Severity.
    #[prost(uint32, required, tag = "1")]
    pub level: u32,
    /// The line; bytes, because a board in trouble writes what it has.
    #[prost(bytes = "vec", required, tag = "2")]
    pub text: Vec<u8>,
}

/// Answer to [`Command::Sync`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hello {
    /// Major version in bits 15 to 8, minor in 7 to 0.
    #[prost(uint32, required, tag = "1")]
    pub version: u32,
    /// Capability bits.
    #[prost(uint32, required, tag = "4")]
    pub capability: u32,
    /// Runtime word.
    #[prost(uint32, required, tag = "5")]
    pub runtime: u32,
    /// Bytes of a frame's payload at most; a board that says so takes frames.
    #[prost(uint32, optional, tag = "100")]
    pub frame_payload: Option<u32>,
    /// Data frames that may wait for their acknowledgement.
    #[prost(uint32, optional, tag = "101")]
    pub frame_window: Option<u32>,
}

/// Answer to [`Command::SystemInfo`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct SystemInfo {
    /// Device id of the chip's debug unit.
    #[prost(uint32, required, tag = "1")]
    pub device_id: u32,
    /// Core clock in Hz.
    #[prost(uint32, required, tag = "2")]
    pub core_clock: u32,
    /// Bus clock in Hz.
    #[prost(uint32, required, tag = "3")]
    pub bus_clock: u32,
    /// Cache settings.
    #[prost(uint32, required, tag = "4")]
    pub cache: u32,
    /// Facts of a series.
    #[prost(uint32, repeated, packed = "false", tag = "5")]
    pub extra: Vec<u32>,
}

/// What a tensor is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorDescription {
    /// Its name.
    #[prost(string, required, tag = "1")]
    pub name: String,
    /// Element format word.
    #[prost(uint32, required, tag = "2")]
    pub format: u32,
    /// Number of elements.
    #[prost(uint32, required, tag = "3")]
    pub elements: u32,
    /// Number of dimensions, and the order they are in, in bits 31 to 24.
    #[prost(uint32, required, tag = "4")]
    pub rank: u32,
    /// Dimensions.
    #[prost(uint32, repeated, packed = "false", tag = "5")]
    pub dims: Vec<u32>,
    /// Quantization scale.
    #[prost(float, required, tag = "6")]
    pub scale: f32,
    /// Quantization zero point.
    #[prost(int32, required, tag = "7")]
    pub zero_point: i32,
    /// Address on the board.
    #[prost(uint32, required, tag = "8")]
    pub address: u32,
    /// Bits of [`tensor_flag`].
    #[prost(uint32, required, tag = "9")]
    pub flags: u32,
}

/// Either way: bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Data {
    /// Kind of data, 0 for a tensor.
    #[prost(uint32, required, tag = "1")]
    pub kind: u32,
    /// Number of bytes.
    #[prost(uint32, required, tag = "2")]
    pub size: u32,
    /// Address on the board, where that matters.
    #[prost(uint32, required, tag = "3")]
    pub address: u32,
    /// The bytes.
    #[prost(bytes = "vec", required, tag = "4")]
    pub bytes: Vec<u8>,
}

/// Board to host: a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tensor {
    /// What it is.
    #[prost(message, required, tag = "1")]
    pub description: TensorDescription,
    /// Its bytes.
    #[prost(message, required, tag = "2")]
    pub data: Data,
}

/// Board to host: a step of the network, or the whole inference.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Operator {
    /// Name of the operator, or of the network.
    #[prost(string, required, tag = "1")]
    pub name: String,
    /// Bits of [`operator_flag`], and a type below them.
    #[prost(uint32, required, tag = "2")]
    pub kind: u32,
    /// Index of the operator in the model file.
    #[prost(uint32, required, tag = "3")]
    pub id: u32,
    /// Duration in milliseconds, as the board sees it.
    #[prost(float, required, tag = "4")]
    pub duration: f32,
    /// Format of the counters in bits 31 to 16 (0: pairs of words, low first; 1: words), kind in 15 to 0.
    #[prost(uint32, required, tag = "5")]
    pub counter_type: u32,
    /// The counters.
    #[prost(uint32, repeated, packed = "false", tag = "6")]
    pub counters: Vec<u32>,
    /// Stack in use, -1 where not measured.
    #[prost(int32, required, tag = "7")]
    pub stack_used: i32,
    /// Heap in use, -1 where not measured.
    #[prost(int32, required, tag = "8")]
    pub heap_used: i32,
    /// What the counters count: 0 cycles, 1 instructions in emulation.
    #[prost(uint32, optional, tag = "100")]
    pub counter_unit: Option<u32>,
    /// Most bytes of stack in use so far.
    #[prost(uint32, optional, tag = "101")]
    pub stack_high_water: Option<u32>,
}

/// Answer to [`Command::NetworkInfo`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct NetworkInfo {
    /// Name of the network.
    #[prost(string, required, tag = "1")]
    pub name: String,
    /// Runtime word.
    #[prost(uint32, required, tag = "2")]
    pub runtime: u32,
    /// The generator's signature of the model.
    #[prost(string, required, tag = "3")]
    pub signature: String,
    /// When the firmware was compiled.
    #[prost(string, required, tag = "4")]
    pub compile_datetime: String,
    /// Version of the runtime library.
    #[prost(uint32, required, tag = "5")]
    pub runtime_version: u32,
    /// Version of the generator.
    #[prost(uint32, required, tag = "6")]
    pub tool_version: u32,
    /// Multiply-accumulates of an inference.
    #[prost(uint64, required, tag = "7")]
    pub macs: u64,
    /// Number of steps.
    #[prost(uint32, required, tag = "8")]
    pub nodes: u32,
    /// Number of inputs.
    #[prost(uint32, required, tag = "10")]
    pub input_count: u32,
    /// Inputs in order.
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<TensorDescription>,
    /// Number of outputs.
    #[prost(uint32, required, tag = "12")]
    pub output_count: u32,
    /// Outputs in order.
    #[prost(message, repeated, tag = "13")]
    pub outputs: Vec<TensorDescription>,
    /// Number of activation areas.
    #[prost(uint32, required, tag = "14")]
    pub activation_count: u32,
    /// Activation areas.
    #[prost(message, repeated, tag = "15")]
    pub activations: Vec<TensorDescription>,
    /// Number of constant areas.
    #[prost(uint32, required, tag = "16")]
    pub param_count: u32,
    /// Constant areas.
    #[prost(message, repeated, tag = "17")]
    pub params: Vec<TensorDescription>,
    /// The runtime in words.
    #[prost(string, required, tag = "20")]
    pub runtime_description: String,
    /// Digest of plan, kernels and toolchain.
    #[prost(string, optional, tag = "100")]
    pub plan_digest: Option<String>,
    /// A number that another start of the board would not repeat.
    #[prost(uint32, optional, tag = "101")]
    pub boot_nonce: Option<u32>,
}

/// Board to host: every answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// The request that is answered.
    #[prost(uint32, required, tag = "1")]
    pub request_id: u32,
    /// One of [`state`].
    #[prost(uint32, required, tag = "2")]
    pub state: u32,
    /// What is said.
    #[prost(oneof = "Payload", tags = "10, 11, 12, 13, 15, 16, 17, 22")]
    pub payload: Option<Payload>,
    /// Which answer to the request it is, from 0 on.
    #[prost(uint32, optional, tag = "101")]
    pub index: Option<u32>,
    /// CRC-32 of all bytes before it, see [`seal`].
    #[prost(fixed32, optional, tag = "100")]
    pub seal: Option<u32>,
}

/// What a response carries.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Payload {
    /// Answer to a sync.
    #[prost(message, tag = "10")]
    Hello(Hello),
    /// The chip.
    #[prost(message, tag = "11")]
    SystemInfo(SystemInfo),
    /// Taken, or refused.
    #[prost(message, tag = "12")]
    Ack(Ack),
    /// A line for people.
    #[prost(message, tag = "13")]
    Log(Log),
    /// Bytes.
    #[prost(message, tag = "15")]
    Data(Data),
    /// A step.
    #[prost(message, tag = "16")]
    Operator(Operator),
    /// A tensor.
    #[prost(message, tag = "17")]
    Tensor(Tensor),
    /// A network.
    #[prost(message, tag = "22")]
    NetworkInfo(NetworkInfo),
}

impl Payload {
    /// What the payload is, for messages.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Payload::Hello(_) => "a sync answer",
            Payload::SystemInfo(_) => "system information",
            Payload::Ack(_) => "an acknowledgement",
            Payload::Log(_) => "a log line",
            Payload::Data(_) => "data",
            Payload::Operator(_) => "an operator",
            Payload::Tensor(_) => "a tensor",
            Payload::NetworkInfo(_) => "network information",
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn required_fields_are_written_when_zero() {
        assert_eq!(Request::default().encode_to_vec(), [0x08, 0, 0x10, 0, 0x18, 0, 0x22, 0, 0x28, 0]);
        assert_eq!(Ack::default().encode_to_vec(), [0x08, 0, 0x10, 0]);
    }

    #[test]
    fn fields_of_newer_firmware_are_skipped() {
        let mut bytes = SystemInfo { device_id: 0x450, ..SystemInfo::default() }.encode_to_vec();
        bytes.extend([0x30, 7]);
        assert_eq!(SystemInfo::decode(bytes.as_slice()).map(|s| s.device_id), Ok(0x450));
    }
}
