//! The far end of probe-rs's Glasgow driver: lets any program with that driver, such as the `probe-rs` command line, debug
//! an emulated board over a socket.
//!
//! Frames are COBS with a zero behind each; their first byte names one of two endpoints, whose bytes are a stream without
//! regard to frames. SWD transfers come register by register; equal ones in a row are done at once.

use std::io::{self, Read, Write};

use crate::dap::{Dap, Port, Refusal};
use crate::probe::{Bench, Shared, lock};

/// What the endpoint for the probe itself answers to.
mod root {
    pub const ADDRESS: u8 = 0;
    pub const IDENTIFY: u8 = 0x00;
    pub const GET_REF_CLOCK: u8 = 0x10;
    pub const GET_DIVISOR: u8 = 0x11;
    pub const SET_DIVISOR: u8 = 0x12;
    pub const ASSERT_RESET: u8 = 0x20;
    pub const CLEAR_RESET: u8 = 0x21;
    pub const IDENTIFIER: &[u8; 12] = b"probe-rs,v01";
    pub const CLOCK_HZ: u32 = 48_000_000;
}

/// What the endpoint for SWD answers to.
mod swd {
    pub const ADDRESS: u8 = 1;
    pub const SEQUENCE: u8 = 0x20;
    pub const AP: u8 = 1 << 0;
    pub const READ: u8 = 1 << 1;
    pub const DATA: u8 = 0x00;
    pub const NO_DATA: u8 = 0x10;
    pub const ERROR: u8 = 0x20;
    pub const OK: u8 = 0b001;
    pub const FAULT: u8 = 0b100;
}

/// Longest frame that is read.
const LONGEST: usize = 1 << 20;
/// Address of RDBUFF.
const RDBUFF: u8 = 0xC;
/// Address of DRW in its bank.
const DRW: u8 = 0xC;

/// Serves one client until it goes away.
///
/// # Errors
/// The socket fails; the client sends what is no frame.
pub(crate) fn serve(mut client: impl Read + Write, bench: &Shared) -> io::Result<()> {
    let mut session = Session::default();
    let mut received = Vec::new();
    let mut buffer = [0; 64 * 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        received.extend(&buffer[..count]);
        let Some(end) = received.iter().rposition(|&byte| byte == 0) else {
            if received.len() > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame without end"));
            }
            continue;
        };
        let mut answers = Vec::new();
        for frame in received[..end].split(|&byte| byte == 0).filter(|frame| !frame.is_empty()) {
            let frame =
                cobs::decode_vec(frame).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            if let Some((&endpoint, bytes)) = frame.split_first() {
                let answer = session.take(endpoint, bytes, &mut lock(bench));
                if !answer.is_empty() {
                    answers.extend(cobs::encode_vec(&[&[endpoint][..], &answer].concat()));
                    answers.push(0);
                }
            }
        }
        received.drain(..=end);
        client.write_all(&answers)?;
    }
}

#[derive(Default)]
struct Session {
    root: Vec<u8>,
    swd: Vec<u8>,
    divisor: u16,
    /// The value of the last read of an access port, which the next transfer brings.
    posted: u32,
}

/// A transfer of the SWD endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Read(Port),
    Write(Port, u32),
}

impl Session {
    /// Takes bytes for an endpoint and answers what it says.
    fn take(&mut self, endpoint: u8, bytes: &[u8], bench: &mut Bench) -> Vec<u8> {
        match endpoint {
            root::ADDRESS => {
                self.root.extend(bytes);
                self.root(bench)
            }
            swd::ADDRESS => {
                self.swd.extend(bytes);
                self.swd(&mut bench.dap)
            }
            _ => Vec::new(),
        }
    }

