//! STM32H743 (RM0433), STM32H747 (RM0399) and STM32H7A3 (RM0455). The last calls the domains D1, D2 and D3 CD and SR.

use super::{Family, Gate, MHZ, flag, follow, gate, hpre, ppre, within};
use crate::chip::{Clocks, Words};

pub struct H743;
pub struct H747;
pub struct H7A3;

const RCC: u32 = 0x5802_4400;
const CFGR: u32 = RCC + 0x10;
const PLLCKSELR: u32 = RCC + 0x28;
const PLLCFGR: u32 = RCC + 0x2C;
const PLL1DIVR: u32 = RCC + 0x30;
const PWR: u32 = 0x5802_4800;
const CSR1: u32 = PWR + 0x04;
const CR3: u32 = PWR + 0x0C;
const D3CR: u32 = PWR + 0x18;
const FLASH_ACR: u32 = 0x5200_2000;
const SYSCFG_PWRCR: u32 = 0x5800_042C;

/// Core, buses and peripherals at most, in MHz.
struct Limits(u64, u64, u64);

/// What the three differ in.
struct Traits {
    hse: u64,
    bypass: bool,
    /// What CR3 must hold for the supply that the board has.
    supply: u32,
    vco: (u64, u64),
    /// Highest bus clock of each number of wait states and programming delay.
    waits: &'static [(u32, u32, u64)],
    /// Selector of the port's clock, and the field of its bus's divider in D2CFGR.
    uart: (u32, u32),
}

// RM0433 table 17, RM0399 table 17: the rows of scales 0 and 1 up to 225 MHz are the same.
const WAITS: &[(u32, u32, u64)] = &[(0, 0, 70), (1, 1, 140), (2, 1, 185), (2, 2, 210), (3, 2, 225), (4, 2, 240)];
// RM0455 table 16, scale 0.
const WAITS_AB: &[(u32, u32, u64)] =
    &[(0, 0, 42), (1, 0, 84), (2, 1, 126), (3, 1, 168), (4, 2, 210), (5, 2, 252), (6, 3, 280)];

const H743_TRAITS: Traits =
    Traits { hse: 8 * MHZ, bypass: true, supply: 0b110, vco: (192, 960), waits: WAITS, uart: (0, 4) };
const H747_TRAITS: Traits =
    Traits { hse: 25 * MHZ, bypass: false, supply: 0b100, vco: (192, 960), waits: WAITS, uart: (3, 8) };
const H7A3_TRAITS: Traits =
    Traits { hse: 8 * MHZ, bypass: true, supply: 0b100, vco: (128, 560), waits: WAITS_AB, uart: (0, 4) };

impl Traits {
    fn reset(&self) -> Vec<(u32, u32)> {
        let analog = (0..11).map(|port| (0x5802_0000 + 0x400 * port, u32::MAX));
        let own = [(RCC, 0x25), (PLLCKSELR, 0x0202_0200), (PLLCFGR, 0x01FF_0000), (PLL1DIVR, 0x0101_0280)];
        // The most wait states, the lowest scale, a supply that fits every package.
        let more = [(FLASH_ACR, 0x37), (D3CR, 0x4000), (CR3, if self.supply == 0b110 { 0b010 } else { 0b110 })];
        own.into_iter().chain(more).chain(analog).collect()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(RCC, bit, 1) == 1;
        let supplied = words.bits(CR3, 0, 3) == self.supply;
        let source = [on(2), false, on(17), false][words.bits(PLLCKSELR, 0, 2) as usize];
        let (chosen, current) = (words.bits(CFGR, 0, 3), words.bits(CFGR, 3, 3));
        let runs = [on(2), false, on(17), on(25) && words.bits(PLLCFGR, 16, 1) == 1];
        let wanted = words.bits(D3CR, 14, 2);
        // The scale that is in force lags behind the one that is asked for; the ready bit says that they agree.
        let in_force = words.bits(CSR1, 14, 2);
        vec![
            flag(RCC, 17, on(16) && on(18) == self.bypass),
            flag(RCC, 25, on(24) && source),
            flag(CSR1, 13, supplied),
            (CSR1, 3 << 14, if supplied { wanted } else { in_force } << 14),
            flag(D3CR, 13, supplied && in_force == wanted),
            follow(CFGR, 3, 7, chosen, current, runs.get(chosen as usize).copied().unwrap_or(false)),
        ]
    }

