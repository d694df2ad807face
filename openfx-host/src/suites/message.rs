//! The message suite, in both versions.

use std::ffi::{c_char, c_int, c_void};

use openfx_sys::*;

use super::varargs;
use crate::registry;
use crate::scope;
use crate::session::Message;
use crate::status::{SuiteResult, answer, text};

/// Version 1 of the suite.
pub static SUITE_V1: OfxMessageSuiteV1 = OfxMessageSuiteV1 { message: Some(varargs::openfx_message) };

/// Version 2 of the suite, with persistent messages.
pub static SUITE_V2: OfxMessageSuiteV2 = OfxMessageSuiteV2 {
    message: Some(varargs::openfx_message),
    setPersistentMessage: Some(varargs::openfx_set_persistent_message),
    clearPersistentMessage: Some(clear),
};

/// The message types that the host accepts.
const KINDS: &[&std::ffi::CStr] = &[
    kOfxMessageFatal,
    kOfxMessageError,
    kOfxMessageWarning,
    kOfxMessageMessage,
    kOfxMessageLog,
    kOfxMessageQuestion,
];

/// A message from the C side, already formatted.
///
/// # Safety
/// The strings are NULL or end with NUL.
#[unsafe(no_mangle)]
unsafe extern "C" fn openfx_host_message(
    persistent: c_int,
    handle: *mut c_void,
    kind: *const c_char,
    id: *const c_char,
    sentence: *const c_char,
) -> c_int {
    // SAFETY: guaranteed by the caller.
    let result = unsafe { say(persistent != 0, handle, kind, id, sentence) };
    match result {
        Ok(reply) => reply,
        Err(status) => status,
    }
}

unsafe fn say(
    persistent: bool,
    handle: *mut c_void,
    kind: *const c_char,
    id: *const c_char,
    sentence: *const c_char,
) -> SuiteResult<OfxStatus> {
    // SAFETY: guaranteed by the caller.
    let (kind, id, sentence) = unsafe { (text(kind)?, text(id), text(sentence)?) };
    // During Load the plugin has no effect handle yet; use the current action's effect then.
    let effect = if handle.is_null() {
        scope::current().map(|scope| scope.effect).ok_or(kOfxStatErrBadHandle)?
    } else {
        registry::effect(handle.cast())?
    };
    if scope::current().is_none() {
        effect.session.complain("it sent a message on a thread of its own");
    }
    if id.is_err() {
        // Natron and the official support library crash on this.
        effect.session.complain("it sent a message whose id is NULL");
    }
    if !KINDS.contains(&kind) {
        return Err(kOfxStatErrValue);
    }
    effect.session.say(Message {
        kind: kind.to_string_lossy().into_owned(),
        text: sentence.to_string_lossy().into_owned(),
        persistent,
    });
    // There is no user to answer a question.
    Ok(if kind == kOfxMessageQuestion { kOfxStatReplyNo } else { kOfxStatOK })
}

unsafe extern "C" fn clear(handle: *mut c_void) -> OfxStatus {
    answer(|| {
        registry::effect(handle.cast())?.session.clear_persistent();
        Ok(())
    })
}
