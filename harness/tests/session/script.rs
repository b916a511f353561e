//! A board that follows a script: it says what a sound board says, unless a test changes one answer.

use std::time::{Duration, Instant};

use hilbench::link::memory::{MemoryLink, pair};
use hilbench::link::{Link, LinkError};
use hilbench::proto::packet::{NEXT, PACKET, PAYLOAD};
use hilbench::proto::{
    Ack, Command, Data, Hello, Log, NetworkInfo, Operator, Payload, Request, Response, SystemInfo, Tensor,
    TensorDescription, operator_flag, seal, state, tensor_flag,
};
use prost::Message;

/// Where in a dialogue an answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Hello,
    SystemInfo,
    Network,
    NoMoreNetworks,
    Request,
    Input,
    Results,
}

/// One thing that the board sends.
#[derive(Clone, Debug)]
pub enum Say {
    /// A message under the id of the request, with a seal. A log line is followed by waiting for its acknowledgement.
    Message(Response),
    /// A message as it is, without a seal.
    Bare(Response),
    /// Bytes of a message, before they are cut into packets.
    Encoded(Vec<u8>),
    /// Bytes on the wire.
    Raw(Vec<u8>),
}

/// The input that the board takes.
pub const INPUT: [u8; 40] = [9; 40];
/// The outputs that the board gives.
pub const OUTPUTS: [&[u8]; 2] = [&[1, 2, 3], &[4; 40]];

pub fn answer(state: u32, payload: Payload) -> Say {
    Say::Message(Response { state, payload: Some(payload), ..Response::default() })
}

pub fn ack(state: u32, error: u32) -> Say {
    answer(state, Payload::Ack(Ack { param: 0, error }))
}

pub fn log(text: &str) -> Say {
    answer(state::PROCESSING, Payload::Log(Log { level: 1, text: text.into() }))
}

pub fn description(name: &str, bytes: usize, flags: u32) -> TensorDescription {
    TensorDescription {
        name: name.into(),
        format: hilbench_wire::format::I8,
        elements: bytes as u32,
        rank: 2,
        dims: vec![1, bytes as u32],
        flags,
        ..TensorDescription::default()
    }
}

pub fn tensor(name: &str, bytes: &[u8], flags: u32) -> Tensor {
    let data = Data { size: bytes.len() as u32, bytes: bytes.into(), ..Data::default() };
    Tensor { description: description(name, bytes.len(), flags), data }
}

pub fn network() -> NetworkInfo {
    NetworkInfo {
        name: "net".into(),
        nodes: 1,
        input_count: 1,
        inputs: vec![description("in", INPUT.len(), 0)],
        output_count: 2,
        outputs: vec![description("out_0", OUTPUTS[0].len(), 0), description("out_1", OUTPUTS[1].len(), 0)],
        activations: vec![description("arena", 2000, 0)],
        activation_count: 1,
        plan_digest: Some("abc".into()),
        boot_nonce: Some(5),
        ..NetworkInfo::default()
    }
}

pub fn step() -> Operator {
    let kind = operator_flag::INTERNAL | operator_flag::LAST;
    Operator { name: "CONV_2D".into(), kind, counters: vec![7, 1], ..Operator::default() }
}

pub fn total() -> Operator {
    Operator { name: "net".into(), counters: vec![9, 1], ..Operator::default() }
}

/// What a sound board says there.
fn sound(at: At) -> Vec<Say> {
    match at {
        At::Hello => {
            vec![answer(state::IDLE, Payload::Hello(Hello { version: 0x0301, ..Hello::default() }))]
        }
        At::SystemInfo => vec![answer(state::IDLE, Payload::SystemInfo(SystemInfo::default()))],
        At::Network => vec![answer(state::IDLE, Payload::NetworkInfo(network()))],
        At::NoMoreNetworks => vec![ack(state::ERROR, 4)],
        At::Request => vec![ack(state::WAITING, 0)],
        At::Input => vec![ack(state::PROCESSING, 0)],
        At::Results => vec![
            answer(state::PROCESSING, Payload::Operator(step())),
            answer(state::PROCESSING, Payload::Tensor(tensor("inner", &[5; 70], tensor_flag::LAST))),
            answer(state::PROCESSING, Payload::Operator(total())),
            answer(state::PROCESSING, Payload::Tensor(tensor("out_0", OUTPUTS[0], 0))),
            answer(state::DONE, Payload::Tensor(tensor("out_1", OUTPUTS[1], tensor_flag::LAST))),
        ],
    }
}

