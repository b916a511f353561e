//! A serial port behind a telnet server that sets its line up (RFC 2217 over RFC 854): 8N1 without flow control. Refuses a
//! server that does not know the option.

use std::collections::VecDeque;
use std::time::Instant;

use super::tcp::TcpLink;
use super::{Link, LinkError};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const BINARY: u8 = 0;
const SUPPRESS_GO_AHEAD: u8 = 3;
const COM_PORT: u8 = 44;

const SET_BAUDRATE: u8 = 1;
const SET_DATASIZE: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOPSIZE: u8 = 4;
const SET_CONTROL: u8 = 5;
/// A server's answer is its command's number and this.
const SERVER: u8 = 100;

/// Bytes of a negotiation that are kept.
const LONGEST: usize = 64;

/// An open port.
pub struct Rfc2217Link {
    inner: TcpLink,
    telnet: Telnet,
    received: VecDeque<u8>,
}

impl Rfc2217Link {
    /// Agrees on the option and sets the line up.
    ///
    /// # Errors
    /// The server does not know the option, or takes another rate; nothing comes until `deadline`.
    pub fn open(inner: TcpLink, baud: u32, deadline: Instant) -> Result<Self, LinkError> {
        let mut link = Rfc2217Link { inner, telnet: Telnet::default(), received: VecDeque::new() };
        let mut hello = Vec::new();
        for option in [BINARY, SUPPRESS_GO_AHEAD] {
            hello.extend([IAC, WILL, option, IAC, DO, option]);
        }
        hello.extend([IAC, WILL, COM_PORT]);
        link.inner.send(&hello, deadline)?;
        while link.telnet.accepted.is_none() {
            link.fill(deadline).map_err(|error| link.refused(&error.to_string()))?;
        }
        if link.telnet.accepted == Some(false) {
            return Err(link.refused("the server does not control a serial port (RFC 2217)"));
        }
        let mut set_up = command(SET_BAUDRATE, &baud.to_be_bytes());
        for (what, value) in [(SET_DATASIZE, 8), (SET_PARITY, 1), (SET_STOPSIZE, 1), (SET_CONTROL, 1)] {
            set_up.extend(command(what, &[value]));
        }
        link.inner.send(&set_up, deadline)?;
        while link.telnet.baud.is_none() {
            link.fill(deadline).map_err(|error| link.refused(&error.to_string()))?;
        }
        match link.telnet.baud {
            Some(rate) if rate != baud => {
                Err(link.refused(&format!("the server's port runs at {rate} baud, {baud} were asked for")))
            }
            _ => Ok(link),
        }
    }

    fn refused(&self, reason: &str) -> LinkError {
        LinkError::Open { link: self.name(), reason: reason.to_string() }
    }

    fn fill(&mut self, deadline: Instant) -> Result<(), LinkError> {
        let mut buffer = [0; 4096];
        let count = self.inner.receive(&mut buffer, deadline)?;
        let mut answers = Vec::new();
        for &byte in &buffer[..count] {
            self.received.extend(self.telnet.take(byte, &mut answers));
        }
        if answers.is_empty() { Ok(()) } else { self.inner.send(&answers, deadline) }
    }
}

impl Link for Rfc2217Link {
    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        self.inner.send(&doubled(bytes), deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        while self.received.is_empty() {
            self.fill(deadline)?;
        }
        let count = self.received.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(self.received.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn name(&self) -> String {
        format!("rfc2217 {}", self.inner.name())
    }
}

/// A byte that begins a command stands for itself where it is doubled.
fn doubled(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|&byte| if byte == IAC { vec![IAC, IAC] } else { vec![byte] }).collect()
}

fn command(what: u8, value: &[u8]) -> Vec<u8> {
    [&[IAC, SB, COM_PORT, what][..], &doubled(value), &[IAC, SE]].concat()
}

/// What has been read of a command.
#[derive(Default)]
enum State {
    #[default]
    Data,
    Iac,
    Option(u8),
    Negotiation(Vec<u8>),
    NegotiationIac(Vec<u8>),
}

#[derive(Default)]
struct Telnet {
    state: State,
    /// Whether the server knows the option.
    accepted: Option<bool>,
    /// The line rate that the server has set.
    baud: Option<u32>,
}

impl Telnet {
    /// Takes a byte off the wire and answers the one that it carries, if it does. What is to be sent back is put to
    /// `answers`.
    fn take(&mut self, byte: u8, answers: &mut Vec<u8>) -> Option<u8> {
        let (state, data) = match (std::mem::take(&mut self.state), byte) {
            (State::Data, IAC) => (State::Iac, None),
            (State::Data, byte) => (State::Data, Some(byte)),
            (State::Iac, IAC) => (State::Data, Some(IAC)),
            (State::Iac, SB) => (State::Negotiation(Vec::new()), None),
            (State::Iac, verb @ (WILL | WONT | DO | DONT)) => (State::Option(verb), None),
            (State::Iac, _) => (State::Data, None),
            (State::Option(verb), option) => {
                self.agree(verb, option, answers);
                (State::Data, None)
            }
            (State::Negotiation(text), IAC) => (State::NegotiationIac(text), None),
            (State::Negotiation(mut text), byte) => {
                if text.len() < LONGEST {
                    text.push(byte);
                }
                (State::Negotiation(text), None)
            }
            (State::NegotiationIac(mut text), IAC) => {
                text.push(IAC);
                (State::Negotiation(text), None)
            }
            (State::NegotiationIac(text), _) => {
                self.negotiated(&text);
                (State::Data, None)
            }
        };
        self.state = state;
        data
    }

    /// What this side asked for is not answered again; what else the server offers is declined.
    fn agree(&mut self, verb: u8, option: u8, answers: &mut Vec<u8>) {
        match (verb, option) {
            (DO, COM_PORT) => self.accepted = Some(true),
            (DONT, COM_PORT) => self.accepted = Some(false),
            (DO | WILL, BINARY | SUPPRESS_GO_AHEAD) | (WILL, COM_PORT) => {}
            (DO, option) => answers.extend([IAC, WONT, option]),
            (WILL, option) => answers.extend([IAC, DONT, option]),
            _ => {}
        }
    }

    fn negotiated(&mut self, text: &[u8]) {
        const BAUD_IS_SET: u8 = SET_BAUDRATE + SERVER;
        if let &[COM_PORT, BAUD_IS_SET, a, b, c, d] = text {
            self.baud = Some(u32::from_be_bytes([a, b, c, d]));
        }
    }
}
