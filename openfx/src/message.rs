//! Telling the user something.
//!
//! OpenFX messages are printf formats. Hosts disagree on how to treat their arguments,
//! so there are none: the text is finished here, with every percent sign doubled.

use std::ffi::{CStr, CString, c_void};

use openfx_sys::{kOfxStatOK, kOfxStatReplyNo, kOfxStatReplyYes};

use super::formats::MessageKind;
use super::suites::{MessageSuite, Suites, call};
use super::text;

/// Under which a host may file our messages. Some crash on NULL here.
const ID: &CStr = c"UnsampleMessage";

/// What came back from a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The host did not ask anybody.
    None,
}

/// One instance's way to the user.
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

    /// Shows a message, perhaps in a dialogue: not while rendering.
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

    /// Leaves a message on the effect; from a render, too. Where the host cannot, it
    /// goes to the log. True if there is now something to clear.
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

    /// Takes back what was left.
    pub(super) fn clear(&self) {
        if let MessageSuite::V2(suite) = &self.suites.message {
            // SAFETY: the instance is usable (type invariant).
            let _ = unsafe { call!(suite, clearPersistentMessage(self.instance)) };
        }
    }
}

/// A printf format that prints the sentence.
fn format(sentence: &str) -> CString {
    text::to_c(&sentence.replace('%', "%%"))
}