/// A message from the board as it goes over the wire.
pub fn packets(message: &[u8]) -> Vec<u8> {
    let count = message.len().div_ceil(PAYLOAD).max(1);
    let mut bytes = Vec::new();
    for n in 0..count {
        let piece = &message[n * PAYLOAD..message.len().min((n + 1) * PAYLOAD)];
        bytes.push(piece.len() as u8 | if n + 1 == count { 0x80 } else { 0 });
        bytes.extend_from_slice(piece);
        bytes.resize((n + 1) * PACKET, 0);
    }
    bytes
}

struct Board<F> {
    link: MemoryLink,
    request_id: u32,
    change: F,
}

fn never() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

impl<F: FnMut(At, &mut Vec<Say>)> Board<F> {
    fn byte(&mut self) -> Result<u8, LinkError> {
        let mut byte = [0];
        self.link.receive(&mut byte, never())?;
        Ok(byte[0])
    }

    /// The rest of a packet of which the first byte was taken.
    fn packet(&mut self, useful: u8, message: &mut Vec<u8>) -> Result<(), LinkError> {
        for n in 0..PAYLOAD {
            let byte = self.byte()?;
            if n < usize::from(useful) {
                message.push(byte);
            }
        }
        Ok(())
    }

    /// A message of the host without its length, whose seal must fit.
    fn message(&mut self) -> Result<Vec<u8>, LinkError> {
        let mut useful = 0;
        while useful == 0 {
            useful = self.byte()?;
        }
        let mut message = Vec::new();
        self.packet(useful, &mut message)?;
        loop {
            let mut rest = message.as_slice();
            let length = prost::decode_length_delimiter(&mut rest).expect("a length");
            if rest.len() == length {
                assert!(seal::fits(rest), "{rest:?}");
                return Ok(rest.to_vec());
            }
            self.link.send(&[NEXT], never())?;
            let useful = self.byte()?;
            self.packet(useful, &mut message)?;
        }
    }

    fn say(&mut self, at: At) -> Result<(), LinkError> {
        let mut all = sound(at);
        (self.change)(at, &mut all);
        for say in all {
            let under_id = |r: Response| Response { request_id: r.request_id.wrapping_add(self.request_id), ..r };
            let (bytes, wait) = match say {
                Say::Message(response) => {
                    let wait = matches!(response.payload, Some(Payload::Log(_)));
                    (packets(&seal::close(under_id(response).encode_to_vec())), wait)
                }
                Say::Bare(response) => (packets(&under_id(response).encode_to_vec()), false),
                Say::Encoded(message) => (packets(&message), false),
                Say::Raw(bytes) => (bytes, false),
            };
            self.link.send(&bytes, never())?;
            if wait {
                let ack = self.message()?;
                assert!(Ack::decode(ack.as_slice()).is_ok_and(|a| a.error == 0), "{ack:?}");
            }
        }
        Ok(())
    }

    fn serve(&mut self) -> Result<(), LinkError> {
        loop {
            let message = self.message()?;
            let request = Request::decode(message.as_slice()).expect("a request");
            self.request_id = request.request_id;
            match request.command {
                c if c == Command::Sync as u32 => self.say(At::Hello)?,
                c if c == Command::SystemInfo as u32 => self.say(At::SystemInfo)?,
                c if c == Command::NetworkInfo as u32 && request.param == 0 => self.say(At::Network)?,
                c if c == Command::NetworkInfo as u32 => self.say(At::NoMoreNetworks)?,
                _ => {
                    self.say(At::Request)?;
                    let data = Data::decode(self.message()?.as_slice()).expect("data");
                    assert_eq!(data.bytes, INPUT);
                    self.say(At::Input)?;
                    self.message()?;
                    self.say(At::Results)?;
                }
            }
        }
    }
}

/// Starts a board that `change`s what a sound one would say. The thread ends with the link, or with a panic that
/// closes it.
pub fn start(change: impl FnMut(At, &mut Vec<Say>) + Send + 'static) -> MemoryLink {
    let (host, link) = pair();
    std::thread::spawn(move || Board { link, request_id: 0, change }.serve());
    host
}
