//! SR5E1 (RM0483), as StellarESDK's clock.h has its limits.

use super::{Family, Gate, MHZ, flag, follow, gate, within};
use crate::chip::{Clocks, Words};

const RCC: u32 = 0x4400_0000;
const CFGR: u32 = RCC + 8;
const PLLCFGR: u32 = RCC + 0x0C;
const CCIPR1: u32 = RCC + 0x24;
const CCIPR2: u32 = RCC + 0x28;
const PLL0DV: u32 = 0x4001_D808;
const PLL1DV: u32 = 0x4001_D828;
const PFCR1: [u32; 2] = [0x4200_1800, 0x4200_1C00];

pub struct Sr5e1;

const XOSC: u64 = 40 * MHZ;
const IRCOSC: u64 = 16 * MHZ;

/// Both outputs of PLL0.
fn pll0(words: &Words) -> Result<(u64, u64), String> {
    let field = |low, count| u64::from(words.bits(PLL0DV, low, count));
    let source = match words.bits(PLLCFGR, 0, 2) {
        2 => IRCOSC,
        3 => XOSC,
        _ => return Err("PLL0 has no source".to_string()),
    };
    if [field(12, 3), field(16, 6), field(27, 4)].contains(&0) {
        return Err("a divider of PLL0 is 0".to_string());
    }
    within("PLL0's input", source / field(12, 3), 8 * MHZ..=56 * MHZ)?;
    let vco = within("PLL0's oscillator", 2 * field(0, 7) * source / field(12, 3), 600 * MHZ..=1400 * MHZ)?;
    Ok((vco / field(16, 6) / 2, within("PLL0's second output", vco / field(27, 4) / 2, 20 * MHZ..=175 * MHZ)?))
}

fn pll1(words: &Words) -> Result<u64, String> {
    let input = match words.bits(PLLCFGR, 8, 2) {
        2 => pll0(words)?.1,
        3 => XOSC,
        _ => return Err("PLL1 has no source".to_string()),
    };
    within("PLL1's input", input, 37_500_000..=87_500_000)?;
    let vco = within("PLL1's oscillator", input * u64::from(words.bits(PLL1DV, 0, 7)), 600 * MHZ..=1400 * MHZ)?;
    Ok(vco / u64::from(words.bits(PLL1DV, 16, 6)).max(1) / 2)
}

impl Family for Sr5e1 {
    fn reset(&self) -> Vec<(u32, u32)> {
        // 16 MHz, the selector's code 4 and its status.
        vec![(RCC, 0x400), (CFGR, 4 | 4 << 3), (PFCR1[0], 0x300), (PFCR1[1], 0x300), (CCIPR2, 0x1F)]
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(RCC, bit, 1) == 1;
        let source0 = [false, false, on(10), on(17)][words.bits(PLLCFGR, 0, 2) as usize];
        let source1 = [false, false, on(25), on(17)][words.bits(PLLCFGR, 8, 2) as usize];
        let (chosen, current) = (words.bits(CFGR, 0, 3), words.bits(CFGR, 3, 3));
        let runs = [false, false, false, false, on(10), on(17), on(25), on(29)][chosen as usize];
        vec![
            flag(RCC, 17, on(16)),
            flag(RCC, 25, on(24) && source0),
            flag(RCC, 29, on(28) && source1),
            follow(CFGR, 3, 7, chosen, current, runs),
        ]
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        if words.bits(RCC, 24, 1) == 1 {
            pll0(words)?;
        }
        if words.bits(RCC, 28, 1) == 1 {
            pll1(words)?;
        }
        let system = match words.bits(CFGR, 3, 3) {
            4 => IRCOSC,
            5 => XOSC,
            6 => pll0(words)?.0,
            _ => pll1(words)?,
        } / (u64::from(words.bits(CFGR, 8, 9)) + 1);
        let core = within("the core", system, 0..=300 * MHZ)?;
        for at in PFCR1 {
            // 3 wait states up to 136 MHz, and 34 MHz more for each of the next.
            let waits = u64::from(words.bits(at, 8, 5));
            within("the core, for these wait states,", core, 0..=(waits + 1).saturating_mul(34_200_000))?;
        }
        let uart = match words.bits(CCIPR1, 0, 3) {
            0 => 0,
            4 => IRCOSC,
            5 => XOSC,
            6 => pll0(words)?.0,
            _ => return Err("the port's clock is not that of the board".to_string()),
        } / (u64::from(words.bits(CCIPR2, 0, 5)) + 1);
        within("the port", uart, 0..=100 * MHZ)?;
        Ok(Clocks { core, bus: core, uart })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4800_1400, RCC + 0x78, 5), gate(0x4200_6C00, RCC + 0x88, 27)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        for (bit, dividers, sources) in [(24, PLL0DV, 3), (28, PLL1DV, 3 << 8)] {
            if words.bits(RCC, bit, 1) == 1 {
                frozen.extend([
                    ((dividers, u32::MAX), "while its PLL is on"),
                    ((PLLCFGR, sources), "while its PLL is on"),
                ]);
            }
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (CFGR, 7)
    }
}
