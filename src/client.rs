//! The engine's client: starts the engine beside the plugin at the first task, hands tasks to it, and starts another one
//! when it has ended.
//!
//! The engine is a process of its own so that a driver's fault, a lack of memory or the host's own libraries cannot meet
//! the editor. Nothing here calls the host, so everything may be used from any thread.

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

/// How often an engine may die of the same request before the plugin stops trying it.
const DEATHS: u32 = 3;

/// How long a task that takes no pictures may take: a cache of many files on a slow disk is emptied by then.
const LONGEST: Duration = Duration::from_secs(600);

/// Why there is no answer. `Display` is a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No engine could be started.
    #[error("{0}")]
    NoEngine(String),
    /// Engines have died of this request, the last one so.
    #[error(
        "the engine ended {DEATHS} times while it worked on this frame ({0}), so it is not tried again until a parameter changes"
    )]
    Deadly(String),
    /// The engine has ended before it answered.
    #[error("the engine has ended: {0}")]
    Died(String),
    /// The engine says that it could not be done.
    #[error("{0}")]
    Refused(String),
}

/// The process's engine, if it runs, and what is known of those before it.
#[derive(Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    /// What it was told last.
    setup: Option<Setup>,
    /// Why the engine for graphics cards is not taken.
    refused: Option<String>,
}

/// The plugin's side of the engine. One per process: models and results in memory are shared by all instances.
#[derive(Default)]
pub struct Client {
    slot: Mutex<Slot>,
    resources: Mutex<Option<PathBuf>>,
    /// How often engines have died of a request since the last edit.
    deaths: Mutex<HashMap<Key, u32>>,
    next: AtomicU64,
}

impl Client {
    /// The process's own.
    pub fn global() -> &'static Self {
        static CLIENT: Lazy<Client> = Lazy::new(Client::default);
        &CLIENT
    }

    /// Says where the bundle's resources are (`Contents/Resources`).
    pub fn set_resources(&self, folder: PathBuf) {
        *self.resources.lock() = Some(folder);
    }

    /// Hands a request to the engine; one that ends after `idle` without work.
    ///
    /// # Errors
    /// There is no engine, or engines have died of this request.
    pub fn run(&self, request: &Request, idle: Option<Duration>) -> Result<Ticket, ClientError> {
        let key = of(request);
        if self.deaths.lock().get(&key).is_some_and(|deaths| *deaths >= DEATHS) {
            return Err(ClientError::Deadly("as before".to_owned()));
        }
        let connection = self.connect(Some(idle))?;
        let id = self.number();
        Ok(connection.submit(id, ToEngine::Run(id, Box::new(request.clone()))))
    }

    /// Notes that an engine died of a request.
    ///
    /// # Errors
    /// [`ClientError::Deadly`] when it should not be tried again.
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

    /// Notes that a request was fulfilled.
    pub fn fulfilled(&self, request: &Request) {
        let mut deaths = self.deaths.lock();
        if !deaths.is_empty() {
            deaths.remove(&of(request));
        }
    }

    /// Forgets what engines have died of: the user has changed something.
    pub fn forgive(&self) {
        self.deaths.lock().clear();
    }

    /// Forgets every finished stage in memory and in a cache folder: the bytes freed on disk, and the entries there that
    /// could not be removed.
    ///
    /// # Errors
    /// There is no engine, or it cannot.
    pub fn clear(&self, cache: CacheSettings) -> Result<(u64, usize), ClientError> {
        match self.ask(|id| ToEngine::Clear(id, cache))? {
            Event::Cleared(bytes, left) => Ok((bytes, left)),
            other => Err(other.into_error()),
        }
    }

    /// What files are and how they go together, as text for a read-out.
    ///
    /// # Errors
    /// There is no engine, or it cannot.
    pub fn describe(&self, models: Models) -> Result<String, ClientError> {
        match self.ask(|id| ToEngine::Describe(id, models))? {
            Event::Described(text) => Ok(text),
            other => Err(other.into_error()),
        }
    }

    /// Name of the engine that runs, for the status; `None` where none does.
    pub fn name(&self) -> Option<String> {
        self.slot.lock().connection.as_ref().filter(|c| c.death().is_none()).map(|c| c.name().to_owned())
    }

    /// Lets the engine end. The next task starts another one.
    pub fn stop(&self) {
        let mut slot = self.slot.lock();
        *slot = Slot::default();
    }

    fn number(&self) -> TaskId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn ask(&self, message: impl FnOnce(TaskId) -> ToEngine) -> Result<Event, ClientError> {
        let id = self.number();
        let ticket = self.connect(None)?.submit(id, message(id));
        Ok(ticket.wait(LONGEST).unwrap_or(Event::Failed(Failure::Cancelled)))
    }

    /// The engine that runs, or a new one. `idle` is for how long it may wait for work; `None` leaves that as it is.
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

/// What a request asks for, whatever there is to be said of it.
fn of(request: &Request) -> Key {
    let bare = Request { remarks: Vec::new(), ..request.clone() };
    Key::of_bytes(&protocol::wire::bytes(&bare).unwrap_or_default())
}
