//! A serial port, real or a pseudo terminal. Sets no modem lines: a pseudo terminal has none.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serialport::SerialPort;

use super::{Link, LinkError, time_left};

/// An open serial port, 8N1.
pub struct SerialLink {
    port: Box<dyn SerialPort>,
    path: String,
}

impl SerialLink {
    /// Opens the port at `path`; nobody else may have it open.
    ///
    /// # Errors
    /// The port does not exist, is in use, or does not take the settings.
    pub fn open(path: &str, baud: u32) -> Result<Self, LinkError> {
        // A timeout must be given here; every call sets its own.
        let port = serialport::new(path, baud)
            .timeout(Duration::from_millis(100))
            .open()
            .map_err(|error| LinkError::Open { link: format!("serial port {path}"), reason: error.description })?;
        Ok(SerialLink { port, path: path.to_string() })
    }

    /// Opens the port at `path`, and tries again until `deadline`: a board that has just been started or
    /// plugged in may take a moment to have one.
    ///
    /// # Errors
    /// As [`SerialLink::open`], from the last attempt.
    pub fn open_until(path: &str, baud: u32, deadline: Instant) -> Result<Self, LinkError> {
        loop {
            match SerialLink::open(path, baud) {
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
                result => return result,
            }
        }
    }

    fn wait_at_most(&mut self, deadline: Instant) -> Result<(), LinkError> {
        let left = time_left(deadline)?;
        self.port.set_timeout(left).map_err(|error| LinkError::Io(error.description))
    }
}

impl Link for SerialLink {
    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            self.wait_at_most(deadline)?;
            match self.port.write(bytes) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        loop {
            self.wait_at_most(deadline)?;
            match self.port.read(buffer) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(n) => return Ok(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn name(&self) -> String {
        format!("serial {}", self.path)
    }
}
