//! Starting the engine's process, and the three threads that attend to its pipes.

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

/// How long a program may take to say its first word: the libraries of a graphics card come from a slow disk within that.
const FIRST_WORD: Duration = Duration::from_secs(60);

/// How long is waited for the last complaints of a program that has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Lines of a program's complaints that are kept for a sentence.
const COMPLAINTS: usize = 20;

/// Why a program is no engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The system does not start it, in its words.
    System(String),
    /// It ended before it said anything; its own last words.
    Ended(String),
    /// It is an engine of another build.
    OtherBuild(String),
    /// It says something else than an engine.
    Stranger(String),
    /// It says nothing.
    Silent,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(reason) => write!(f, "it does not start ({reason})"),
            Self::Ended(words) => write!(f, "it ended at once: {words}"),
            Self::OtherBuild(build) => write!(f, "it is another build ({build}, not {BUILD})"),
            Self::Stranger(reason) => write!(f, "it is not Unsample's engine: {reason}"),
            Self::Silent => write!(f, "it said nothing for {} s", FIRST_WORD.as_secs()),
        }
    }
}

/// Starts a program whose answers go to `shared`; what is sent to the returned channel goes to the program. When the
/// channel is closed, so is the program's input.
///
/// # Errors
/// It is no engine of this build.
pub fn start(program: &Path, shared: Arc<Shared>) -> Result<Sender<Outgoing>, StartError> {
    let system = |error: std::io::Error| StartError::System(error.to_string());
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What a host preloads into itself is not meant for this program.
    command.env_remove("LD_PRELOAD");
    #[cfg(windows)]
    {
        // No console window.
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

/// Writes what there is to say until there is no more, or nobody reads it.
fn write(to: impl Write, items: &Receiver<Outgoing>) {
    // A pipe whose reader has died raises a signal in the thread that writes to it, which would end a host that does not
    // expect it. Blocked, it stays with this thread, and the write fails.
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
        // What is still in the buffer has nobody to read it, and the input has to be closed.
        drop(to.into_parts());
    }
}

/// Reads answers until there are no more, then sees how the program ended.
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
    // Whatever still runs is not to be understood, or is not wanted.
    if !matches!(end, WireError::Closed | WireError::Broken(_)) {
        let _ = child.kill();
    }
    let status = child.wait();
    // A process of the program's own may still hold the pipe that its complaints come through.
    let ended = Instant::now();
    while !listener.is_finished() && ended.elapsed() < LAST_WORDS {
        std::thread::sleep(Duration::from_millis(1));
    }
    let words = last_words(&complaints.0.lock(), status.as_ref().ok());
    let nonsense = if let WireError::Nonsense(what) = end { Some(what) } else { None };
    // To a start that had its first word this is nothing new.
    let _ = greeted.try_send(Err(match &nonsense {
        Some(what) => StartError::Stranger(what.clone()),
        None => StartError::Ended(words.clone()),
    }));
    let expected = nonsense.is_none() && status.as_ref().is_ok_and(ExitStatus::success);
    let text = nonsense.map_or(words, |what| format!("it said what cannot be understood: {what}"));
    shared.end(Death { expected, text });
}

/// Hands on what an engine says until it says no more.
fn serve(from: &mut impl Read, shared: &Shared) -> WireError {
    loop {
        let answer = wire::receive::<FromEngine>(from);
        if let Err(end) = answer.and_then(|(message, follows)| shared.route(message, &follows)) {
            return end;
        }
    }
}

/// The last lines that a program has complained in.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

impl Complaints {
    /// Logs what comes and keeps the last of it.
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

/// How a program ended, with its last words if it had any.
fn last_words(words: &[String], status: Option<&ExitStatus>) -> String {
    // As "exit status: 70", or "signal: 9 (SIGKILL)".
    let status = status.map_or_else(|| "nothing is known of its end".to_owned(), ToString::to_string);
    match words.iter().rev().find(|line| !line.is_empty()) {
        Some(line) => format!("{line} ({status})"),
        None => status,
    }
}
