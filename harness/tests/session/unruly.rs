//! Boards that break the rules, each in one place: what the session makes of it.

use std::time::{Duration, Instant};

use hilbench::proto::{
    Hello, Mode, NetworkInfo, Operator, Payload, Response, SystemInfo, TensorDescription, seal, state, tensor_flag,
};
use hilbench::session::{Cause, RunResult, Session, SessionError, Timeouts};
use prost::Message;

use crate::random::Random;
use crate::script::{
    self, At, INPUT, OUTPUTS, Say, ack, answer, description, log, network, packets, step, tensor, total,
};

const QUICK: Timeouts = Timeouts {
    hello: Duration::from_millis(150),
    hellos: 2,
    info: Duration::from_millis(300),
    request: Duration::from_millis(300),
    packet: Duration::from_millis(300),
    run: Duration::from_millis(500),
};

/// Connects and runs; answers what came of it, the session if there is one, and panics where that takes too long.
fn drive(change: impl FnMut(At, &mut Vec<Say>) + Send + 'static) -> (Option<Session>, Result<RunResult, SessionError>) {
    let begin = Instant::now();
    let outcome = match Session::connect(Box::new(script::start(change)), QUICK) {
        Ok(mut session) => {
            let result = session.run(&[&INPUT], Mode::PerLayerWithData);
            (Some(session), result)
        }
        Err(error) => (None, Err(error)),
    };
    assert!(begin.elapsed() < Duration::from_secs(8), "took {:?}", begin.elapsed());
    outcome
}

/// A board that says something else at one place.
fn instead(at: At, say: Vec<Say>) -> impl FnMut(At, &mut Vec<Say>) + Send + 'static {
    move |here, all| {
        if here == at {
            all.clone_from(&say);
        }
    }
}

/// A board that says something more before one of the things it says at one place.
fn before(at: At, index: usize, say: Say) -> impl FnMut(At, &mut Vec<Say>) + Send + 'static {
    move |here, all| {
        if here == at {
            all.insert(index, say.clone());
        }
    }
}

#[track_caller]
fn sound(change: impl FnMut(At, &mut Vec<Say>) + Send + 'static) -> Session {
    let (session, result) = drive(change);
    let result = result.expect("the board is sound");
    assert_eq!(result.outputs.iter().map(|o| o.bytes.as_deref()).collect::<Vec<_>>(), OUTPUTS.map(Some));
    assert_eq!((result.count, result.nodes[0].count), (Some(9 | 1 << 32), Some(7 | 1 << 32)));
    session.expect("it ran")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    Transport,
    Board,
    Timeout,
    Protocol,
}

fn blame(error: &SessionError) -> Blame {
    match &error.cause {
        Cause::Transport(_) => Blame::Transport,
        Cause::Board(_) => Blame::Board,
        Cause::Timeout { .. } => Blame::Timeout,
        Cause::Protocol(_) => Blame::Protocol,
        other => panic!("{other:?}"),
    }
}

/// The board is blamed for `change` in this way, and the error says so in these words.
#[track_caller]
fn refused(change: impl FnMut(At, &mut Vec<Say>) + Send + 'static, expect: Blame, words: &str) {
    let error = drive(change).1.expect_err("the board is not sound");
    let text = error.to_string();
    assert!(blame(&error) == expect && text.contains(words), "expected {expect:?} `{words}`: {text}");
}

const EVERYWHERE: [At; 7] =
    [At::Hello, At::SystemInfo, At::Network, At::NoMoreNetworks, At::Request, At::Input, At::Results];

fn outputs(first: Say, second: Say) -> Vec<Say> {
    vec![
        answer(state::PROCESSING, Payload::Operator(step())),
        answer(state::PROCESSING, Payload::Tensor(tensor("inner", &[5; 70], tensor_flag::LAST))),
        answer(state::PROCESSING, Payload::Operator(total())),
        first,
        second,
    ]
}

fn output_0() -> Say {
    answer(state::PROCESSING, Payload::Tensor(tensor("out_0", OUTPUTS[0], 0)))
}

fn output_1() -> Say {
    answer(state::DONE, Payload::Tensor(tensor("out_1", OUTPUTS[1], tensor_flag::LAST)))
}

#[test]
fn the_script_is_sound_where_nothing_is_changed() {
    sound(|_, _| {});
}

#[test]
fn a_log_line_may_come_at_any_time_and_is_acknowledged() {
    // The board waits for the acknowledgement before it goes on, so a run that ends shows that it came.
    for at in EVERYWHERE {
        let session = sound(before(at, 0, log("something to say")));
        assert!(session.last_lines().contains(&"something to say".to_string()), "{at:?}: {:?}", session.last_lines());
    }
    for index in 1..5 {
        sound(before(At::Results, index, log("between tensors")));
    }
}

