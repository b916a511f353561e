//! STM32L4R5 (RM0432), STM32G474 (RM0440) and STM32WB55 (RM0434), whose clock controllers are of one kind.

use super::{Family, Gate, MHZ, flag, follow, gate, hpre, ppre, within};
use crate::chip::{Clocks, Words};

pub struct L4R5;
pub struct G474;
pub struct WB55;

/// What the three differ in.
struct Traits {
    rcc: u32,
    flash: u32,
    pwr: u32,
    /// Code of the system clock after reset, and its rate.
    reset_clock: (u32, u64),
    hse: u64,
    /// Input and oscillator of the PLL, in MHz.
    pll_input: (u64, u64),
    pll_vco: (u64, u64),
    /// Clock of the port by its selector; 0 stands for the bus.
    uart_select: u32,
    /// Field of R, and what its code divides by.
    divider: (u32, u32, fn(u64) -> u64),
    enabled: u32,
}

const L4R5_TRAITS: Traits = Traits {
    rcc: 0x4002_1000,
    flash: 0x4002_2000,
    pwr: 0x4000_7000,
    reset_clock: (0, 4 * MHZ),
    hse: 0,
    pll_input: (4, 16),
    pll_vco: (64, 344),
    uart_select: 10,
    divider: (25, 2, |code| 2 * (code + 1)),
    enabled: 24,
};
const G474_TRAITS: Traits =
    Traits { reset_clock: (1, 16 * MHZ), hse: 24 * MHZ, pll_input: (2, 16), pll_vco: (96, 344), ..L4R5_TRAITS };
const WB55_TRAITS: Traits = Traits {
    rcc: 0x5800_0000,
    flash: 0x5800_4000,
    pwr: 0x5800_0400,
    hse: 32 * MHZ,
    pll_input: (2, 16),
    pll_vco: (96, 344),
    uart_select: 0,
    divider: (29, 3, |code| code + 1),
    enabled: 28,
    ..L4R5_TRAITS
};

impl Traits {
    fn pll(&self, words: &Words) -> Result<u64, String> {
        let at = self.rcc + 0x0C;
        let field = |low, count| u64::from(words.bits(at, low, count));
        let source = match field(0, 2) {
            1 => 4 * MHZ,
            2 => 16 * MHZ,
            3 => self.hse,
            _ => return Err("the PLL has no source".to_string()),
        };
        let width = if self.enabled == 28 { 3 } else { 4 };
        let range = |(low, high): (u64, u64)| low * MHZ..=high * MHZ;
        let input = within("the PLL's input", source / (field(4, width) + 1), range(self.pll_input))?;
        let vco = within("the PLL's oscillator", input * field(8, 7), range(self.pll_vco))?;
        let (low, count, divide) = self.divider;
        Ok(vco / divide(field(low, count)))
    }

    fn reset(&self) -> Vec<(u32, u32)> {
        let (code, _) = self.reset_clock;
        let running = if code == 0 { 0x63 } else { 0x500 };
        // Pins are analog, range 1 without boost, the port of the debugger excepted.
        let analog = (0..9).map(|port| (0x4800_0000 + 0x400 * port, u32::MAX));
        let own = [(self.rcc, running), (self.rcc + 8, code | code << 2), (self.pwr, 0x200), (self.pwr + 0x80, 0x100)];
        own.into_iter().chain([(self.flash, 0x600)]).chain(analog).collect()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        let on = |bit| words.bits(self.rcc, bit, 1) == 1;
        let source = match words.bits(self.rcc + 0x0C, 0, 2) {
            1 => on(1),
            2 => on(10),
            3 => on(17),
            _ => false,
        };
        let (chosen, current) = (words.bits(self.rcc + 8, 0, 2), words.bits(self.rcc + 8, 2, 2));
        let output = words.bits(self.rcc + 0x0C, self.enabled, 1) == 1;
        let runs = [on(1), on(10), on(17), on(25) && output][chosen as usize];
        vec![
            flag(self.rcc, 10, on(8)),
            flag(self.rcc, 17, on(16) && self.hse > 0),
            flag(self.rcc, 25, on(24) && source),
            follow(self.rcc + 8, 2, 3, chosen, current, runs),
        ]
    }

    /// System clock, core clock, port clock.
    fn clocks(&self, words: &Words) -> Result<(u64, Clocks), String> {
        if words.bits(self.rcc, 24, 1) == 1 {
            self.pll(words)?;
        }
        let system = match words.bits(self.rcc + 8, 2, 2) {
            code if code == self.reset_clock.0 => self.reset_clock.1,
            1 => 16 * MHZ,
            2 => self.hse,
            _ => self.pll(words)?,
        };
        let core = system / hpre(words.bits(self.rcc + 8, 4, 4));
        let buses = [8, 11].map(|low| core / ppre(words.bits(self.rcc + 8, low, 3)));
        let uart = match words.bits(self.rcc + 0x88, self.uart_select, 2) {
            // The low-power port hangs at the first bus, USART1 of WB at the second.
            0 => buses[usize::from(self.uart_select == 0)],
            1 => system,
            2 => 16 * MHZ,
            _ => return Err("the port's clock is not that of the board".to_string()),
        };
        Ok((system, Clocks { core, bus: core, uart }))
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        let pll = words.bits(self.rcc, 24, 1) == 1;
        pll.then_some(((self.rcc + 0x0C, u32::MAX), "while the PLL is on")).into_iter().collect()
    }

