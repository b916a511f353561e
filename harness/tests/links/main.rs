//! Links over the network, against servers that follow the standards' words: bytes come through as they were sent, and a line
//! that is not what was asked for is refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hilbench::link::endpoint::Endpoint;
use hilbench::link::{Link, LinkError};

const IAC: u8 = 255;

/// Starts a server for one client, and answers where.
fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one").to_string();
    (address, thread::spawn(move || serve(listener.accept().expect("a client").0)))
}

fn open(endpoint: &str) -> Result<Box<dyn Link>, LinkError> {
    let endpoint: Endpoint = endpoint.parse().expect("a link");
    endpoint.open(921_600, Instant::now() + Duration::from_secs(3))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Every byte there is, twice.
fn bytes() -> Vec<u8> {
    (0..512).map(|n| n as u8).collect()
}

#[track_caller]
fn echoes(link: &mut dyn Link) {
    link.send(&bytes(), soon()).expect("sent");
    let (mut back, mut buffer) = (Vec::<u8>::new(), [0; 100]);
    while back.len() < bytes().len() {
        let count = link.receive(&mut buffer, soon()).expect("received");
        back.extend(&buffer[..count]);
    }
    assert_eq!(back, bytes());
}

#[test]
fn a_socket_passes_bytes_on_and_tells_silence_from_an_end() {
    let (address, server) = server(|mut client| {
        let mut buffer = vec![0; bytes().len()];
        client.read_exact(&mut buffer).expect("bytes");
        client.write_all(&buffer).expect("sent");
        // The client waits in vain, then sees the end.
        thread::sleep(Duration::from_millis(200));
    });
    let mut link = open(&format!("tcp:{address}")).expect("it accepts");
    echoes(&mut link);
    let mut buffer = [0; 1];
    let silence = link.receive(&mut buffer, Instant::now() + Duration::from_millis(50));
    assert_eq!(silence, Err(LinkError::TimedOut));
    assert_eq!(link.receive(&mut buffer, soon()), Err(LinkError::Closed));
    server.join().expect("no panic");
}

#[test]
fn a_socket_that_nobody_serves_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one");
    drop(listener);
    let Err(LinkError::Open { link, .. }) = open(&format!("tcp:{address}")) else { panic!("nobody accepts") };
    assert!(link.contains(&address.to_string()), "{link}");
}

/// What a client may ask of a serial port server (RFC 2217, section 3), and this server's answers, byte for byte.
struct Telnet {
    client: TcpStream,
    rate: u32,
    asked: Vec<(u8, Vec<u8>)>,
    data: Vec<u8>,
}

impl Telnet {
    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.client.read_exact(&mut byte).ok().map(|()| byte[0])
    }

    /// Takes one command or byte. Answers come in single bytes, as a slow network brings them.
    fn step(&mut self) -> Option<()> {
        let byte = self.byte()?;
        if byte != IAC {
            self.data.push(byte);
            return Some(());
        }
        match self.byte()? {
            IAC => self.data.push(IAC),
            verb @ 251..=254 => {
                let option = self.byte()?;
                // WILL is answered with DO, DO with WILL.
                let answer = match verb {
                    251 => vec![IAC, 253, option],
                    253 => vec![IAC, 251, option],
                    _ => Vec::new(),
                };
                self.say(&answer);
            }
            250 => {
                let mut text = Vec::new();
                loop {
                    match self.byte()? {
                        IAC if self.byte()? == 240 => break,
                        byte => text.push(byte),
                    }
                }
                assert_eq!(text[0], 44, "COM-PORT-OPTION");
                self.asked.push((text[1], text[2..].to_vec()));
                if text[1] == 1 {
                    let rate = self.rate.to_be_bytes();
                    let rate = rate.iter().flat_map(|&b| if b == IAC { vec![b, b] } else { vec![b] });
                    let answer: Vec<u8> = [IAC, 250, 44, 101].into_iter().chain(rate).chain([IAC, 240]).collect();
                    self.say(&answer);
                }
            }
            other => panic!("command {other}"),
        }
        Some(())
    }

    fn say(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.client.write_all(&[*byte]).expect("sent");
        }
    }
}

#[test]
fn a_telnet_servers_line_is_set_up_and_every_byte_comes_through() {
    // A rate with the byte in it that begins commands.
    const RATE: u32 = 0x0001_FF00;
    let (address, server) = server(|client| {
        client.set_nodelay(true).expect("a socket");
        let mut telnet = Telnet { client, rate: RATE, asked: Vec::new(), data: Vec::new() };
        while telnet.data.len() < bytes().len() {
            telnet.step().expect("the client is there");
        }
        assert_eq!(telnet.data, bytes());
        // The rate; 8 data bits, no parity, one stop bit, no flow control.
        let expect = [(1, RATE.to_be_bytes().to_vec()), (2, vec![8]), (3, vec![1]), (4, vec![1]), (5, vec![1])];
        assert_eq!(telnet.asked, expect);
        let doubled: Vec<u8> = bytes().into_iter().flat_map(|b| if b == IAC { vec![b, b] } else { vec![b] }).collect();
        // In the middle of data a server may say what nobody asked for.
        telnet.say(&[IAC, 241]);
        telnet.say(&doubled);
    });
    let mut link = open(&format!("rfc2217:{address}:{RATE}")).expect("it agrees");
    echoes(&mut link);
    server.join().expect("the server saw what it should");
}

#[test]
fn a_telnet_server_with_another_rate_or_without_the_option_is_refused() {
    let (address, other_rate) = server(|client| {
        let mut telnet = Telnet { client, rate: 9600, asked: Vec::new(), data: Vec::new() };
        while telnet.step().is_some() {}
    });
    let Err(error) = open(&format!("rfc2217:{address}")) else { panic!("9600 baud are not 921600") };
    assert!(error.to_string().contains("9600 baud, 921600 were asked for"), "{error}");
    other_rate.join().expect("no panic");
    let (address, no_option) = server(|mut client| {
        // DONT COM-PORT-OPTION.
        client.write_all(&[IAC, 254, 44]).expect("sent");
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
    });
    let Err(error) = open(&format!("rfc2217:{address}")) else { panic!("it is no serial port") };
    assert!(error.to_string().contains("RFC 2217"), "{error}");
    no_option.join().expect("no panic");
}
