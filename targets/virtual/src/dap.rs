//! A debug port with one memory access port, register by register (Arm Debug Interface v5.2, B2.2 and C2.6). SWD's bits
//! are not emulated: whoever drives it has them behind.

use crate::debug::Debug;
use crate::machine::{Fault, Width};
use crate::rom_table;

/// A register that a transfer names: which port, and bits 2 and 3 of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Debug port.
    Dp(u8),
    /// The access port that SELECT has chosen, in the bank that it has chosen.
    Ap(u8),
}

/// A transfer that was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The FAULT response: the access failed, or one before it did and nobody has cleared that.
    Fault,
    /// Nobody answers: there is no target, or it has no power.
    Silence,
}

const DPIDR: u32 = 0x2BA0_1477;
const IDR: u32 = 0x2477_0011;
const STICKYERR: u32 = 1 << 5;
const CDBGPWRUPREQ: u32 = 1 << 28;
const CSYSPWRUPREQ: u32 = 1 << 30;
/// What may be written of CTRL/STAT.
const CONTROL: u32 = 0x500F_0F01;
/// What may be written of CSW: size, increment, protection.
const CSW_WRITABLE: u32 = 0xFF00_0F37;
const CSW_DEVICE_ENABLED: u32 = 1 << 6;
const INCREMENT: u32 = 0x30;

/// The debug port.
pub struct Dap {
    debug: Debug,
    connected: bool,
    control: u32,
    error: bool,
    select: u32,
    read_buffer: u32,
    csw: u32,
    tar: u32,
}

impl Dap {
    /// A port that has just got power.
    #[must_use]
    pub fn new(debug: Debug) -> Self {
        Dap {
            debug,
            connected: true,
            control: 0,
            error: false,
            select: 0,
            read_buffer: 0,
            csw: CSW_DEVICE_ENABLED | 2,
            tar: 0,
        }
    }

    /// The core behind it.
    pub fn debug(&mut self) -> &mut Debug {
        &mut self.debug
    }

