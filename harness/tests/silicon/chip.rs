//! A register file that reacts as a chip's power and clock controllers do, late, and refuses what a reference manual
//! forbids. Knows rules that all families share; each family's own are in `families`.

use std::collections::BTreeMap;

use hilbench::board::{Action, Board};
use hilbench_runtime::bring_up::{Registers, Step, run};

use crate::families::{Family, Gate};

/// Reads until a change of status shows: more than a table makes without waiting.
const LAG: u32 = 100;

/// Words by address; what is not there is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeMap<u32, u32>);

impl Words {
    pub fn get(&self, at: u32) -> u32 {
        self.0.get(&at).copied().unwrap_or(0)
    }

    /// `count` bits from bit `low` on.
    pub fn bits(&self, at: u32, low: u32, count: u32) -> u32 {
        self.get(at) >> low & ((1 << count) - 1)
    }

    pub fn set(&mut self, at: u32, value: u32) {
        if value == 0 {
            self.0.remove(&at);
        } else {
            self.0.insert(at, value);
        }
    }
}

/// Clocks in Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    pub core: u64,
    pub bus: u64,
    pub uart: u64,
}

pub struct Chip<'a> {
    pub words: Words,
    family: &'a dyn Family,
    uart: u32,
    /// Address, mask, value of status bits that will change, and the reads until then.
    pending: Vec<(u32, u32, u32, u32)>,
    pub broken: Option<String>,
    /// Clock of the serial port when that was switched on.
    pub first_uart_clock: Option<u64>,
}

impl<'a> Chip<'a> {
    pub fn new(family: &'a dyn Family, uart: u32) -> Self {
        let mut words = Words::default();
        family.reset().into_iter().for_each(|(at, value)| words.set(at, value));
        // What reset leaves on has settled; status may follow from other status.
        for _ in 0..4 {
            for (at, mask, value) in family.status(&words) {
                let kept = words.get(at) & !mask;
                words.set(at, kept | value);
            }
        }
        Chip { words, family, uart, pending: Vec::new(), broken: None, first_uart_clock: None }
    }

    fn reachable(&self, at: u32) -> bool {
        let open = |gate: &Gate| self.words.get(gate.at) & gate.mask == gate.mask;
        self.family.gates().iter().filter(|gate| gate.range.contains(&at)).all(open)
    }

    fn check(&self, at: u32, value: u32) -> Result<(), String> {
        if !self.reachable(at) {
            return Err(format!("{at:#010x} is written without a clock"));
        }
        let changed = self.words.get(at) ^ value;
        if let Some((_, why)) =
            self.family.frozen(&self.words).iter().find(|((a, mask), _)| *a == at && changed & mask != 0)
        {
            return Err(format!("{at:#010x} changes {why}"));
        }
        let (switch, mask) = self.family.switch();
        if at == switch && changed & mask != 0 && !self.pending.is_empty() {
            return Err(format!("the clock is switched while {:#010x?} has not settled", self.pending[0]));
        }
        Ok(())
    }

    fn settle(&mut self) {
        // A change that is under way keeps its place; one that is taken back is forgotten.
        let now: Vec<(u32, u32, u32)> = self.family.status(&self.words);
        self.pending.retain(|&(at, mask, value, _)| now.contains(&(at, mask, value)));
        for (at, mask, value) in now {
            let waits = self.pending.iter().any(|p| (p.0, p.1, p.2) == (at, mask, value));
            if self.words.get(at) & mask != value && !waits {
                self.pending.push((at, mask, value, LAG));
            }
        }
    }

    /// What is wrong once the table is through.
    fn end(&self) -> Result<Clocks, String> {
        if let Some(pending) = self.pending.first() {
            return Err(format!("the table ends before {pending:#010x?} has settled"));
        }
        if !self.reachable(self.uart) {
            return Err("the serial port has no clock".to_string());
        }
        self.family.clocks(&self.words)
    }
}

impl Registers for Chip<'_> {
    fn read(&mut self, at: u32) -> u32 {
        let answer = self.words.get(at);
        for (at, mask, value, left) in &mut self.pending {
            *left -= 1;
            if *left == 0 {
                let kept = self.words.get(*at) & !*mask;
                self.words.set(*at, kept | *value);
            }
        }
        let before = self.pending.len();
        self.pending.retain(|p| p.3 > 0);
        if self.pending.len() < before {
            self.settle();
        }
        answer
    }

    fn write(&mut self, at: u32, value: u32) {
        if self.broken.is_some() {
            return;
        }
        let had_uart = self.reachable(self.uart);
        let result = self.check(at, value);
        self.family.write(&mut self.words, at, value);
        self.settle();
        let clocks = result.and_then(|()| self.family.clocks(&self.words));
        match clocks {
            Ok(clocks) if !had_uart && self.reachable(self.uart) => self.first_uart_clock = Some(clocks.uart),
            Ok(_) => {}
            Err(why) => self.broken = Some(why),
        }
    }
}

/// The board's table as firmware has it.
pub fn table(board: &Board) -> Vec<Step> {
    let step = |s: &hilbench::board::Step| match s.action {
        Action::Write => Step::Write { at: s.at, mask: s.mask, value: s.value },
        Action::Wait => Step::Wait { at: s.at, mask: s.mask, value: s.value, name: s.name.clone().leak() },
    };
    board.bring_up.iter().map(step).collect()
}

/// Brings a simulated chip up.
pub fn bring_up(family: &dyn Family, uart: u32, steps: &[Step]) -> (Words, Option<u64>, Result<Clocks, String>) {
    let mut chip = Chip::new(family, uart);
    let result = run(steps, &mut chip).map_err(|name| format!("`{name}` never came"));
    let result = match chip.broken.take() {
        Some(why) => Err(why),
        None => result.and_then(|()| chip.end()),
    };
    (chip.words, chip.first_uart_clock, result)
}
