//! One engine that runs: its threads, and the tasks that wait for its answers.

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

/// How an engine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// It had nothing to do, or was let go.
    pub expected: bool,
    /// What is known of it, as a clause.
    pub text: String,
}

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The styled frame at the working size; `None` where only an analysis was asked for.
    pub picture: Option<Arc<Rgb>>,
    /// What was done, as one sentence.
    pub work: String,
    /// What was chosen for the user, or found.
    pub facts: Vec<String>,
    /// What the user should know.
    pub notices: Vec<Sentence>,
}

/// What an engine says of a task.
#[derive(Debug)]
pub enum Event {
    /// So much of it is done, 0..1.
    Progress(f64),
    /// It waits for a frame: see [`Ticket::supply`].
    NeedFrame(FrameWanted),
    /// It is done.
    Done(Outcome),
    /// It is not done.
    Failed(Failure),
    /// A cache was cleared: bytes freed on disk, and entries that could not be removed.
    Cleared(u64, usize),
    /// What files are.
    Described(String),
    /// The engine ended before it answered.
    Died(Death),
}

impl Event {
    /// The error for an event that is no answer to the task.
    pub fn into_error(self) -> ClientError {
        match self {
            Self::Failed(Failure::Failed(sentence)) => ClientError::Refused(sentence.text),
            Self::Died(death) => ClientError::Died(death.text),
            _ => ClientError::Refused("the engine gave no answer".to_owned()),
        }
    }
}

/// What the threads of a connection share.
#[derive(Default)]
pub(super) struct Shared {
    waiting: Mutex<HashMap<TaskId, Sender<Event>>>,
    death: OnceCell<Death>,
}

impl Shared {
    /// Hands what the engine says to the task that it is about.
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
        // A task that nobody waits for any more was cancelled.
        if let Some(task) = self.waiting.lock().get(&id) {
            let _ = task.send(event);
        }
        Ok(())
    }

    /// Notes how the engine ended, and tells every task that waits.
    pub fn end(&self, death: Death) {
        let mut waiting = self.waiting.lock();
        let death = self.death.get_or_init(|| death);
        for (_, task) in waiting.drain() {
            let _ = task.send(Event::Died(death.clone()));
        }
    }
}

/// What is written to an engine: a message and what follows it.
pub(super) type Outgoing = (ToEngine, Vec<u8>);

/// An engine that runs. When the last one who holds it lets go, its input is closed, and it ends.
pub struct Connection {
    name: String,
    outgoing: Sender<Outgoing>,
    shared: Arc<Shared>,
}

impl Connection {
    /// Starts a program and waits for its first word.
    ///
    /// # Errors
    /// It does not start, or is something else.
    pub fn open(program: &Path) -> Result<Arc<Self>, StartError> {
        let shared = Arc::new(Shared::default());
        let outgoing = started::start(program, shared.clone())?;
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Arc::new(Self { name, outgoing, shared }))
    }

    /// The program's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it ended, if it has.
    pub fn death(&self) -> Option<&Death> {
        self.shared.death.get()
    }

    /// Says something that has no answer.
    pub fn tell(&self, message: ToEngine) {
        // To an engine that has ended there is nothing to say; whoever waits is told of its end.
        let _ = self.outgoing.send((message, Vec::new()));
    }

    /// Hands over a task of this number.
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

/// A task that was handed over. Dropping it cancels the task.
pub struct Ticket {
    id: TaskId,
    connection: Arc<Connection>,
    events: Receiver<Event>,
}

impl Ticket {
    /// Waits for the engine to say something; `None` when it does not within `timeout`.
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

    /// Gives the frame that was asked for; `None` where there is no such frame any more.
    pub fn supply(&self, frame: Option<&WorkingFrame>) {
        let (extent, bytes) = frame.map(|frame| wire::picture_bytes(&frame.picture)).unzip();
        let _ = self.connection.outgoing.send((ToEngine::Frame(self.id, extent), bytes.unwrap_or_default()));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // One that has had its answer is not known to the engine any more.
        if self.connection.shared.waiting.lock().remove(&self.id).is_some() {
            self.connection.tell(ToEngine::Cancel(self.id));
        }
    }
}
