//! A dialogue with one board: who are you, run this. Knows the order of messages and what they must contain;
//! knows no model file and judges no output.
//!
//! Every step has a deadline, every message a longest length, and a failed run leaves the session usable: the
//! next one says hello again first. [`Cause`] keeps apart whose fault a failure is.

mod channel;
mod describe;
mod error;
mod frames;
mod run;

use std::time::Duration;

use crate::link::Link;
use crate::proto::{self, Command, Hello, Payload, Request, SystemInfo, error as code, state};
use channel::{Channel, Step};
pub use describe::{BoardInfo, DataType, NetworkInfo, TensorInfo};
pub use error::{Cause, SessionError};
use frames::Framing;
pub use run::{CounterUnit, NodeResult, RunResult, TensorData};

/// A shorthand for what a session can answer.
pub type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Networks asked for at most; a board that never says "no more" is not believed.
const MAX_NETWORKS: u32 = 32;
/// Longest message before anything is known of a network.
const LONGEST_DESCRIPTION: usize = 64 * 1024;
/// Longest tensor where a network does not say how large its activations are.
const LONGEST_TENSOR: usize = 16 * 1024 * 1024;

/// How long each step may take. The defaults are the protocol's, except where an emulated board is slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to one hello.
    pub hello: Duration,
    /// How many hellos are said before a board counts as silent.
    pub hellos: u32,
    /// For the answer about chip or network.
    pub info: Duration,
    /// For the answer to a run request, and to each input.
    pub request: Duration,
    /// For the board to ask for the next packet.
    pub packet: Duration,
    /// For the whole inference. Tensors that arrive extend it by the time they take.
    pub run: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            hello: Duration::from_millis(500),
            hellos: 6,
            info: Duration::from_secs(5),
            request: Duration::from_secs(5),
            packet: Duration::from_secs(5),
            run: Duration::from_secs(60),
        }
    }
}

/// An open dialogue with a board whose networks are known.
pub struct Session {
    channel: Channel,
    timeouts: Timeouts,
    info: BoardInfo,
    /// Index into [`BoardInfo::networks`].
    network: usize,
    /// The last dialogue ended somewhere in the middle.
    adrift: bool,
}

impl Session {
    /// Says hello over `link` and asks what the board is and which networks it has.
    ///
    /// # Errors
    /// The board is silent, speaks another protocol, or the link fails.
    pub fn connect(link: Box<dyn Link>, timeouts: Timeouts) -> Result<Self> {
        let mut channel = Channel::new(link, LONGEST_DESCRIPTION);
        let hello = say_hello(&mut channel, &timeouts, 0)?;
        let (system, networks) = match describe(&mut channel, &timeouts) {
            // Asking changes nothing on the board, so what was damaged on the way is asked for once more.
            Err(error) if matches!(error.cause, Cause::Transport(_) | Cause::Timeout { .. }) => {
                say_hello(&mut channel, &timeouts, 1)?;
                describe(&mut channel, &timeouts)?
            }
            result => result?,
        };
        channel.longest = longest(&networks);
        let info = BoardInfo::new(&hello, system, networks);
        Ok(Session { channel, timeouts, info, network: 0, adrift: false })
    }

    /// What the board said of itself.
    #[must_use]
    pub fn info(&self) -> &BoardInfo {
        &self.info
    }

    /// The network that [`Session::run`] runs: the one that was required, or else the first.
    #[must_use]
    pub fn network(&self) -> Option<&NetworkInfo> {
        self.info.networks.get(self.network)
    }

    /// What the link goes to.
    #[must_use]
    pub fn link_name(&self) -> String {
        self.channel.link_name()
    }

    /// The last lines that the board wrote: log messages, then readable text outside of messages.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.channel.last_lines()
    }

    /// Chooses the network `name`. Where `digest` is given the board must have been built from that very plan.
    ///
    /// # Errors
    /// [`Cause::WrongModel`] with what the board runs instead.
    pub fn require(&mut self, name: &str, digest: Option<&str>) -> Result<&NetworkInfo> {
        let fits = |n: &NetworkInfo| n.name == name && digest.is_none_or(|d| n.digest.as_deref() == Some(d));
        let Some(found) = self.info.networks.iter().position(fits) else {
            return Err(self.wrong_model(&self.info.networks, (name.to_string(), digest.map(str::to_string))));
        };
        self.network = found;
        Ok(&self.info.networks[found])
    }

    /// Chooses a network by its place in [`BoardInfo::networks`].
    pub fn select(&mut self, network: usize) {
        self.network = network;
    }

    /// Says hello again after a run that failed, and checks that the board still has the same network and has not
    /// started anew meanwhile.
    ///
    /// # Errors
    /// As [`Session::connect`]; [`Cause::Board`] once where the board was restarted; [`Cause::WrongModel`] where it
    /// has another network now.
    pub fn reconnect(&mut self) -> Result<()> {
        self.adrift = true;
        self.channel.forget_lines();
        say_hello(&mut self.channel, &self.timeouts, 1)?;
        let networks = networks(&mut self.channel, &self.timeouts)?;
        let known = self.network().map(|n| (n.name.clone(), n.digest.clone()));
        let now = networks.get(self.network).map(|n| (n.name.clone(), n.digest.clone()));
        if let Some(expected) = known.filter(|known| now.as_ref() != Some(known)) {
            return Err(self.wrong_model(&networks, expected));
        }
        let nonces = |networks: &[NetworkInfo]| networks.iter().map(|n| n.boot_nonce).collect::<Vec<_>>();
        let restarted = nonces(&networks) != nonces(&self.info.networks);
        self.channel.longest = longest(&networks);
        self.info.networks = networks;
        self.adrift = false;
        if restarted {
            return Err(self.channel.fail("reconnect", Cause::Board("the board has started anew".into())));
        }
        Ok(())
    }

    fn wrong_model(&self, networks: &[NetworkInfo], expected: (String, Option<String>)) -> SessionError {
        let found = networks.iter().map(|n| (n.name.clone(), n.digest.clone())).collect();
        self.channel.fail("network check", Cause::WrongModel { found, expected })
    }
}

