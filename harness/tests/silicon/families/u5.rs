//! STM32U575 and STM32U585 (RM0456).

use super::{Family, Gate, MHZ, flag, follow, gate, hpre, ppre, within};
use crate::chip::{Clocks, Words};

const RCC: u32 = 0x4602_0C00;
const CFGR1: u32 = RCC + 0x1C;
const CFGR2: u32 = RCC + 0x20;
const PLL1CFGR: u32 = RCC + 0x28;
const PLL1DIVR: u32 = RCC + 0x34;
const CCIPR1: u32 = RCC + 0xE0;
const VOSR: u32 = 0x4602_080C;
const FLASH_ACR: u32 = 0x4002_2000;
const ICACHE: u32 = 0x4003_0400;

pub struct U5;

fn source(words: &Words) -> Option<(u64, bool)> {
    match words.bits(PLL1CFGR, 0, 2) {
        1 => Some((4 * MHZ, words.bits(RCC, 2, 1) == 1)),
        2 => Some((16 * MHZ, words.bits(RCC, 10, 1) == 1)),
        _ => None,
    }
}

fn pll(words: &Words) -> Result<u64, String> {
    let (source, _) = source(words).ok_or("the PLL has no source that the board has")?;
    let input = source / (u64::from(words.bits(PLL1CFGR, 8, 4)) + 1);
    let range = if words.bits(PLL1CFGR, 2, 2) == 3 { 8 * MHZ..=16 * MHZ } else { 4 * MHZ..=8 * MHZ };
    within("the PLL's input, for its range,", input, range)?;
    let vco = input * (u64::from(words.bits(PLL1DIVR, 0, 9)) + 1);
    within("the PLL's oscillator", vco, 128 * MHZ..=544 * MHZ)?;
    Ok(vco / (u64::from(words.bits(PLL1DIVR, 24, 7)) + 1))
}

impl Family for U5 {
    fn reset(&self) -> Vec<(u32, u32)> {
        let analog = (0..9).map(|port| (0x4202_0000 + 0x400 * port, u32::MAX));
        // The cache invalidates itself after reset.
        [(RCC, 0x5), (PLL1DIVR, 0x0101_0280), (ICACHE, 4), (ICACHE + 4, 1)].into_iter().chain(analog).collect()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(RCC, bit, 1) == 1;
        let (chosen, current) = (words.bits(CFGR1, 0, 2), words.bits(CFGR1, 2, 2));
        let output = words.bits(PLL1CFGR, 18, 1) == 1;
        let runs = [on(2), on(10), false, on(25) && output][chosen as usize];
        // RM0456 10.5.4: the booster divides the PLL's source, and needs 4 to 16 MHz.
        let boost = words.bits(VOSR, 18, 1) == 1;
        let divided = source(words).map_or(0, |(hz, runs)| if runs { hz } else { 0 })
            / [1, 2, 4, 6, 8, 10, 12, 14, 16][words.bits(PLL1CFGR, 12, 4).min(8) as usize];
        vec![
            flag(RCC, 10, on(8)),
            flag(RCC, 25, on(24) && source(words).is_some_and(|s| s.1)),
            flag(VOSR, 15, true),
            flag(VOSR, 14, boost && (4 * MHZ..=16 * MHZ).contains(&divided)),
            flag(ICACHE + 4, 0, false),
            follow(CFGR1, 2, 3, chosen, current, runs),
        ]
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        if words.bits(RCC, 24, 1) == 1 {
            pll(words)?;
        }
        let system = match words.bits(CFGR1, 2, 2) {
            0 => 4 * MHZ,
            1 => 16 * MHZ,
            _ => pll(words)?,
        };
        let core = system / hpre(words.bits(CFGR2, 0, 4));
        // RM0456 table 54 and 10.5.4: more than 55 MHz need the booster, in ranges 1 and 2.
        let scale = words.bits(VOSR, 16, 2);
        let carried = match (scale, words.bits(VOSR, 14, 1)) {
            (3, 1) => 160,
            (2, 1) => 110,
            (0, _) => 24,
            _ => 55,
        };
        within("the core, for this voltage,", core, 0..=carried * MHZ)?;
        let step = [12, 24, 30, 32][scale as usize];
        let waits = u64::from(words.bits(FLASH_ACR, 0, 4));
        within("the core, for these wait states,", core, 0..=(waits + 1) * step * MHZ)?;
        let uart = match words.bits(CCIPR1, 0, 2) {
            0 => core / ppre(words.bits(CFGR2, 8, 3)),
            1 => system,
            2 => 16 * MHZ,
            _ => return Err("the port's clock is not that of the board".to_string()),
        };
        Ok(Clocks { core, bus: core, uart })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4202_0000, RCC + 0x8C, 0), gate(0x4001_3800, RCC + 0xA4, 14), gate(0x4602_0800, RCC + 0x94, 2)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        if words.bits(RCC, 24, 1) == 1 {
            frozen.extend([PLL1CFGR, PLL1DIVR].map(|at| ((at, u32::MAX), "while the PLL is on")));
        }
        if words.bits(ICACHE + 4, 0, 1) == 1 {
            frozen.push(((ICACHE, 1), "while the cache is busy"));
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR1, 3)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        let on = words.bits(ICACHE, 0, 1) == 1 && words.bits(FLASH_ACR, 8, 1) == 1;
        if on { Ok(()) } else { Err("instruction cache or prefetch is off".to_string()) }
    }
}
