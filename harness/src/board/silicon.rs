//! What firmware must know of a chip: its serial port, what it counts by, its caches, and how it is brought up. Refuses
//! line rates that the port's clock cannot make, and tables that cannot do what they say.

use serde::Deserialize;

/// A line rate may be off by this, as parts of ten thousand: both ends have clocks of their own, and together they may
/// be off by a few percent before a byte's last bit is sampled beside it.
const BAUD_ERROR: u64 = 150;

/// Families of serial ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UartKind {
    /// Arm's CMSDK UART.
    Cmsdk,
    /// USART with status and data registers, as STM32F4 has it.
    Stm32Legacy,
    /// USART with FIFOs, as later STM32 have it.
    Stm32,
    /// Low-power UART: as the former, but with a finer divisor.
    Stm32Lp,
}

impl UartKind {
    /// Divisor of a clock for a rate, and what it divides by a unit: the low-power port counts in parts of 256.
    fn divisor(self, clock: u32, baud: u32) -> Option<u32> {
        let (scale, range) = match self {
            UartKind::Cmsdk => (1, 16..=0xF_FFFF),
            UartKind::Stm32Legacy | UartKind::Stm32 => (1, 16..=0xFFFF),
            // RM0440, section 38.4.7: at least 0x300, and a clock of at least 3 times the rate.
            UartKind::Stm32Lp => (256, 0x300..=0xF_FFFF),
        };
        let divisor = (u64::from(clock) * scale + u64::from(baud) / 2) / u64::from(baud);
        u32::try_from(divisor).ok().filter(|d| range.contains(d))
    }

    /// The rate that a divisor makes, in parts of ten thousand of the wanted one.
    fn rate(self, clock: u32, baud: u32, divisor: u32) -> u64 {
        let scale = if self == UartKind::Stm32Lp { 256 } else { 1 };
        10_000 * scale * u64::from(clock) / (u64::from(baud) * u64::from(divisor))
    }
}

/// A serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uart {
    /// Its family.
    pub kind: UartKind,
    /// Address of its registers.
    pub base: u32,
    /// Number of its receive interrupt.
    pub rx_irq: u16,
    /// Clock of the port once the chip is brought up, in Hz.
    pub kernel_hz: u32,
    /// Clock of the port until then; `None` where nothing can be said that early.
    pub boot_hz: Option<u32>,
    /// What divides the clock to the line rate.
    pub divisor: u32,
    /// What divides the clock that the port has until the chip is brought up.
    pub boot_divisor: Option<u32>,
}

impl Uart {
    /// The port at a line rate, with the divisors for it.
    pub(super) fn at(self, baud: u32) -> Result<Uart, String> {
        let Uart { kind, kernel_hz, boot_hz, .. } = self;
        let fail = |why: String| Err(format!("{baud} baud from a clock of {kernel_hz} Hz: {why}"));
        if baud == 0 || kernel_hz == 0 {
            return fail("rates are positive".to_string());
        }
        let Some(divisor) = kind.divisor(kernel_hz, baud) else {
            return fail(format!("the divisor of {kind:?} has no such value"));
        };
        let error = kind.rate(kernel_hz, baud, divisor).abs_diff(10_000);
        if error >= BAUD_ERROR {
            let percent = |parts: u64| format!("{}.{:02} %", parts / 100, parts % 100);
            return fail(format!("off by {}; less than {} is accepted", percent(error), percent(BAUD_ERROR)));
        }
        // What is said at start is for a person; the nearest divisor will do.
        let boot_divisor = boot_hz.and_then(|clock| kind.divisor(clock, baud));
        if let (Some(clock), None) = (boot_hz, boot_divisor) {
            return Err(format!("boot_hz = {clock} cannot make {baud} baud; leave it out where that is so"));
        }
        Ok(Uart { divisor, boot_divisor, ..self })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUart {
    kind: UartKind,
    base: u32,
    rx_irq: u16,
    kernel_hz: Option<u32>,
    boot_hz: Option<u32>,
}

impl RawUart {
    /// Checks the port against a line rate. A port whose clock is not given has the core's.
    pub fn check(self, core_hz: u32, baud: u32) -> Result<Uart, String> {
        if self.rx_irq >= 480 {
            return Err(format!("interrupt {}; a core has 480 at most", self.rx_irq));
        }
        let RawUart { kind, base, rx_irq, kernel_hz, boot_hz } = self;
        let kernel_hz = kernel_hz.unwrap_or(core_hz);
        Uart { kind, base, rx_irq, kernel_hz, boot_hz, divisor: 0, boot_divisor: None }.at(baud)
    }
}

/// What a board counts an inference by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Core clock cycles, by the core's own counter.
    Cycles,
    /// Instructions, by the ticks of an emulator: so many ticks are so many instructions.
    Instructions {
        /// So many ticks …
        ticks: u32,
        /// … are so many instructions.
        per_counts: u32,
    },
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawClock {
    Systick { counts: Instructions, ticks: u32, per_counts: u32 },
    Dwt { counts: Cycles },
}

/// The word that says what is counted; a clock can count one thing only.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Instructions {
    Instructions,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cycles {
    Cycles,
}

impl TryFrom<RawClock> for Counter {
    type Error = String;

    fn try_from(raw: RawClock) -> Result<Self, String> {
        match raw {
            RawClock::Dwt { counts: Cycles::Cycles } => Ok(Counter::Cycles),
            RawClock::Systick { counts: Instructions::Instructions, ticks, per_counts } => {
                if ticks == 0 || per_counts == 0 {
                    return Err("ticks and per_counts are positive".to_string());
                }
                Ok(Counter::Instructions { ticks, per_counts })
            }
        }
    }
}

/// A cache of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// Of instructions.
    Instruction,
    /// Of data.
    Data,
}

/// One line of the table that brings a chip up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// Register and fields, as the reference manual calls them: `RCC.CR HSEON=1`.
    pub name: String,
    /// Address of the register.
    pub at: u32,
    /// Which bits.
    pub mask: u32,
    /// What they become, or must become.
    pub value: u32,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Replaces the bits of the mask; a full mask writes without reading.
    Write,
    /// Waits until the bits of the mask have the value.
    Wait,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBringUp {
    steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    write: Option<String>,
    wait: Option<String>,
    at: u32,
    mask: u32,
    value: u32,
}

impl RawBringUp {
    /// The table, each line of which can do what it says.
    pub fn check(self) -> Result<Vec<Step>, String> {
        let step = |(index, raw): (usize, RawStep)| {
            let (action, name) = match (raw.write, raw.wait) {
                (Some(name), None) => (Action::Write, name),
                (None, Some(name)) => (Action::Wait, name),
                _ => return Err(format!("bring-up step {index}: one of `write` and `wait` is accepted")),
            };
            let fail = |why: &str| Err(format!("bring-up step {index} (`{name}`): {why}"));
            if !raw.at.is_multiple_of(4) {
                return fail("the address is no multiple of 4");
            }
            if raw.mask == 0 || raw.value & !raw.mask != 0 {
                return fail("the value has bits outside of the mask, or the mask has none");
            }
            if name.is_empty() || !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\') {
                return fail("the name is printable ASCII without quotes");
            }
            Ok(Step { action, name, at: raw.at, mask: raw.mask, value: raw.value })
        };
        self.steps.into_iter().enumerate().map(step).collect()
    }
}
