// Facts of an Arm MPS2 board with a Cortex-M4, as QEMU's mps2-an386 emulates it.
pub const UART_KIND: Kind = Kind::Cmsdk;
pub const UART_BASE: usize = 0x4000_4000;
pub const UART_RX_IRQ: usize = 0;
pub const UART_DIVISOR: u32 = 27;
pub const UART_BOOT_DIVISOR: u32 = 27;
pub const DEVICE_ID: u32 = 0;
pub const CORE_CLOCK_HZ: u32 = 25_000_000;
pub const BUS_CLOCK_HZ: u32 = 25_000_000;
pub const COUNTER: Counter = Counter::Instructions { ticks: 16, per_counts: 5 };
pub const INSTRUCTION_CACHE: bool = false;
pub const DATA_CACHE: bool = false;
pub const CACHE_WORD: u32 = 0x0001_0000;
pub static BRING_UP: [Step; 0] = [];
pub static FILL: [[u32; 2]; 1] = [[0, 0]];
