//! `hilbench serve`: keeps an emulated board up for other programs: its serial port, also over TCP, and its debug probe.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use hilbench_virtual::VirtualBoard;
use hilbench_virtual::chip::Chip;

use super::form::FormArgs;
use super::validate::{cache, find_boards, output_error};
use crate::board::Board;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::target::cortex_m::{CortexM, emulator};
use crate::target::{Target, check_fit};
use crate::validate;

/// Between two looks at the board and its sockets.
const PAUSE: Duration = Duration::from_millis(20);
/// How probe-rs names the probe that the socket stands for.
const GLASGOW: &str = "20b7:9db1";

/// Keep an emulated board up for other programs, until it is interrupted.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Model file (.tflite or .onnx) whose firmware the board runs; without one it runs a loop.
    model: Option<PathBuf>,
    /// Board by name or by the path of its .toml file.
    #[arg(short, long)]
    board: String,
    /// Pass the serial port's bytes on over TCP too, at this address; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS:PORT")]
    tcp: Option<SocketAddr>,
    /// Where debuggers connect; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    debug: SocketAddr,
    #[command(flatten)]
    form: FormArgs,
}

/// Runs the command; it ends only by a failure.
///
/// # Errors
/// A model or board that is not accepted, firmware that cannot be built, a board that does not start, an address that is
/// taken.
pub fn run(args: &ServeArgs) -> Result<()> {
    let board = find_boards(std::slice::from_ref(&args.board))?.swap_remove(0);
    let Some(config) = &board.emulator else {
        return Err(Error::Input(format!("board `{}` is not emulated; only those are served", board.name)));
    };
    let chip = emulator::chip(&board).map_err(Error::Target)?;
    let debug = listen(&args.debug)?;
    let serial = args.tcp.as_ref().map(listen).transpose()?;
    let running = match &args.model {
        Some(model) => {
            let image = build(args, model, &board)?;
            // Dropped, the debugger lets the core run.
            emulator::program(config, &image, &board, &|_, _| {}).map_err(Error::Target)?.0.board
        }
        None => VirtualBoard::power_on(config, &chip).map_err(|e| Error::Input(e.to_string()))?,
    };
    announce(&board, &chip, &running, &debug, serial.as_ref())?;
    if let Some(listener) = serial {
        let port = running.serial_port();
        let baud = board.baud;
        thread::spawn(move || bridge(&listener, port.as_deref(), baud));
    }
    attend(&running, &debug)
}

fn listen(address: &SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|e| Error::Input(format!("{address}: {e}")))
}

fn build(args: &ServeArgs, model: &Path, board: &Board) -> Result<PathBuf> {
    let form = args.form.form();
    let model = Model::read(model, &form)?;
    let compiled = model.compile(&form)?;
    check_fit(compiled.plan(board.isa), board).map_err(Error::Target)?;
    let (sources, _) = validate::firmware(&model, &compiled, board).map_err(Error::Target)?;
    Ok(CortexM::new(cache()?).build(&sources, board).map_err(Error::Target)?.elf)
}

/// Says how the board is reached, one way a line.
fn announce(
    board: &Board,
    chip: &Chip,
    running: &VirtualBoard,
    debug: &TcpListener,
    serial: Option<&TcpListener>,
) -> Result<()> {
    let description = cache()?.join("chips").join(format!("{}.yaml", chip.name));
    let failed = |e: &io::Error| output_error(&description, e);
    if let Some(folder) = description.parent() {
        fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    fs::write(&description, chip.yaml()).map_err(|e| failed(&e))?;
    let address = |listener: &TcpListener| listener.local_addr().map_err(|e| Error::Input(e.to_string()));
    let mut text = format!("{}, {}\n", board.name, board.run_on());
    // Writing to a String cannot fail.
    if let Some(port) = running.serial_port() {
        let _ = writeln!(text, "serial    {}", port.display());
    }
    if let Some(listener) = serial {
        let _ = writeln!(text, "socket    tcp:{}", address(listener)?);
    }
    let _ = writeln!(
        text,
        "debugger  --probe {GLASGOW}:tcp:{} --chip {} --chip-description-path {}",
        address(debug)?,
        chip.name,
        description.display()
    );
    super::print(&text).map_err(|e| output_error(Path::new("standard output"), &e))
}

/// Serves debuggers, one at a time, and brings a board back that died.
///
/// All on one thread: an emulator that is started again dies with the thread that started it.
fn attend(running: &VirtualBoard, debug: &TcpListener) -> Result<()> {
    let failed = |e: io::Error| Error::Input(format!("the debugger's socket: {e}"));
    debug.set_nonblocking(true).map_err(failed)?;
    loop {
        match debug.accept() {
            Ok((client, peer)) => {
                // A client that fails is gone; the next one may do better.
                if let Err(e) = client.set_nonblocking(false).and_then(|()| running.serve_glasgow(client)) {
                    eprintln!("debugger {peer}: {e}");
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(e) => return Err(failed(e)),
        }
        if let Some(words) = running.last_words() {
            eprintln!("the board died: {words}");
            running.reset().map_err(|fault| Error::Input(format!("it does not start again: {fault}")))?;
            let port = running.serial_port().unwrap_or_default();
            eprintln!("it has been started again, with what was in its flash; its serial port is {}", port.display());
        }
    }
}

/// Passes bytes between TCP clients, one at a time, and the serial port.
fn bridge(listener: &TcpListener, port: Option<&Path>, baud: u32) {
    let Some(port) = port.map(|port| port.to_string_lossy().into_owned()) else { return };
    for client in listener.incoming().flatten() {
        if let Err(e) = pass_on(client, &port, baud) {
            eprintln!("{port}: {e}");
        }
    }
}

fn pass_on(client: TcpStream, port: &str, baud: u32) -> io::Result<()> {
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PAUSE))?;
    let wire = serialport::new(port, baud).timeout(PAUSE).open().map_err(io::Error::from)?;
    let upwards = wire.try_clone().map_err(io::Error::from)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // A direction that fails ends both, and the other says why if this one does not know.
        scope.spawn(|| pump(upwards, &client, &done));
        pump(&client, wire, &done)
    })
}

/// Moves bytes until either side is gone, or the other direction has ended.
fn pump(mut from: impl Read, mut to: impl Write, done: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut moved = || -> io::Result<usize> {
        let count = from.read(&mut buffer)?;
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(written) => rest = &rest[written..],
                // The line is slower than the network.
                Err(e) if waits(&e) && !done.load(Ordering::Relaxed) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(count)
    };
    let result = loop {
        match moved() {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(e) if waits(&e) => {}
            Err(e) => break Err(e),
        }
        if done.load(Ordering::Relaxed) {
            break Ok(());
        }
    };
    done.store(true, Ordering::Relaxed);
    result
}

fn waits(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
