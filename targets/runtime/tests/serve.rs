//! The device loop against hosts that nothing can be expected of: damaged, misplaced and senseless bytes. The loop
//! ends only with the port, and answers the next sound request.

use hilbench_runtime::model::{ElementType, Model, ModelInfo, Observer, TensorInfo};
use hilbench_runtime::{Board, Clock, Closed, Frames, Port, Unit, serve};
use hilbench_wire::packet::{NEXT, PACKET, PAYLOAD};
use hilbench_wire::{CRC, command, error, state};

const BYTES: TensorInfo =
    TensorInfo { name: "t", element: ElementType::U8, dims: &[1, 40], scale: 0.0, zero_point: 0, bytes: 40 };

static INFO: ModelInfo = ModelInfo {
    name: "net",
    digest: "abc",
    inputs: &[BYTES],
    outputs: &[BYTES],
    nodes: &[],
    macs: 0,
    arena_bytes: 40,
    constant_bytes: 0,
};

/// Gives back what it is given, and counts its runs.
struct Echo {
    bytes: [u8; 40],
    runs: usize,
}

impl Model for Echo {
    fn info(&self) -> &'static ModelInfo {
        &INFO
    }

    fn input(&mut self, _index: usize) -> &mut [u8] {
        &mut self.bytes
    }

    fn output(&self, _index: usize) -> &[u8] {
        &self.bytes
    }

    fn run(&mut self, _observer: &mut dyn Observer) {
        self.runs += 1;
    }
}

struct Still;

impl Clock for Still {
    fn now(&mut self) -> u64 {
        0
    }

    fn unit(&self) -> Unit {
        Unit::Cycles
    }

    fn milliseconds(&self, _count: u64) -> f32 {
        0.0
    }
}

/// A host that sends all it has and then goes away.
struct Host<'a> {
    to_board: &'a [u8],
    from_board: Vec<u8>,
}

impl Port for Host<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<(), Closed> {
        let (now, rest) = self.to_board.split_at_checked(into.len()).ok_or(Closed)?;
        into.copy_from_slice(now);
        self.to_board = rest;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.from_board.extend_from_slice(bytes);
    }
}

/// What the board says to these bytes, message by message, and how often its model ran.
fn answers(to_board: &[u8]) -> (Vec<Vec<u8>>, usize) {
    const BOARD: Board =
        Board { device_id: 0, core_clock: 0, bus_clock: 0, cache: 0, boot_nonce: 0, stack_high_water: || 0 };
    let mut model = Echo { bytes: [0; 40], runs: 0 };
    let mut host = Host { to_board, from_board: Vec::new() };
    serve(&mut model, &mut host, &mut Frames::new(), &mut Still, &BOARD);
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    let mut rest = host.from_board.as_slice();
    while let Some((&first, tail)) = rest.split_first() {
        if first == NEXT {
            rest = tail;
            continue;
        }
        let (packet, tail) = rest.split_at(PACKET);
        message.extend_from_slice(&packet[1..=usize::from(first & 0x7F)]);
        if first & 0x80 != 0 {
            messages.push(std::mem::take(&mut message));
        }
        rest = tail;
    }
    (messages, model.runs)
}

fn packets(message: &[u8]) -> Vec<u8> {
    let mut stream = vec![message.len() as u8];
    stream.extend_from_slice(message);
    let mut bytes = Vec::new();
    for piece in stream.chunks(PAYLOAD) {
        bytes.push(piece.len() as u8);
        bytes.extend_from_slice(piece);
        bytes.resize(bytes.len().next_multiple_of(PACKET), 0);
    }
    bytes
}

fn sealed(mut message: Vec<u8>) -> Vec<u8> {
    let checksum = CRC.checksum(&message);
    message.extend([0xA5, 0x06]);
    message.extend(checksum.to_le_bytes());
    message
}

fn request(id: u8, command: u32) -> Vec<u8> {
    vec![0x08, id, 0x10, command as u8, 0x18, 0, 0x22, 0, 0x28, 0]
}

fn data() -> Vec<u8> {
    let mut message = vec![0x08, 0, 0x10, 40, 0x18, 0, 0x22, 40];
    message.extend([7; 40]);
    message
}

const ACK: [u8; 4] = [0x08, 0, 0x10, 0];

/// Whether the message answers the hello with this id.
fn is_hello(message: &[u8], id: u8) -> bool {
    message.starts_with(&[0x08, id, 0x10, state::IDLE as u8, 0x52])
}

