//! What of an ELF file goes into which memory. Refuses what is no 32-bit ELF file.

use std::path::Path;

use object::elf::PT_LOAD;
use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{Object, ObjectSection, ObjectSymbol};

use super::DeployError;

/// Name of the control block of the debugger's channel.
const RTT: &str = "_SEGGER_RTT";
/// Section of the vector table.
const VECTORS: &str = ".vector_table";

/// An image as a debugger needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Address and bytes of each piece.
    pub pieces: Vec<(u64, Vec<u8>)>,
    /// Where the vector table is.
    pub vectors: Option<u64>,
    /// Where the control block of the debugger's channel is, if the image has one.
    pub rtt: Option<u64>,
}

impl Segments {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// [`DeployError::Image`].
    pub fn read(path: &Path) -> Result<Segments, DeployError> {
        let fail = |reason: String| DeployError::Image { file: path.display().to_string(), reason };
        let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        Segments::parse(&bytes).map_err(fail)
    }

    fn parse(bytes: &[u8]) -> Result<Segments, String> {
        let text = |e: object::Error| e.to_string();
        let file = ElfFile32::<object::Endianness>::parse(bytes).map_err(text)?;
        let endian = file.endian();
        let mut pieces = Vec::new();
        for segment in file.elf_header().program_headers(endian, bytes).map_err(text)? {
            let data = segment.data(endian, bytes).map_err(|()| "a segment lies behind the end of the file")?;
            if segment.p_type(endian) == PT_LOAD && !data.is_empty() {
                pieces.push((u64::from(segment.p_paddr(endian)), data.to_vec()));
            }
        }
        if pieces.is_empty() {
            return Err("has nothing to load".to_string());
        }
        let symbol = |wanted: &str| file.symbols().find(|s| s.name() == Ok(wanted) && s.is_definition());
        Ok(Segments {
            pieces,
            vectors: file.section_by_name(VECTORS).map(|section| section.address()),
            rtt: symbol(RTT).map(|symbol| symbol.address()),
        })
    }

    /// Bytes of all pieces.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }
}
