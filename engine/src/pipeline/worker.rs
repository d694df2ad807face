//! The worker: one thread that owns the networks and runs requests one after the other.
//!
//! A render thread submits a request and waits on its ticket with a timeout, so that it can report progress and ask the
//! host whether to continue. The worker thread starts with the first request and ends when the plugin is unloaded.

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
use super::memory::MemoryLimit;
use super::stages::{Outcome, Runner};

/// Interval between checks for hashes that finished stages wait for.
const SETTLE: Duration = Duration::from_millis(100);
/// How long an ending worker waits for hashes: a result that took minutes to compute is worth waiting for, but only for
/// seconds. If a hash takes longer, another process computes the stages again.
const PARTING: Duration = Duration::from_secs(30);

/// The resource limits of an engine.
#[derive(Clone, Copy)]
pub struct Limits {
    /// The limit on the memory for a network's activations.
    pub room: MemoryLimit,
    /// Weight files of up to this many bytes are hashed when they are opened, larger ones in the background.
    pub at_once: u64,
}

/// The progress of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The finished fraction of the whole request, 0..1.
    pub fraction: f64,
    /// The current activity, for the user.
    pub label: String,
}

/// An event of a running request.
pub enum Event {
    /// The request is in progress.
    Progress(Progress),
    /// The request needs a frame, to be passed to [`Ticket::supply`].
    NeedFrame(FrameWanted),
    /// The request has ended. This is the last event.
    Done(Box<Result<Outcome, PipelineError>>),
}

/// Interval between checks for cancellation while a request waits for a frame.
const PATIENCE: Duration = Duration::from_millis(20);

/// The state of a request that the worker and the waiting thread share.
pub struct RequestControl {
    cancelled: AtomicBool,
    progress: Mutex<Progress>,
    /// Events sent to the ticket.
    events: Sender<Event>,
    /// Frames received from the ticket.
    frames: Receiver<Option<WorkingFrame>>,
}

impl RequestControl {
    /// Whether the request was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Fails if the request was cancelled.
    ///
    /// # Errors
    /// [`PipelineError::Cancelled`] if it was.
    pub fn check(&self) -> Result<(), PipelineError> {
        if self.is_cancelled() { Err(PipelineError::Cancelled) } else { Ok(()) }
    }

    /// Requests a frame from the thread that submitted the request, and waits for it.
    ///
    /// # Errors
    /// [`PipelineError::Cancelled`], and [`PipelineError::NeedFrames`] if the frame is not available or has changed.
    pub fn pull(&self, wanted: FrameWanted) -> Result<WorkingFrame, PipelineError> {
        // If the ticket was dropped, the request is cancelled.
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

    /// Reports the progress of the request.
    pub fn report(&self, fraction: f64, label: &str) {
        let mut progress = self.progress.lock();
        progress.fraction = fraction.clamp(0.0, 1.0);
        if progress.label != label {
            label.clone_into(&mut progress.label);
        }
    }
}

/// A submitted request. Dropping the ticket cancels the request.
pub struct Ticket {
    control: Arc<RequestControl>,
    events: Receiver<Event>,
    frames: Sender<Option<WorkingFrame>>,
}

impl Ticket {
    /// Waits for the next event, or returns the progress after `timeout`.
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

    /// Supplies the requested frame; `None` if it is not available any more.
    pub fn supply(&self, frame: Option<WorkingFrame>) {
        let _ = self.frames.send(frame);
    }

    /// Cancels the request: the worker stops within one network evaluation, and keeps the finished stages.
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
        control: Arc<RequestControl>,
    },
    /// Clears the cache in memory and, if requested, on disk.
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
    /// The requests that are queued or running, to be cancelled when the worker has to end.
    open: Vec<Weak<RequestControl>>,
}

/// The interface to the worker. There is one per process: all instances of the effect share models and caches.
pub struct Engine {
    running: Mutex<Option<Running>>,
    limits: Limits,
}

impl Default for Engine {
    fn default() -> Self {
        Self { running: Mutex::default(), limits: Limits { room: MemoryLimit::default(), at_once: AT_ONCE } }
    }
}

impl Engine {
    /// The engine of this process.
    pub fn global() -> &'static Self {
        static ENGINE: once_cell::sync::Lazy<Engine> = once_cell::sync::Lazy::new(Engine::default);
        &ENGINE
    }

    /// An engine that limits the memory for a network's activations to this many bytes, independent of the device.
    pub fn with_memory(bytes: u64) -> Self {
        let limits = Limits { room: MemoryLimit::limited(bytes), at_once: AT_ONCE };
        Self { running: Mutex::default(), limits }
    }

    /// An engine that treats every weight file as a large one: its hash is computed in the background.
    pub fn with_large_files() -> Self {
        let limits = Limits { room: MemoryLimit::default(), at_once: 0 };
        Self { running: Mutex::default(), limits }
    }

    /// Queues a request for the worker.
    ///
    /// # Errors
    /// If the worker's thread cannot be started.
    pub fn submit(&self, request: Request) -> Result<Ticket, PipelineError> {
        let (events, happened) = unbounded();
        let (supply, frames) = unbounded();
        let control = Arc::new(RequestControl {
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

    /// Removes every finished stage from memory and from the cache folder; returns the bytes freed on disk, and the
    /// number of entries there that could not be removed. Waits for the running request.
    ///
    /// # Errors
    /// If the worker cannot be started or ended unexpectedly.
    pub fn clear(&self, cache: CacheSettings) -> Result<(u64, usize), PipelineError> {
        let (done, freed) = bounded(1);
        self.send(Task::Clear { request: cache, done })?;
        freed
            .recv()
            .map_err(|_| PipelineError::Internal("the worker ended while the cache was cleared".to_owned()))
    }

    /// Ends the worker and frees models and caches; running and queued requests are cancelled. The next request starts
    /// a new worker.
    pub fn stop(&self) {
        if let Some(running) = self.running.lock().take() {
            for control in running.open.iter().filter_map(Weak::upgrade) {
                control.cancelled.store(true, Ordering::Relaxed);
            }
            let _ = running.tasks.send(Task::Stop);
            let _ = running.thread.join();
        }
    }

    /// Whether finished stages wait for the hash of a file before they can be written to disk.
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
        // Stages that wait for a hash are written to disk as soon as the worker has nothing else to do.
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
                // Set before replying, since the process may be ended as soon as the reply arrives.
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

/// Runs a task. A panic in it becomes an error, and the runner is replaced, since the panic may have left it in an
/// inconsistent state.
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

/// The first line of a panic's message; the rest, a backtrace for instance, only belongs in the log.
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