/// Whether the message is a refusal with this error code.
fn is_refusal(message: &[u8], code: u32) -> bool {
    // Request id, state, acknowledgement of length 4 or more: param, error.
    let at = message.windows(2).position(|w| w == [0x62, 4]).map(|at| at + 2);
    message[2..4] == [0x10, state::ERROR as u8] && at.is_some_and(|at| message[at + 2..at + 4] == [0x10, code as u8])
}

#[test]
fn a_host_without_seals_is_served() {
    let run = [request(1, command::SYNC), request(2, command::NETWORK_RUN), data(), ACK.to_vec()];
    let (messages, runs) = answers(&run.map(|m| packets(&m)).concat());
    assert!(is_hello(&messages[0], 1));
    assert_eq!((messages.len(), runs), (5, 1));
}

#[test]
fn a_host_with_seals_is_held_to_them() {
    let sound = [request(1, command::SYNC), request(2, command::NETWORK_RUN), data(), ACK.to_vec()].map(sealed);
    let (messages, runs) = answers(&sound.clone().map(|m| packets(&m)).concat());
    assert_eq!((messages.len(), runs), (5, 1));
    // Any message but the hello without its seal ends the dialogue before the model runs.
    for bare in 1..4 {
        let mut dialogue = sound.clone();
        dialogue[bare].truncate(sound[bare].len() - 6);
        let (messages, runs) = answers(&dialogue.map(|m| packets(&m)).concat());
        assert_eq!(runs, 0, "message {bare}");
        assert!(messages.iter().any(|m| is_refusal(m, error::INVALID_FORMAT)), "message {bare}: {messages:?}");
    }
}

#[test]
fn a_hello_in_the_middle_of_a_run_ends_it() {
    let hello = |id| packets(&sealed(request(id, command::SYNC)));
    let run = packets(&sealed(request(2, command::NETWORK_RUN)));
    // In place of the input, and in place of the last acknowledgement.
    for begun in [run.clone(), [run, packets(&sealed(data()))].concat()] {
        let (messages, runs) = answers(&[hello(1), begun, hello(3), hello(4)].concat());
        assert!(is_hello(messages.last().expect("an answer"), 4), "{messages:?}");
        assert_eq!(runs, 0);
    }
}

#[test]
fn zeros_bring_the_board_back_from_anywhere() {
    let run = [request(1, command::SYNC), request(2, command::NETWORK_RUN), data(), ACK.to_vec()];
    let stream = run.map(|m| packets(&sealed(m))).concat();
    let hello = |id| packets(&sealed(request(id, command::SYNC)));
    for lost in 0..stream.len() {
        let mut bytes = stream.clone();
        bytes.remove(lost);
        bytes.extend([0; PACKET]);
        bytes.extend(hello(9));
        bytes.extend(hello(10));
        let (messages, _) = answers(&bytes);
        assert!(is_hello(messages.last().expect("an answer"), 10), "byte {lost} lost: {messages:?}");
    }
}

#[test]
fn senseless_bytes_are_borne() {
    let mut seed = 1_u32;
    let mut next = || {
        // Numerical Recipes' generator; its upper bits are good enough for noise.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 16
    };
    for _ in 0..2000 {
        let length = next() as usize % 400;
        // Small bytes more often than others: they begin packets.
        let mut bytes: Vec<u8> =
            (0..length).map(|_| if next() % 2 == 0 { next() as u8 % 33 } else { next() as u8 }).collect();
        bytes.extend([0; 2 * PACKET]);
        bytes.extend(packets(&sealed(request(101, command::SYNC))));
        bytes.extend(packets(&sealed(request(102, command::SYNC))));
        let (messages, _) = answers(&bytes);
        assert!(is_hello(messages.last().expect("an answer"), 102), "{bytes:?}: {messages:?}");
    }
}

#[test]
fn lengths_that_no_message_has_are_refused() {
    // A first packet that promises much, then nothing of it.
    for length in [[0xFF, 0xFF, 0xFF, 0x7F], [0xFF, 0xFF, 0xFF, 0xFF]] {
        let mut packet = vec![32];
        packet.extend(length);
        packet.extend([0x22, 0xFF, 0xFF, 0xFF, 0x7F]);
        packet.resize(PACKET, 0);
        packet.extend([0; PACKET]);
        packet.extend(packets(&sealed(request(5, command::SYNC))));
        let (messages, _) = answers(&packet);
        assert!(messages[0][2..4] == [0x10, state::ERROR as u8], "{messages:?}");
        assert!(is_hello(messages.last().expect("an answer"), 5), "{messages:?}");
    }
}
