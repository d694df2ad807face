//! The engine process: receives tasks on standard input and replies on standard output.
//!
//! One thread reads, one writes, one watches for idleness, and each task has a thread that waits for its result; the computation
//! is done by the pipeline's worker. The process exits when its input ends, which also happens when the host is killed.

mod fatal;
mod logging;
mod output;
mod sentence;

use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use protocol::message::{Done, Failure, FromEngine, Hello, Sentence, Setup, Side, TaskId, ToEngine};
use protocol::wire::{self, WireError};
use protocol::{BUILD, CacheSettings, Models, Request, WorkingFrame};

use crate::pipeline::{self, Engine, Event, Outcome, PipelineError, Ticket, describe_models};
use output::Output;

/// Interval between progress reports of a running task.
const REPORT: Duration = Duration::from_millis(200);

/// Interval between checks whether the process has been idle for long enough.
const WATCH: Duration = Duration::from_millis(500);

/// How long the process stays alive after its host has exited, if finished stages still wait for the hash of a weight file.
const PARTING: Duration = Duration::from_secs(40);

/// Exit status after an error that makes the GPU unusable for this process.
const FATAL: i32 = 70;

/// What the engine runs on, one fact per line; the first line is the build.
pub fn check() -> String {
    format!("{BUILD}\n{}", pipeline::describe_devices())
}

/// Serves tasks until standard input ends.
pub fn run() -> ExitCode {
    let server = Arc::new(Server::new(Output::start(std::io::stdout())));
    logging::start(server.output.clone());
    let watcher = server.clone();
    std::thread::spawn(move || watcher.watch());
    let end = server.read(&mut BufReader::with_capacity(1 << 16, std::io::stdin()));
    let code = match end {
        Ok(()) | Err(WireError::Closed) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    };
    server.part();
    code
}

struct Server {
    engine: Engine,
    output: Output,
    /// Requests that are queued or running.
    tickets: Mutex<HashMap<TaskId, Arc<Ticket>>>,
    busy: Mutex<Busy>,
}

/// The state from which idleness is determined.
struct Busy {
    /// Number of tasks without a reply.
    tasks: usize,
    /// The time of the last reply.
    since: Instant,
    /// How long to wait for another task; `None` means forever.
    idle: Option<Duration>,
}

impl Server {
    fn new(output: Output) -> Self {
        let busy = Busy { tasks: 0, since: Instant::now(), idle: None };
        Self { engine: Engine::default(), output, tickets: Mutex::default(), busy: Mutex::new(busy) }
    }

    /// Handles messages until the input ends.
    fn read(self: &Arc<Self>, from: &mut impl Read) -> Result<(), WireError> {
        self.output.greet(Hello { side: Side::Engine, build: BUILD.to_owned() });
        let hello = wire::greeted(from, Side::Plugin)?;
        if hello.build != BUILD {
            return Err(WireError::Nonsense(format!("the plugin is of another build ({})", hello.build)));
        }
        loop {
            let (message, follows) = wire::receive::<ToEngine>(from)?;
            match message {
                ToEngine::Set(setup) => self.set(setup),
                ToEngine::Run(id, request) => self.start(id, *request),
                ToEngine::Frame(id, extent) => {
                    let picture = extent.map(|extent| wire::picture(extent, &follows)).transpose()?;
                    if let Some(ticket) = self.tickets.lock().get(&id) {
                        ticket.supply(picture.map(WorkingFrame::new));
                    }
                }
                ToEngine::Cancel(id) => {
                    if let Some(ticket) = self.tickets.lock().get(&id) {
                        ticket.cancel();
                    }
                }
                ToEngine::Clear(id, cache) => self.aside(id, move |server| server.clear(id, cache)),
                ToEngine::Describe(id, models) => self.aside(id, move |server| server.describe(id, &models)),
            }
        }
    }

    fn set(&self, setup: Setup) {
        if let Some(folder) = setup.resources {
            pipeline::set_resources(folder);
        }
        if let Some(reason) = setup.cuda_not_taken {
            pipeline::set_cuda_not_taken(reason);
        }
        self.busy.lock().idle = setup.idle;
    }

    /// Runs a task on a thread of its own.
    fn aside(self: &Arc<Self>, id: TaskId, task: impl FnOnce(&Arc<Self>) + Send + 'static) {
        self.busy.lock().tasks += 1;
        let server = self.clone();
        let started = std::thread::Builder::new().spawn(move || {
            task(&server);
            server.answered();
        });
        if let Err(error) = started {
            self.fail(id, Failure::Failed(plain(format!("no thread for a task: {error}"))));
            self.answered();
        }
    }

