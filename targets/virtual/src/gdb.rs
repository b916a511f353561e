//! QEMU's GDB stub: run control, registers, breakpoints, and the monitor's commands. Knows no memory map.
//!
//! The stub stops the machine at any byte that reaches it while the core runs, so nothing is said to it then but the
//! interrupt.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an answer may take; the emulator may be busy for a while on a loaded host.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest packet that is believed.
const LONGEST: usize = 1 << 20;
/// Bytes of memory that fit a packet of the stub.
const MEMORY: usize = 1024;

/// An open connection. The machine is stopped when it begins.
#[derive(Debug)]
pub struct Gdb {
    stream: UnixStream,
    received: Vec<u8>,
    running: bool,
    /// Number and size in bytes, by name.
    registers: HashMap<String, (u32, usize)>,
    interrupts: Option<bool>,
}

impl Gdb {
    /// Over a connected socket; learns which registers there are.
    ///
    /// # Errors
    /// The emulator is gone, or answers what it should not.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut gdb = Gdb { stream, received: Vec::new(), running: false, registers: HashMap::new(), interrupts: None };
        gdb.ask("?")?;
        gdb.registers = gdb.describe()?;
        Ok(gdb)
    }

    /// Reads a register, of 4 or 8 bytes.
    ///
    /// # Errors
    /// There is none of this name; as [`Gdb::new`].
    pub fn register(&mut self, name: &str) -> io::Result<u64> {
        let (number, size) = self.number(name)?;
        let answer = self.ask(&format!("p{number:x}"))?;
        let mut bytes = [0; 8];
        hex::decode_to_slice(&answer, &mut bytes[..size]).map_err(|_| odd(&answer))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Writes a register.
    ///
    /// # Errors
    /// As [`Gdb::register`].
    pub fn set_register(&mut self, name: &str, value: u64) -> io::Result<()> {
        let (number, size) = self.number(name)?;
        self.order(&format!("P{number:x}={}", hex::encode(&value.to_le_bytes()[..size])))
    }

    /// Writes memory that devices and the core cannot write, too.
    ///
    /// # Errors
    /// As [`Gdb::new`].
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> io::Result<()> {
        let mut at = u64::from(address);
        for part in bytes.chunks(MEMORY) {
            self.order(&format!("M{at:x},{:x}:{}", part.len(), hex::encode(part)))?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Sets or takes away a breakpoint.
    ///
    /// # Errors
    /// As [`Gdb::new`].
    pub fn set_breakpoint(&mut self, address: u32, on: bool) -> io::Result<()> {
        self.order(&format!("{}0,{address:x},2", if on { 'Z' } else { 'z' }))
    }

    /// Whether the core runs, as far as the stub has said.
    ///
    /// # Errors
    /// The emulator is gone.
    pub fn is_running(&mut self) -> io::Result<bool> {
        if self.running {
            self.stream.set_nonblocking(true)?;
            let stopped = self.packet();
            self.stream.set_nonblocking(false)?;
            match stopped {
                Ok(_) => self.running = false,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.running)
    }

    /// Lets the core run.
    ///
    /// # Errors
    /// The emulator is gone.
    pub fn resume(&mut self) -> io::Result<()> {
        self.say("c")?;
        self.running = true;
        Ok(())
    }

    /// Stops the core, if it has not stopped by itself.
    ///
    /// # Errors
    /// The emulator is gone.
    pub fn stop(&mut self) -> io::Result<()> {
        if self.is_running()? {
            self.stream.write_all(&[0x03])?;
            self.packet()?;
            self.running = false;
        }
        Ok(())
    }

    /// Executes one instruction, with interrupts held back or not.
    ///
    /// # Errors
    /// The emulator is gone.
    pub fn step(&mut self, interrupts: bool) -> io::Result<()> {
        if self.interrupts != Some(interrupts) {
            // Bit 0 steps, bit 1 holds interrupts back; time goes on, for what a program waits for must come.
            self.order(&format!("Qqemu.sstep={}", if interrupts { 1 } else { 3 }))?;
            self.interrupts = Some(interrupts);
        }
        self.ask("s").map(drop)
    }

    /// Runs a command of the monitor and answers what it prints.
    ///
    /// # Errors
    /// As [`Gdb::new`].
    pub fn monitor(&mut self, command: &str) -> io::Result<String> {
        self.say(&format!("qRcmd,{}", hex::encode(command)))?;
        let mut text = Vec::new();
        loop {
            let answer = self.packet()?;
            match answer.strip_prefix('O') {
                Some("K") => return Ok(String::from_utf8_lossy(&text).into_owned()),
                Some(part) => text.extend(hex::decode(part).map_err(|_| odd(&answer))?),
                None => return Err(odd(&answer)),
            }
        }
    }

    fn number(&self, name: &str) -> io::Result<(u32, usize)> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("the core has no register `{name}`"));
        self.registers.get(name).copied().ok_or_else(missing)
    }

    /// The registers of the target description, all files of it.
    fn describe(&mut self) -> io::Result<HashMap<String, (u32, usize)>> {
        let top = self.file("target.xml")?;
        let mut registers = HashMap::new();
        let mut next = 0;
        for include in tags(&top, "xi:include") {
            let Some(name) = attribute(include, "href") else { continue };
            for tag in tags(&self.file(name)?, "reg") {
                let (Some(name), Some(bits)) = (attribute(tag, "name"), attribute(tag, "bitsize")) else { continue };
                let number = attribute(tag, "regnum").and_then(|n| n.parse().ok()).unwrap_or(next);
                next = number + 1;
                if let Some(bytes) = bits.parse::<usize>().ok().map(|bits| bits / 8).filter(|&bytes| bytes <= 8) {
                    // Of a name that comes twice the first is the core's.
                    registers.entry(name.to_string()).or_insert((number, bytes));
                }
            }
        }
        Ok(registers)
    }

    fn file(&mut self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        loop {
            let part = self.ask(&format!("qXfer:features:read:{name}:{:x},800", text.len()))?;
            match part.split_at_checked(1) {
                Some(("m", rest)) if !rest.is_empty() => text.push_str(rest),
                Some(("l", rest)) => {
                    text.push_str(rest);
                    return Ok(text);
                }
                _ => return Err(odd(&part)),
            }
        }
    }

    fn order(&mut self, packet: &str) -> io::Result<()> {
        match self.ask(packet)? {
            answer if answer == "OK" => Ok(()),
            answer => Err(odd(&answer)),
        }
    }

    fn ask(&mut self, packet: &str) -> io::Result<String> {
        self.say(packet)?;
        self.packet()
    }

    fn say(&mut self, packet: &str) -> io::Result<()> {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        self.stream.write_all(format!("${packet}#{sum:02x}").as_bytes())
    }

    /// The next packet. Acknowledgements of ours are passed over, the packet is acknowledged.
    fn packet(&mut self) -> io::Result<String> {
        loop {
            let start = self.received.iter().position(|&b| b == b'$').unwrap_or(self.received.len());
            self.received.drain(..start);
            if let Some(end) = self.received.iter().position(|&b| b == b'#').filter(|end| self.received.len() > end + 2)
            {
                let text = String::from_utf8_lossy(&self.received[1..end]).into_owned();
                self.received.drain(..end + 3);
                self.stream.write_all(b"+")?;
                return Ok(text);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ if self.received.len() > LONGEST => return Err(odd("a packet without end")),
                count => self.received.extend(&buffer[..count]),
            }
        }
    }
}

/// The insides of all tags of one name.
fn tags<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.split('<').filter_map(move |tag| tag.strip_prefix(name)?.strip_prefix(char::is_whitespace)?.split('>').next())
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    tag[start..].split('"').next()
}

fn odd(answer: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the GDB stub answered `{answer}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_read_from_the_description() {
        let text =
            "<reg name=\"d0\" bitsize=\"64\" type=\"float\"/>\n<reg name=\"xpsr\" bitsize=\"32\" regnum=\"25\"/>";
        let found: Vec<_> = tags(text, "reg").map(|tag| (attribute(tag, "name"), attribute(tag, "regnum"))).collect();
        assert_eq!(found, [(Some("d0"), None), (Some("xpsr"), Some("25"))]);
    }
}
