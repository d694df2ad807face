//! The one wall between a host and the effect: what goes wrong behind it, goes no further.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use openfx_sys::{OfxStatus, kOfxStatFailed, kOfxStatOK, kOfxStatReplyDefault};

use super::error::{Error, Result, Status};

/// A good answer to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Ok,
    Default,
}

thread_local! {
    static PANICS_PASS: Cell<bool> = const { Cell::new(false) };
}

/// For tests of an effect: lets panics on this thread through the guard, so that they
/// fail the test in which they happen. Only with [`entry::act`](super::entry::act): a
/// panic that reaches a C entry ends the process.
pub fn let_panics_through(through: bool) {
    PANICS_PASS.set(through);
}

/// Runs an action: catches panics, turns errors into a status, lets `report` tell the
/// user, writes one line to the log.
pub(super) fn guard(
    action: &str,
    instance: usize,
    body: impl FnOnce() -> Result<Reply>,
    report: impl FnOnce(&Error),
) -> OfxStatus {
    let begun = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        if PANICS_PASS.get() {
            resume_unwind(payload);
        }
        Err(Error::Panicked(words(payload)))
    });
    // The log and the report are code as well.
    let told = catch_unwind(AssertUnwindSafe(|| {
        let status = match &result {
            Ok(Reply::Ok) => kOfxStatOK,
            Ok(Reply::Default) => kOfxStatReplyDefault,
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

/// Runs what has no status to answer with.
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

/// What a panic said.
fn words(payload: Box<dyn Any + Send>) -> String {
    let words = payload
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    words.unwrap_or_else(|| {
        // An unknown payload may panic when it is dropped; it is not worth that.
        std::mem::forget(payload);
        "no description".to_owned()
    })
}
