//! Firmware that is not this project's: it speaks the same protocol with no field of this project's own, and computes
//! something a little else. Answers in the protocol's words, put together here byte by byte from its messages.

use std::time::{Duration, Instant};

use hilbench::link::Link;
use hilbench::link::memory::{MemoryLink, pair};
use hilbench::proto::packet::{NEXT, PACKET, PAYLOAD};
use hilbench::proto::{
    Ack, Command, Data, Hello, NetworkInfo, Operator, Payload, Request, Response, SystemInfo, Tensor,
    TensorDescription, operator_flag, state, tensor_flag,
};
use hilbench_compiler::exec;
use hilbench_compiler::graph::DType;
use hilbench_compiler::qgraph::QGraph;
use hilbench_compiler::value::Value;
use prost::Message;

/// What other firmware does to each result of the reference: an operator's index and the bytes of its output.
pub type Arithmetic = fn(usize, &mut [u8]);

/// What it says of itself.
pub struct Firmware {
    pub graph: QGraph,
    pub arithmetic: Arithmetic,
    pub networks: Vec<NetworkInfo>,
}

fn describe(graph: &QGraph, tensor: usize, flags: u32) -> TensorDescription {
    let tensor = &graph.tensors[tensor];
    let format = match tensor.dtype {
        DType::I8 => hilbench_wire::format::I8,
        DType::F32 => hilbench_wire::format::F32,
        other => panic!("{other} is in no model of these tests"),
    };
    let (scale, zero_point) = hilbench::values::affine(tensor).unwrap_or_default();
    TensorDescription {
        name: tensor.name.clone(),
        format,
        elements: tensor.elements() as u32,
        rank: tensor.shape.len() as u32,
        dims: tensor.shape.iter().map(|&dim| dim as u32).collect(),
        scale,
        zero_point: zero_point as i32,
        flags,
        ..TensorDescription::default()
    }
}

/// A network as a generator of the protocol's makers describes it.
pub fn network(name: &str, graph: &QGraph) -> NetworkInfo {
    let tensors = |ids: &[usize], flags| ids.iter().map(|&t| describe(graph, t, flags)).collect::<Vec<_>>();
    NetworkInfo {
        name: name.into(),
        signature: "0xd1e5a3".into(),
        runtime_description: "other runtime 1.0".into(),
        nodes: graph.nodes.len() as u32,
        input_count: graph.inputs.len() as u32,
        inputs: tensors(&graph.inputs, hilbench_wire::tensor_flag::INPUT),
        output_count: graph.outputs.len() as u32,
        outputs: tensors(&graph.outputs, hilbench_wire::tensor_flag::OUTPUT),
        ..NetworkInfo::default()
    }
}

struct Board {
    link: MemoryLink,
    firmware: Firmware,
    request: u32,
}

/// The host has gone.
struct Gone;

impl Board {
    fn message(&mut self) -> Result<Vec<u8>, Gone> {
        let never = Instant::now() + Duration::from_secs(3600);
        let mut message = Vec::new();
        loop {
            let mut packet = [0; PACKET];
            let mut have = 0;
            while have < PACKET {
                have += self.link.receive(&mut packet[have..], never).map_err(|_| Gone)?;
                // Between messages zeros mean nothing.
                while message.is_empty() && have > 0 && packet[0] == 0 {
                    packet.rotate_left(1);
                    have -= 1;
                }
            }
            message.extend(&packet[1..=usize::from(packet[0])]);
            let mut rest = message.as_slice();
            let length = prost::decode_length_delimiter(&mut rest).expect("a length");
            if rest.len() == length {
                return Ok(rest.to_vec());
            }
            self.link.send(&[NEXT], never).map_err(|_| Gone)?;
        }
    }

    fn say(&mut self, state: u32, payload: Payload) -> Result<(), Gone> {
        let response = Response { request_id: self.request, state, payload: Some(payload), ..Response::default() };
        let message = response.encode_to_vec();
        let count = message.chunks(PAYLOAD).len();
        for (n, piece) in message.chunks(PAYLOAD).enumerate() {
            let mut packet = [0; PACKET];
            packet[0] = piece.len() as u8 | if n + 1 == count { 0x80 } else { 0 };
            packet[1..=piece.len()].copy_from_slice(piece);
            self.link.send(&packet, Instant::now() + Duration::from_secs(60)).map_err(|_| Gone)?;
        }
        Ok(())
    }

