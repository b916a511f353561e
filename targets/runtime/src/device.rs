//! The dialogues: hello, chip, network, run. One request at a time; whatever arrives, the loop goes on.

use core::sync::atomic::{AtomicU32, Ordering};

use hilbench_wire::decode::{self, Error, Request};
use hilbench_wire::encode::{self, Head, Network, Operator, Payload, Tensors};
use hilbench_wire::{capability, command, error, format, operator_flag, run, run_option, state, tensor_flag};

use crate::line::{self, Frames, Line};
use crate::model::{Blind, ElementType, Model, Observer, TensorInfo};
use crate::{Board, Clock, Port};

/// The last request; a crash is reported under it, so that the host takes the report.
static REQUEST: AtomicU32 = AtomicU32::new(0);

/// Answers requests until the port is closed. `frames` is memory for sessions in frames.
pub fn serve(model: &mut dyn Model, port: &mut dyn Port, frames: &mut Frames, clock: &mut dyn Clock, board: &Board) {
    model.reset();
    let line = Line { port, frames };
    let mut device = Device { model, voice: Voice { line, request_id: 0, index: 0 }, clock, board, sealed: false };
    loop {
        match device.request() {
            Ok(()) => {}
            Err(Error::Closed) => return,
            Err(Error::Abandoned) => {}
            // The host hears of it and starts over; bytes that begin no packet are passed over until then.
            Err(Error::TooLong(length)) => device.acknowledge(state::ERROR, length as u32, error::INVALID_SIZE),
            Err(_) => device.acknowledge(state::ERROR, 0, error::INVALID_FORMAT),
        }
    }
}

/// Sends a line of UTF-8 to the host, from wherever the device got stuck.
pub fn crash(port: &mut dyn Port, line: &[u8]) {
    // How many answers there were is lost with the stack.
    let head = Head { request_id: REQUEST.load(Ordering::Relaxed), index: None, state: state::ERROR };
    line::last_words(port, head, line);
}

/// Says things under the request that is being answered, and numbers them.
struct Voice<'a> {
    line: Line<'a>,
    request_id: u32,
    index: u32,
}

impl Voice<'_> {
    fn say(&mut self, state: u32, payload: &Payload<'_>) {
        self.line.send(Head { request_id: self.request_id, index: Some(self.index), state }, payload);
        self.index = self.index.wrapping_add(1);
    }
}

struct Device<'a> {
    model: &'a mut dyn Model,
    voice: Voice<'a>,
    clock: &'a mut dyn Clock,
    board: &'a Board,
    /// The host seals its messages: one without is damaged.
    sealed: bool,
}

impl Device<'_> {
    fn acknowledge(&mut self, state: u32, param: u32, error: u32) {
        self.voice.say(state, &Payload::Ack { param, error });
    }

    /// Refuses a message without a seal from a host that seals.
    fn check_seal(&self, sealed: bool) -> Result<(), Error> {
        if self.sealed && !sealed { Err(Error::Damaged) } else { Ok(()) }
    }

    fn request(&mut self) -> Result<(), Error> {
        let mut message = self.voice.line.message()?;
        let is_packed = message.is_packed();
        let request = decode::request(&mut message);
        if is_packed && self.voice.line.is_framed() {
            // Only a hello leads out of a session; anything else that looks like a packet is noise.
            match request {
                Ok(request) if request.command == command::SYNC => self.voice.line.leave_frames(),
                _ => return Ok(()),
            }
        }
        let request = request?;
        if request.command == command::SYNC {
            self.sealed = request.sealed;
        }
        self.check_seal(request.sealed)?;
        (self.voice.request_id, self.voice.index) = (request.id, 0);
        REQUEST.store(request.id, Ordering::Relaxed);
        match request.command {
            command::SYNC => {
                self.voice.say(state::IDLE, &Payload::Hello { capability: capability::OBSERVER });
            }
            command::SYS_INFO => {
                let Board { device_id, core_clock, bus_clock, cache, .. } = *self.board;
                self.voice.say(state::IDLE, &Payload::SystemInfo { device_id, core_clock, bus_clock, cache });
            }
            command::NETWORK_INFO if request.param == 0 => self.describe(),
            command::NETWORK_INFO => self.acknowledge(state::ERROR, request.param, error::INVALID_PARAM),
            command::NETWORK_RUN => return self.run(&request),
            _ => self.acknowledge(state::ERROR, request.command, error::INVALID_CMD),
        }
        Ok(())
    }

    fn describe(&mut self) {
        let info = self.model.info();
        let network = Network {
            name: info.name,
            digest: info.digest,
            macs: info.macs,
            nodes: info.nodes.len() as u32,
            activation_bytes: info.arena_bytes,
            constant_bytes: info.constant_bytes,
            boot_nonce: self.board.boot_nonce,
        };
        let inputs = Group { tensors: info.inputs, flags: tensor_flag::INPUT };
        let outputs = Group { tensors: info.outputs, flags: tensor_flag::OUTPUT };
        self.voice.say(state::IDLE, &Payload::Network { network, inputs: &inputs, outputs: &outputs });
    }

    fn run(&mut self, request: &Request) -> Result<(), Error> {
        let info = self.model.info();
        if !request.is_for(info.name) {
            self.acknowledge(state::ERROR, 0, error::INVALID_PARAM);
            return Ok(());
        }
        let constant = request.param & run::CONST_VALUE != 0;
        if request.option & run_option::FIRST != 0 {
            self.model.reset();
        }
        self.acknowledge(state::WAITING, info.inputs.first().map_or(0, |t| t.bytes), error::NONE);
        for index in 0..info.inputs.len() {
            if !self.receive_input(index, constant)? {
                return Ok(());
            }
            let next = if index + 1 == info.inputs.len() { state::PROCESSING } else { state::WAITING };
            self.acknowledge(next, 0, error::NONE);
            let sealed = decode::ack(&mut self.voice.line.message()?)?;
            self.check_seal(sealed)?;
        }
        let observed = request.param & (run::PER_LAYER | run::PER_LAYER_WITH_DATA) != 0;
        let count = if observed {
            self.run_observed(request.param & run::PER_LAYER_WITH_DATA != 0)
        } else {
            let overhead = overhead(self.clock);
            let start = self.clock.now();
            self.model.run(&mut Blind);
            (self.clock.now() - start).saturating_sub(overhead)
        };
        let total = Operator {
            name: info.name,
            kind: 0,
            id: 0,
            duration: self.clock.milliseconds(count),
            count,
            unit: self.clock.unit() as u32,
            stack_high_water: (self.board.stack_high_water)(),
        };
        self.voice.say(state::PROCESSING, &Payload::Operator(total));
        for (index, tensor) in info.outputs.iter().enumerate() {
            let last = index + 1 == info.outputs.len();
            let flags = tensor_flag::OUTPUT | if last { tensor_flag::LAST } else { 0 };
            let state = if last { state::DONE } else { state::PROCESSING };
            let payload = Payload::Tensor(describe(tensor, flags), self.model.output(index));
            self.voice.say(state, &payload);
        }
        Ok(())
    }

    /// Answers whether the input is there; the host has been told if not.
    fn receive_input(&mut self, index: usize, constant: bool) -> Result<bool, Error> {
        let room = self.model.input(index);
        let data = decode::data(&mut self.voice.line.message()?, room)?;
        self.check_seal(data.sealed)?;
        let element = self.model.info().inputs[index].element.size();
        let room = self.model.input(index);
        if constant && data.bytes == element {
            for at in (element..room.len()).step_by(element) {
                room.copy_within(..element, at);
            }
        } else if data.bytes != room.len() {
            self.acknowledge(state::ERROR, data.bytes as u32, error::INVALID_SIZE);
            return Ok(false);
        }
        Ok(true)
    }

    fn run_observed(&mut self, with_data: bool) -> u64 {
        let overhead = overhead(self.clock);
        let nodes = self.model.info().nodes;
        let mut reporter =
            Reporter { voice: &mut self.voice, clock: self.clock, nodes, overhead, started: 0, total: 0, with_data };
        self.model.run(&mut reporter);
        reporter.total
    }
}

