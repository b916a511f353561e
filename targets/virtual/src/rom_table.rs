//! Identification registers of the core's debug components, and the ROM table that lists them. Read only.

use crate::machine::Core;

/// Where the ROM table is.
pub const BASE: u32 = 0xE00F_F000;

const ITM: u32 = 0xE000_0000;
const DWT: u32 = 0xE000_1000;
const FPB: u32 = 0xE000_2000;
const SCS: u32 = 0xE000_E000;

/// JEP106 identity of Arm in PIDR1 (low half), PIDR2 and PIDR4.
const ARM_1: u32 = 0xB0;
const ARM_2: u32 = 0x0B;
const ARM_4: u32 = 0x04;

/// The word at `address`, if it identifies a component that is emulated here.
#[must_use]
pub fn read(core: Core, address: u32) -> Option<u32> {
    let (component, offset) = (address & !0xFFF, address & 0xFFF);
    match (component, offset) {
        // Each entry: the component's place relative to the table, and that it is there. The list ends with 0.
        (BASE, 0x000..=0x0FF) => {
            let entry = [SCS, DWT, FPB].get(offset as usize / 4);
            Some(entry.map_or(0, |component| component.wrapping_sub(BASE) | 3))
        }
        (BASE | DWT | FPB, 0xFD0..=0xFFF) => Some(identification(core, component, offset)),
        // The system control space of Armv7-M answers by itself.
        (SCS, 0xFD0..=0xFFF) if is_v8(core) => Some(identification(core, component, offset)),
        (SCS | DWT | FPB, 0xFBC) if is_v8(core) => Some(architecture(component)),
        (SCS | DWT | FPB, 0xFCC) if is_v8(core) => Some(0),
        (BASE, _) => Some(0),
        // Trace is not emulated.
        (ITM, _) => Some(0),
        _ => None,
    }
}

fn is_v8(core: Core) -> bool {
    matches!(core, Core::M33 | Core::M55)
}

/// PIDR4 to PIDR7, PIDR0 to PIDR3, CIDR0 to CIDR3 (Arm CoreSight Architecture Specification, B2.2).
fn identification(core: Core, component: u32, offset: u32) -> u32 {
    let part = part(core, component);
    let class = match component {
        BASE => 0x10,
        _ if is_v8(core) => 0x90,
        _ => 0xE0,
    };
    match offset {
        0xFD0 => ARM_4,
        0xFE0 => part & 0xFF,
        0xFE4 => ARM_1 | part >> 8,
        0xFE8 => ARM_2,
        0xFF0 => 0x0D,
        0xFF4 => class,
        0xFF8 => 0x05,
        0xFFC => 0xB1,
        _ => 0,
    }
}

/// Part numbers: Technical Reference Manuals of the cores, "ROM table identification" and the components' chapters.
fn part(core: Core, component: u32) -> u32 {
    match (core, component) {
        (Core::M3, BASE) => 0x4C3,
        (Core::M4, BASE) => 0x4C4,
        (Core::M7, BASE) => 0x4C7,
        (Core::M33, BASE) => 0x4C9,
        (Core::M55, BASE) => 0x4D2,
        (Core::M33, _) => 0xD21,
        (Core::M55, _) => 0xD22,
        (_, DWT) => 0x002,
        (Core::M7, FPB) => 0x00E,
        (_, FPB) => 0x003,
        _ => 0x00C,
    }
}

/// DEVARCH of Armv8-M components (Armv8-M Architecture Reference Manual, D1.2).
fn architecture(component: u32) -> u32 {
    const PRESENT_ARM: u32 = 0x4770_0000;
    PRESENT_ARM
        | match component {
            DWT => 0x1A02,
            FPB => 0x1A03,
            _ => 0x2A04,
        }
}
