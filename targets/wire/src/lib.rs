//! The STM32 AI validation protocol 3.1, device side: sans I/O, without allocation.
//!
//! [`packet`] and [`frame`] put messages on a line, [`encode`] writes what a device says, [`decode`] reads what a host
//! asks. Malformed bytes are an error value. The messages are proto2: required fields are written even when they are zero.
//!
//! Fields that hilbench adds have numbers of 100 and above, which other ends skip:
//!
//! | message | field | meaning |
//! |---|---|---|
//! | every message, at its end | 100 fixed32 | seal: CRC-32 of all bytes of the message before this field |
//! | response | 101 u32 | which answer to its request it is, from 0 on: shows that one was lost |
//! | hello | 100 u32 | bytes of a frame's payload at most: the device takes frames |
//! | hello | 101 u32 | data frames that may wait for their acknowledgement |
//! | network information | 100 string | digest of plan, kernels and toolchain |
//! | network information | 101 u32 | a number that another start of the board would not repeat; 0 for none |
//! | operator | 100 u32 | what the counters count: 0 cycles, 1 instructions in emulation |
//! | operator | 101 u32 | most bytes of stack in use so far, on the whole inference |
//!
//! Packets have no checksum, so a message without a seal may be another one than was sent. Who has seen the other
//! end seal a message takes no more without: a device from a sealed sync to the next one, a host for good.
#![no_std]

pub mod decode;
pub mod encode;
pub mod frame;
pub mod packet;

/// Protocol version, major in bits 15 to 8: the newest that other hosts accept.
pub const VERSION: u32 = 0x0301;

/// Field number of the seal, in every message.
pub const SEAL: u32 = 100;

/// CRC-32 (ISO-HDLC) that seals messages. A static, so that there is one table however many use it.
pub static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// What a request asks for.
pub mod command {
    /// Say hello.
    pub const SYNC: u32 = 0;
    /// Describe the chip.
    pub const SYS_INFO: u32 = 1;
    /// Describe the network with the index in `param`.
    pub const NETWORK_INFO: u32 = 10;
    /// Run a network once.
    pub const NETWORK_RUN: u32 = 11;
}

/// States that a response carries.
pub mod state {
    /// Nothing under way.
    pub const IDLE: u32 = 0;
    /// Waiting for data from the host.
    pub const WAITING: u32 = 1;
    /// More messages follow.
    pub const PROCESSING: u32 = 2;
    /// The last message of a dialogue.
    pub const DONE: u32 = 3;
    /// The dialogue is over, without success.
    pub const ERROR: u32 = 4;
}

/// Error codes of an acknowledgement.
pub mod error {
    /// No error.
    pub const NONE: u32 = 0;
    /// A message or tensor of the wrong size.
    pub const INVALID_SIZE: u32 = 1;
    /// A message that cannot be read, or whose checksum is wrong.
    pub const INVALID_FORMAT: u32 = 2;
    /// A parameter out of range.
    pub const INVALID_PARAM: u32 = 4;
    /// A command that is not known.
    pub const INVALID_CMD: u32 = 6;
}

/// Bits of a run request's parameter.
pub mod run {
    /// Time of each layer.
    pub const PER_LAYER: u32 = 2;
    /// Time and tensors of each layer.
    pub const PER_LAYER_WITH_DATA: u32 = 4;
    /// One element is sent and stands for all.
    pub const CONST_VALUE: u32 = 512;
}

/// Bits of a run request's option.
pub mod run_option {
    /// The run is the first of a sequence: states start anew.
    pub const FIRST: u32 = 1;
}

/// Capability bits of the hello.
pub mod capability {
    /// Layers can be observed.
    pub const OBSERVER: u32 = 1;
}

/// Flags of a tensor.
pub mod tensor_flag {
    /// A model input.
    pub const INPUT: u32 = 1;
    /// A model output.
    pub const OUTPUT: u32 = 2;
    /// Neither.
    pub const INTERNAL: u32 = 4;
    /// The last of a group.
    pub const LAST: u32 = 256;
    /// Described without bytes.
    pub const NO_DATA: u32 = 512;
}

/// Flags of an operator, in its type word.
pub mod operator_flag {
    /// A step of the network, not the whole inference.
    pub const INTERNAL: u32 = 1 << 24;
    /// The last step.
    pub const LAST: u32 = 2 << 24;
    /// No tensors follow.
    pub const WITHOUT_TENSOR: u32 = 4 << 24;
}

/// Data-format words: bits 13 to 7 width, 20 to 17 type, 23 sign, 24 float.
pub mod format {
    /// IEEE single precision.
    pub const F32: u32 = 0x0182_1040;
    /// Signed 8 bit.
    pub const I8: u32 = 0x0084_0440;
    /// Unsigned 8 bit.
    pub const U8: u32 = 0x0004_0440;
    /// Signed 16 bit.
    pub const I16: u32 = 0x0084_0840;
    /// Unsigned 16 bit.
    pub const U16: u32 = 0x0004_0840;
    /// Signed 32 bit.
    pub const I32: u32 = 0x0084_1040;
}

/// Runtime word: runtime id in bits 7 to 0, kind of API in 15 to 8, toolchain in 23 to 16.
pub const RUNTIME: u32 = 1 | 1 << 8 | 1 << 16;
