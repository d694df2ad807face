//! The guard around every action: keeps panics and errors from reaching the host.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use openfx_sys::{OfxStatus, kOfxStatFailed, kOfxStatOK, kOfxStatReplyDefault};

use super::error::{Error, Result, Status};

/// Status of a successful action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionReply {
    Ok,
    Default,
}

thread_local! {
    static PANICS_PASS: Cell<bool> = const { Cell::new(false) };
}

/// For an effect's tests: lets panics on this thread propagate through the guard, so that they fail the test
/// in which they occur. Only with [`entry::act`](super::entry::act): a panic that reaches a C entry point
/// aborts the process.
pub fn let_panics_through(through: bool) {
    PANICS_PASS.set(through);
}

/// Runs an action: catches panics, converts errors to a status, calls `report` for those the user should see,
/// and writes one line to the log.
pub(super) fn guard(
    action: &str,
    instance: usize,
    body: impl FnOnce() -> Result<ActionReply>,
    report: impl FnOnce(&Error),
) -> OfxStatus {
    let begun = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        if PANICS_PASS.get() {
            resume_unwind(payload);
        }
        Err(Error::Panicked(words(payload)))
    });
    // Logging and reporting can panic, too.
    let told = catch_unwind(AssertUnwindSafe(|| {
        let status = match &result {
            Ok(ActionReply::Ok) => kOfxStatOK,
            Ok(ActionReply::Default) => kOfxStatReplyDefault,
            Err(error) => error.status().0,
        };
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        let answer = Status(status);
        match &result {
            Ok(_) | Err(Error::Aborted | Error::Told(_)) => {
                log::debug!("{action} {instance:#x}: {answer}, {milliseconds:.1} ms");
            }
            Err(error) => {
                log::error!("{action} {instance:#x}: {answer}, {milliseconds:.1} ms: {error}");
            }
        }
        if let Err(error) = &result
            && error.is_for_user()
        {
            report(error);
        }
        status
    }));
    told.unwrap_or_else(|payload| {
        std::mem::forget(payload);
        kOfxStatFailed
    })
}

/// Runs code that has no status to return; `otherwise` is returned after a panic.
pub(super) fn guard_silently<T>(what: &str, otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let words = words(payload);
        let logged = catch_unwind(|| log::error!("{what}: an internal error: {words}"));
        if let Err(payload) = logged {
            std::mem::forget(payload);
        }
        otherwise
    })
}

/// The message of a panic.
fn words(payload: Box<dyn Any + Send>) -> String {
    let words = payload
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    words.unwrap_or_else(|| {
        // Dropping an unknown payload may panic, so leak it.
        std::mem::forget(payload);
        "no description".to_owned()
    })
}