#[test]
fn a_log_line_under_another_request_is_acknowledged_too() {
    let Say::Message(line) = log("of old") else { unreachable!("that is what it makes") };
    sound(before(At::Request, 0, Say::Message(Response { request_id: 1000, ..line })));
}

#[test]
fn log_lines_are_kept_short_and_few() {
    let session = sound(move |at, all| {
        if at == At::Hello {
            (0..50).for_each(|_| all.insert(0, log(&"long ".repeat(1000))));
        }
    });
    let lines = session.last_lines();
    assert!(lines.len() <= 40 && lines.iter().all(|line| line.len() <= 2048), "{lines:?}");
}

#[test]
fn a_board_that_dies_says_why() {
    for at in EVERYWHERE {
        let line = "HardFault pc=00001234";
        refused(instead(at, vec![log(line)]), Blame::Board, line);
        // Past the protocol: between messages, and in the middle of one.
        refused(instead(at, vec![Say::Raw(format!("\r\n{line}\r\n").into())]), Blame::Board, line);
        let mut cut = packets(&[0; 70]);
        cut.truncate(40);
        cut.extend(format!("\r\n{line}\r\n").repeat(3).bytes());
        refused(instead(at, vec![Say::Raw(cut)]), Blame::Board, line);
    }
}

#[test]
fn a_board_that_falls_silent_runs_into_a_deadline() {
    for at in EVERYWHERE {
        refused(instead(at, Vec::new()), Blame::Timeout, "no answer within");
    }
    for keep in 1..5 {
        let silent = move |at, all: &mut Vec<Say>| {
            if at == At::Results {
                all.truncate(keep);
            }
        };
        refused(silent, Blame::Timeout, "inference: no answer within");
    }
}

#[test]
fn a_board_that_babbles_is_not_listened_to_for_ever() {
    let mut random = Random(3);
    for at in EVERYWHERE {
        for length in [1, 33, 1000, 200_000] {
            let noise = random.bytes(length);
            let (_, result) = drive(instead(at, vec![Say::Raw(noise)]));
            let error = result.expect_err("noise is no answer");
            assert_ne!(blame(&error), Blame::Board, "{at:?}, {length} bytes: {error}");
        }
        let text = "all is well with me and i go on and on ".repeat(3000);
        let error = drive(instead(at, vec![Say::Raw(text.into())])).1.expect_err("text is no answer");
        assert!(matches!(blame(&error), Blame::Transport | Blame::Timeout), "{error}");
    }
}

#[test]
fn text_before_an_answer_is_passed_over() {
    for at in EVERYWHERE {
        sound(before(at, 0, Say::Raw(b"booting, one moment\r\n".to_vec())));
    }
}

#[test]
fn outputs_that_are_not_as_announced_are_refused() {
    let said = |description: TensorDescription, bytes: &[u8]| {
        let mut tensor = tensor("", bytes, 0);
        tensor.description = description;
        answer(state::PROCESSING, Payload::Tensor(tensor))
    };
    let honest = || description("out_0", OUTPUTS[0].len(), 0);
    let rows: [(Say, &str); 8] = [
        (said(honest(), &OUTPUTS[0][..2]), "`out_0` with 2 bytes instead of 3"),
        (said(honest(), &[0; 100]), "`out_0` with 100 bytes instead of 3"),
        (said(description("out_0", 2, 0), &OUTPUTS[0][..2]), "announced as `out_0` (3 bytes)"),
        (said(description("out_x", 3, 0), OUTPUTS[0]), "output 0 as `out_x`"),
        (said(TensorDescription { format: hilbench_wire::format::U8, ..honest() }, OUTPUTS[0]), "output 0"),
        (said(TensorDescription { flags: tensor_flag::NO_DATA, ..honest() }, &[]), "output 0"),
        (said(TensorDescription { flags: tensor_flag::LAST, ..honest() }, OUTPUTS[0]), "output 0 of 2 as the last"),
        (output_1(), "output 0 as `out_1`"),
    ];
    for (first, words) in rows {
        refused(instead(At::Results, outputs(first, output_1())), Blame::Protocol, words);
    }
    let unmarked = answer(state::PROCESSING, Payload::Tensor(tensor("out_1", OUTPUTS[1], 0)));
    refused(instead(At::Results, outputs(output_0(), unmarked)), Blame::Protocol, "output 1 of 2 as the last");
}

