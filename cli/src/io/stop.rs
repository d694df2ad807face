//! Stopping on request: calls hooks of code that waits for other programs or has temporary files to remove.
//!
//!
//! The first request is cooperative: video readers give up, and code that works checks [`asked`]. The second request
//! ends the process, and so does a timeout after the first; both call [`tidy`] before. None of this blocks for long.

use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

static ASKED: AtomicBool = AtomicBool::new(false);
static NEXT: AtomicU64 = AtomicU64::new(0);
static HOOKS: Mutex<Vec<(u64, When, Hook)>> = Mutex::new(Vec::new());

type Hook = Box<dyn Fn() + Send>;

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At the first request, or at once if there was one already.
    Asked,
    /// Just before the process ends without unwinding.
    Ending,
}

/// Keeps a hook registered until it is dropped.
#[derive(Debug)]
pub struct RegisteredHook(u64);

impl Drop for RegisteredHook {
    fn drop(&mut self) {
        hooks().retain(|(id, ..)| *id != self.0);
    }
}

fn hooks() -> MutexGuard<'static, Vec<(u64, When, Hook)>> {
    HOOKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Adds a hook. Hooks must be short and must not register hooks themselves.
pub fn register(when: When, hook: impl Fn() + Send + 'static) -> RegisteredHook {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut hooks = hooks();
    if when == When::Asked && asked() {
        hook();
    }
    hooks.push((id, when, Box::new(hook)));
    RegisteredHook(id)
}

/// Whether a stop was requested.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Requests a stop, on a new thread, which calls `late` if the process is still running after `patience`. Returns
/// `false` if a stop was requested before.
pub fn ask(patience: Duration, late: impl FnOnce() + Send + 'static) -> bool {
    let first = !ASKED.swap(true, Ordering::SeqCst);
    if first {
        std::thread::spawn(|| run_hooks(|when| when == When::Asked));
        std::thread::spawn(move || {
            std::thread::sleep(patience);
            late();
        });
    }
    first
}

/// Ends child processes that would outlive this one and removes temporary files.
pub fn tidy() {
    run_hooks(|_| true);
}

/// Calls hooks, unless their lock cannot be obtained within a second: the process may be ending because a thread is
/// stuck holding it.
fn run_hooks(which: impl Fn(When) -> bool) {
    let until = Instant::now() + Duration::from_secs(1);
    let hooks = loop {
        match HOOKS.try_lock() {
            Ok(hooks) => break hooks,
            Err(TryLockError::Poisoned(error)) => break error.into_inner(),
            Err(TryLockError::WouldBlock) if Instant::now() > until => return,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    hooks.iter().filter(|(_, when, _)| which(*when)).for_each(|(.., hook)| hook());
}

/// A child process that is killed when this value is dropped, or earlier by a request to stop.
pub struct Process {
    child: Arc<Mutex<Child>>,
    _ending: RegisteredHook,
}

impl Process {
    /// Starts a program in a process group of its own: Ctrl-C is sent to the whole group of a terminal, and an
    /// encoder that obeyed it would finish an unwanted file. `when` determines when it is killed after a request to
    /// stop.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command, when: When) -> std::io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let child = Arc::new(Mutex::new(command.spawn()?));
        let shared = child.clone();
        let _ending = register(when, move || {
            if let Ok(mut child) = shared.lock() {
                let _ = child.kill();
            }
        });
        Ok(Self { child, _ending })
    }

    /// The child process. Do not wait for it while holding this lock: it could not be killed.
    pub fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for the program to end.
    ///
    /// # Errors
    /// The system cannot wait for it.
    pub fn wait(&self) -> std::io::Result<ExitStatus> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.child().try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child();
        // It may have ended already, in which case only its exit status has to be collected.
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_waited_for_can_be_killed() {
        use std::os::unix::process::ExitStatusExt;
        let process = Process::start(Command::new("sleep").arg("60"), When::Asked).unwrap();
        let id = process._ending.0;
        let status = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| process.wait().unwrap());
            std::thread::sleep(Duration::from_millis(50));
            hooks().iter().filter(|(other, ..)| *other == id).for_each(|(.., hook)| hook());
            waiter.join().unwrap()
        });
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn a_hook_runs_while_it_is_registered() {
        let count = Arc::new(AtomicU64::new(0));
        let counter = count.clone();
        let kept = register(When::Ending, move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let gone = register(When::Ending, || {}).0;
        // Only its own hooks, not all as in `tidy`: that would end the child processes of other tests.
        let run = |id: u64| {
            let hooks = hooks();
            let own: Vec<_> = hooks.iter().filter(|(other, ..)| *other == id).collect();
            own.iter().for_each(|(.., hook)| hook());
            own.len()
        };
        let id = kept.0;
        assert_eq!((run(id), run(gone)), (1, 0));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        drop(kept);
        assert_eq!(run(id), 0);
    }
}
