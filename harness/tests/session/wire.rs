//! The device's hand-written messages against definitions that a library encodes and decodes: the same values both
//! ways, required fields present even when zero, and no bytes that make either end panic.

use hilbench::proto::{
    self, Ack, Data, Hello, Log, Payload, Request, Response, SystemInfo, Tensor, TensorDescription, packet, seal,
};
use hilbench_wire::decode::{self, Error, Source};
use hilbench_wire::encode::{self, Head, Tensors};
use hilbench_wire::packet::{PACKET, Packets};
use prost::Message;

use crate::random::Random;

/// A message that lies in memory.
struct Slice<'a>(&'a [u8]);

impl Source for Slice<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let (now, rest) = self.0.split_at_checked(into.len()).ok_or(Error::Truncated)?;
        into.copy_from_slice(now);
        self.0 = rest;
        Ok(())
    }

    fn remaining(&self) -> usize {
        self.0.len()
    }
}

/// What the device puts on the wire, put together by the host's assembler.
fn sent(head: Head, payload: &encode::Payload<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut packets = Packets::new(|packet: &[u8; PACKET]| bytes.extend_from_slice(packet));
    encode::response(&mut packets, head, payload);
    packets.end();
    let mut assembler = packet::Assembler::default();
    let steps: Vec<_> =
        bytes.iter().map(|&b| assembler.push(b, usize::MAX)).filter(|s| *s != packet::Step::Taken).collect();
    let [packet::Step::Message(message)] = steps.as_slice() else { panic!("one message: {steps:?}") };
    message.clone()
}

fn head(random: &mut Random) -> Head {
    let index = (random.below(4) > 0).then(|| random.word());
    Head { request_id: random.word(), index, state: random.below(5) as u32 }
}

/// The device's message decodes to exactly this, and has no byte that this has not, but for the order of fields.
#[track_caller]
fn check(head: Head, device: &encode::Payload<'_>, expect: Payload) {
    let message = sent(head, device);
    let got = Response::decode(message.as_slice()).expect("the device encodes well");
    assert!(seal::fits(&message));
    let expect = Response {
        request_id: head.request_id,
        state: head.state,
        payload: Some(expect),
        index: head.index,
        seal: got.seal,
    };
    assert_eq!(got, expect);
    assert!(got.seal.is_some());
    // A required field left out would decode as zero all the same: the length shows that none was.
    assert_eq!(message.len(), expect.encoded_len(), "{got:?}");
}

fn name(random: &mut Random) -> String {
    let length = random.below(64);
    (0..length).map(|_| (b'a' + random.below(26) as u8) as char).collect()
}

/// A tensor of the device, and its description as the host has it.
struct Described {
    name: String,
    dims: Vec<u32>,
    words: [u32; 3],
    scale: f32,
    zero_point: i32,
}

impl Described {
    fn new(random: &mut Random) -> Self {
        let dims = (0..random.below(6)).map(|_| random.word()).collect();
        let scale = if random.below(4) == 0 { 0.0 } else { random.word() as f32 / 512.0 };
        let words = [random.word(), random.word(), random.word()];
        Described { name: name(random), dims, words, scale, zero_point: random.word() as i32 }
    }

    fn device(&self) -> encode::Tensor<'_> {
        encode::Tensor {
            name: &self.name,
            format: self.words[0],
            elements: self.words[1],
            dims: &self.dims,
            scale: self.scale,
            zero_point: self.zero_point,
            flags: self.words[2],
        }
    }

    fn host(&self) -> TensorDescription {
        TensorDescription {
            name: self.name.clone(),
            format: self.words[0],
            elements: self.words[1],
            rank: self.dims.len() as u32,
            dims: self.dims.clone(),
            scale: self.scale,
            zero_point: self.zero_point,
            address: 0,
            flags: self.words[2],
        }
    }
}

struct Group(Vec<Described>);

impl Tensors for Group {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> encode::Tensor<'_> {
        self.0[index].device()
    }
}

const ROUNDS: usize = 500;