#[test]
fn damaged_messages_are_the_way_s_fault() {
    let whole = |say: Say, at: At| {
        let Say::Message(response) = say else { unreachable!("made of messages") };
        // The ids that the host counts up to by then.
        let id = match at {
            At::Results => 5,
            _ => 2,
        };
        seal::close(Response { request_id: id, ..response }.encode_to_vec())
    };
    let chip = |say: Say| instead(At::SystemInfo, vec![say]);
    let mut flipped = whole(output_0(), At::Results);
    flipped[10] ^= 4;
    refused(
        instead(At::Results, outputs(Say::Encoded(flipped), output_1())),
        Blame::Transport,
        "checksum does not fit",
    );
    let mut short = whole(output_0(), At::Results);
    short.truncate(20);
    refused(instead(At::Results, outputs(Say::Encoded(short), output_1())), Blame::Transport, "came damaged");
    refused(chip(Say::Encoded(vec![0x08; 40])), Blame::Transport, "came damaged");
    let Say::Message(bare) = output_0() else { unreachable!("made of messages") };
    refused(
        instead(At::Results, outputs(Say::Bare(bare), output_1())),
        Blame::Transport,
        "or is missing where others had one",
    );
}

#[test]
fn a_damaged_answer_of_a_connect_is_asked_for_again() {
    for at in [At::SystemInfo, At::Network, At::NoMoreNetworks] {
        let mut times = 0;
        sound(move |here, all| {
            if here == at {
                times += 1;
                if times == 1 {
                    *all = vec![Say::Encoded(vec![0x08; 40])];
                }
            }
        });
    }
}

#[test]
fn firmware_that_seals_nothing_is_understood() {
    sound(|_, all| {
        for say in all {
            if let Say::Message(response) = say.clone() {
                *say = Say::Bare(response);
            }
        }
    });
}

#[test]
fn answers_to_other_requests_are_passed_over() {
    for at in EVERYWHERE {
        let stale = Response { request_id: 77, payload: Some(Payload::Operator(total())), ..Response::default() };
        sound(before(at, 0, Say::Message(stale)));
    }
    let Say::Message(ack) = ack(state::WAITING, 0) else { unreachable!("that is what it makes") };
    let wrong = Say::Message(Response { request_id: 1, ..ack });
    refused(instead(At::Request, vec![wrong]), Blame::Timeout, "run request");
}

#[test]
fn answers_without_end_run_into_a_deadline() {
    let stale = Response { request_id: 77, payload: Some(Payload::Operator(total())), ..Response::default() };
    let flood = vec![Say::Message(stale); 2000];
    refused(instead(At::Request, flood), Blame::Timeout, "run request");
}

#[test]
fn fields_of_newer_firmware_are_passed_over() {
    // Field 90 as a varint, 91 as bytes, 92 as fixed64, beside and inside of the payload.
    const NEW: [u8; 21] = [0xD0, 5, 1, 0xDA, 5, 3, 1, 2, 3, 0xE1, 5, 8, 7, 6, 5, 4, 3, 2, 1, 0xD0, 5];
    let mut new = NEW.to_vec();
    new.push(9);
    let extend = move |response: &Response| {
        let mut inner = Vec::new();
        let whole = Response { seal: None, ..response.clone() }.encode_to_vec();
        let head = Response { payload: None, ..response.clone() }.encode_to_vec();
        let (key, mut rest) = (whole[head.len()], &whole[head.len() + 1..]);
        let key_end = if key & 0x80 == 0 { 0 } else { 1 };
        let second = &rest[..key_end].to_vec();
        rest = &rest[key_end..];
        let _ = prost::decode_length_delimiter(&mut rest).expect("a length");
        inner.extend_from_slice(rest);
        inner.extend_from_slice(&new);
        let mut message = head;
        message.push(key);
        message.extend_from_slice(second);
        prost::encode_length_delimiter(inner.len(), &mut message).expect("a Vec has room");
        message.extend_from_slice(&inner);
        message.extend_from_slice(&new);
        seal::close(message)
    };
    // The host counts its requests up from 1, so the answers of one dialogue have known ids.
    let mut id = 0;
    sound(move |at, all| {
        if !matches!(at, At::Input | At::Results) {
            id += 1;
        }
        for say in all {
            if let Say::Message(response) = say.clone() {
                *say = Say::Encoded(extend(&Response { request_id: id, ..response }));
            }
        }
    });
}

#[test]
fn a_newer_minor_version_is_spoken_and_another_major_is_not() {
    let says = |version| answer(state::IDLE, Payload::Hello(Hello { version, ..Hello::default() }));
    let session = sound(instead(At::Hello, vec![says(0x0307)]));
    assert_eq!(session.info().protocol, (3, 7));
    for version in [0x0401, 0x0202] {
        refused(instead(At::Hello, vec![says(version)]), Blame::Protocol, "this host 3.x");
    }
}

