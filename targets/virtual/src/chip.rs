//! Facts of an emulated chip, and the chip as probe-rs knows chips: memories, and a flash algorithm that the board serves.

use std::collections::HashMap;
use std::ops::Range;

use probe_rs::config::{
    Chip as ProbeChip, ChipFamily, Core as ProbeCore, CoreType, MemoryRegion, NvmRegion, RamRegion,
};
use probe_rs_target::{
    ApAddress, ArmCoreAccessOptions, CoreAccessOptions, FlashProperties, RawFlashAlgorithm, SectorDescription,
    TargetDescriptionSource,
};

use crate::machine::Core;
use crate::service;

/// Bytes of a sector, which is erased as a whole, and of a page, which is written at once.
pub const SECTOR: u32 = 16 * 1024;
/// What erased flash reads as.
pub const ERASED: u8 = 0xFF;
/// Name of the one core.
const CORE: &str = "main";

/// An emulated chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its name, as probe-rs is to know it.
    pub name: String,
    /// Its core.
    pub core: Core,
    /// Device id, which its debug unit answers at [`crate::debug::DBGMCU_IDCODE`].
    pub id: u32,
    /// Memory that keeps its content; the first begins with the vector table.
    pub flash: Vec<Range<u32>>,
    /// Memory that does not.
    pub ram: Vec<Range<u32>>,
}

impl Chip {
    /// The chip as a family of its own, for probe-rs's registry or, as YAML, for its command line.
    #[must_use]
    pub fn family(&self) -> ChipFamily {
        let algorithms: Vec<RawFlashAlgorithm> = (0..self.flash.len()).map(|n| self.algorithm(n)).collect();
        let core_type = match self.core {
            Core::M3 => CoreType::Armv7m,
            Core::M4 | Core::M7 => CoreType::Armv7em,
            Core::M33 | Core::M55 => CoreType::Armv8m,
        };
        let options = ArmCoreAccessOptions { ap: ApAddress::V1(0), ..Default::default() };
        let chip = ProbeChip {
            name: self.name.clone(),
            part: None,
            svd: None,
            documentation: HashMap::new(),
            package_variants: Vec::new(),
            cores: vec![ProbeCore {
                name: CORE.into(),
                core_type,
                core_access_options: CoreAccessOptions::Arm(options),
            }],
            memory_map: self.memory_map(),
            flash_algorithms: algorithms.iter().map(|a| a.name.clone()).collect(),
            rtt_scan_ranges: None,
            jtag: None,
            default_binary_format: None,
        };
        ChipFamily {
            name: format!("{} (emulated)", self.name),
            manufacturer: None,
            chip_detection: Vec::new(),
            generated_from_pack: false,
            pack_file_release: None,
            variants: vec![chip],
            flash_algorithms: algorithms,
            source: TargetDescriptionSource::BuiltIn,
        }
    }

    /// The family as the description file that probe-rs's command line reads.
    #[must_use]
    pub fn yaml(&self) -> String {
        // Strings, numbers and lists of them: there is nothing that YAML could not hold.
        yaml_serde::to_string(&self.family()).unwrap_or_default()
    }

    fn memory_map(&self) -> Vec<MemoryRegion> {
        let cores = vec![CORE.to_string()];
        let wide = |range: &Range<u32>| u64::from(range.start)..u64::from(range.end);
        let flash = self.flash.iter().map(|range| {
            let region =
                NvmRegion { name: None, range: wide(range), cores: cores.clone(), is_alias: false, access: None };
            MemoryRegion::Nvm(region)
        });
        let ram = self.ram.iter().map(|range| {
            let region =
                RamRegion { name: None, range: wide(range), cores: cores.clone(), is_alias: false, access: None };
            MemoryRegion::Ram(region)
        });
        flash.chain(ram).collect()
    }

    fn algorithm(&self, n: usize) -> RawFlashAlgorithm {
        let range = &self.flash[n];
        RawFlashAlgorithm {
            name: format!("{}-flash{n}", self.name.to_lowercase()),
            description: "served by the emulated board".into(),
            default: true,
            instructions: service::blob(),
            pc_init: Some(service::INIT.into()),
            pc_uninit: Some(service::UNINIT.into()),
            pc_program_page: service::PROGRAM_PAGE.into(),
            pc_erase_sector: service::ERASE_SECTOR.into(),
            pc_erase_all: Some(service::ERASE_ALL.into()),
            flash_properties: FlashProperties {
                address_range: u64::from(range.start)..u64::from(range.end),
                page_size: SECTOR,
                erased_byte_value: ERASED,
                program_page_timeout: 1000,
                erase_sector_timeout: 1000,
                sectors: vec![SectorDescription { address: 0, size: SECTOR.into() }],
            },
            ..RawFlashAlgorithm::default()
        }
    }
}
