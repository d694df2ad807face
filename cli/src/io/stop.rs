//! Being asked to stop: what waits for other programs, and what has files that nobody else would remove, is told.
//!
//! The first request is a wish: readers of videos let go, whoever works looks at [`asked`]. The second one ends the
//! process, and so does time where nobody looks: both after [`tidy`]. None of it waits for anybody.

use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

static ASKED: AtomicBool = AtomicBool::new(false);
static NEXT: AtomicU64 = AtomicU64::new(0);
static HOOKS: Mutex<Vec<(u64, When, Hook)>> = Mutex::new(Vec::new());

type Hook = Box<dyn Fn() + Send>;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At the first request, or at once if there was one.
    Asked,
    /// Just before the process ends without unwinding.
    Ending,
}

/// Something to do while this lives.
#[derive(Debug)]
pub struct Registered(u64);

impl Drop for Registered {
    fn drop(&mut self) {
        hooks().retain(|(id, ..)| *id != self.0);
    }
}

fn hooks() -> MutexGuard<'static, Vec<(u64, When, Hook)>> {
    HOOKS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Adds a hook. Hooks are short and register nothing themselves.
pub fn register(when: When, hook: impl Fn() + Send + 'static) -> Registered {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut hooks = hooks();
    if when == When::Asked && asked() {
        hook();
    }
    hooks.push((id, when, Box::new(hook)));
    Registered(id)
}

/// Whether somebody has asked.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Asks, on a thread of its own, which goes on to `late` if the process is still there after `patience`; `false` if
/// somebody asked before.
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

/// Ends what would outlive the process and removes what would be left of it.
pub fn tidy() {
    run_hooks(|_| true);
}

/// Runs hooks, unless they are not to be had within a second: the process may be about to end for the very reason that
/// somebody holds on to them.
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

/// A program that ends with this value, or earlier by a request to stop.
pub struct Process {
    child: Arc<Mutex<Child>>,
    _ending: Registered,
}

impl Process {
    /// Starts a program in a group of its own: Ctrl-C goes to the whole group of a terminal, and an encoder that
    /// obeyed it would end a file that is not to be. `when` says at which moment it is killed for the user.
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

    /// The program, which is not to be waited for under this lock: nobody could kill it.
    pub fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for the program's end.
    ///
    /// # Errors
    /// The system does not know of it.
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
        // It may have ended by itself, in which case there is only the exit to collect.
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
        // Not all hooks, as `tidy` does: they would end the programs of other tests.
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
