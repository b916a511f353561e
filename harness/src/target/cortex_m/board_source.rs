//! A board's facts as the constants that its firmware includes. Knows names of the firmware, decides nothing.

use std::fmt::Write;

use crate::board::{Action, Board, Cache, Counter, UartKind};

/// Cache word of the protocol: a float unit, a data cache, an instruction cache.
const WORD_FLOAT: u32 = 1 << 16;
const WORD_DATA: u32 = 1 << 11;
const WORD_INSTRUCTION: u32 = 1 << 10;

/// Source of the module `board`.
pub(super) fn board_source(board: &Board) -> String {
    let mut text = format!("// Facts of {}.\n", board.name);
    let mut constant = |name: &str, kind: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "pub const {name}: {kind} = {value};");
    };
    let (uart, has) = (&board.uart, |cache| board.caches.contains(&cache));
    let kind = match uart.kind {
        UartKind::Cmsdk => "Kind::Cmsdk",
        UartKind::Stm32Legacy => "Kind::Stm32Legacy",
        UartKind::Stm32 | UartKind::Stm32Lp => "Kind::Stm32",
    };
    let counter = match board.counter {
        Counter::Cycles => "Counter::Cycles".to_string(),
        Counter::Instructions { ticks, per_counts } => {
            format!("Counter::Instructions {{ ticks: {ticks}, per_counts: {per_counts} }}")
        }
    };
    let bit = |cache, bit| if has(cache) { bit } else { 0 };
    let word = WORD_FLOAT | bit(Cache::Data, WORD_DATA) | bit(Cache::Instruction, WORD_INSTRUCTION);
    constant("UART_KIND", "Kind", kind.to_string());
    constant("UART_BASE", "usize", format!("{:#010x}", uart.base));
    constant("UART_RX_IRQ", "usize", uart.rx_irq.to_string());
    constant("UART_DIVISOR", "u32", uart.divisor.to_string());
    constant("UART_BOOT_DIVISOR", "u32", uart.boot_divisor.unwrap_or(0).to_string());
    constant("DEVICE_ID", "u32", format!("{:#x}", board.device_id));
    constant("CORE_CLOCK_HZ", "u32", board.clock_hz.to_string());
    constant("BUS_CLOCK_HZ", "u32", board.bus_clock_hz.to_string());
    constant("COUNTER", "Counter", counter);
    constant("INSTRUCTION_CACHE", "bool", has(Cache::Instruction).to_string());
    constant("DATA_CACHE", "bool", has(Cache::Data).to_string());
    constant("CACHE_WORD", "u32", format!("{word:#010x}"));
    tables(&mut text, board);
    text
}

fn tables(text: &mut String, board: &Board) {
    let _ = writeln!(text, "pub static BRING_UP: [Step; {}] = [", board.bring_up.len());
    for step in &board.bring_up {
        let bits = format!("at: {:#010x}, mask: {:#010x}, value: {:#010x}", step.at, step.mask, step.value);
        let _ = match step.action {
            Action::Write => writeln!(text, "    Step::Write {{ {bits} }}, // {}", step.name),
            Action::Wait => writeln!(text, "    Step::Wait {{ {bits}, name: {:?} }},", step.name),
        };
    }
    let filled: Vec<_> = board.memories.iter().filter(|memory| memory.fill).collect();
    let _ = writeln!(text, "];\npub static FILL: [[u32; 2]; {}] = [", filled.len() + 1);
    for memory in filled {
        let _ = writeln!(text, "    [{:#010x}, {:#010x}],", memory.origin, memory.origin + memory.length);
    }
    text.push_str("    [0, 0],\n];\n");
}