    fn answered(&self) {
        let mut busy = self.busy.lock();
        busy.tasks -= 1;
        busy.since = Instant::now();
    }

    fn start(self: &Arc<Self>, id: TaskId, request: Request) {
        let files = sentence::RequestFiles::of(&request);
        match self.engine.submit(request) {
            Ok(ticket) => {
                let ticket = Arc::new(ticket);
                self.tickets.lock().insert(id, ticket.clone());
                self.aside(id, move |server| {
                    server.attend(id, &ticket, &files);
                    server.tickets.lock().remove(&id);
                });
            }
            Err(error) => self.fail(id, failure(&error, &files)),
        }
    }

    /// Reports the progress of a request to the plugin until it has ended.
    fn attend(&self, id: TaskId, ticket: &Ticket, files: &sentence::RequestFiles) {
        loop {
            match ticket.wait(REPORT) {
                Event::Progress(now) => {
                    self.output.send(FromEngine::Progress(id, now.fraction, now.label), Vec::new());
                }
                Event::NeedFrame(wanted) => self.output.send(FromEngine::NeedFrame(id, wanted), Vec::new()),
                Event::Done(result) => {
                    match *result {
                        Ok(outcome) => self.done(id, &outcome, files),
                        Err(error) => {
                            if let Some(reason) = fatal::reason(&error.to_string()) {
                                self.end_at_once(reason);
                            }
                            self.fail(id, failure(&error, files));
                        }
                    }
                    return;
                }
            }
        }
    }

    fn done(&self, id: TaskId, outcome: &Outcome, files: &sentence::RequestFiles) {
        let report = &outcome.report;
        let (extent, bytes) = outcome.picture.as_deref().map(wire::picture_bytes).unzip();
        let done = Done {
            picture: extent,
            work: report.work().to_string(),
            facts: report.facts().to_vec(),
            notices: report.notices().iter().map(|notice| files.sentence(notice)).collect(),
        };
        self.output.send(FromEngine::Done(id, done), bytes.unwrap_or_default());
    }

    fn fail(&self, id: TaskId, failure: Failure) {
        self.output.send(FromEngine::Failed(id, failure), Vec::new());
    }

    fn clear(&self, id: TaskId, cache: CacheSettings) {
        match self.engine.clear(cache) {
            Ok((freed, left)) => self.output.send(FromEngine::Cleared(id, freed, left), Vec::new()),
            Err(error) => self.fail(id, Failure::Failed(plain(error.to_string()))),
        }
    }

    fn describe(&self, id: TaskId, models: &Models) {
        self.output.send(FromEngine::Described(id, describe_models(models)), Vec::new());
    }

    /// Exits the process when it has been idle for long enough.
    fn watch(&self) {
        loop {
            std::thread::sleep(WATCH);
            let idle = {
                let busy = self.busy.lock();
                busy.tasks == 0 && busy.idle.is_some_and(|idle| busy.since.elapsed() >= idle)
            };
            if idle {
                log::info!("nothing to do: the engine ends, and gives card and memory back");
                self.engine.stop();
                self.output.flush();
                std::process::exit(0);
            }
        }
    }

    /// Exits the process after an error from which it cannot recover: the plugin starts another one.
    fn end_at_once(&self, reason: &str) -> ! {
        eprintln!("{reason}");
        self.output.flush();
        std::process::exit(FATAL);
    }

    /// Cancels running requests. Finished stages that only wait for the hash of a file are still written, within a time limit.
    fn part(&self) {
        self.tickets.lock().values().for_each(|ticket| ticket.cancel());
        if self.engine.has_unsettled() {
            std::thread::spawn(|| {
                std::thread::sleep(PARTING);
                std::process::exit(0);
            });
            self.engine.stop();
        }
    }
}

fn plain(text: String) -> Sentence {
    Sentence { text, files: 0 }
}

fn failure(error: &PipelineError, files: &sentence::RequestFiles) -> Failure {
    match error {
        PipelineError::Cancelled => Failure::Cancelled,
        PipelineError::NeedFrames => Failure::FrameGone,
        other => Failure::Failed(files.sentence(&sentence::first_line(other))),
    }
}
