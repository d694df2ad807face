//! The client of the engine: starts the engine's process for the first task, sends tasks to it, and restarts
//! it when it has exited.
//!
//! The engine runs in a separate process so that driver faults, lack of memory and conflicts with the host's
//! libraries do not affect the host. Nothing here calls the host, so everything can be used from any thread.

mod connection;
mod program;
mod started;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use once_cell::sync::Lazy;
use parking_lot::Mutex;
use protocol::message::{Failure, Setup, TaskId, ToEngine};
use protocol::{CacheSettings, Key, Models, Request};

use connection::Connection;
pub use connection::{Death, Event, Outcome, Ticket};

/// How often the engine may die while processing a request before the request is rejected.
const DEATHS: u32 = 3;

/// Timeout of tasks without pictures. Long enough to clear a cache of many files on a slow disk.
const LONGEST: Duration = Duration::from_secs(600);

/// Why a task has no result. Displays as a message for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The engine could not be started.
    #[error("{0}")]
    NoEngine(String),
    /// The engine died repeatedly while processing this request; the text describes the last death.
    #[error(
        "the engine ended {DEATHS} times while it worked on this frame ({0}), so it is not tried again until a parameter changes"
    )]
    Deadly(String),
    /// The engine exited before it replied.
    #[error("the engine has ended: {0}")]
    Died(String),
    /// The engine reported a failure.
    #[error("{0}")]
    Refused(String),
}

/// The current engine, if any, and what is known from earlier ones.
#[derive(Default)]
struct EngineSlot {
    connection: Option<Arc<Connection>>,
    /// The options that it was sent last.
    setup: Option<Setup>,
    /// Why the CUDA engine is not used.
    refused: Option<String>,
}

/// The client of the engine, one per process: all instances share the models and results in memory.
#[derive(Default)]
pub struct Client {
    slot: Mutex<EngineSlot>,
    resources: Mutex<Option<PathBuf>>,
    /// Number of deaths per request since the last edit.
    deaths: Mutex<HashMap<Key, u32>>,
    next: AtomicU64,
}

impl Client {
    /// The client of this process.
    pub fn global() -> &'static Self {
        static CLIENT: Lazy<Client> = Lazy::new(Client::default);
        &CLIENT
    }

    /// Sets the bundle's resources folder (`Contents/Resources`).
    pub fn set_resources(&self, folder: PathBuf) {
        *self.resources.lock() = Some(folder);
    }

    /// Sends a request to the engine, which exits after being idle for `idle`.
    ///
    /// # Errors
    /// There is no engine, or it died too often while processing this request.
    pub fn run(&self, request: &Request, idle: Option<Duration>) -> Result<Ticket, ClientError> {
        let key = of(request);
        if self.deaths.lock().get(&key).is_some_and(|deaths| *deaths >= DEATHS) {
            return Err(ClientError::Deadly("as before".to_owned()));
        }
        let connection = self.connect(Some(idle))?;
        let id = self.number();
        Ok(connection.submit(id, ToEngine::Run(id, Box::new(request.clone()))))
    }

    /// Records that the engine died while processing a request.
    ///
    /// # Errors
    /// [`ClientError::Deadly`] if the request should not be tried again.
    pub fn died_of(&self, request: &Request, death: &Death) -> Result<(), ClientError> {
        if death.expected {
            return Ok(());
        }
        let mut deaths = self.deaths.lock();
        let count = deaths.entry(of(request)).or_default();
        *count += 1;
        log::warn!("{}; another one is started", death.text);
        if *count >= DEATHS { Err(ClientError::Deadly(death.text.clone())) } else { Ok(()) }
    }

    /// Records that a request was fulfilled.
    pub fn fulfilled(&self, request: &Request) {
        let mut deaths = self.deaths.lock();
        if !deaths.is_empty() {
            deaths.remove(&of(request));
        }
    }

    /// Clears the counts of deaths, after the user has changed something.
    pub fn forgive(&self) {
        self.deaths.lock().clear();
    }

    /// Clears all cached results in memory and in a cache folder. Returns the number of bytes freed on disk
    /// and of entries that could not be removed.
    ///
    /// # Errors
    /// There is no engine, or clearing failed.
    pub fn clear(&self, cache: CacheSettings) -> Result<(u64, usize), ClientError> {
        match self.ask(|id| ToEngine::Clear(id, cache))? {
            Event::Cleared(bytes, left) => Ok((bytes, left)),
            other => Err(other.into_error()),
        }
    }

    /// Describes model files and how they fit together, as text for the user.
    ///
    /// # Errors
    /// There is no engine, or describing failed.
    pub fn describe(&self, models: Models) -> Result<String, ClientError> {
        match self.ask(|id| ToEngine::Describe(id, models))? {
            Event::Described(text) => Ok(text),
            other => Err(other.into_error()),
        }
    }

    /// Name of the running engine, for the status; `None` if none runs.
    pub fn name(&self) -> Option<String> {
        self.slot.lock().connection.as_ref().filter(|c| c.death().is_none()).map(|c| c.name().to_owned())
    }

    /// Disconnects the engine, which then exits. The next task starts another one.
    pub fn stop(&self) {
        let mut slot = self.slot.lock();
        *slot = EngineSlot::default();
    }

    fn number(&self) -> TaskId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn ask(&self, message: impl FnOnce(TaskId) -> ToEngine) -> Result<Event, ClientError> {
        let id = self.number();
        let ticket = self.connect(None)?.submit(id, message(id));
        Ok(ticket.wait(LONGEST).unwrap_or(Event::Failed(Failure::Cancelled)))
    }

    /// The running engine, or a new one. `idle` is its idle timeout; `None` keeps the current one.
    fn connect(&self, idle: Option<Option<Duration>>) -> Result<Arc<Connection>, ClientError> {
        let mut slot = self.slot.lock();
        let before = slot.setup.as_ref().map(|setup| setup.idle);
        let mut setup = Setup {
            resources: self.resources.lock().clone(),
            cuda_not_taken: None,
            idle: idle.or(before).flatten(),
        };
        if let Some(connection) = slot.connection.clone().filter(|c| c.death().is_none()) {
            setup.cuda_not_taken.clone_from(&slot.refused);
            if slot.setup.as_ref() != Some(&setup) {
                connection.tell(ToEngine::Set(setup.clone()));
                slot.setup = Some(setup);
            }
            return Ok(connection);
        }
        let programs = program::find(setup.resources.as_deref()).map_err(ClientError::NoEngine)?;
        let card = programs.cuda.filter(|_| slot.refused.is_none());
        let taken = card.and_then(|program| match Connection::open(&program) {
            Ok(connection) => Some(connection),
            Err(reason) => {
                log::info!("{} is not taken: {reason}", program.display());
                slot.refused = Some(program::clause(&program, &reason));
                None
            }
        });
        let connection = match taken {
            Some(connection) => connection,
            None => Connection::open(&programs.plain)
                .map_err(|reason| ClientError::NoEngine(program::sentence(&programs.plain, &reason)))?,
        };
        setup.cuda_not_taken.clone_from(&slot.refused);
        connection.tell(ToEngine::Set(setup.clone()));
        slot.setup = Some(setup);
        slot.connection = Some(connection.clone());
        Ok(connection)
    }
}

/// The key of a request, which ignores its remarks.
fn of(request: &Request) -> Key {
    let bare = Request { remarks: Vec::new(), ..request.clone() };
    Key::of_bytes(&protocol::wire::bytes(&bare).unwrap_or_default())
}
