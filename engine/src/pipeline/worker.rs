//! The worker: one thread that owns the networks and works requests off, one after the other.
//!
//! A render thread submits a request and waits on its ticket with a timeout, so that it can report progress and ask
//! the host whether to go on. The thread starts with the first request and ends when the plugin is unloaded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;
use protocol::WorkingFrame;
use protocol::message::FrameWanted;
use protocol::request::{CacheSettings, Request};

use super::PipelineError;
use super::identity::AT_ONCE;
use super::memory::Room;
use super::stages::{Outcome, Runner};

/// Time between two looks for a hash that finished stages wait for.
const SETTLE: Duration = Duration::from_millis(100);
/// How long a worker that ends waits for hashes: what took minutes to compute is worth seconds, but nobody's patience. If they
/// take longer, the stages are computed again in another process.
const PARTING: Duration = Duration::from_secs(30);

/// What an engine may take, and when.
#[derive(Clone, Copy)]
pub struct Limits {
    /// What lies between the layers of a network.
    pub room: Room,
    /// Weight files of up to so many bytes are hashed when they are opened, larger ones beside the work.
    pub at_once: u64,
}

/// How far a request is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// 0..1 over the whole request.
    pub fraction: f64,
    /// What is being done, for the user.
    pub label: String,
}

/// What there is to know of a request that is waited for.
pub enum Event {
    /// It goes on.
    Progress(Progress),
    /// It waits for a frame, which [`Ticket::supply`] gives to it.
    NeedFrame(FrameWanted),
    /// It has ended. Nothing comes after that.
    Done(Box<Result<Outcome, PipelineError>>),
}

/// Time between two looks whether a request that waits for a frame was cancelled.
const PATIENCE: Duration = Duration::from_millis(20);

/// What the worker and the waiting thread share about a request.
pub struct Control {
    cancelled: AtomicBool,
    progress: Mutex<Progress>,
    /// To the ticket.
    events: Sender<Event>,
    /// From the ticket.
    frames: Receiver<Option<WorkingFrame>>,
}

impl Control {
    /// Whether the request was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Fails once the request was cancelled.
    ///
    /// # Errors
    /// [`PipelineError::Cancelled`].
    pub fn check(&self) -> Result<(), PipelineError> {
        if self.is_cancelled() { Err(PipelineError::Cancelled) } else { Ok(()) }
    }

    /// Waits for a frame of the request that its submitter has.
    ///
    /// # Errors
    /// [`PipelineError::Cancelled`], and [`PipelineError::NeedFrames`] where there is no such frame, or another one.
    pub fn pull(&self, wanted: FrameWanted) -> Result<WorkingFrame, PipelineError> {
        // A ticket that is gone has cancelled.
        let _ = self.events.send(Event::NeedFrame(wanted));
        loop {
            self.check()?;
            match self.frames.recv_timeout(PATIENCE) {
                Ok(Some(frame)) if frame.digest == wanted.digest => return Ok(frame),
                Ok(_) => return Err(PipelineError::NeedFrames),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(PipelineError::Cancelled),
            }
        }
    }

    /// Says how far the request is.
    pub fn report(&self, fraction: f64, label: &str) {
        let mut progress = self.progress.lock();
        progress.fraction = fraction.clamp(0.0, 1.0);
        if progress.label != label {
            label.clone_into(&mut progress.label);
        }
    }
}

/// A submitted request. Dropping it cancels the request.
pub struct Ticket {
    control: Arc<Control>,
    events: Receiver<Event>,
    frames: Sender<Option<WorkingFrame>>,
}

impl Ticket {
    /// Waits for something to happen, and says how far the request is when nothing does within `timeout`.
    pub fn wait(&self, timeout: Duration) -> Event {
        match self.events.recv_timeout(timeout) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => Event::Progress(self.control.progress.lock().clone()),
            Err(RecvTimeoutError::Disconnected) => {
                let gone = PipelineError::Internal("the worker ended without an answer".to_owned());
                Event::Done(Box::new(Err(gone)))
            }
        }
    }

    /// Gives the frame that was asked for; `None` where there is no such frame any more.
    pub fn supply(&self, frame: Option<WorkingFrame>) {
        let _ = self.frames.send(frame);
    }

    /// Asks the worker to stop; it does within one network evaluation, and keeps the stages that are finished.
    pub fn cancel(&self) {
        self.control.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancel();
    }
}

enum Task {
    Run {
        request: Box<Request>,
        control: Arc<Control>,
    },
    /// Forget what is in memory and, if asked, on disk.
    Clear {
        request: CacheSettings,
        done: Sender<(u64, usize)>,
    },
    Stop,
}

struct Running {
    tasks: Sender<Task>,
    thread: JoinHandle<()>,
    /// Whether finished stages wait for the hash of a file.
    unsettled: Arc<AtomicBool>,
    /// The requests that are queued or being worked on, to be cancelled when the worker has to end.
    open: Vec<Weak<Control>>,
}

/// The door to the worker. One per process: models and caches are shared by all instances of the effect.
pub struct Engine {
    running: Mutex<Option<Running>>,
    limits: Limits,
}

impl Default for Engine {
    fn default() -> Self {
        Self { running: Mutex::default(), limits: Limits { room: Room::default(), at_once: AT_ONCE } }
    }
}