/// What two looks at the clock count by themselves.
fn overhead(clock: &mut dyn Clock) -> u64 {
    let start = clock.now();
    clock.now() - start
}

/// Sends each step as it is done; only the steps themselves are counted.
struct Reporter<'a, 'port> {
    voice: &'a mut Voice<'port>,
    clock: &'a mut dyn Clock,
    nodes: &'static [crate::model::NodeInfo],
    overhead: u64,
    started: u64,
    total: u64,
    with_data: bool,
}

impl Observer for Reporter<'_, '_> {
    fn before(&mut self, _node: usize) {
        self.started = self.clock.now();
    }

    fn after(&mut self, node: usize, outputs: &[&[u8]]) {
        let count = (self.clock.now() - self.started).saturating_sub(self.overhead);
        self.total += count;
        let info = &self.nodes[node];
        let last = if node + 1 == self.nodes.len() { operator_flag::LAST } else { 0 };
        let alone = if info.outputs.is_empty() { operator_flag::WITHOUT_TENSOR } else { 0 };
        let operator = Operator {
            name: info.name,
            kind: operator_flag::INTERNAL | last | alone,
            id: info.id,
            duration: self.clock.milliseconds(count),
            count,
            unit: self.clock.unit() as u32,
            stack_high_water: 0,
        };
        self.voice.say(state::PROCESSING, &Payload::Operator(operator));
        for (index, (tensor, bytes)) in info.outputs.iter().zip(outputs).enumerate() {
            let mut flags = tensor_flag::INTERNAL;
            if index + 1 == info.outputs.len() {
                flags |= tensor_flag::LAST;
            }
            let bytes = if self.with_data {
                *bytes
            } else {
                flags |= tensor_flag::NO_DATA;
                &[]
            };
            self.voice.say(state::PROCESSING, &Payload::Tensor(describe(tensor, flags), bytes));
        }
    }
}

struct Group {
    tensors: &'static [TensorInfo],
    flags: u32,
}

impl Tensors for Group {
    fn count(&self) -> usize {
        self.tensors.len()
    }

    fn get(&self, index: usize) -> encode::Tensor<'_> {
        describe(&self.tensors[index], self.flags)
    }
}

fn describe(tensor: &TensorInfo, flags: u32) -> encode::Tensor<'static> {
    encode::Tensor {
        name: tensor.name,
        format: match tensor.element {
            ElementType::F32 => format::F32,
            ElementType::I8 => format::I8,
            ElementType::U8 => format::U8,
            ElementType::I16 => format::I16,
            ElementType::U16 => format::U16,
            ElementType::I32 => format::I32,
        },
        elements: tensor.bytes / tensor.element.size() as u32,
        dims: tensor.dims,
        scale: tensor.scale,
        zero_point: tensor.zero_point,
        flags,
    }
}
