//! STM32H563 (RM0481).

use super::{Family, Gate, MHZ, flag, follow, gate, hpre, ppre, within};
use crate::chip::{Clocks, Words};

const RCC: u32 = 0x4402_0C00;
const CFGR: u32 = RCC + 0x1C;
const CFGR2: u32 = RCC + 0x20;
const PLL1CFGR: u32 = RCC + 0x28;
const PLL1DIVR: u32 = RCC + 0x34;
const CCIPR1: u32 = RCC + 0xD8;
const VOSCR: u32 = 0x4402_0810;
const VOSSR: u32 = 0x4402_0814;
const FLASH_ACR: u32 = 0x4002_2000;
const ICACHE: u32 = 0x4003_0400;

pub struct H563;

fn pll(words: &Words) -> Result<u64, String> {
    let source = match words.bits(PLL1CFGR, 0, 2) {
        1 => 32 * MHZ,
        3 => 8 * MHZ,
        _ => return Err("the PLL has no source that the board has".to_string()),
    };
    let input = source / u64::from(words.bits(PLL1CFGR, 8, 6)).max(1);
    let (low, high) = [(1, 2), (2, 4), (4, 8), (8, 16)][words.bits(PLL1CFGR, 2, 2) as usize];
    within("the PLL's input, for its range,", input, low * MHZ..=high * MHZ)?;
    let (low, high) = if words.bits(PLL1CFGR, 5, 1) == 1 { (150, 420) } else { (192, 836) };
    let vco = input * (u64::from(words.bits(PLL1DIVR, 0, 9)) + 1);
    within("the PLL's oscillator", vco, low * MHZ..=high * MHZ)?;
    Ok(vco / (u64::from(words.bits(PLL1DIVR, 9, 7)) + 1))
}

impl Family for H563 {
    fn reset(&self) -> Vec<(u32, u32)> {
        let analog = (0..9).map(|port| (0x4202_0000 + 0x400 * port, u32::MAX));
        // 3 wait states, and a cache that invalidates itself.
        let own = [(RCC, 0x2B), (PLL1DIVR, 0x0101_0280), (FLASH_ACR, 0x13), (ICACHE, 4), (ICACHE + 4, 1)];
        own.into_iter().chain(analog).collect()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(RCC, bit, 1) == 1;
        let source = [false, on(1), false, on(17)][words.bits(PLL1CFGR, 0, 2) as usize];
        let (chosen, current) = (words.bits(CFGR, 0, 2), words.bits(CFGR, 3, 2));
        let runs = [on(1), false, on(17), on(25) && words.bits(PLL1CFGR, 16, 1) == 1][chosen as usize];
        let (wanted, in_force) = (words.bits(VOSCR, 4, 2), words.bits(VOSSR, 14, 2));
        vec![
            // A clock that is fed as a square wave needs the digital bypass.
            flag(RCC, 17, on(16) && on(18) && on(20)),
            flag(RCC, 25, on(24) && source),
            (VOSSR, 3 << 14, wanted << 14),
            flag(VOSSR, 13, true),
            flag(VOSSR, 3, in_force == wanted),
            flag(ICACHE + 4, 0, false),
            follow(CFGR, 3, 3, chosen, current, runs),
        ]
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        if words.bits(RCC, 24, 1) == 1 {
            pll(words)?;
        }
        let system = match words.bits(CFGR, 3, 2) {
            0 => 32 * MHZ,
            2 => 8 * MHZ,
            _ => pll(words)?,
        };
        let core = system / hpre(words.bits(CFGR2, 0, 4));
        // RM0481 table 37: scales 3 to 0, MHz at most and MHz a wait state, and the programming delay of each.
        let (carried, step) = [(100, 20), (150, 30), (200, 34), (250, 42)][words.bits(VOSSR, 14, 2) as usize];
        within("the core, for this voltage,", core, 0..=carried * MHZ)?;
        let waits = words.bits(FLASH_ACR, 0, 4);
        within("the core, for these wait states,", core, 0..=(u64::from(waits) + 1) * step * MHZ)?;
        if core > 2 * step * MHZ && words.bits(FLASH_ACR, 4, 2) < [0, 0, 1, 1, 2, 2][waits.min(5) as usize] {
            return Err("the flash's programming delay is too short for the clock".to_string());
        }
        let buses = [4, 8, 12].map(|low| core / ppre(words.bits(CFGR2, low, 3)));
        if words.bits(CCIPR1, 6, 3) != 0 {
            return Err("the port's clock is not its bus's".to_string());
        }
        Ok(Clocks { core, bus: core, uart: buses[0] })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4202_0C00, RCC + 0x8C, 3), gate(0x4000_4800, RCC + 0x9C, 18)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        if words.bits(RCC, 24, 1) == 1 {
            frozen.extend([PLL1CFGR, PLL1DIVR].map(|at| ((at, u32::MAX), "while the PLL is on")));
        }
        if words.bits(RCC, 16, 1) == 1 {
            frozen.push(((RCC, 0b101 << 18), "while the oscillator is on"));
        }
        if words.bits(ICACHE + 4, 0, 1) == 1 {
            frozen.push(((ICACHE, 1), "while the cache is busy"));
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 3)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        let on = words.bits(ICACHE, 0, 1) == 1 && words.bits(FLASH_ACR, 8, 1) == 1;
        if on { Ok(()) } else { Err("instruction cache or prefetch is off".to_string()) }
    }
}
