//! The device loop: answers the board protocol and runs one model.
//!
//! Sees a model through [`model::Model`] and a board through [`Port`], [`Clock`] and [`Board`]; knows no registers.
#![no_std]

pub mod arena;
pub mod bring_up;
mod device;
mod line;
pub mod model;
mod reader;

pub use device::{crash, serve};
pub use line::Frames;

/// The far end of the port has gone away. A serial port on a board never has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Bytes to and from the host.
pub trait Port {
    /// Waits until `into` is full.
    ///
    /// # Errors
    /// The host has gone away.
    fn read(&mut self, into: &mut [u8]) -> Result<(), Closed>;

    /// Sends all of `bytes`.
    fn write(&mut self, bytes: &[u8]);
}

/// What a clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Unit {
    /// Core clock cycles.
    Cycles = 0,
    /// Instructions, counted by an emulator.
    Instructions = 1,
}

/// Counts work.
pub trait Clock {
    /// The count now; only differences mean anything.
    fn now(&mut self) -> u64;

    /// What is counted.
    fn unit(&self) -> Unit;

    /// How long `count` lasts on this board's clock, in milliseconds.
    fn milliseconds(&self, count: u64) -> f32;
}

/// Facts of the board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// Device id of the chip's debug unit.
    pub device_id: u32,
    /// Core clock in Hz.
    pub core_clock: u32,
    /// Bus clock in Hz.
    pub bus_clock: u32,
    /// Cache word.
    pub cache: u32,
    /// A number that another start of the board would not repeat; 0 where there is none.
    pub boot_nonce: u32,
    /// Most bytes of stack in use so far; 0 where that is not measured.
    pub stack_high_water: fn() -> u32,
}