    /// Plugs the cable between probe and board in or out.
    pub fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    /// Reads one register.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn read(&mut self, port: Port) -> Result<u32, Refusal> {
        let mut value = [0];
        self.read_block(port, &mut value)?;
        Ok(value[0])
    }

    /// Reads one register again and again, which is how memory is read.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn read_block(&mut self, port: Port, values: &mut [u32]) -> Result<(), Refusal> {
        self.answers()?;
        match port {
            Port::Dp(a) => values.fill(self.read_dp(a)),
            Port::Ap(a) => {
                self.ap_answers()?;
                let result = match self.ap_register(a) {
                    // There is one access port.
                    _ if self.select >> 24 != 0 => {
                        values.fill(0);
                        Ok(())
                    }
                    0x0C => self.read_memory(values),
                    banked @ (0x10 | 0x14 | 0x18 | 0x1C) => self.read_banked(banked, values),
                    other => {
                        values.fill(self.read_ap(other));
                        Ok(())
                    }
                };
                self.stick(result)?;
                self.read_buffer = values.last().copied().unwrap_or(self.read_buffer);
            }
        }
        Ok(())
    }

    /// Writes one register.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn write(&mut self, port: Port, value: u32) -> Result<(), Refusal> {
        self.write_block(port, &[value])
    }

    /// Writes one register again and again, which is how memory is written.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn write_block(&mut self, port: Port, values: &[u32]) -> Result<(), Refusal> {
        self.answers()?;
        match port {
            Port::Dp(a) => values.iter().for_each(|&value| self.write_dp(a, value)),
            Port::Ap(a) => {
                self.ap_answers()?;
                let result = match self.ap_register(a) {
                    _ if self.select >> 24 != 0 => Ok(()),
                    0x0C => self.write_memory(values),
                    banked @ (0x10 | 0x14 | 0x18 | 0x1C) => {
                        let address = self.tar & !0xF | u32::from(banked) & 0xC;
                        values.iter().try_for_each(|v| self.debug.write(address, Width::Word, &v.to_le_bytes()))
                    }
                    other => {
                        values.iter().for_each(|&value| self.write_ap(other, value));
                        Ok(())
                    }
                };
                self.stick(result)?;
            }
        }
        Ok(())
    }

    fn answers(&self) -> Result<(), Refusal> {
        if self.connected { Ok(()) } else { Err(Refusal::Silence) }
    }

    /// Access ports answer when the debug part has power and no error waits to be cleared.
    fn ap_answers(&self) -> Result<(), Refusal> {
        if self.error || self.control & CDBGPWRUPREQ == 0 { Err(Refusal::Fault) } else { Ok(()) }
    }

    fn stick(&mut self, result: Result<(), Fault>) -> Result<(), Refusal> {
        self.error |= result.is_err();
        result.map_err(|_| Refusal::Fault)
    }

    fn read_dp(&mut self, address: u8) -> u32 {
        match (address & 0xC, self.select & 0xF) {
            (0x0, _) => DPIDR,
            (0x4, 0) => {
                let granted = (self.control & (CDBGPWRUPREQ | CSYSPWRUPREQ)) << 1;
                self.control | granted | if self.error { STICKYERR } else { 0 }
            }
            (0xC, _) => self.read_buffer,
            _ => 0,
        }
    }

    fn write_dp(&mut self, address: u8, value: u32) {
        const STKERRCLR: u32 = 1 << 2;
        match (address & 0xC, self.select & 0xF) {
            (0x0, _) => self.error &= value & STKERRCLR == 0,
            (0x4, 0) => self.control = value & CONTROL,
            (0x8, _) => self.select = value,
            _ => {}
        }
    }

    fn ap_register(&self, address: u8) -> u8 {
        (self.select & 0xF0) as u8 | address & 0xC
    }

    fn read_ap(&self, register: u8) -> u32 {
        match register {
            0x00 => self.csw,
            0x04 => self.tar,
            0xF8 => rom_table::BASE | 3,
            0xFC => IDR,
            _ => 0,
        }
    }

    fn write_ap(&mut self, register: u8, value: u32) {
        match register {
            0x00 => self.csw = value & CSW_WRITABLE | CSW_DEVICE_ENABLED,
            0x04 => self.tar = value,
            _ => {}
        }
    }

    fn width(&self) -> Width {
        match self.csw & 7 {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        }
    }

    /// The address behind `count` accesses. It wraps in its lowest ten bits.
    fn advance(&mut self, count: usize) {
        if self.csw & INCREMENT != 0 {
            let step = (count * self.width().bytes()) as u32;
            self.tar = self.tar & !0x3FF | self.tar.wrapping_add(step) & 0x3FF;
        }
    }

    /// How many accesses there are until the address wraps, or one where it does not move.
    fn run_length(&self) -> usize {
        let size = self.width().bytes();
        if self.csw & INCREMENT == 0 { 1 } else { (0x400 - (self.tar as usize & 0x3FF)) / size }
    }

    fn read_memory(&mut self, values: &mut [u32]) -> Result<(), Fault> {
        let (width, mut rest) = (self.width(), values);
        let size = width.bytes();
        while !rest.is_empty() {
            let (now, behind) = rest.split_at_mut(self.run_length().clamp(1, rest.len()));
            let address = self.tar & !(size as u32 - 1);
            let mut bytes = vec![0; now.len() * size];
            self.debug.read(address, width, &mut bytes)?;
            for (n, (value, piece)) in now.iter_mut().zip(bytes.chunks_exact(size)).enumerate() {
                // Each piece comes in the lane of its address.
                let lane = (address as usize + n * size) & 3;
                let mut word = [0; 4];
                word[lane..lane + size].copy_from_slice(piece);
                *value = u32::from_le_bytes(word);
            }
            self.advance(now.len());
            rest = behind;
        }
        Ok(())
    }

    fn write_memory(&mut self, values: &[u32]) -> Result<(), Fault> {
        let (width, mut rest) = (self.width(), values);
        let size = width.bytes();
        while !rest.is_empty() {
            let (now, behind) = rest.split_at(self.run_length().clamp(1, rest.len()));
            let address = self.tar & !(size as u32 - 1);
            let mut bytes = Vec::with_capacity(now.len() * size);
            for (n, value) in now.iter().enumerate() {
                let lane = (address as usize + n * size) & 3;
                bytes.extend(&value.to_le_bytes()[lane..lane + size]);
            }
            self.debug.write(address, width, &bytes)?;
            self.advance(now.len());
            rest = behind;
        }
        Ok(())
    }

    fn read_banked(&mut self, register: u8, values: &mut [u32]) -> Result<(), Fault> {
        let address = self.tar & !0xF | u32::from(register) & 0xC;
        for value in values {
            let mut word = [0; 4];
            self.debug.read(address, Width::Word, &mut word)?;
            *value = u32::from_le_bytes(word);
        }
        Ok(())
    }
}
