//! A connection to a running engine: its threads, and the tasks that wait for replies.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use protocol::WorkingFrame;
use protocol::message::{Failure, FrameWanted, FromEngine, Sentence, TaskId, ToEngine};
use protocol::wire;

use frame::Rgb;

use super::ClientError;
use super::started::{self, StartError};

/// How an engine exited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Whether it was idle, or exited on request.
    pub expected: bool,
    /// Description of the exit, as a clause.
    pub text: String,
}

/// Result of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The styled frame at the working size; `None` for an analysis.
    pub picture: Option<Arc<Rgb>>,
    /// Summary of the work done, in one sentence.
    pub work: String,
    /// Automatic choices and findings that need no action.
    pub facts: Vec<String>,
    /// Messages that the user should see.
    pub notices: Vec<Sentence>,
}

/// An event of a task.
#[derive(Debug)]
pub enum Event {
    /// Progress of the task, 0..=1.
    Progress(f64),
    /// The task waits for a frame: see [`Ticket::supply`].
    NeedFrame(FrameWanted),
    /// The request was fulfilled.
    Done(Outcome),
    /// The task failed or was cancelled.
    Failed(Failure),
    /// A cache was cleared: number of bytes freed on disk, and number of entries that could not be removed.
    Cleared(u64, usize),
    /// Description of model files, as text.
    Described(String),
    /// The engine exited before it replied.
    Died(Death),
}

impl Event {
    /// Converts an event that is not the expected reply to an error.
    pub fn into_error(self) -> ClientError {
        match self {
            Self::Failed(Failure::Failed(sentence)) => ClientError::Refused(sentence.text),
            Self::Died(death) => ClientError::Died(death.text),
            _ => ClientError::Refused("the engine gave no answer".to_owned()),
        }
    }
}

/// State shared by the threads of a connection.
#[derive(Default)]
pub(super) struct Shared {
    waiting: Mutex<HashMap<TaskId, Sender<Event>>>,
    death: OnceCell<Death>,
}

impl Shared {
    /// Passes a message from the engine to the task that it belongs to.
    pub fn route(&self, message: FromEngine, follows: &[u8]) -> Result<(), wire::WireError> {
        let (id, event) = match message {
            FromEngine::Progress(id, fraction, _) => (id, Event::Progress(fraction)),
            FromEngine::NeedFrame(id, wanted) => (id, Event::NeedFrame(wanted)),
            FromEngine::Done(id, done) => {
                let picture = done.picture.map(|extent| wire::picture(extent, follows)).transpose()?;
                let outcome = Outcome {
                    picture: picture.map(Arc::new),
                    work: done.work,
                    facts: done.facts,
                    notices: done.notices,
                };
                (id, Event::Done(outcome))
            }
            FromEngine::Failed(id, failure) => (id, Event::Failed(failure)),
            FromEngine::Cleared(id, bytes, left) => (id, Event::Cleared(bytes, left)),
            FromEngine::Described(id, text) => (id, Event::Described(text)),
            FromEngine::Log(level, text) => {
                let level = log::Level::iter().nth(usize::from(level).saturating_sub(1));
                log::log!(level.unwrap_or(log::Level::Info), "{text}");
                return Ok(());
            }
        };
        // A task that is no longer waiting was cancelled.
        if let Some(task) = self.waiting.lock().get(&id) {
            let _ = task.send(event);
        }
        Ok(())
    }

    /// Records how the engine exited, and notifies all waiting tasks.
    pub fn end(&self, death: Death) {
        let mut waiting = self.waiting.lock();
        let death = self.death.get_or_init(|| death);
        for (_, task) in waiting.drain() {
            let _ = task.send(Event::Died(death.clone()));
        }
    }
}

/// A message to the engine, with its payload.
pub(super) type Outgoing = (ToEngine, Vec<u8>);

/// A running engine. When the last reference is dropped, the engine's standard input is closed and it exits.
pub struct Connection {
    name: String,
    outgoing: Sender<Outgoing>,
    shared: Arc<Shared>,
}

impl Connection {
    /// Starts a program and waits for its greeting.
    ///
    /// # Errors
    /// The program does not start, or is not an engine of this build.
    pub fn open(program: &Path) -> Result<Arc<Self>, StartError> {
        let shared = Arc::new(Shared::default());
        let outgoing = started::start(program, shared.clone())?;
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Arc::new(Self { name, outgoing, shared }))
    }

    /// File name of the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the engine exited, if it has.
    pub fn death(&self) -> Option<&Death> {
        self.shared.death.get()
    }

    /// Sends a message that has no reply.
    pub fn tell(&self, message: ToEngine) {
        // The engine may have exited; waiting tasks are notified of that.
        let _ = self.outgoing.send((message, Vec::new()));
    }

    /// Submits a task under this number.
    pub fn submit(self: &Arc<Self>, id: TaskId, task: ToEngine) -> Ticket {
        let (sender, events) = unbounded();
        {
            let mut waiting = self.shared.waiting.lock();
            match self.shared.death.get() {
                Some(death) => drop(sender.send(Event::Died(death.clone()))),
                None => drop(waiting.insert(id, sender)),
            }
        }
        self.tell(task);
        Ticket { id, connection: self.clone(), events }
    }
}

/// A submitted task. Dropping it cancels the task.
pub struct Ticket {
    id: TaskId,
    connection: Arc<Connection>,
    events: Receiver<Event>,
}

impl Ticket {
    /// Waits for the next event; `None` after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Option<Event> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                let death = self.connection.death().cloned();
                let text = "it does not answer".to_owned();
                Some(Event::Died(death.unwrap_or(Death { expected: false, text })))
            }
        }
    }

    /// Sends the requested frame; `None` if it is no longer available.
    pub fn supply(&self, frame: Option<&WorkingFrame>) {
        let (extent, bytes) = frame.map(|frame| wire::picture_bytes(&frame.picture)).unzip();
        let _ = self.connection.outgoing.send((ToEngine::Frame(self.id, extent), bytes.unwrap_or_default()));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // A task with a final reply is no longer known to the engine.
        if self.connection.shared.waiting.lock().remove(&self.id).is_some() {
            self.connection.tell(ToEngine::Cancel(self.id));
        }
    }
}
