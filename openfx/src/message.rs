//! Messages to the user.
//!
//! OpenFX messages are printf formats, and hosts disagree on how to treat the arguments, so none are passed:
//! the text is formatted here, with every percent sign doubled.

use std::ffi::{CStr, CString, c_void};

use openfx_sys::{kOfxStatOK, kOfxStatReplyNo, kOfxStatReplyYes};

use super::formats::MessageKind;
use super::suites::{MessageSuite, Suites, call};
use super::text;

/// Message identifier for the host. Some crash on NULL here.
const ID: &CStr = c"UnsampleMessage";

/// Answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user answered yes.
    Yes,
    /// The user answered no.
    No,
    /// The host did not ask the user.
    None,
}

/// Sends messages on behalf of one instance.
#[derive(Clone, Copy)]
pub(super) struct Voice<'h> {
    suites: &'h Suites,
    instance: *mut c_void,
}

impl<'h> Voice<'h> {
    /// # Safety
    /// `instance` is NULL or an instance of the host whose suites these are, usable for `'h`.
    pub(super) unsafe fn new(suites: &'h Suites, instance: *mut c_void) -> Self {
        Self { suites, instance }
    }

    /// Shows a message, possibly in a dialog, so not from a render.
    pub(super) fn say(&self, kind: MessageKind, sentence: &str) -> Answer {
        let format = format(sentence);
        let (instance, kind, id, format) =
            (self.instance, kind.word().as_ptr(), ID.as_ptr(), format.as_ptr());
        // SAFETY: the instance is usable (type invariant), the strings end with NUL and
        // outlive the call, and the format consumes no argument.
        let status = unsafe {
            match &self.suites.message {
                MessageSuite::None => return Answer::None,
                MessageSuite::V1(suite) => call!(suite, message(instance, kind, id, format)),
                MessageSuite::V2(suite) => call!(suite, message(instance, kind, id, format)),
            }
        };
        match status {
            kOfxStatReplyYes => Answer::Yes,
            kOfxStatReplyNo => Answer::No,
            _ => Answer::None,
        }
    }

    /// Sets the persistent message; allowed in a render. Writes to the log where persistent messages are not
    /// supported. Returns whether there is now a message to clear.
    pub(super) fn leave(&self, kind: MessageKind, sentence: &str) -> bool {
        let MessageSuite::V2(suite) = &self.suites.message else {
            self.say(MessageKind::Log, sentence);
            return false;
        };
        let format = format(sentence);
        // SAFETY: as in `say`.
        let status = unsafe {
            call!(
                suite,
                setPersistentMessage(self.instance, kind.word().as_ptr(), ID.as_ptr(), format.as_ptr())
            )
        };
        status == kOfxStatOK
    }

    /// Clears the persistent message.
    pub(super) fn clear(&self) {
        if let MessageSuite::V2(suite) = &self.suites.message {
            // SAFETY: the instance is usable (type invariant).
            let _ = unsafe { call!(suite, clearPersistentMessage(self.instance)) };
        }
    }
}

/// The text as a printf format without arguments.
fn format(sentence: &str) -> CString {
    text::to_c(&sentence.replace('%', "%%"))
}
