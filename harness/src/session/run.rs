//! One inference on the board: inputs out, steps and outputs in, each checked for being what the board announced.

use std::time::Duration;

use super::channel::Step;
use super::{Cause, DataType, NetworkInfo, Result, Session, SessionError, TensorInfo};
use crate::proto::{
    Command, Mode, Operator, Payload, Request, Tensor, error as code, operator_flag, state, tensor_flag,
};

/// Tensors that one step may have.
const MAX_TENSORS: usize = 64;
/// Bytes a second below which a link is too slow; data that comes extends the deadline at this pace.
const SLOWEST: f64 = 1000.0;

/// What an inference gave.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Outputs in the network's order.
    pub outputs: Vec<TensorData>,
    /// Steps in execution order; empty for [`Mode::IoOnly`].
    pub nodes: Vec<NodeResult>,
    /// What the whole inference took.
    pub count: Option<u64>,
    /// What `count` counts.
    pub unit: CounterUnit,
    /// Duration in milliseconds, as the board sees it.
    pub duration_ms: f32,
    /// Most bytes of stack in use so far.
    pub stack_high_water: Option<u32>,
}

/// A step of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeResult {
    /// Operator name.
    pub name: String,
    /// Index of the operator in the model file.
    pub id: u32,
    /// What the step took.
    pub count: Option<u64>,
    /// What `count` counts.
    pub unit: CounterUnit,
    /// What it wrote; without bytes unless they were asked for.
    pub tensors: Vec<TensorData>,
}

/// A tensor with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorData {
    /// What it is.
    pub info: TensorInfo,
    /// Its bytes, little endian; `None` where only timing was asked for.
    pub bytes: Option<Vec<u8>>,
}

/// What a counter counts. Figures of different units never meet in one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterUnit {
    /// Core clock cycles.
    Cycles,
    /// Instructions, counted by an emulator.
    Instructions,
    /// A unit that is not known here.
    Other(u32),
}

impl CounterUnit {
    fn of(operator: &Operator) -> Self {
        match operator.counter_unit.unwrap_or(operator.counter_type & 0xFFFF) {
            0 => CounterUnit::Cycles,
            1 => CounterUnit::Instructions,
            other => CounterUnit::Other(other),
        }
    }
}

impl Session {
    /// Runs the network once, as the first sample of a sequence.
    ///
    /// # Errors
    /// Inputs of the wrong number or size; anything that goes wrong on the way, see [`Cause`].
    pub fn run(&mut self, inputs: &[&[u8]], mode: Mode) -> Result<RunResult> {
        self.run_in_sequence(inputs, mode, true)
    }

    /// Runs the network once: states start anew if the sample is the `first`, and are what the run before left if not.
    ///
    /// # Errors
    /// As for [`Session::run`].
    pub fn run_in_sequence(&mut self, inputs: &[&[u8]], mode: Mode, first: bool) -> Result<RunResult> {
        let network = self.network().cloned().ok_or_else(|| self.no_network())?;
        self.check_inputs(&network, inputs)?;
        if self.adrift {
            self.reconnect()?;
        }
        let result = self.infer(&network, inputs, mode, first);
        self.adrift = result.is_err();
        result
    }

    fn no_network(&self) -> SessionError {
        self.channel.fail("run", Cause::Board("the board has no network".into()))
    }

    fn check_inputs(&self, network: &NetworkInfo, inputs: &[&[u8]]) -> Result<()> {
        let fail = |reason| Err(self.channel.fail("run", Cause::Input(reason)));
        if inputs.len() != network.inputs.len() {
            return fail(format!("{} given, `{}` takes {}", inputs.len(), network.name, network.inputs.len()));
        }
        match inputs.iter().zip(&network.inputs).find(|(given, info)| given.len() != info.bytes) {
            Some((given, info)) => fail(format!("`{}` has {} bytes, {} given", info.name, info.bytes, given.len())),
            None => Ok(()),
        }
    }

    fn infer(&mut self, network: &NetworkInfo, inputs: &[&[u8]], mode: Mode, first: bool) -> Result<RunResult> {
        let mut step = Step::new("run request", self.timeouts.request);
        let request = Request {
            command: Command::NetworkRun as u32,
            param: mode.bit(),
            name: network.name.clone(),
            option: u32::from(first),
            ..Request::default()
        };
        self.channel.request(request, &mut step)?;
        self.expect_ack("run request", state::WAITING, &mut step)?;
        for (index, input) in inputs.iter().enumerate() {
            self.send_input(index, input, index + 1 == inputs.len())?;
        }
        self.collect(network, mode)
    }

    fn send_input(&mut self, index: usize, input: &[u8], last: bool) -> Result<()> {
        let name = format!("input {index}");
        let mut step = Step::new(&name, self.timeouts.packet);
        self.channel.data(input, &mut step, self.timeouts.packet)?;
        let mut step = Step::new(&name, self.timeouts.request);
        self.expect_ack(&name, if last { state::PROCESSING } else { state::WAITING }, &mut step)?;
        self.channel.acknowledge(&mut step)
    }