    fn root(&mut self, bench: &mut Bench) -> Vec<u8> {
        let mut answer = Vec::new();
        while let Some(&command) = self.root.first() {
            let size = if command == root::SET_DIVISOR { 3 } else { 1 };
            if self.root.len() < size {
                break;
            }
            match command {
                root::IDENTIFY => answer.extend(root::IDENTIFIER),
                root::GET_REF_CLOCK => answer.extend(root::CLOCK_HZ.to_le_bytes()),
                root::GET_DIVISOR => answer.extend(self.divisor.to_le_bytes()),
                root::SET_DIVISOR => self.divisor = u16::from_le_bytes([self.root[1], self.root[2]]),
                // A board that cannot be reset answers to nothing afterwards, which says it.
                root::ASSERT_RESET => drop(bench.dap.debug().set_reset_pin(true)),
                root::CLEAR_RESET => drop(bench.dap.debug().set_reset_pin(false)),
                _ => {}
            }
            self.root.drain(..size);
        }
        answer
    }

    fn swd(&mut self, dap: &mut Dap) -> Vec<u8> {
        let transfers = self.transfers();
        let mut answer = Vec::new();
        let mut rest = transfers.as_slice();
        while let Some(&first) = rest.first() {
            let count = 1 + rest[1..].iter().take_while(|next| alike(first, **next)).count();
            let (now, behind) = rest.split_at(count);
            if let Err(refusal) = self.perform(now, dap, &mut answer) {
                // One answer, and none for what stood behind it in the frame: the driver gives up at the first.
                answer.push(match refusal {
                    Refusal::Fault => swd::NO_DATA | swd::FAULT,
                    Refusal::Silence => swd::ERROR,
                });
                // As the probe's own driver does it; see `clear` there.
                let _ = dap.write(Port::Dp(0), 1 << 2);
                break;
            }
            rest = behind;
        }
        answer
    }

    /// The complete transfers that have come. Sequences set the line up, which needs nothing here.
    fn transfers(&mut self) -> Vec<Transfer> {
        let mut transfers = Vec::new();
        let mut at = 0;
        while let Some(&command) = self.swd.get(at) {
            let operand = |at: usize| {
                let bytes = self.swd.get(at + 1..at + 5)?;
                Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            };
            let address = command & 0xC;
            let port = if command & swd::AP != 0 { Port::Ap(address) } else { Port::Dp(address) };
            if command & swd::SEQUENCE != 0 {
                let Some(_) = operand(at) else { break };
                at += 5;
            } else if command & swd::READ != 0 {
                transfers.push(Transfer::Read(port));
                at += 1;
            } else {
                let Some(value) = operand(at) else { break };
                transfers.push(Transfer::Write(port, value));
                at += 5;
            }
        }
        self.swd.drain(..at);
        transfers
    }

    /// Performs transfers that are alike.
    fn perform(&mut self, transfers: &[Transfer], dap: &mut Dap, answer: &mut Vec<u8>) -> Result<(), Refusal> {
        match transfers[0] {
            Transfer::Read(Port::Dp(RDBUFF)) => data(answer, self.posted),
            Transfer::Read(port @ Port::Dp(_)) => data(answer, dap.read(port)?),
            Transfer::Read(port @ Port::Ap(_)) => {
                let mut values = vec![0; transfers.len()];
                dap.read_block(port, &mut values)?;
                // Each transfer brings what the one before it read.
                for value in values {
                    data(answer, std::mem::replace(&mut self.posted, value));
                }
            }
            Transfer::Write(port, _) => {
                let values: Vec<u32> = transfers
                    .iter()
                    .filter_map(|transfer| match transfer {
                        Transfer::Write(_, value) => Some(*value),
                        Transfer::Read(_) => None,
                    })
                    .collect();
                dap.write_block(port, &values)?;
                answer.extend(values.iter().map(|_| swd::NO_DATA | swd::OK));
            }
        }
        Ok(())
    }
}

/// Whether the second may be done together with the first: accesses of memory, both reads or both writes.
fn alike(first: Transfer, next: Transfer) -> bool {
    matches!(
        (first, next),
        (Transfer::Read(Port::Ap(DRW)), Transfer::Read(Port::Ap(DRW)))
            | (Transfer::Write(Port::Ap(DRW), _), Transfer::Write(Port::Ap(DRW), _))
    )
}

fn data(answer: &mut Vec<u8>, value: u32) {
    answer.push(swd::DATA | swd::OK);
    answer.extend(value.to_le_bytes());
}
