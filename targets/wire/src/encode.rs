//! Writes a device's messages, field by field, into a [`Sink`]. A nested message is counted first, then written.

use crc::Digest;

use crate::packet::{Count, Sink};

/// A tensor's descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Name, at most 63 bytes of which are sent.
    pub name: &'a str,
    /// Data-format word, see [`crate::format`].
    pub format: u32,
    /// Number of elements.
    pub elements: u32,
    /// Dimensions, batch first.
    pub dims: &'a [u32],
    /// Scale, 0 for none.
    pub scale: f32,
    /// Zero point.
    pub zero_point: i32,
    /// See [`crate::tensor_flag`].
    pub flags: u32,
}

/// A step, or a whole inference.
#[derive(Clone, Copy, Debug)]
pub struct Operator<'a> {
    /// Name.
    pub name: &'a str,
    /// Flags and type, see [`crate::operator_flag`].
    pub kind: u32,
    /// Index of the operator in the model file.
    pub id: u32,
    /// Milliseconds by the board's clock.
    pub duration: f32,
    /// The counter.
    pub count: u64,
    /// 0 cycles, 1 instructions in emulation.
    pub unit: u32,
    /// Most bytes of stack in use so far; 0 where not measured.
    pub stack_high_water: u32,
}

/// A network.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    /// Name.
    pub name: &'a str,
    /// Digest of plan, kernels and toolchain.
    pub digest: &'a str,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// Number of steps.
    pub nodes: u32,
    /// Bytes of activations.
    pub activation_bytes: u32,
    /// Bytes of constants.
    pub constant_bytes: u32,
    /// A number that another start of the board would not repeat; 0 for none.
    pub boot_nonce: u32,
}

/// What a response carries.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// Answer to a sync.
    Hello {
        /// See [`crate::capability`].
        capability: u32,
    },
    /// The chip.
    SystemInfo {
        /// Device id.
        device_id: u32,
        /// Core clock in Hz.
        core_clock: u32,
        /// Bus clock in Hz.
        bus_clock: u32,
        /// Cache word.
        cache: u32,
    },
    /// Taken, or refused.
    Ack {
        /// Meaning depends on the dialogue.
        param: u32,
        /// See [`crate::error`].
        error: u32,
    },
    /// A line for people, UTF-8, at most 127 bytes of which are sent.
    Log(&'a [u8]),
    /// A step, or the whole inference.
    Operator(Operator<'a>),
    /// A tensor with its bytes, or without where it has the flag for that.
    Tensor(Tensor<'a>, &'a [u8]),
    /// A network with its inputs and outputs, which are fetched by index.
    Network {
        /// Facts.
        network: Network<'a>,
        /// Inputs.
        inputs: &'a dyn Tensors,
        /// Outputs.
        outputs: &'a dyn Tensors,
    },
}

/// Descriptors by index.
pub trait Tensors {
    /// How many there are.
    fn count(&self) -> usize;
    /// The descriptor with this index.
    fn get(&self, index: usize) -> Tensor<'_>;
}

const VARINT: u32 = 0;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

/// Passes bytes on, with a checksum of them.
struct Sealing<'a> {
    sink: &'a mut dyn Sink,
    checksum: Digest<'static, u32>,
}

impl Sink for Sealing<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.checksum.update(bytes);
        self.sink.put(bytes);
    }
}

/// What every response begins with.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The request that is answered.
    pub request_id: u32,
    /// Which answer to the request this is, from 0 on; `None` where that is not known.
    pub index: Option<u32>,
    /// See [`crate::state`].
    pub state: u32,
}

/// Writes a whole response, with its seal.
pub fn response(sink: &mut dyn Sink, head: Head, payload: &Payload<'_>) {
    let mut sealing = Sealing { sink, checksum: crate::CRC.digest() };
    unsealed(&mut sealing, head, payload);
    let seal = sealing.checksum.finalize();
    varint(sink, u64::from(crate::SEAL << 3 | FIXED32));
    sink.put(&seal.to_le_bytes());
}

fn unsealed(sink: &mut dyn Sink, head: Head, payload: &Payload<'_>) {
    uint(sink, 1, head.request_id);
    uint(sink, 2, head.state);
    match *payload {
        Payload::Hello { capability } => nested(sink, 10, &|s| {
            uint(s, 1, crate::VERSION);
            uint(s, 4, capability);
            uint(s, 5, crate::RUNTIME);
            uint(s, 100, crate::frame::PAYLOAD as u32);
            uint(s, 101, crate::frame::WINDOW as u32);
        }),
        Payload::SystemInfo { device_id, core_clock, bus_clock, cache } => nested(sink, 11, &|s| {
            uint(s, 1, device_id);
            uint(s, 2, core_clock);
            uint(s, 3, bus_clock);
            uint(s, 4, cache);
        }),
        Payload::Ack { param, error } => nested(sink, 12, &|s| {
            uint(s, 1, param);
            uint(s, 2, error);
        }),
        Payload::Log(text) => nested(sink, 13, &|s| {
            uint(s, 1, 1);
            bytes(s, 2, cut(text, 127));
        }),
        Payload::Operator(o) => nested(sink, 16, &|s| operator(s, &o)),
        Payload::Tensor(t, data) => nested(sink, 17, &|s| tensor(s, &t, data)),
        Payload::Network { network: n, inputs, outputs } => nested(sink, 22, &|s| network(s, &n, inputs, outputs)),
    }
    if let Some(index) = head.index {
        uint(sink, 101, index);
    }
}

