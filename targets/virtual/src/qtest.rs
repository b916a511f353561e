//! QEMU's qtest protocol: memory and devices of a machine, whether its core runs or not. Knows no core.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::machine::Width;

/// How long an answer may take; the emulator may be busy for a while on a loaded host.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes a line carries at most.
const CHUNK: usize = 64 * 1024;

/// An open connection.
#[derive(Debug)]
pub struct Qtest {
    stream: BufReader<UnixStream>,
}

impl Qtest {
    /// Over a connected socket.
    ///
    /// # Errors
    /// The socket is of no use.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Qtest { stream: BufReader::new(stream) })
    }

    /// Reads memory in whatever pieces.
    ///
    /// # Errors
    /// The emulator is gone, or answers what it should not.
    pub fn read_memory(&mut self, address: u32, into: &mut [u8]) -> io::Result<()> {
        let mut at = u64::from(address);
        for part in into.chunks_mut(CHUNK) {
            let answer = self.ask(&format!("b64read {at:#x} {:#x}\n", part.len()))?;
            let count = STANDARD.decode_slice(answer.as_bytes(), part).map_err(io::Error::other)?;
            if count != part.len() {
                return Err(odd(&answer));
            }
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Writes memory in whatever pieces.
    ///
    /// # Errors
    /// As [`Qtest::read_memory`].
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> io::Result<()> {
        let mut at = u64::from(address);
        for part in bytes.chunks(CHUNK) {
            self.ask(&format!("b64write {at:#x} {:#x} {}\n", part.len(), STANDARD.encode(part)))?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Fills memory with one value.
    ///
    /// # Errors
    /// As [`Qtest::read_memory`].
    pub fn fill_memory(&mut self, address: u32, size: u32, value: u8) -> io::Result<()> {
        self.ask(&format!("memset {address:#x} {size:#x} {value:#x}\n")).map(drop)
    }

    /// Reads a device, one access of `width` after the other.
    ///
    /// # Errors
    /// As [`Qtest::read_memory`].
    pub fn read_device(&mut self, address: u32, width: Width, into: &mut [u8]) -> io::Result<()> {
        let size = width.bytes();
        let mut asked = String::new();
        for at in (u64::from(address)..).step_by(size).take(into.len() / size) {
            // Writing to a String cannot fail.
            let _ = writeln!(asked, "read{} {at:#x}", letter(width));
        }
        self.stream.get_mut().write_all(asked.as_bytes())?;
        for place in into.chunks_exact_mut(size) {
            let answer = self.answer()?;
            let value = answer.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
            place.copy_from_slice(&value.ok_or_else(|| odd(&answer))?.to_le_bytes()[..size]);
        }
        Ok(())
    }

    /// Writes a device, one access of `width` after the other.
    ///
    /// # Errors
    /// As [`Qtest::read_memory`].
    pub fn write_device(&mut self, address: u32, width: Width, bytes: &[u8]) -> io::Result<()> {
        let size = width.bytes();
        let mut at = u64::from(address);
        for piece in bytes.chunks_exact(size) {
            let mut value = [0; 8];
            value[..size].copy_from_slice(piece);
            self.ask(&format!("write{} {at:#x} {:#x}\n", letter(width), u64::from_le_bytes(value)))?;
            at += size as u64;
        }
        Ok(())
    }

    fn ask(&mut self, line: &str) -> io::Result<String> {
        self.stream.get_mut().write_all(line.as_bytes())?;
        self.answer()
    }

    /// What came behind `OK`.
    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        // Twice as long as the longest that can be asked for.
        let longest = 4 * CHUNK as u64;
        if self.stream.by_ref().take(longest).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().strip_prefix("OK") {
            Some(rest) => Ok(rest.trim_start().to_string()),
            None => Err(odd(&line)),
        }
    }
}

fn letter(width: Width) -> char {
    match width {
        Width::Byte => 'b',
        Width::Half => 'w',
        Width::Word => 'l',
    }
}

fn odd(answer: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("qtest answered `{}`", answer.trim_end()))
}
