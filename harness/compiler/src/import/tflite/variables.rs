//! Resource variables (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE) as states: reads become the tensors they answer.
//!
//! Refuses variables that nothing writes before they are read, and initializations that are not constants.

use std::collections::HashMap;

use super::schema::{self, CallOnceOptions, Model, VarHandleOptions};
use super::{invalid, malformed, names, unsupported};
use crate::Result;
use crate::graph::{Graph, Node, Op, State, TensorId};

/// Container and name of a variable.
type Key = (String, String);

/// What is known of one variable.
#[derive(Default)]
struct Variable {
    /// Its value before the first inference: where the file has it.
    initial: Option<Vec<u8>>,
    /// The tensor that holds it when an inference begins.
    incoming: Option<TensorId>,
    /// The tensor that holds it now.
    current: Option<TensorId>,
}

/// The variables of a file.
#[derive(Default)]
pub(super) struct Variables {
    known: HashMap<Key, Variable>,
    /// In the order of their first handle.
    order: Vec<Key>,
    handles: HashMap<TensorId, Key>,
}

/// One operator, as far as variables are concerned.
pub(super) struct Access<'a, 'f> {
    pub(super) name: &'static str,
    pub(super) index: usize,
    pub(super) operator: &'a schema::Operator<'f>,
    pub(super) inputs: &'a [Option<TensorId>],
    pub(super) outputs: &'a [TensorId],
    pub(super) subject: &'a str,
}

