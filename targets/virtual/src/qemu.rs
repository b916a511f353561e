//! QEMU as a child process, with its serial port as a pty.
//!
//! It dies with the process that started it, and with the [`QemuBoard`] that stands for it. What the debugger talks to are
//! sockets that have no name, so nothing is left anywhere.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long QEMU may take until it names its serial port.
const START: Duration = Duration::from_secs(20);
/// Lines of output kept.
const LINES: usize = 20;
/// What lines begin with that say nothing a person needs of a core that locked up: its float registers.
const FLOATS: [&str; 2] = ["s", "FPSCR"];
/// The serial port's name inside QEMU.
const LABEL: &str = "hilbench";

/// How to start an emulated board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QemuConfig {
    /// The QEMU program, e.g. `qemu-system-arm`.
    pub program: String,
    /// The machine, e.g. `mps2-an386`.
    pub machine: String,
    /// More arguments.
    pub args: Vec<String>,
}

/// Why a board did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The program is not installed.
    Missing {
        /// The program.
        program: String,
    },
    /// The system would not run it.
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// It ended, or said nothing of a serial port in time.
    NoPort {
        /// The program.
        program: String,
        /// What it said.
        said: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing { program } => {
                write!(f, "`{program}` is not installed; on Debian and Ubuntu: apt-get install qemu-system-arm")
            }
            Error::Spawn { program, reason } => write!(f, "`{program}` cannot be run: {reason}"),
            Error::NoPort { program, said } => {
                write!(f, "`{program}` opened no serial port")?;
                said.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}

impl std::error::Error for Error {}

/// What the emulator says of its version: the first line.
///
/// # Errors
/// It is missing, or cannot be run.
pub fn version(config: &QemuConfig) -> Result<String, Error> {
    let program = config.program.clone();
    match Command::new(&program).arg("--version").output() {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::Missing { program }),
        Err(e) => Err(Error::Spawn { program, reason: e.to_string() }),
    }
}

/// A running emulated board.
#[derive(Debug)]
pub struct QemuBoard {
    child: Child,
    pty: PathBuf,
    output: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// Whether a board still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It has ended.
    Exited {
        /// How, in words.
        how: String,
        /// The last lines it said.
        said: Vec<String>,
    },
}

impl QemuBoard {
    /// Starts QEMU with `image` (an ELF file) and waits until its serial port exists.
    ///
    /// The firmware runs at once. What it writes before somebody opens the port is lost, so it speaks when spoken to.
    ///
    /// # Errors
    /// QEMU is missing, cannot be run, or ends at once.
    pub fn start(config: &QemuConfig, image: &Path) -> Result<QemuBoard, Error> {
        QemuBoard::run(config, command(config).arg("-kernel").arg(image))
    }