    fn pll(&self, words: &Words) -> Result<u64, String> {
        let source = if words.bits(PLLCKSELR, 0, 2) == 2 { self.hse } else { 64 * MHZ };
        let input = source / u64::from(words.bits(PLLCKSELR, 4, 6)).max(1);
        let (low, high) = [(1, 2), (2, 4), (4, 8), (8, 16)][words.bits(PLLCFGR, 2, 2) as usize];
        within("the PLL's input, for its range,", input, low * MHZ..=high * MHZ)?;
        let (low, high) = if words.bits(PLLCFGR, 1, 1) == 1 { (150, 420) } else { self.vco };
        let n = u64::from(words.bits(PLL1DIVR, 0, 9)) + 1;
        let vco = within("the PLL's oscillator", input * n, low * MHZ..=high * MHZ)?;
        let p = u64::from(words.bits(PLL1DIVR, 9, 7)) + 1;
        if p > 1 && !p.is_multiple_of(2) {
            return Err(format!("P divides by {p}, which is odd"));
        }
        Ok(vco / p)
    }

    fn clocks(&self, words: &Words, limits: &Limits) -> Result<Clocks, String> {
        if words.bits(RCC, 24, 1) == 1 {
            self.pll(words)?;
        }
        let system = match words.bits(CFGR, 3, 3) {
            0 => 64 * MHZ,
            2 => self.hse,
            _ => self.pll(words)?,
        };
        let core = system / hpre(words.bits(RCC + 0x18, 8, 4));
        let bus = core / hpre(words.bits(RCC + 0x18, 0, 4));
        // Every scale carries the clock of reset.
        let limits = if system == 64 * MHZ { &Limits(64, 64, 64) } else { limits };
        within("the core, for this voltage,", core, 0..=limits.0 * MHZ)?;
        within("the buses, for this voltage,", bus, 0..=limits.1 * MHZ)?;
        let peripherals = [(0x18, 4), (0x1C, 4), (0x1C, 8), (0x20, 4)];
        for (offset, low) in peripherals {
            let clock = bus / ppre(words.bits(RCC + offset, low, 3));
            within("a peripheral bus, for this voltage,", clock, 0..=limits.2 * MHZ)?;
        }
        let set = (words.bits(FLASH_ACR, 0, 4), words.bits(FLASH_ACR, 4, 2));
        let carried = self.waits.iter().filter(|row| set.0 >= row.0 && set.1 >= row.1).map(|row| row.2).max();
        within("the flash interface, for these wait states,", bus, 0..=carried.unwrap_or(0) * MHZ)?;
        let (select, divider) = self.uart;
        if words.bits(RCC + 0x54, select, 3) != 0 {
            return Err("the port's clock is not its bus's".to_string());
        }
        Ok(Clocks { core, bus, uart: bus / ppre(words.bits(RCC + 0x1C, divider, 3)) })
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        if words.bits(RCC, 24, 1) == 1 {
            frozen.extend([PLLCKSELR, PLL1DIVR, PLLCFGR].map(|at| ((at, u32::MAX), "while the PLL is on")));
        }
        if words.bits(CSR1, 13, 1) == 0 {
            frozen.push(((D3CR, 3 << 14), "before the supply is ready"));
        }
        frozen
    }
}

fn scale(words: &Words) -> u32 {
    words.bits(CSR1, 14, 2)
}

/// Scales 3 to 1 of H743 and H747: RM0433 6.6.2.
fn limits(words: &Words) -> Limits {
    match scale(words) {
        3 => Limits(400, 200, 100),
        2 => Limits(300, 150, 75),
        _ => Limits(200, 100, 50),
    }
}

impl Family for H743 {
    fn reset(&self) -> Vec<(u32, u32)> {
        H743_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        H743_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let over = scale(words) == 3 && words.bits(SYSCFG_PWRCR, 0, 1) == 1;
        H743_TRAITS.clocks(words, &if over { Limits(480, 240, 120) } else { limits(words) })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x5802_0C00, RCC + 0xE0, 3), gate(0x4000_4800, RCC + 0xE8, 18), gate(0x5800_0400, RCC + 0xF4, 1)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = H743_TRAITS.frozen(words);
        if scale(words) != 3 {
            frozen.push(((SYSCFG_PWRCR, 1), "before scale 1 is in force"));
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 7)
    }
}

impl Family for H747 {
    fn reset(&self) -> Vec<(u32, u32)> {
        H747_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        H747_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        H747_TRAITS.clocks(words, &limits(words))
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x5802_0000, RCC + 0xE0, 0), gate(0x4001_1000, RCC + 0xF0, 4)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        H747_TRAITS.frozen(words)
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 7)
    }
}

impl Family for H7A3 {
    fn reset(&self) -> Vec<(u32, u32)> {
        H7A3_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        H7A3_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        // Scale 0 is one of the codes here: RM0455 6.8.
        let limits = match scale(words) {
            3 => Limits(280, 280, 140),
            2 => Limits(225, 225, 112),
            1 => Limits(160, 160, 80),
            _ => Limits(88, 88, 44),
        };
        H7A3_TRAITS.clocks(words, &limits)
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x5802_0C00, RCC + 0x140, 3), gate(0x4000_4800, RCC + 0x148, 18)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        H7A3_TRAITS.frozen(words)
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 7)
    }
}
