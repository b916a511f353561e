//! Two rings in the board's memory that a debug probe reads and writes while the core runs (SEGGER RTT). Nothing is lost:
//! a full ring is waited for.

use std::thread;
use std::time::{Duration, Instant};

use hilbench_virtual::VirtualBoard;
use probe_rs::rtt::{self, Rtt, ScanRegion};
use probe_rs::{MemoryInterface, Session};

use super::{Link, LinkError, time_left};

/// Looks at a ring in a row before this side sleeps in between, and for how long then.
const EAGER: u32 = 20;
const PAUSE: Duration = Duration::from_micros(200);
/// Between two looks for the rings of firmware that has just been started.
const BETWEEN: Duration = Duration::from_millis(2);

/// Makes interrupts pending (Armv7-M Architecture Reference Manual, B3.4.5).
const NVIC_ISPR: u64 = 0xE000_E200;

/// An open pair of rings. Dropped, the core goes on running.
pub struct RttLink {
    // In this order: the session ends before the power of an emulated board does.
    session: Session,
    rings: Rtt,
    board: Option<VirtualBoard>,
    name: String,
}

impl RttLink {
    /// Waits until the firmware has laid its rings out: at `address`, or wherever in its memory.
    ///
    /// # Errors
    /// There are none until `deadline`; the probe fails.
    pub fn open(
        mut session: Session,
        address: Option<u64>,
        board: Option<VirtualBoard>,
        deadline: Instant,
    ) -> Result<Self, LinkError> {
        let name = format!("RTT of {}", session.target().name);
        let region = address.map_or(ScanRegion::Ram, ScanRegion::Exact);
        let mut look = || -> Result<Rtt, rtt::Error> { Rtt::attach_region(&mut session.core(0)?, &region) };
        let rings = loop {
            match look() {
                Ok(rings) if !rings.up_channels.is_empty() && !rings.down_channels.is_empty() => break rings,
                Ok(_) | Err(rtt::Error::ControlBlockNotFound | rtt::Error::ControlBlockCorrupted(_))
                    if Instant::now() < deadline =>
                {
                    thread::sleep(BETWEEN);
                }
                other => {
                    let reason = match (other, board.as_ref().and_then(VirtualBoard::last_words)) {
                        (_, Some(words)) => words,
                        (Ok(_), None) => "the firmware has no ring for each direction".into(),
                        (Err(rtt::Error::ControlBlockNotFound | rtt::Error::ControlBlockCorrupted(_)), None) => {
                            "the firmware has not begun to listen: it never came so far, or it is not this project's"
                                .into()
                        }
                        (Err(error), None) => error.to_string(),
                    };
                    return Err(LinkError::Open { link: name, reason });
                }
            }
        };
        Ok(RttLink { session, rings, board, name })
    }

    /// Wakes a core that sleeps until this interrupt comes: a probe sees memory, and nobody sees a probe.
    pub fn wake(&mut self, interrupt: u16) {
        let (register, bit) = (NVIC_ISPR + 4 * u64::from(interrupt / 32), 1 << (interrupt % 32));
        // Who cannot be woken does not answer, which is told then.
        let _ = self.session.core(0).and_then(|mut core| core.write_word_32(register, bit));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, LinkError> {
        let result = match (self.session.core(0), self.rings.down_channel(0)) {
            (Ok(mut core), Some(ring)) => ring.write(&mut core, bytes),
            (Err(error), _) => Err(error.into()),
            (_, None) => Err(rtt::Error::MissingChannel(0)),
        };
        result.map_err(|error| LinkError::Io(error.to_string()))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let result = match (self.session.core(0), self.rings.up_channel(0)) {
            (Ok(mut core), Some(ring)) => ring.read(&mut core, buffer),
            (Err(error), _) => Err(error.into()),
            (_, None) => Err(rtt::Error::MissingChannel(0)),
        };
        result.map_err(|error| LinkError::Io(error.to_string()))
    }
}

impl Link for RttLink {
    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), LinkError> {
        let mut looks = 0;
        while !bytes.is_empty() {
            match self.write(bytes)? {
                0 => wait(&mut looks, deadline)?,
                count => {
                    bytes = &bytes[count..];
                    looks = 0;
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, LinkError> {
        let mut looks = 0;
        loop {
            match self.read(buffer)? {
                0 => wait(&mut looks, deadline)?,
                count => return Ok(count),
            }
        }
    }

    fn holds_back(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn last_words(&mut self) -> Option<String> {
        self.board.as_ref()?.last_words()
    }
}

fn wait(looks: &mut u32, deadline: Instant) -> Result<(), LinkError> {
    let left = time_left(deadline)?;
    *looks += 1;
    if *looks > EAGER {
        thread::sleep(PAUSE.min(left));
    }
    Ok(())
}