/// One request, and the one answer to it.
fn ask(channel: &mut Channel, command: Command, param: u32, patience: Duration, step: &str) -> Result<(u32, Payload)> {
    let mut step = Step::new(step, patience);
    let request = Request { command: command as u32, param, ..Request::default() };
    channel.request(request, &mut step)?;
    channel.receive(&mut step)
}

/// Says hello until the board answers. `failed` attempts went before.
fn say_hello(channel: &mut Channel, timeouts: &Timeouts, failed: u32) -> Result<Hello> {
    let mut last = None;
    for attempt in failed..failed + timeouts.hellos.max(1) {
        channel.drain(timeouts.hello);
        match greet(channel, timeouts, attempt) {
            Ok(hello) => return Ok(hello),
            // A board that is gone stays gone; anything else may be the end of an older dialogue.
            Err(error) if error.is_final() => return Err(error),
            Err(error) => last = Some(error),
        }
    }
    let waited = timeouts.hello * timeouts.hellos;
    Err(match last {
        Some(SessionError { cause: Cause::Timeout { .. }, .. }) | None => {
            channel.fail("hello", Cause::Timeout { waited })
        }
        Some(error) => error,
    })
}

/// Says hello once: in frames where the board is known to take them, every other time in packets, which it always takes.
fn greet(channel: &mut Channel, timeouts: &Timeouts, attempt: u32) -> Result<Hello> {
    let step = || Step::new("hello", timeouts.hello);
    let framing = channel.framing.filter(|_| attempt % 2 == 1);
    if let Some(framing) = framing {
        channel.open_frames(framing, &mut step())?;
    } else {
        channel.leave_frames();
        // Every other time only: firmware that is not this project's may take zeros for a packet.
        if attempt % 2 == 1 {
            channel.complete_packet(&mut step())?;
        }
    }
    let hello = match ask(channel, Command::Sync, 0, timeouts.hello, "hello")? {
        (_, Payload::Hello(hello)) => accept(channel, hello)?,
        (_, other) => return Err(channel.unexpected("hello", &other)),
    };
    channel.framing = offered(&hello);
    if let (None, Some(framing)) = (framing, channel.framing) {
        channel.open_frames(framing, &mut step())?;
    }
    Ok(hello)
}

/// How a board takes frames, if it says so and it makes sense.
fn offered(hello: &Hello) -> Option<Framing> {
    let (payload, window) = (hello.frame_payload? as usize, hello.frame_window? as usize);
    let sensible = (16..=65_536).contains(&payload) && (1..=64).contains(&window);
    sensible.then_some(Framing { payload, window })
}

fn describe(channel: &mut Channel, timeouts: &Timeouts) -> Result<(SystemInfo, Vec<NetworkInfo>)> {
    const STEP: &str = "chip information";
    let system = match ask(channel, Command::SystemInfo, 0, timeouts.info, STEP)? {
        (_, Payload::SystemInfo(system)) => system,
        (_, other) => return Err(channel.unexpected(STEP, &other)),
    };
    Ok((system, networks(channel, timeouts)?))
}

fn accept(channel: &Channel, hello: Hello) -> Result<Hello> {
    let (major, minor) = (hello.version >> 8, hello.version & 0xFF);
    if major == proto::VERSION.0 {
        return Ok(hello);
    }
    let reason = format!("the board speaks version {major}.{minor}, this host {}.x", proto::VERSION.0);
    Err(channel.fail("hello", Cause::Protocol(reason)))
}

fn networks(channel: &mut Channel, timeouts: &Timeouts) -> Result<Vec<NetworkInfo>> {
    const STEP: &str = "network information";
    let mut networks = Vec::new();
    for index in 0..MAX_NETWORKS {
        match ask(channel, Command::NetworkInfo, index, timeouts.info, STEP)? {
            (_, Payload::NetworkInfo(network)) => {
                let network =
                    NetworkInfo::try_from(network).map_err(|reason| channel.fail(STEP, Cause::Protocol(reason)))?;
                networks.push(network);
            }
            (state::ERROR, Payload::Ack(ack)) if ack.error == code::INVALID_PARAM => return Ok(networks),
            // A network that is there and was not initialised cannot run.
            (state::ERROR, Payload::Ack(ack)) if ack.error != code::INVALID_FORMAT => {}
            (_, other) => return Err(channel.unexpected(STEP, &other)),
        }
    }
    Err(channel.fail(STEP, Cause::Protocol(format!("the board has more than {MAX_NETWORKS} networks"))))
}

fn longest(networks: &[NetworkInfo]) -> usize {
    networks.iter().map(longest_message).max().unwrap_or(LONGEST_DESCRIPTION)
}

/// Bytes of the longest message that a run of `network` can need.
fn longest_message(network: &NetworkInfo) -> usize {
    let ports = network.inputs.iter().chain(&network.outputs).map(|t| t.bytes).max().unwrap_or(0);
    let inner = if network.activation_bytes == 0 { LONGEST_TENSOR } else { network.activation_bytes as usize };
    ports.max(inner).min(LONGEST_TENSOR) + LONGEST_DESCRIPTION
}