    fn expect_ack(&mut self, name: &str, expect: u32, step: &mut Step) -> Result<()> {
        match self.channel.receive(step)? {
            (got, Payload::Ack(ack)) if got == expect && ack.error == code::NONE => Ok(()),
            (got, Payload::Ack(ack)) if ack.error == code::NONE => {
                let reason = format!("the board is in state {got}, expected {expect}");
                Err(self.channel.fail(name, Cause::Protocol(reason)))
            }
            (_, other) => Err(self.channel.unexpected(name, &other)),
        }
    }

    /// Steps and their tensors, the whole inference, the outputs.
    fn collect(&mut self, network: &NetworkInfo, mode: Mode) -> Result<RunResult> {
        let mut step = Step::new("inference", self.timeouts.run);
        let mut nodes: Vec<NodeResult> = Vec::new();
        let total = loop {
            match self.channel.receive(&mut step)? {
                (_, Payload::Operator(operator)) if operator.kind & operator_flag::INTERNAL == 0 => {
                    // Other firmware may count and observe different things.
                    if mode != Mode::IoOnly && network.digest.is_some() && nodes.len() != network.nodes as usize {
                        return Err(self.surplus(&format!("{} of {} steps", nodes.len(), network.nodes)));
                    }
                    break operator;
                }
                (_, Payload::Operator(operator)) => {
                    if nodes.len() == network.nodes as usize {
                        return Err(self.surplus(&format!("more than the {} announced steps", nodes.len())));
                    }
                    nodes.push(node(&operator));
                }
                (_, Payload::Tensor(tensor)) => {
                    let tensor = self.check_tensor(tensor, &mut step)?;
                    match nodes.last_mut() {
                        Some(node) if node.tensors.len() < MAX_TENSORS => node.tensors.push(tensor),
                        Some(_) => return Err(self.surplus("tensors of one step without end")),
                        None => return Err(self.surplus("a tensor before the first step")),
                    }
                }
                (_, other) => return Err(self.channel.unexpected("inference", &other)),
            }
        };
        let outputs = self.outputs(network, &mut step)?;
        Ok(RunResult {
            outputs,
            nodes,
            count: first_counter(&total),
            unit: CounterUnit::of(&total),
            duration_ms: total.duration,
            stack_high_water: total.stack_high_water.or(u32::try_from(total.stack_used).ok()),
        })
    }

    fn outputs(&mut self, network: &NetworkInfo, step: &mut Step) -> Result<Vec<TensorData>> {
        let mut outputs = Vec::new();
        for (index, expect) in network.outputs.iter().enumerate() {
            let (state, tensor) = match self.channel.receive(step)? {
                (state, Payload::Tensor(tensor)) => (state, tensor),
                (_, other) => return Err(self.channel.unexpected("outputs", &other)),
            };
            let flags = tensor.description.flags;
            let tensor = self.check_tensor(tensor, step)?;
            let last = index + 1 == network.outputs.len();
            if tensor.info.name != expect.name
                || tensor.info.data_type != expect.data_type
                || tensor.info.bytes != expect.bytes
                || tensor.bytes.is_none()
            {
                return Err(self.surplus(&format!(
                    "output {index} as `{}` ({} bytes), announced as `{}` ({} bytes)",
                    tensor.info.name, tensor.info.bytes, expect.name, expect.bytes
                )));
            }
            if last != (state == state::DONE || flags & tensor_flag::LAST != 0) {
                return Err(self.surplus(&format!("output {index} of {} as the last", network.outputs.len())));
            }
            outputs.push(tensor);
        }
        Ok(outputs)
    }

    /// The tensor, if it has the bytes that it says.
    fn check_tensor(&mut self, tensor: Tensor, step: &mut Step) -> Result<TensorData> {
        let (description, data) = (tensor.description, tensor.data);
        let without_data = description.flags & tensor_flag::NO_DATA != 0;
        let info = TensorInfo::try_from(description).map_err(|reason| self.surplus(&reason))?;
        if without_data {
            return Ok(TensorData { info, bytes: None });
        }
        step.extend(Duration::from_secs_f64(data.bytes.len() as f64 / SLOWEST));
        if data.bytes.len() != info.bytes && !matches!(info.data_type, DataType::Other(_)) {
            let reason = format!("`{}` with {} bytes instead of {}", info.name, data.bytes.len(), info.bytes);
            return Err(self.surplus(&reason));
        }
        Ok(TensorData { info, bytes: Some(data.bytes) })
    }

    /// Error for a message that says what it should not.
    fn surplus(&self, what: &str) -> SessionError {
        self.channel.fail("inference", Cause::Protocol(format!("the board sent {what}")))
    }
}

fn node(operator: &Operator) -> NodeResult {
    NodeResult {
        name: operator.name.clone(),
        id: operator.id,
        count: first_counter(operator),
        unit: CounterUnit::of(operator),
        tensors: Vec::new(),
    }
}

/// The first counter: one word, or a pair of words with the low one first.
fn first_counter(operator: &Operator) -> Option<u64> {
    const WORDS: u32 = 1;
    match (operator.counter_type >> 16, operator.counters.as_slice()) {
        (WORDS, &[count, ..]) => Some(u64::from(count)),
        (0, &[low, high, ..]) => Some(u64::from(low) | u64::from(high) << 32),
        _ => None,
    }
}