    fn serve(&mut self) -> Result<(), Gone> {
        loop {
            let request = Request::decode(self.message()?.as_slice()).expect("a request");
            self.request = request.request_id;
            match request.command {
                c if c == Command::Sync as u32 => {
                    self.say(state::IDLE, Payload::Hello(Hello { version: 0x0301, ..Hello::default() }))?;
                }
                c if c == Command::SystemInfo as u32 => {
                    let chip = SystemInfo { device_id: 0x450, core_clock: 480_000_000, ..SystemInfo::default() };
                    self.say(state::IDLE, Payload::SystemInfo(chip))?;
                }
                c if c == Command::NetworkInfo as u32 => match self.firmware.networks.get(request.param as usize) {
                    Some(network) => self.say(state::IDLE, Payload::NetworkInfo(network.clone()))?,
                    None => self.say(state::ERROR, Payload::Ack(Ack { param: 0, error: 4 }))?,
                },
                c if c == Command::NetworkRun as u32 => self.infer(&request)?,
                other => panic!("command {other}"),
            }
        }
    }

    fn infer(&mut self, request: &Request) -> Result<(), Gone> {
        const PER_LAYER_WITH_DATA: u32 = 4;
        self.say(state::WAITING, Payload::Ack(Ack::default()))?;
        let mut inputs = Vec::new();
        for left in (0..self.firmware.graph.inputs.len()).rev() {
            inputs.push(Data::decode(self.message()?.as_slice()).expect("data").bytes);
            let state = if left == 0 { state::PROCESSING } else { state::WAITING };
            self.say(state, Payload::Ack(Ack::default()))?;
            self.message()?;
        }
        let graph = &self.firmware.graph;
        let inputs: Vec<&[u8]> = inputs.iter().map(|bytes| &bytes[..]).collect();
        let values = exec::run_reference(graph, &inputs);
        // Each operator's own result is a little else; what comes after does not see it.
        let bytes = |node: usize, t: usize| {
            let mut bytes = values[t].as_ref().map_or(&[][..], Value::as_bytes).to_vec();
            (self.firmware.arithmetic)(node, &mut bytes);
            bytes
        };
        let mut answers = Vec::new();
        if request.param & PER_LAYER_WITH_DATA != 0 {
            for node in &graph.nodes {
                let operator = Operator {
                    name: "op".into(),
                    kind: operator_flag::INTERNAL,
                    id: node.index as u32,
                    counters: vec![5, 0],
                    ..Operator::default()
                };
                answers.push((state::PROCESSING, Payload::Operator(operator)));
                let t = node.outputs[0];
                answers.push((state::PROCESSING, tensor(graph, t, bytes(node.index, t), tensor_flag::LAST)));
            }
        }
        let whole = Operator { name: request.name.clone(), counters: vec![50, 0], ..Operator::default() };
        answers.push((state::PROCESSING, Payload::Operator(whole)));
        for (k, &t) in graph.outputs.iter().enumerate() {
            let last = k + 1 == graph.outputs.len();
            let by = graph.nodes.iter().find(|node| node.outputs.contains(&t)).map_or(0, |node| node.index);
            let flags = hilbench_wire::tensor_flag::OUTPUT | if last { tensor_flag::LAST } else { 0 };
            let state = if last { state::DONE } else { state::PROCESSING };
            answers.push((state, tensor(graph, t, bytes(by, t), flags)));
        }
        answers.into_iter().try_for_each(|(state, payload)| self.say(state, payload))
    }
}

fn tensor(graph: &QGraph, t: usize, bytes: Vec<u8>, flags: u32) -> Payload {
    let data = Data { size: bytes.len() as u32, bytes, ..Data::default() };
    Payload::Tensor(Tensor { description: describe(graph, t, flags), data })
}

/// Starts a board on a thread that ends with the link.
pub fn start(firmware: Firmware) -> MemoryLink {
    let (host, link) = pair();
    std::thread::spawn(move || Board { link, firmware, request: 0 }.serve().is_ok());
    host
}