impl Engine {
    /// The process's engine.
    pub fn global() -> &'static Self {
        static ENGINE: once_cell::sync::Lazy<Engine> = once_cell::sync::Lazy::new(Engine::default);
        &ENGINE
    }

    /// An engine whose networks may take so many bytes for what lies between their layers, whatever the device has.
    pub fn with_memory(bytes: u64) -> Self {
        let limits = Limits { room: Room::limited(bytes), at_once: AT_ONCE };
        Self { running: Mutex::default(), limits }
    }

    /// An engine that takes every weight file for a large one: its hash is computed beside the work.
    pub fn with_large_files() -> Self {
        let limits = Limits { room: Room::default(), at_once: 0 };
        Self { running: Mutex::default(), limits }
    }

    /// Queues a request.
    ///
    /// # Errors
    /// When the worker's thread cannot be started.
    pub fn submit(&self, request: Request) -> Result<Ticket, PipelineError> {
        let (events, happened) = unbounded();
        let (supply, frames) = unbounded();
        let control = Arc::new(Control {
            cancelled: AtomicBool::default(),
            progress: Mutex::default(),
            events,
            frames,
        });
        self.send(Task::Run { request: Box::new(request), control: control.clone() })?;
        if let Some(running) = self.running.lock().as_mut() {
            running.open.retain(|c| c.strong_count() > 0);
            running.open.push(Arc::downgrade(&control));
        }
        Ok(Ticket { control, events: happened, frames: supply })
    }

    /// Forgets every finished stage in memory and in the cache folder; returns the bytes freed on disk, and the
    /// entries there that could not be removed. Waits for the
    /// request that is being worked on.
    ///
    /// # Errors
    /// When the worker cannot be started or died.
    pub fn clear(&self, cache: CacheSettings) -> Result<(u64, usize), PipelineError> {
        let (done, freed) = bounded(1);
        self.send(Task::Clear { request: cache, done })?;
        freed
            .recv()
            .map_err(|_| PipelineError::Internal("the worker ended while the cache was cleared".to_owned()))
    }

    /// Ends the worker and frees models and caches; what is being worked on is cancelled. The next request starts it
    /// anew.
    pub fn stop(&self) {
        if let Some(running) = self.running.lock().take() {
            for control in running.open.iter().filter_map(Weak::upgrade) {
                control.cancelled.store(true, Ordering::Relaxed);
            }
            let _ = running.tasks.send(Task::Stop);
            let _ = running.thread.join();
        }
    }

    /// Whether finished stages wait for the hash of a file before they can go to disk.
    pub fn has_unsettled(&self) -> bool {
        self.running.lock().as_ref().is_some_and(|running| running.unsettled.load(Ordering::Relaxed))
    }

    fn send(&self, mut task: Task) -> Result<(), PipelineError> {
        let mut guard = self.running.lock();
        if let Some(running) = guard.as_ref() {
            match running.tasks.send(task) {
                Ok(()) => return Ok(()),
                Err(returned) => task = returned.0,
            }
        }
        let running = start(self.limits)?;
        let sent = running.tasks.send(task);
        *guard = Some(running);
        sent.map_err(|_| PipelineError::Internal("the worker ended at once".to_owned()))
    }
}

fn start(limits: Limits) -> Result<Running, PipelineError> {
    let (tasks, queue) = unbounded();
    let unsettled = Arc::new(AtomicBool::default());
    let told = unsettled.clone();
    let thread = std::thread::Builder::new()
        .name("unsample worker".to_owned())
        .spawn(move || work(&queue, limits, &told))
        .map_err(|e| PipelineError::Internal(format!("no thread for the worker: {e}")))?;
    Ok(Running { tasks, thread, unsettled, open: Vec::new() })
}

fn work(queue: &Receiver<Task>, limits: Limits, unsettled: &AtomicBool) {
    let mut runner = Runner::new(limits);
    loop {
        // What waits for a hash goes to disk as soon as there is nothing else to do.
        unsettled.store(runner.has_unsettled(), Ordering::Relaxed);
        let task = if runner.has_unsettled() {
            match queue.recv_timeout(SETTLE) {
                Err(RecvTimeoutError::Timeout) => {
                    settle(&mut runner, limits, Duration::ZERO);
                    continue;
                }
                other => other.ok(),
            }
        } else {
            queue.recv().ok()
        };
        let Some(task) = task else { break };
        match task {
            Task::Run { request, control } => {
                let result = guarded(&mut runner, limits, |runner| {
                    control.check()?;
                    runner.run(&request, &control)
                });
                // Before the answer: whoever ends the process on it has to know.
                unsettled.store(runner.has_unsettled(), Ordering::Relaxed);
                let _ = control.events.send(Event::Done(Box::new(result)));
            }
            Task::Clear { request, done } => {
                let _ = done.send(runner.clear(&request));
            }
            Task::Stop => break,
        }
    }
    settle(&mut runner, limits, PARTING);
}

fn settle(runner: &mut Runner, limits: Limits, longest: Duration) {
    let settled = guarded(runner, limits, |runner| {
        runner.settle(longest);
        Ok(())
    });
    if let Err(error) = settled {
        log::error!("{error}");
    }
}

/// Does a piece of work. A panic in it becomes an error, and the runner starts afresh: whatever the panic left half
/// done must not be met again.
fn guarded<T>(
    runner: &mut Runner,
    limits: Limits,
    work: impl FnOnce(&mut Runner) -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    catch_unwind(AssertUnwindSafe(|| work(runner))).unwrap_or_else(|panic| {
        *runner = Runner::new(limits);
        Err(PipelineError::Internal(panic_text(panic.as_ref())))
    })
}

/// The first line of what a panic says; what follows in it, a backtrace for instance, is for the log.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without text");
    log::error!("the worker panicked: {text}");
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_work_goes_on() {
        let limits = Engine::default().limits;
        let mut runner = Runner::new(limits);
        let broken: Result<(), _> = guarded(&mut runner, limits, |_| panic!("at {} %", 50));
        assert!(matches!(broken, Err(PipelineError::Internal(text)) if text == "at 50 %"));
        assert!(matches!(guarded(&mut runner, limits, |_| Ok(7)), Ok(7)));
    }
}