impl Variables {
    /// Takes the operator if it is one of variables.
    pub(super) fn take<'f>(
        &mut self,
        access: &Access<'_, 'f>,
        model: &Model<'f>,
        file: &'f [u8],
        graph: &mut Graph,
    ) -> Result<bool> {
        let wrong = || invalid(access.subject, "has other operands than a handle, and a value");
        match (access.name, access.inputs, access.outputs) {
            ("CALL_ONCE", [], []) => {
                let options = access.operator.options_as::<CallOnceOptions<'_>>(file).map_err(malformed)?;
                let index = options.map_or(0, |o| o.init_subgraph_index());
                self.initialize(usize::try_from(index).unwrap_or(usize::MAX), model, file, access.subject)?;
            }
            ("VAR_HANDLE", [], &[handle]) => {
                let key = key(access.operator, file)?;
                self.handle(handle, key);
            }
            ("READ_VARIABLE", &[Some(handle)], &[result]) => self.read(access, handle, result, graph)?,
            ("ASSIGN_VARIABLE", &[Some(handle), Some(value)], []) => {
                self.variable(access.subject, handle)?.current = Some(value);
            }
            ("CALL_ONCE" | "VAR_HANDLE" | "READ_VARIABLE" | "ASSIGN_VARIABLE", ..) => return Err(wrong()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn handle(&mut self, handle: TensorId, key: Key) {
        if !self.known.contains_key(&key) {
            self.order.push(key.clone());
            self.known.insert(key.clone(), Variable::default());
        }
        self.handles.insert(handle, key);
    }

    fn variable(&mut self, subject: &str, handle: TensorId) -> Result<&mut Variable> {
        let key = self.handles.get(&handle);
        key.and_then(|key| self.known.get_mut(key))
            .ok_or_else(|| invalid(subject, format!("tensor #{handle} is no handle of a variable")))
    }

    fn read(&mut self, access: &Access<'_, '_>, handle: TensorId, result: TensorId, graph: &mut Graph) -> Result<()> {
        let variable = self.variable(access.subject, handle)?;
        let Some(current) = variable.current else {
            // The first to read it is it.
            (variable.incoming, variable.current) = (Some(result), Some(result));
            return Ok(());
        };
        graph.nodes.push(Node {
            index: access.index,
            op_name: "RESHAPE",
            op: Op::Reshape { new_shape: None },
            inputs: vec![Some(current)],
            outputs: vec![result],
        });
        Ok(())
    }

    /// Runs subgraph number `index` here: it may only write constants to variables.
    fn initialize(&mut self, index: usize, model: &Model<'_>, file: &[u8], subject: &str) -> Result<()> {
        let subgraphs = model.subgraphs();
        let Some(subgraph) = subgraphs.get(index).filter(|_| index > 0) else {
            return Err(invalid(subject, format!("calls subgraph {index}; there are {}", subgraphs.len())));
        };
        let (codes, tensors, buffers) = (model.operator_codes(), subgraph.tensors(), model.buffers());
        let mut keys: HashMap<i32, Key> = HashMap::new();
        for operator in subgraph.operators() {
            let code = codes.get(operator.opcode_index() as usize);
            let number = code.map_or(-1, |c| c.builtin_code().max(i32::from(c.deprecated_builtin_code())));
            let ids = |ids: Option<flatbuffers::Vector<'_, i32>>| ids.iter().flat_map(|v| v.iter()).collect::<Vec<_>>();
            let (inputs, outputs) = (ids(operator.inputs()), ids(operator.outputs()));
            match (names::name(number), &inputs[..], &outputs[..]) {
                (Some("VAR_HANDLE"), [], &[handle]) => {
                    keys.insert(handle, key(&operator, file)?);
                }
                (Some("ASSIGN_VARIABLE"), [handle, value], []) => {
                    let data = usize::try_from(*value)
                        .ok()
                        .and_then(|v| tensors.get(v))
                        .and_then(|tensor| buffers.get(tensor.buffer() as usize))
                        .and_then(|buffer| buffer.data());
                    let (Some(key), Some(data)) = (keys.get(handle), data) else {
                        return Err(unsupported(subject, "starts a variable with something else than a constant"));
                    };
                    if !self.known.contains_key(key) {
                        self.order.push(key.clone());
                    }
                    self.known.entry(key.clone()).or_default().initial = Some(data.bytes().to_vec());
                }
                (name, ..) => {
                    let reason = format!(
                        "initializes by {}; constants that are assigned are accepted",
                        name.unwrap_or("an operator without a name")
                    );
                    return Err(unsupported(subject, reason));
                }
            }
        }
        Ok(())
    }

    /// The states that the operators of `graph` make of the variables.
    pub(super) fn states(self, graph: &mut Graph) -> Result<()> {
        for key in &self.order {
            let Variable { initial, incoming: Some(incoming), current: Some(outgoing) } = &self.known[key] else {
                // Nobody sees what is never read.
                continue;
            };
            let (tensor, left) = (&graph.tensors[*incoming], &graph.tensors[*outgoing]);
            let subject = format!("variable {:?}", key.1);
            let Some(initial) = initial.clone() else {
                return Err(unsupported(subject, "is read before anything is written to it"));
            };
            if initial.len() != tensor.bytes() || (tensor.dtype, &tensor.shape) != (left.dtype, &left.shape) {
                let reason = format!(
                    "starts with {} bytes, is read as {} of shape {:?} and written as {} of shape {:?}",
                    initial.len(),
                    tensor.dtype,
                    tensor.shape,
                    left.dtype,
                    left.shape
                );
                return Err(invalid(subject, reason));
            }
            let state = State { name: key.1.clone(), incoming: *incoming, outgoing: *outgoing, initial };
            graph.states.push(state);
        }
        Ok(())
    }
}

/// `outputs` of an operator that keeps its states in variable tensors, with tensors for what it leaves in them. A
/// variable that no operator keeps so is read before anything writes it, which is refused.
pub(super) fn with_states(
    op: &Op,
    inputs: &[Option<TensorId>],
    mut outputs: Vec<TensorId>,
    variable: &[bool],
    graph: &mut Graph,
) -> Vec<TensorId> {
    let states: &[usize] = if let Op::Lstm { .. } = op { &[18, 19] } else { &[] };
    for &operand in states {
        let Some(incoming) = inputs.get(operand).copied().flatten() else { continue };
        if !variable.get(incoming).is_some_and(|&v| v) {
            continue;
        }
        let tensor = graph.tensors[incoming].clone();
        let zero = tensor.quantization.as_ref().and_then(|q| q.zero_points.first().copied()).unwrap_or(0);
        let initial = zero.to_le_bytes()[..tensor.dtype.size().min(8)].repeat(tensor.elements());
        let name = tensor.name.clone();
        graph.tensors.push(tensor);
        let outgoing = graph.tensors.len() - 1;
        graph.states.push(State { name, incoming, outgoing, initial });
        outputs.push(outgoing);
    }
    outputs
}

fn key(operator: &schema::Operator<'_>, file: &[u8]) -> Result<Key> {
    let options = operator.options_as::<VarHandleOptions<'_>>(file).map_err(malformed)?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_string();
    Ok(options.map_or_else(Key::default, |o| (text(o.container()), text(o.shared_name()))))
}
