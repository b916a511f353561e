//! A TCP connection that passes bytes on as they are: a serial port server, or another program's socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use super::{Link, LinkError, time_left};

/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(50);

/// An open connection.
pub struct TcpLink {
    stream: TcpStream,
    address: String,
}

impl TcpLink {
    /// Connects to `host:port`, and tries again until `deadline`: a server may refuse while it lets the one before go.
    ///
    /// # Errors
    /// There is no such host, or it does not accept.
    pub fn open(address: &str, deadline: Instant) -> Result<Self, LinkError> {
        let fail = |reason: String| LinkError::Open { link: format!("tcp {address}"), reason };
        let places: Vec<_> = address.to_socket_addrs().map_err(|e| fail(e.to_string()))?.collect();
        let mut reason = "the host has no address".to_string();
        loop {
            for place in &places {
                let patience = time_left(deadline).map_err(|_| fail(reason.clone()))?;
                match TcpStream::connect_timeout(place, patience) {
                    Ok(stream) => {
                        // Packets are small and each is waited for.
                        stream.set_nodelay(true).map_err(|e| fail(e.to_string()))?;
                        return Ok(TcpLink { stream, address: address.to_string() });
                    }
                    Err(e) => reason = e.to_string(),
                }
            }
            let left = time_left(deadline).map_err(|_| fail(reason.clone()))?;
            thread::sleep(AGAIN.min(left));
        }
    }
}

impl Link for TcpLink {
    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(time_left(deadline)?))?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        loop {
            self.stream.set_read_timeout(Some(time_left(deadline)?))?;
            match self.stream.read(buffer) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn name(&self) -> String {
        format!("tcp {}", self.address)
    }
}
