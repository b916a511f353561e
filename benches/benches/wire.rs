//! Framing of one tensor of 64 KiB, each way, without a link: what the protocol itself costs a device or a host.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use hilbench_wire::decode::{self, Error, Source};
use hilbench_wire::encode::{self, Head, Payload, Tensor};
use hilbench_wire::packet::Packets;
use hilbench_wire::{format, state, tensor_flag};

const BYTES: usize = 64 * 1024;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let tensor: Vec<u8> = (0..BYTES).map(|i| (i * 31) as u8).collect();
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("tensor_to_packets", |b| b.iter(|| send(&tensor)));
    let message = message(&tensor);
    let mut room = vec![0; BYTES];
    group.bench_function("tensor_from_message", |b| {
        b.iter(|| decode::data(&mut Slice(&message), &mut room).expect("a sound message"));
    });
    assert_eq!(room, tensor);
    group.finish();
    criterion.final_summary();
}

fn send(bytes: &[u8]) {
    let tensor = Tensor {
        name: "output",
        format: format::I8,
        elements: bytes.len() as u32,
        dims: &[1, bytes.len() as u32],
        scale: 0.5,
        zero_point: 3,
        flags: tensor_flag::OUTPUT | tensor_flag::LAST,
    };
    let mut packets = Packets::new(|packet| {
        black_box(packet);
    });
    let head = Head { request_id: 7, index: Some(0), state: state::DONE };
    encode::response(&mut packets, head, &Payload::Tensor(tensor, bytes));
    packets.end();
}

/// Field 4 holds the bytes, with their length as a varint; a seal of all before it ends the message as field 100.
fn message(bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![0x22];
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(bytes);
    let seal = hilbench_wire::CRC.checksum(&message);
    message.extend([0xA5, 0x06]);
    message.extend(seal.to_le_bytes());
    message
}

struct Slice<'a>(&'a [u8]);

impl Source for Slice<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let (now, rest) = self.0.split_at_checked(into.len()).ok_or(Error::Truncated)?;
        into.copy_from_slice(now);
        self.0 = rest;
        Ok(())
    }

    fn remaining(&self) -> usize {
        self.0.len()
    }
}