#[test]
fn short_messages_of_the_device_decode_to_the_same_values() {
    let mut random = Random(1);
    for round in 0..ROUNDS {
        // The first round is all zeros.
        let mut word = || if round == 0 { 0 } else { random.word() };
        let [a, b, c, d] = [word(), word(), word(), word()];
        let head = if round == 0 { Head { request_id: 0, index: Some(0), state: 0 } } else { head(&mut random) };
        let hello = Hello {
            version: hilbench_wire::VERSION,
            capability: a,
            runtime: hilbench_wire::RUNTIME,
            frame_payload: Some(hilbench_wire::frame::PAYLOAD as u32),
            frame_window: Some(hilbench_wire::frame::WINDOW as u32),
        };
        check(head, &encode::Payload::Hello { capability: a }, Payload::Hello(hello));
        let chip = SystemInfo { device_id: a, core_clock: b, bus_clock: c, cache: d, extra: Vec::new() };
        let device = encode::Payload::SystemInfo { device_id: a, core_clock: b, bus_clock: c, cache: d };
        check(head, &device, Payload::SystemInfo(chip));
        check(head, &encode::Payload::Ack { param: a, error: b }, Payload::Ack(Ack { param: a, error: b }));
        let text = if round == 0 { String::new() } else { name(&mut random).repeat(2) };
        check(
            head,
            &encode::Payload::Log(text.as_bytes()),
            Payload::Log(Log { level: 1, text: text.clone().into_bytes() }),
        );
    }
}

#[test]
fn operators_of_the_device_decode_to_the_same_values() {
    let mut random = Random(2);
    for round in 0..ROUNDS {
        let mut word = || if round == 0 { 0 } else { random.word() };
        let [kind, id, low, high, unit, stack, milli] = [word(), word(), word(), word(), word(), word(), word()];
        let (name, duration) = (name(&mut random), milli as f32 / 8.0);
        let device = encode::Operator {
            name: &name,
            kind,
            id,
            duration,
            count: u64::from(low) | u64::from(high) << 32,
            unit,
            stack_high_water: stack,
        };
        let host = proto::Operator {
            name: name.clone(),
            kind,
            id,
            duration,
            counter_type: 0,
            counters: vec![low, high],
            stack_used: -1,
            heap_used: -1,
            counter_unit: Some(unit),
            stack_high_water: Some(stack).filter(|&s| s != 0),
        };
        check(head(&mut random), &encode::Payload::Operator(device), Payload::Operator(host));
    }
}

#[test]
fn tensors_of_the_device_decode_to_the_same_values() {
    let mut random = Random(3);
    for round in 0..ROUNDS {
        let tensor = Described::new(&mut random);
        let length = if round < 140 { round } else { random.below(3000) };
        let bytes = random.bytes(length);
        let data = Data { kind: 0, size: length as u32, address: 0, bytes: bytes.clone() };
        let host = Tensor { description: tensor.host(), data };
        check(head(&mut random), &encode::Payload::Tensor(tensor.device(), &bytes), Payload::Tensor(host));
    }
}

#[test]
fn networks_of_the_device_decode_to_the_same_values() {
    let mut random = Random(4);
    for _ in 0..ROUNDS {
        let mut group = || Group((0..random.below(4)).map(|_| Described::new(&mut random)).collect());
        let (inputs, outputs) = (group(), group());
        let (name, digest) = (name(&mut random), hex::encode(random.bytes(32)));
        let network = encode::Network {
            name: &name,
            digest: &digest,
            macs: random.next() >> random.below(64),
            nodes: random.word(),
            activation_bytes: random.word(),
            constant_bytes: random.word(),
            boot_nonce: random.word(),
        };
        let area = |name: &str, size: u32| TensorDescription {
            name: name.into(),
            format: hilbench_wire::format::U8,
            elements: size,
            rank: 2,
            dims: vec![1, size],
            ..TensorDescription::default()
        };
        let host = proto::NetworkInfo {
            name: name.clone(),
            runtime: hilbench_wire::RUNTIME,
            signature: digest[..32].into(),
            compile_datetime: "-".into(),
            runtime_version: 0x0001_0000,
            tool_version: 0x0001_0000,
            macs: network.macs,
            nodes: network.nodes,
            input_count: inputs.0.len() as u32,
            inputs: inputs.0.iter().map(Described::host).collect(),
            output_count: outputs.0.len() as u32,
            outputs: outputs.0.iter().map(Described::host).collect(),
            activation_count: 1,
            activations: vec![area("arena", network.activation_bytes)],
            param_count: 1,
            params: vec![area("constants", network.constant_bytes)],
            runtime_description: "hilbench 0".into(),
            plan_digest: Some(digest.clone()),
            boot_nonce: Some(network.boot_nonce).filter(|&n| n != 0),
        };
        let device = encode::Payload::Network { network, inputs: &inputs, outputs: &outputs };
        check(head(&mut random), &device, Payload::NetworkInfo(host));
    }
}

fn request(random: &mut Random) -> Request {
    Request {
        request_id: random.word(),
        command: random.word(),
        param: random.word(),
        name: name(random),
        option: random.word(),
    }
}

