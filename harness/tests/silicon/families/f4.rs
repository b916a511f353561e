//! STM32F401 (RM0368) and STM32F446 (RM0390).

use super::{Family, Gate, MHZ, flag, follow, gate, hpre, ppre, within};
use crate::chip::{Clocks, Words};

const RCC_CR: u32 = 0x4002_3800;
const RCC_PLLCFGR: u32 = 0x4002_3804;
const RCC_CFGR: u32 = 0x4002_3808;
const PWR_CR: u32 = 0x4000_7000;
const PWR_CSR: u32 = 0x4000_7004;
const FLASH_ACR: u32 = 0x4002_3C00;

pub struct F4 {
    /// F446, whose regulator can be driven over; else F401.
    pub overdrive: bool,
}

impl F4 {
    /// Clock that the voltage carries: RM0368 5.1.3, RM0390 5.1.4.
    fn limit(&self, words: &Words) -> u64 {
        let over = words.bits(PWR_CSR, 17, 1) == 1;
        match (self.overdrive, words.bits(PWR_CR, 14, 2), over) {
            (false, 1, _) => 60 * MHZ,
            (false, _, _) => 84 * MHZ,
            (true, 1, _) => 120 * MHZ,
            (true, 2, false) => 144 * MHZ,
            (true, 2, true) | (true, _, false) => 168 * MHZ,
            (true, _, true) => 180 * MHZ,
        }
    }
}

impl Family for F4 {
    fn reset(&self) -> Vec<(u32, u32)> {
        let voltage = if self.overdrive { 0xC000 } else { 0x8000 };
        vec![(RCC_CR, 0x83), (RCC_PLLCFGR, 0x2400_3010), (PWR_CR, voltage), (0x4002_0000, 0xA800_0000)]
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let (hse, pll) = (words.bits(RCC_CR, 17, 1) == 1, words.bits(RCC_CR, 25, 1) == 1);
        // The boards feed a clock; a crystal that is not there never starts.
        let hse_on = words.bits(RCC_CR, 16, 1) == 1 && words.bits(RCC_CR, 18, 1) == 1;
        let pll_runs = words.bits(RCC_CR, 24, 1) == 1 && (words.bits(RCC_PLLCFGR, 22, 1) == 0 || hse);
        let (chosen, current) = (words.bits(RCC_CFGR, 0, 2), words.bits(RCC_CFGR, 2, 2));
        let mut status = vec![
            flag(RCC_CR, 17, hse_on),
            flag(RCC_CR, 25, pll_runs),
            flag(PWR_CSR, 14, pll),
            follow(RCC_CFGR, 2, 3, chosen, current, [true, hse, pll][chosen.min(2) as usize]),
        ];
        if self.overdrive {
            // RM0390 5.1.4: entered while PLL is on, the switch once the mode is ready.
            let ready = words.bits(PWR_CSR, 16, 1) == 1;
            status.push(flag(PWR_CSR, 16, words.bits(PWR_CR, 16, 1) == 1 && words.bits(RCC_CR, 24, 1) == 1));
            status.push(flag(PWR_CSR, 17, words.bits(PWR_CR, 17, 1) == 1 && ready));
        }
        status
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let pll = || {
            let field = |low, count| u64::from(words.bits(RCC_PLLCFGR, low, count));
            let source = if field(22, 1) == 1 { 8 * MHZ } else { 16 * MHZ };
            let input = within("the PLL's input", source / field(0, 6).max(1), MHZ..=21 * MHZ / 10)?;
            let vco = within("the PLL's oscillator", input * field(6, 9), 100 * MHZ..=432 * MHZ)?;
            Ok::<u64, String>(vco / (2 * (field(16, 2) + 1)))
        };
        if words.bits(RCC_CR, 24, 1) == 1 {
            pll()?;
        }
        let system = match words.bits(RCC_CFGR, 2, 2) {
            0 => 16 * MHZ,
            1 => 8 * MHZ,
            _ => pll()?,
        };
        let core = system / hpre(words.bits(RCC_CFGR, 4, 4));
        within("the core, for this voltage,", core, 0..=self.limit(words))?;
        // RM0368 table 6, RM0390 table 5, at 2.7 to 3.6 V.
        let waits = u64::from(words.bits(FLASH_ACR, 0, 4));
        within("the core, for these wait states,", core, 0..=(waits + 1) * 30 * MHZ)?;
        let (slow, fast) = if self.overdrive { (45, 90) } else { (42, 84) };
        let uart = within("APB1", core / ppre(words.bits(RCC_CFGR, 10, 3)), 0..=slow * MHZ)?;
        within("APB2", core / ppre(words.bits(RCC_CFGR, 13, 3)), 0..=fast * MHZ)?;
        Ok(Clocks { core, bus: core, uart })
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4002_0000, 0x4002_3830, 0), gate(0x4000_4400, 0x4002_3840, 17), gate(0x4000_7000, 0x4002_3840, 28)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let mut frozen = Vec::new();
        if words.bits(RCC_CR, 24, 1) == 1 {
            frozen.push(((RCC_PLLCFGR, u32::MAX), "while the PLL is on"));
            frozen.push(((PWR_CR, 3 << 14), "while the PLL is on"));
        }
        if words.bits(RCC_CR, 16, 1) == 1 {
            frozen.push(((RCC_CR, 1 << 18), "while the oscillator is on"));
        }
        if words.bits(PWR_CSR, 16, 1) == 0 {
            frozen.push(((PWR_CR, 1 << 17), "before overdrive is ready"));
        }
        frozen
    }

    fn switch(&self) -> (u32, u32) {
        (RCC_CFGR, 3)
    }

    /// The flash interface's own caches and its prefetch.
    fn caches(&self, words: &Words) -> Result<(), String> {
        if words.bits(FLASH_ACR, 8, 3) == 7 { Ok(()) } else { Err("the flash interface's caches are off".to_string()) }
    }
}
