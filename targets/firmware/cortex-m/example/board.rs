// Facts of an Arm MPS2 board with a Cortex-M4, as QEMU's mps2-an386 emulates it.
pub const UART_BASE: usize = 0x4000_4000;
pub const BAUD: u32 = 921_600;
pub const DEVICE_ID: u32 = 0;
pub const CORE_CLOCK_HZ: u32 = 25_000_000;
pub const COUNTS_PER: u64 = 5;
pub const TICKS_PER: u64 = 16;
pub const UART_RX_IRQ: usize = 0;
