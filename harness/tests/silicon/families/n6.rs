//! STM32N657 (RM0486), at its secure addresses, as the boot ROM leaves it: core and buses at PLL1.

use super::{Family, Gate, MHZ, flag, follow, gate, within};
use crate::chip::{Clocks, Words};

const RCC: u32 = 0x5602_8000;
const SR: u32 = RCC + 4;
const CFGR: u32 = RCC + 0x20;
const CFGR2: u32 = RCC + 0x24;
const PLL1CFGR1: u32 = RCC + 0x80;
const PLL1CFGR2: u32 = RCC + 0x84;
const PLL1CFGR3: u32 = RCC + 0x88;
const IC1CFGR: u32 = RCC + 0xC4;
const CCIPR13: u32 = RCC + 0x174;
const DIVENR: u32 = RCC + 0x240;

pub struct N657;

fn pll(words: &Words) -> Result<u64, String> {
    let source = match words.bits(PLL1CFGR1, 28, 3) {
        0 => 64 * MHZ,
        2 => 48 * MHZ,
        _ => return Err("the PLL has no source that the board has".to_string()),
    };
    if words.bits(PLL1CFGR2, 0, 24) != 0 {
        return Err("the PLL has a fraction".to_string());
    }
    let input = source / u64::from(words.bits(PLL1CFGR1, 20, 6)).max(1);
    within("the PLL's input", input, 5 * MHZ..=50 * MHZ)?;
    let vco = input * u64::from(words.bits(PLL1CFGR1, 8, 12));
    within("the PLL's oscillator", vco, 800 * MHZ..=3200 * MHZ)?;
    Ok([27, 24].iter().fold(vco, |hz, &low| hz / u64::from(words.bits(PLL1CFGR3, low, 3)).max(1)))
}

/// Clock of divider `number`, where it is on.
fn divided(words: &Words, number: u32) -> Result<u64, String> {
    let at = IC1CFGR + 4 * (number - 1);
    if words.bits(DIVENR, number - 1, 1) == 0 {
        return Err(format!("divider {number} is off"));
    }
    if words.bits(at, 28, 2) != 0 {
        return Err(format!("divider {number} hangs at a PLL that is off"));
    }
    Ok(pll(words)? / (u64::from(words.bits(at, 16, 8)) + 1))
}

impl Family for N657 {
    fn reset(&self) -> Vec<(u32, u32)> {
        let analog = (0..9).map(|port| (0x5602_0000 + 0x400 * port, u32::MAX));
        // As the boot ROM leaves it: PLL1 at 64 / 2 * 25 = 800 MHz, the core at half of that, buses at a quarter.
        let own = [
            (RCC, 1 << 3 | 1 << 8),
            (CFGR, 0x3330_0000 | 3 << 16),
            (CFGR2, 1 << 20),
            (PLL1CFGR1, 2 << 20 | 25 << 8),
            (PLL1CFGR3, 1 << 30 | 1 << 27 | 1 << 24 | 5),
            (IC1CFGR, 1 << 16),
            (IC1CFGR + 4, 3 << 16),
            (IC1CFGR + 20, 3 << 16),
            (IC1CFGR + 40, 3 << 16),
            (DIVENR, 1 | 2 | 1 << 5 | 1 << 10),
        ];
        own.into_iter().chain(analog).collect()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(RCC, bit, 1) == 1;
        let ready = |bit| words.bits(SR, bit, 1) == 1;
        let source = [ready(3), false, ready(4), false][words.bits(PLL1CFGR1, 28, 2) as usize];
        let output = words.bits(PLL1CFGR3, 30, 1) == 1 && words.bits(PLL1CFGR3, 0, 1) == 1;
        let runs = |code: u32, dividers: &[u32]| match code {
            0 => ready(3),
            2 => ready(4),
            3 => ready(8) && output && dividers.iter().all(|d| words.bits(DIVENR, d - 1, 1) == 1),
            _ => false,
        };
        let (core, core_now) = (words.bits(CFGR, 16, 2), words.bits(CFGR, 20, 2));
        let (system, system_now) = (words.bits(CFGR, 24, 2), words.bits(CFGR, 28, 2));
        vec![
            flag(SR, 3, on(3)),
            flag(SR, 4, on(4)),
            flag(SR, 8, on(8) && source),
            follow(CFGR, 20, 3, core, core_now, runs(core, &[1])),
            // The system clock needs its neighbours' dividers too.
            follow(CFGR, 28, 3, system, system_now, runs(system, &[2, 6, 11])),
        ]
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let of = |code: u32, dividers: &[u32]| match code {
            0 => Ok(64 * MHZ),
            2 => Ok(48 * MHZ),
            _ => {
                let clocks = dividers.iter().map(|&d| divided(words, d)).collect::<Result<Vec<_>, _>>()?;
                // The buses of core, NPU and memories may differ; a board's file has one figure for them.
                let one = clocks.windows(2).all(|pair| pair[0] == pair[1]);
                if one { Ok(clocks[0]) } else { Err(format!("dividers {dividers:?} make {clocks:?} Hz")) }
            }
        };
        // DS14791: at 0.81 V.
        let core = within("the core", of(words.bits(CFGR, 20, 2), &[1])?, 0..=600 * MHZ)?;
        let system = within("the system", of(words.bits(CFGR, 28, 2), &[2, 6, 11])?, 0..=400 * MHZ)?;
        let bus = within("the buses", system >> words.bits(CFGR2, 20, 3), 0..=200 * MHZ)?;
        let uart = match words.bits(CCIPR13, 0, 3) {
            0 => bus >> words.bits(CFGR2, 4, 3),
            6 => 64 * MHZ,
            _ => return Err("the port's clock is not that of the board".to_string()),
        };
        Ok(Clocks { core, bus, uart })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x5602_1000, RCC + 0x25C, 4), gate(0x5200_1000, RCC + 0x26C, 4)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        if words.bits(RCC, 8, 1) == 1 || words.bits(SR, 8, 1) == 1 {
            frozen.extend([PLL1CFGR1, PLL1CFGR2].map(|at| ((at, u32::MAX), "while the PLL is on")));
        }
        if words.bits(CFGR, 20, 2) == 3 || words.bits(CFGR, 28, 2) == 3 {
            frozen.push(((RCC, 1 << 8), "while something runs from the PLL"));
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 3 << 16 | 3 << 24)
    }

    /// The second page of registers sets bits of the first, the third clears them.
    fn write(&self, words: &mut Words, at: u32, value: u32) {
        match at.checked_sub(RCC).filter(|&offset| offset < 0x2000) {
            Some(offset) if offset >= 0x1000 => words.set(at - 0x1000, words.get(at - 0x1000) & !value),
            Some(offset) if offset >= 0x800 => words.set(at - 0x800, words.get(at - 0x800) | value),
            _ => words.set(at, value),
        }
    }
}
