//! Conversion between status codes and results.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use openfx_sys::*;

/// Result of a suite function: a value, or the status that the plugin gets.
pub type SuiteResult<T> = Result<T, OfxStatus>;

/// Converts a result to the status for the plugin. Also keeps a panic of the host from unwinding into the
/// plugin.
pub fn answer(work: impl FnOnce() -> SuiteResult<()>) -> OfxStatus {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => kOfxStatOK,
        Ok(Err(status)) => status,
        Err(_) => kOfxStatErrFatal,
    }
}

/// A string argument from the plugin.
///
/// # Errors
/// `kOfxStatErrValue` for NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that outlives the returned reference.
pub unsafe fn text<'a>(text: *const c_char) -> SuiteResult<&'a CStr> {
    if text.is_null() {
        return Err(kOfxStatErrValue);
    }
    // SAFETY: not NULL, and the caller guarantees the rest.
    Ok(unsafe { CStr::from_ptr(text) })
}

/// Writes a result to the plugin's variable.
///
/// # Errors
/// `kOfxStatErrValue` for NULL.
///
/// # Safety
/// `out` is NULL or valid for writing a `T`.
pub unsafe fn put<T>(out: *mut T, value: T) -> SuiteResult<()> {
    if out.is_null() {
        return Err(kOfxStatErrValue);
    }
    // SAFETY: not NULL, and the caller guarantees the rest; the old content of a plugin's variable needs no drop.
    unsafe { out.write(value) };
    Ok(())
}

/// The OpenFX name of a status.
pub fn status_name(status: OfxStatus) -> String {
    let name = match status {
        kOfxStatOK => "kOfxStatOK",
        kOfxStatFailed => "kOfxStatFailed",
        kOfxStatErrFatal => "kOfxStatErrFatal",
        kOfxStatErrUnknown => "kOfxStatErrUnknown",
        kOfxStatErrMissingHostFeature => "kOfxStatErrMissingHostFeature",
        kOfxStatErrUnsupported => "kOfxStatErrUnsupported",
        kOfxStatErrExists => "kOfxStatErrExists",
        kOfxStatErrFormat => "kOfxStatErrFormat",
        kOfxStatErrMemory => "kOfxStatErrMemory",
        kOfxStatErrBadHandle => "kOfxStatErrBadHandle",
        kOfxStatErrBadIndex => "kOfxStatErrBadIndex",
        kOfxStatErrValue => "kOfxStatErrValue",
        kOfxStatReplyYes => "kOfxStatReplyYes",
        kOfxStatReplyNo => "kOfxStatReplyNo",
        kOfxStatReplyDefault => "kOfxStatReplyDefault",
        kOfxStatUnlicensed => "kOfxStatUnlicensed",
        kOfxStatErrImageFormat => "kOfxStatErrImageFormat",
        other => return format!("status {other}"),
    };
    name.to_owned()
}