/// The message as both kinds of host send it: without a seal, and with one.
fn both(message: &impl Message) -> [(Vec<u8>, bool); 2] {
    [(message.encode_to_vec(), false), (seal::close(message.encode_to_vec()), true)]
}

#[test]
fn messages_of_the_host_decode_on_the_device() {
    let mut random = Random(5);
    for round in 0..ROUNDS {
        let request = if round == 0 { Request::default() } else { request(&mut random) };
        for (bytes, sealed) in both(&request) {
            let got = decode::request(&mut Slice(&bytes)).expect("a sound request");
            assert_eq!((got.id, got.command), (request.request_id, request.command));
            assert_eq!((got.param, got.option, got.sealed), (request.param, request.option, sealed));
            assert_eq!(&got.name.0.as_flattened()[..got.name.1], request.name.as_bytes());
            assert!(got.is_for(&request.name));
            assert_eq!(got.is_for("other"), request.name.is_empty());
        }
        let bytes = random.bytes(round);
        let data = Data { kind: random.word(), size: round as u32, address: random.word(), bytes: bytes.clone() };
        for (message, sealed) in both(&data) {
            let mut room = vec![0; round + round % 3];
            let got = decode::data(&mut Slice(&message), &mut room);
            assert_eq!(got, Ok(decode::Data { bytes: round, sealed }));
            assert_eq!(room[..round], bytes);
        }
        for (message, sealed) in both(&Ack { param: random.word(), error: random.word() }) {
            assert_eq!(decode::ack(&mut Slice(&message)), Ok(sealed));
        }
    }
}

#[test]
fn packets_of_the_host_are_a_length_and_the_message() {
    for length in (0..200).chain([16_383, 16_384, 100_000]) {
        let message = Random(length as u64).bytes(length);
        let packets = packet::cut(&message);
        let joined: Vec<u8> = packets.iter().flat_map(|p| p[1..=usize::from(p[0])].to_vec()).collect();
        let mut rest = joined.as_slice();
        assert_eq!(prost::decode_length_delimiter(&mut rest), Ok(length));
        assert_eq!(rest, message);
        let full = packets.iter().rev().skip(1).all(|p| p[0] == 32);
        assert!(full && packets.iter().all(|p| (1..=32).contains(&p[0])), "{length}");
    }
}

/// Anything at all, or a sound message with some bytes changed, added, taken away.
fn malformed(random: &mut Random) -> Vec<u8> {
    let mut bytes = match random.below(4) {
        0 => {
            let length = random.below(80);
            return random.bytes(length);
        }
        1 => request(random).encode_to_vec(),
        2 => {
            let length = random.below(60);
            seal::close(Data { size: 1, bytes: random.bytes(length), ..Data::default() }.encode_to_vec())
        }
        _ => {
            let tensor = Described::new(random);
            sent(head(random), &encode::Payload::Tensor(tensor.device(), &[7; 20]))
        }
    };
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len().max(1));
        match random.below(4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.insert(at.min(bytes.len()), random.next() as u8),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn malformed_bytes_are_an_error_and_never_a_panic() {
    let mut random = Random(6);
    let mut errors = 0;
    for _ in 0..10_000 {
        let bytes = malformed(&mut random);
        let mut room = [0; 40];
        errors += usize::from(decode::request(&mut Slice(&bytes)).is_err());
        errors += usize::from(decode::data(&mut Slice(&bytes), &mut room).is_err());
        errors += usize::from(decode::ack(&mut Slice(&bytes)).is_err());
        errors += usize::from(Response::decode(bytes.as_slice()).is_err());
        errors += usize::from(!seal::fits(&bytes));
        let mut assembler = packet::Assembler::default();
        for &byte in &bytes {
            assembler.push(byte, 64);
            assert!(assembler.taken() <= 3 * PACKET);
        }
    }
    assert!(errors > 20_000, "{errors} of 50,000 were errors");
}

#[test]
fn a_sealed_message_with_any_damage_is_refused() {
    let mut random = Random(7);
    let (mut refused, mut unsealed) = (0, 0);
    for _ in 0..2000 {
        let mut bytes = seal::close(request(&mut random).encode_to_vec());
        let bit = random.below(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        match decode::request(&mut Slice(&bytes)) {
            Err(_) => refused += 1,
            // The damage hides the seal: a device that has seen seals takes no message without.
            Ok(request) => {
                assert!(!request.sealed, "bit {bit} of {bytes:?}");
                unsealed += 1;
            }
        }
    }
    assert!(refused > 1500 && unsealed > 0, "{refused}, {unsealed}");
}