    /// Starts QEMU with nothing in its memory and its core stopped, and answers the two ways to debug it: its GDB stub
    /// and its memory (qtest).
    ///
    /// # Errors
    /// As [`QemuBoard::start`].
    pub fn power_on(config: &QemuConfig) -> Result<(QemuBoard, UnixStream, UnixStream), Error> {
        let pair = || UnixStream::pair().map_err(|e| no_socket(config, &e));
        let ((gdb, its_gdb), (qtest, its_qtest)) = (pair()?, pair()?);
        let mut command = command(config);
        command.arg("-S");
        for (name, socket) in [("gdb", &its_gdb), ("qtest", &its_qtest)] {
            // The emulator finds this very name, so it may not be another.
            command.args(["-chardev", &format!("socket,id={name},fd={}", socket.as_raw_fd())]);
            command.args([&format!("-{name}"), &format!("chardev:{name}")]);
        }
        command.args(["-qtest-log", "none", "-accel", "tcg"]);
        let handed_over = [its_gdb.as_raw_fd(), its_qtest.as_raw_fd()];
        // SAFETY: fcntl is async-signal-safe; the descriptors are open until the command has been spawned, and only the
        // child's copies of their flags change.
        unsafe {
            command.pre_exec(move || {
                for descriptor in handed_over {
                    if libc::fcntl(descriptor, libc::F_SETFD, 0) != 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        Ok((QemuBoard::run(config, &mut command)?, gdb, qtest))
    }

    fn run(config: &QemuConfig, command: &mut Command) -> Result<QemuBoard, Error> {
        let program = &config.program;
        let mut child = spawn(command, program)?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let (found, ports) = channel();
        let streams: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            child.stdout.take().map(|s| Box::new(s) as Box<dyn std::io::Read + Send>),
            child.stderr.take().map(|s| Box::new(s) as Box<dyn std::io::Read + Send>),
        ];
        let readers = streams
            .into_iter()
            .flatten()
            .map(|stream| {
                let (output, found) = (Arc::clone(&output), found.clone());
                thread::spawn(move || {
                    for line in BufReader::new(stream).lines().map_while(Result::ok) {
                        match port_in(&line) {
                            // Nobody listens any more once the first port was found.
                            Some(port) => drop(found.send(port)),
                            None => keep(&output, line),
                        }
                    }
                })
            })
            .collect();
        drop(found);
        let mut board = QemuBoard { child, pty: PathBuf::new(), output, readers };
        match ports.recv_timeout(START) {
            Ok(pty) => {
                board.pty = pty;
                Ok(board)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                board.end();
                Err(Error::NoPort { program: program.clone(), said: board.said() })
            }
        }
    }

    /// The serial port's device.
    #[must_use]
    pub fn pty(&self) -> &Path {
        &self.pty
    }

    /// Whether the board still runs, or has ended within `patience`: one whose port has closed may take a moment to end.
    pub fn status_within(&mut self, patience: Duration) -> Status {
        let deadline = Instant::now() + patience;
        loop {
            match self.status() {
                Status::Running if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                status => return status,
            }
        }
    }

    /// Whether the board still runs. A locked-up core makes QEMU abort.
    pub fn status(&mut self) -> Status {
        match self.child.try_wait() {
            Ok(None) => Status::Running,
            Ok(Some(exit)) => {
                self.join();
                Status::Exited { how: describe(exit), said: self.said() }
            }
            Err(e) => Status::Exited { how: e.to_string(), said: self.said() },
        }
    }

    /// The last lines that the emulator itself said.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.output.lock().map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
    }

    fn end(&mut self) {
        // Killing what has ended already is no error that matters.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join();
    }

    fn join(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader that panicked has lost lines, nothing else.
            let _ = reader.join();
        }
    }
}

impl Drop for QemuBoard {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is the same for every start.
fn command(config: &QemuConfig) -> Command {
    let mut command = Command::new(&config.program);
    command
        .args(["-machine", &config.machine, "-display", "none", "-monitor", "none", "-nodefaults"])
        .args(["-chardev", &format!("pty,id={LABEL}"), "-serial", &format!("chardev:{LABEL}")])
        .args(&config.args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let parent = std::process::id();
    // SAFETY: prctl and getppid are async-signal-safe, and the closure touches nothing else.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // A parent that died before this line sends no signal any more.
            if libc::getppid().cast_unsigned() != parent {
                return Err(io::Error::other("the parent has ended"));
            }
            Ok(())
        });
    }
    command
}

fn no_socket(config: &QemuConfig, e: &io::Error) -> Error {
    Error::Spawn { program: config.program.clone(), reason: format!("no sockets to it: {e}") }
}

/// Spawns, and tries again while the file is busy: a program that another thread is just writing.
fn spawn(command: &mut Command, program: &str) -> Result<Child, Error> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing { program: program.to_string() });
            }
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(e) => return Err(Error::Spawn { program: program.to_string(), reason: e.to_string() }),
        }
    }
}

/// The device in QEMU's line `char device redirected to /dev/pts/3 (label hilbench)`.
fn port_in(line: &str) -> Option<PathBuf> {
    let rest = line.strip_prefix("char device redirected to ")?;
    Some(PathBuf::from(rest.split_whitespace().next()?))
}

fn keep(output: &Mutex<VecDeque<String>>, line: String) {
    let line = line.trim_end().to_string();
    if line.is_empty() || FLOATS.iter().any(|start| line.trim_start().starts_with(start) && line.contains('=')) {
        return;
    }
    if let Ok(mut lines) = output.lock() {
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

fn describe(exit: ExitStatus) -> String {
    match (exit.code(), exit.signal()) {
        (Some(code), _) => format!("the emulator ended with exit code {code}"),
        (None, Some(libc::SIGABRT)) => "the emulator aborted, as it does when the core locks up".to_string(),
        (None, signal) => format!("the emulator was killed by signal {}", signal.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_announcement() {
        let line = "char device redirected to /dev/pts/12 (label hilbench)";
        assert_eq!(port_in(line), Some(PathBuf::from("/dev/pts/12")));
        assert_eq!(port_in("qemu-system-arm: warning"), None);
    }

    #[test]
    fn a_missing_program_is_named() {
        let config = QemuConfig { program: "no-such-qemu".into(), machine: "x".into(), args: Vec::new() };
        let error = QemuBoard::start(&config, Path::new("/dev/null")).expect_err("there is none");
        assert_eq!(error, Error::Missing { program: "no-such-qemu".into() });
    }
}
