//! LSTM and GRU in floats, with constant weights and constant initial states.

use hilbench_kernels::params::Recurrent;
use hilbench_kernels::reference::float::{gru_scratch, lstm_scratch};

use super::super::view::View;
use super::super::{Site, Stage};
use crate::Result;
use crate::lower::Call;
use crate::ops::direct::Direct;

impl<'g> Stage<'g> {
    pub(super) fn recurrent(
        &mut self,
        site: Site<'g>,
        lstm: bool,
        reverse: bool,
        linear_before_reset: bool,
    ) -> Result<()> {
        let (x, y) = (self.floats_of(site, 0)?, site.node.outputs[0]);
        let mut constants = Vec::new();
        for &id in site.node.inputs.iter().skip(1) {
            constants.push(match id {
                None => Vec::new(),
                Some(id) => match self.constant(site, id)? {
                    Some(values) => values,
                    None => {
                        let name = &self.tensor(id).name;
                        let reason = format!("operand {name:?} is computed at run time; a constant is accepted");
                        return Err(site.unsupported(reason));
                    }
                },
            });
        }
        let [weights, recurrence, bias, hidden_state, cell_state] = &constants[..] else {
            return Err(site.invalid("has no six operands"));
        };
        let output = self.tensor(y).shape.clone();
        let params = Recurrent {
            steps: x.shape[0],
            batches: x.shape[1],
            input_depth: x.shape[2],
            hidden: output[3],
            directions: 1,
            direction: 0,
            reverse,
            linear_before_reset,
        };
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        // The two biases of an LSTM are only ever added.
        let half = bias.len() / 2;
        let sums: Vec<f32> = bias[..half].iter().zip(&bias[half..]).map(|(a, b)| a + b).collect();
        let (call, bias, scratch) = if lstm {
            (Call::FloatLstm(params), &sums, lstm_scratch(&params))
        } else {
            (Call::FloatGru(params), bias, gru_scratch(&params))
        };
        let mut op = Direct::new(call)
            .with("weights", &bytes(weights))
            .with("recurrence", &bytes(recurrence))
            .with("bias", &bytes(bias))
            .with("initial state", &bytes(hidden_state));
        if lstm {
            op = op.with("initial cell", &bytes(cell_state));
        }
        let macs = params.steps * params.batches * (weights.len() + recurrence.len());
        let op = op.using(scratch * size_of::<f32>()).counting(macs);
        let tensor = self.arrange(site, &x, &View::identity(3))?;
        self.set_float(site, op, vec![tensor], y, View::identity(4))
    }
}