fn operator(s: &mut dyn Sink, o: &Operator<'_>) {
    bytes(s, 1, cut(o.name.as_bytes(), 63));
    uint(s, 2, o.kind);
    uint(s, 3, o.id);
    float(s, 4, o.duration);
    uint(s, 5, 0);
    uint(s, 6, o.count as u32);
    uint(s, 6, (o.count >> 32) as u32);
    int(s, 7, -1);
    int(s, 8, -1);
    uint(s, 100, o.unit);
    if o.stack_high_water != 0 {
        uint(s, 101, o.stack_high_water);
    }
}

fn tensor(s: &mut dyn Sink, t: &Tensor<'_>, data: &[u8]) {
    nested(s, 1, &|s| descriptor(s, t));
    nested(s, 2, &|s| {
        uint(s, 1, 0);
        uint(s, 2, data.len() as u32);
        uint(s, 3, 0);
        bytes(s, 4, data);
    });
}

fn descriptor(s: &mut dyn Sink, t: &Tensor<'_>) {
    bytes(s, 1, cut(t.name.as_bytes(), 63));
    uint(s, 2, t.format);
    uint(s, 3, t.elements);
    uint(s, 4, t.dims.len() as u32);
    for &dim in t.dims {
        uint(s, 5, dim);
    }
    float(s, 6, t.scale);
    int(s, 7, t.zero_point);
    uint(s, 8, 0);
    uint(s, 9, t.flags);
}

fn network(s: &mut dyn Sink, n: &Network<'_>, inputs: &dyn Tensors, outputs: &dyn Tensors) {
    bytes(s, 1, cut(n.name.as_bytes(), 63));
    uint(s, 2, crate::RUNTIME);
    bytes(s, 3, cut(n.digest.as_bytes(), 32));
    bytes(s, 4, b"-");
    uint(s, 5, 0x0001_0000);
    uint(s, 6, 0x0001_0000);
    varint_field(s, 7, n.macs);
    uint(s, 8, n.nodes);
    for (count, field, tensors) in [(10, 11, inputs), (12, 13, outputs)] {
        uint(s, count, tensors.count() as u32);
        for i in 0..tensors.count() {
            nested(s, field, &|s| descriptor(s, &tensors.get(i)));
        }
    }
    for (count, field, name, size) in [(14, 15, "arena", n.activation_bytes), (16, 17, "constants", n.constant_bytes)] {
        uint(s, count, 1);
        let area = Tensor {
            name,
            format: crate::format::U8,
            elements: size,
            dims: &[1, size],
            scale: 0.0,
            zero_point: 0,
            flags: 0,
        };
        nested(s, field, &|s| descriptor(s, &area));
    }
    bytes(s, 20, b"hilbench 0");
    bytes(s, 100, n.digest.as_bytes());
    if n.boot_nonce != 0 {
        uint(s, 101, n.boot_nonce);
    }
}

/// The longest beginning of `text` within `limit` bytes that ends at a character. Of bytes: slicing a string brings
/// everything along that describes how it failed.
fn cut(text: &[u8], limit: usize) -> &[u8] {
    let continues = |i: usize| text.get(i).is_some_and(|byte| byte & 0xC0 == 0x80);
    let end = (0..=limit).rev().find(|&i| !continues(i)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

fn varint(sink: &mut dyn Sink, mut value: u64) {
    while value >= 0x80 {
        sink.put(&[value as u8 | 0x80]);
        value >>= 7;
    }
    sink.put(&[value as u8]);
}

fn varint_field(sink: &mut dyn Sink, field: u32, value: u64) {
    varint(sink, u64::from(field << 3 | VARINT));
    varint(sink, value);
}

fn uint(sink: &mut dyn Sink, field: u32, value: u32) {
    varint_field(sink, field, u64::from(value));
}

/// proto2 `int32`: negative values are sign-extended to ten bytes.
fn int(sink: &mut dyn Sink, field: u32, value: i32) {
    varint_field(sink, field, i64::from(value) as u64);
}

fn float(sink: &mut dyn Sink, field: u32, value: f32) {
    varint(sink, u64::from(field << 3 | FIXED32));
    sink.put(&value.to_le_bytes());
}

fn bytes(sink: &mut dyn Sink, field: u32, value: &[u8]) {
    varint(sink, u64::from(field << 3 | LENGTH));
    varint(sink, value.len() as u64);
    sink.put(value);
}

fn nested(sink: &mut dyn Sink, field: u32, body: &dyn Fn(&mut dyn Sink)) {
    let mut count = Count::default();
    body(&mut count);
    varint(sink, u64::from(field << 3 | LENGTH));
    varint(sink, count.0 as u64);
    body(sink);
}