    fn waits(&self, words: &Words, core: u64, step: u64) -> Result<(), String> {
        let waits = u64::from(words.bits(self.flash, 0, 4));
        within("the core, for these wait states,", core, 0..=(waits + 1) * step * MHZ).map(drop)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        if words.bits(self.flash, 8, 3) == 7 { Ok(()) } else { Err("the flash interface's caches are off".to_string()) }
    }
}

/// Range 1 carries `normal` MHz, with its boost `boost`; above 80 MHz the clock is reached by way of its half.
fn boosted(traits: &Traits, words: &Words, normal: u64, boost: u64) -> Result<Clocks, String> {
    let (_, clocks) = traits.clocks(words)?;
    if words.bits(traits.pwr, 9, 2) != 1 {
        return Err("the voltage is not that of range 1".to_string());
    }
    let boosts = words.bits(traits.pwr + 0x80, 8, 1) == 0;
    within("the core, for this voltage,", clocks.core, 0..=if boosts { boost } else { normal } * MHZ)?;
    let arriving = words.bits(traits.rcc + 8, 0, 2) == 3 && words.bits(traits.rcc + 8, 2, 2) != 3;
    if arriving && traits.pll(words)? > 80 * MHZ && words.bits(traits.rcc + 8, 4, 4) != 8 {
        return Err("above 80 MHz the clock is reached by way of its half".to_string());
    }
    Ok(clocks)
}

impl Family for L4R5 {
    fn reset(&self) -> Vec<(u32, u32)> {
        L4R5_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        L4R5_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let clocks = boosted(&L4R5_TRAITS, words, 80, 120)?;
        // RM0432 table 12.
        L4R5_TRAITS.waits(words, clocks.core, 20)?;
        Ok(clocks)
    }

    fn gates(&self) -> Vec<Gate> {
        // Port G is fed by VDDIO2, which must be declared valid beside the clock.
        let fed = Gate { range: 0x4800_1800..0x4800_1C00, at: 0x4000_7004, mask: 1 << 9 };
        vec![
            gate(0x4800_1800, 0x4002_104C, 6),
            fed,
            gate(0x4000_8000, 0x4002_105C, 0),
            gate(0x4000_7000, 0x4002_1058, 28),
        ]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        L4R5_TRAITS.frozen(words)
    }

    fn switch(&self) -> (u32, u32) {
        (L4R5_TRAITS.rcc + 8, 3)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        L4R5_TRAITS.caches(words)
    }
}

impl Family for G474 {
    fn reset(&self) -> Vec<(u32, u32)> {
        G474_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        G474_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let clocks = boosted(&G474_TRAITS, words, 150, 170)?;
        // RM0440 table 9.
        let boosts = words.bits(G474_TRAITS.pwr + 0x80, 8, 1) == 0;
        G474_TRAITS.waits(words, clocks.core, if boosts { 34 } else { 30 })?;
        Ok(clocks)
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4800_0000, 0x4002_104C, 0), gate(0x4000_8000, 0x4002_105C, 0), gate(0x4000_7000, 0x4002_1058, 28)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        G474_TRAITS.frozen(words)
    }

    fn switch(&self) -> (u32, u32) {
        (G474_TRAITS.rcc + 8, 3)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        G474_TRAITS.caches(words)
    }
}

impl Family for WB55 {
    fn reset(&self) -> Vec<(u32, u32)> {
        WB55_TRAITS.reset()
    }

    fn status(&self, words: &Words) -> Vec<(u32, u32, u32)> {
        WB55_TRAITS.status(words)
    }

    fn clocks(&self, words: &Words) -> Result<Clocks, String> {
        let (system, clocks) = WB55_TRAITS.clocks(words)?;
        within("the core", clocks.core, 0..=64 * MHZ)?;
        // RM0434 table 4, and 3.3.4 for the second core.
        WB55_TRAITS.waits(words, clocks.core, 18)?;
        within("the second core", system / hpre(words.bits(0x5800_0108, 4, 4)), 0..=32 * MHZ)?;
        Ok(clocks)
    }

    fn gates(&self) -> Vec<Gate> {
        vec![gate(0x4800_0400, 0x5800_004C, 1), gate(0x4001_3800, 0x5800_0060, 14)]
    }

    fn frozen(&self, words: &Words) -> Vec<((u32, u32), &'static str)> {
        WB55_TRAITS.frozen(words)
    }

    fn switch(&self) -> (u32, u32) {
        (WB55_TRAITS.rcc + 8, 3)
    }

    fn caches(&self, words: &Words) -> Result<(), String> {
        WB55_TRAITS.caches(words)
    }
}