#[test]
fn a_board_that_answers_something_else_is_refused() {
    let odd = || vec![answer(state::IDLE, Payload::SystemInfo(SystemInfo::default()))];
    for at in EVERYWHERE.into_iter().filter(|&at| at != At::SystemInfo) {
        refused(instead(at, odd()), Blame::Protocol, "system information");
    }
    let empty = Say::Message(Response::default());
    refused(instead(At::Request, vec![empty]), Blame::Protocol, "without content");
    refused(instead(At::Request, vec![ack(state::ERROR, 8)]), Blame::Board, "out of memory");
    refused(instead(At::Request, vec![ack(state::DONE, 0)]), Blame::Protocol, "in state 3");
    refused(instead(At::Input, vec![ack(state::ERROR, 1)]), Blame::Board, "invalid size");
    refused(instead(At::Input, vec![ack(state::ERROR, 2)]), Blame::Transport, "other bytes than were sent");
    refused(instead(At::Results, vec![ack(state::ERROR, 10)]), Blame::Board, "generic error");
}

#[test]
fn steps_must_be_as_many_as_announced() {
    let op = |o: Operator| answer(state::PROCESSING, Payload::Operator(o));
    let inner = || answer(state::PROCESSING, Payload::Tensor(tensor("inner", &[5; 70], 0)));
    let rows: [(Vec<Say>, &str); 4] = [
        (vec![op(step()), op(step())], "more than the 1 announced steps"),
        (vec![op(total())], "0 of 1 steps"),
        (vec![inner()], "a tensor before the first step"),
        ([vec![op(step())], vec![inner(); 65]].concat(), "tensors of one step without end"),
    ];
    for (say, words) in rows {
        refused(instead(At::Results, say), Blame::Protocol, words);
    }
}

#[test]
fn a_message_longer_than_the_network_needs_is_refused() {
    let long = answer(state::PROCESSING, Payload::Tensor(tensor("inner", &[5; 200_000], 0)));
    let say = vec![answer(state::PROCESSING, Payload::Operator(step())), long];
    refused(instead(At::Results, say), Blame::Transport, "longer than any expected");
}

#[test]
fn networks_that_contradict_themselves_are_refused() {
    let rows = [
        (NetworkInfo { input_count: 2, ..network() }, "has 2 inputs and describes 1"),
        (NetworkInfo { output_count: 0, ..network() }, "has 0 outputs and describes 2"),
    ];
    for (network, words) in rows {
        let say = vec![answer(state::IDLE, Payload::NetworkInfo(network))];
        refused(instead(At::Network, say), Blame::Protocol, words);
    }
    let endless = vec![answer(state::IDLE, Payload::NetworkInfo(network()))];
    refused(instead(At::NoMoreNetworks, endless), Blame::Protocol, "more than 32 networks");
}

#[test]
fn a_restart_is_noticed() {
    let mut times = 0;
    let mut session = sound(move |at, all| {
        if at == At::Network {
            times += 1;
            let boot_nonce = Some(times);
            *all = vec![answer(state::IDLE, Payload::NetworkInfo(NetworkInfo { boot_nonce, ..network() }))];
        }
    });
    let error = session.reconnect().expect_err("another nonce");
    assert!(matches!(&error.cause, Cause::Board(reason) if reason.contains("started anew")), "{error}");
    let mut session = sound(|_, _| {});
    assert_eq!(session.reconnect(), Ok(()));
}

#[test]
fn another_model_after_a_restart_is_refused_for_good() {
    let mut times = 0;
    let mut session = sound(move |at, all| {
        if at == At::Network {
            times += 1;
            let plan_digest = Some(if times == 1 { "abc" } else { "def" }.into());
            let boot_nonce = Some(times);
            let network = NetworkInfo { boot_nonce, plan_digest, ..network() };
            *all = vec![answer(state::IDLE, Payload::NetworkInfo(network))];
        }
    });
    let expect = Cause::WrongModel {
        found: vec![("net".into(), Some("def".into()))],
        expected: ("net".into(), Some("abc".into())),
    };
    assert_eq!(session.reconnect().map_err(|e| e.cause), Err(expect.clone()));
    let run = session.run(&[&INPUT], Mode::IoOnly);
    assert_eq!(run.map_err(|e| e.cause), Err(expect));
}

#[test]
fn a_session_goes_on_after_a_board_has_died_and_come_back() {
    let mut runs = 0;
    let (session, result) = drive(move |at, all| {
        if at == At::Results {
            runs += 1;
            if runs == 1 {
                *all = vec![Say::Raw(b"\nHardFault pc=00001234\n".to_vec())];
            }
        }
        if at == At::Hello {
            all.insert(0, Say::Raw(b"up again\n".to_vec()));
        }
    });
    assert_eq!(result.map_err(|e| blame(&e)), Err(Blame::Board));
    let mut session = session.expect("it connected");
    let again = session.run(&[&INPUT], Mode::IoOnly).expect("the board is back");
    assert_eq!(again.outputs[1].bytes.as_deref(), Some(OUTPUTS[1]));
}
