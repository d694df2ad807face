//! Starts the engine's process and the three threads for its pipes.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use protocol::BUILD;
use protocol::message::{FromEngine, Hello, Side};
use protocol::wire::{self, WireError};

use super::connection::{Death, Outgoing, Shared};

/// Timeout of the greeting. Long enough to load CUDA libraries from a slow disk.
const FIRST_WORD: Duration = Duration::from_secs(60);

/// How long to wait for the remaining standard error output of a program that has exited.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Number of lines of standard error kept for an error message.
const COMPLAINTS: usize = 20;

/// Why a program cannot be used as an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It could not be started; the system's error message.
    System(String),
    /// It exited before its greeting; the end of its standard error, or its exit status.
    Ended(String),
    /// It is an engine of another build.
    OtherBuild(String),
    /// Its output is not that of an engine.
    Stranger(String),
    /// It did not send a greeting in time.
    Silent,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(reason) => write!(f, "it does not start ({reason})"),
            Self::Ended(words) => write!(f, "it ended at once: {words}"),
            Self::OtherBuild(build) => write!(f, "it is from another build ({build}, not {BUILD})"),
            Self::Stranger(reason) => write!(f, "it is not Unsample's engine: {reason}"),
            Self::Silent => write!(f, "it said nothing for {} s", FIRST_WORD.as_secs()),
        }
    }
}

/// Starts a program. Its messages go to `shared`; messages sent to the returned channel go to the program.
/// When the channel is closed, the program's standard input is closed.
///
/// # Errors
/// The program is not an engine of this build.
pub fn start(program: &Path, shared: Arc<Shared>) -> Result<Sender<Outgoing>, StartError> {
    let system = |error: std::io::Error| StartError::System(error.to_string());
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Libraries that are preloaded into the host must not be loaded into the engine.
    command.env_remove("LD_PRELOAD");
    #[cfg(windows)]
    {
        // Do not open a console window.
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    }
    let mut child = command.spawn().map_err(system)?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(StartError::System("it has no pipes".to_owned()));
    };
    let (outgoing, items) = unbounded();
    let (greeted, first_word) = bounded(1);
    let thread = |name: &str| Builder::new().name(format!("unsample {name}"));
    let complaints = Complaints::default();
    let heard = complaints.clone();
    let listener = thread("complaints").spawn(move || heard.listen(errors)).map_err(system)?;
    thread("writer").spawn(move || write(input, &items)).map_err(system)?;
    thread("reader")
        .spawn(move || read(output, child, (listener, complaints), &shared, &greeted))
        .map_err(system)?;
    match first_word.recv_timeout(FIRST_WORD) {
        Ok(Ok(Hello { build, .. })) if build == BUILD => Ok(outgoing),
        Ok(Ok(Hello { build, .. })) => Err(StartError::OtherBuild(build)),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(StartError::Silent),
    }
}

/// Writes messages until the channel or the pipe is closed.
fn write(to: impl Write, items: &Receiver<Outgoing>) {
    // Writing to a pipe whose reader has exited raises SIGPIPE in the writing thread, which kills a host that
    // does not expect it. With the signal blocked in this thread, the write fails instead.
    #[cfg(unix)]
    {
        let mut pipe = nix::sys::signal::SigSet::empty();
        pipe.add(nix::sys::signal::Signal::SIGPIPE);
        if pipe.thread_block().is_err() {
            return;
        }
    }
    let mut to = BufWriter::with_capacity(1 << 16, to);
    let mut result = wire::greet(&mut to, &Hello { side: Side::Plugin, build: BUILD.to_owned() });
    for (message, follows) in items {
        if result.is_err() {
            break;
        }
        result = wire::send(&mut to, &message, &follows);
    }
    if let Err(error) = result {
        log::info!("the engine does not take what it is sent: {error}");
        // The buffered data can no longer be read by anyone; drop it, so that the pipe is closed.
        drop(to.into_parts());
    }
}

/// Reads messages until the end of the stream, then determines how the program exited.
fn read(
    from: impl Read,
    mut child: Child,
    (listener, complaints): (JoinHandle<()>, Complaints),
    shared: &Shared,
    greeted: &Sender<Result<Hello, StartError>>,
) {
    let mut from = BufReader::with_capacity(1 << 16, from);
    let end = match wire::greeted(&mut from, Side::Engine) {
        Ok(hello) => {
            let is_engine = hello.build == BUILD;
            let _ = greeted.send(Ok(hello));
            if is_engine { serve(&mut from, shared) } else { WireError::Closed }
        }
        Err(error) => error,
    };
    // If the program still runs, its output is invalid or it is not wanted.
    if !matches!(end, WireError::Closed | WireError::Broken(_)) {
        let _ = child.kill();
    }
    let status = child.wait();
    // A child of the program may still hold the other end of the standard error pipe.
    let ended = Instant::now();
    while !listener.is_finished() && ended.elapsed() < LAST_WORDS {
        std::thread::sleep(Duration::from_millis(1));
    }
    let words = last_words(&complaints.0.lock(), status.as_ref().ok());
    let nonsense = if let WireError::Nonsense(what) = end { Some(what) } else { None };
    // Ignored if the greeting was already received.
    let _ = greeted.try_send(Err(match &nonsense {
        Some(what) => StartError::Stranger(what.clone()),
        None => StartError::Ended(words.clone()),
    }));
    let expected = nonsense.is_none() && status.as_ref().is_ok_and(ExitStatus::success);
    let text = nonsense.map_or(words, |what| format!("its answer cannot be understood: {what}"));
    shared.end(Death { expected, text });
}

/// Passes on the engine's messages until the stream ends or is invalid.
fn serve(from: &mut impl Read, shared: &Shared) -> WireError {
    loop {
        let answer = wire::receive::<FromEngine>(from);
        if let Err(end) = answer.and_then(|(message, follows)| shared.route(message, &follows)) {
            return end;
        }
    }
}

/// The last lines of a program's standard error.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

impl Complaints {
    /// Logs each line and keeps the last ones.
    fn listen(&self, errors: ChildStderr) {
        for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            log::warn!("engine: {line}");
            let mut kept = self.0.lock();
            if kept.len() == COMPLAINTS {
                kept.remove(0);
            }
            kept.push(line);
        }
    }
}

/// Describes how a program exited, with the end of its standard error, if any.
fn last_words(words: &[String], status: Option<&ExitStatus>) -> String {
    // For example "exit status: 70", or "signal: 9 (SIGKILL)".
    let status = status.map_or_else(|| "nothing is known of its end".to_owned(), ToString::to_string);
    match words.iter().rev().find(|line| !line.is_empty()) {
        Some(line) => format!("{line} ({status})"),
        None => status,
    }
}
