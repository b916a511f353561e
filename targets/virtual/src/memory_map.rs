//! What a machine's bus answers, read from the emulator's own listing (`info mtree -f`). Refuses a listing without it.

/// What stands behind a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Memory that may be read and written in blocks.
    Ram,
    /// Memory that the bus only reads.
    Rom,
    /// Registers, whose width of access matters.
    Device,
}

/// All ranges that answer, in order of their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryMap(Vec<(u64, u64, Kind)>);

impl MemoryMap {
    /// Reads the listing of what the first core sees. Nothing if there is no such view.
    #[must_use]
    pub fn parse(listing: &str) -> Option<Self> {
        let view = listing.split("FlatView #").find(|view| view.contains("AS \"cpu-memory-0\""))?;
        let mut ranges: Vec<(u64, u64, Kind)> = view.lines().filter_map(range).collect();
        ranges.sort_unstable_by_key(|&(first, ..)| first);
        if ranges.is_empty() { None } else { Some(MemoryMap(ranges)) }
    }

    /// What answers at `address`, and how many bytes from there on are of the same range.
    #[must_use]
    pub fn at(&self, address: u32) -> Option<(Kind, u64)> {
        let address = u64::from(address);
        let next = self.0.partition_point(|&(first, ..)| first <= address);
        let &(_, last, kind) = self.0.get(next.checked_sub(1)?)?;
        (address <= last).then(|| (kind, last - address + 1))
    }
}

/// `  0000000020000000-00000000203fffff (prio 0, ram): mps.ssram23`
fn range(line: &str) -> Option<(u64, u64, Kind)> {
    let (addresses, rest) = line.trim_start().split_once(" (prio ")?;
    let (first, last) = addresses.split_once('-')?;
    let (kind, name) = rest.split_once(", ")?.1.split_once("):")?;
    let kind = match kind {
        "ram" => Kind::Ram,
        "rom" | "romd" => Kind::Rom,
        // A protection controller of TrustZone in front of memory.
        _ if name.trim_start().starts_with("tz-mpc-upstream") => Kind::Ram,
        _ => Kind::Device,
    };
    Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(last, 16).ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "FlatView #0\n AS \"memory\", root: system\n  0000000000000000-00000000ffffffff (prio 0, ram): x\n\
        FlatView #1\n AS \"cpu-memory-0\", root: armv7m-container\n Root memory region: armv7m-container\n  \
        0000000008000000-00000000080fffff (prio 0, rom): STM32F405.flash\n  \
        0000000000400000-00000000007fffff (prio 0, i/o): tz-mpc-upstream\n  \
        0000000040004000-0000000040004fff (prio 0, i/o): uart @0000000000000010\n";

    #[test]
    fn ranges_of_the_cores_view_answer_and_nothing_else() {
        let map = MemoryMap::parse(LISTING).expect("a view");
        let rows = [
            (0, None),
            (0x0040_0000, Some((Kind::Ram, 0x0040_0000))),
            (0x0080_0000, None),
            (0x080F_FFFF, Some((Kind::Rom, 1))),
            (0x4000_4010, Some((Kind::Device, 0xFF0))),
            (0x4000_5000, None),
        ];
        for (address, expect) in rows {
            assert_eq!(map.at(address), expect, "{address:#x}");
        }
        assert_eq!(MemoryMap::parse("FlatView #0\n AS \"memory\", root: system\n"), None);
    }
}
