//! The host's progress bar and its cancel button.

use std::ffi::CStr;

use openfx_sys::{OfxImageEffectHandle, kOfxStatOK, kOfxStatReplyDefault};

use super::suites::{ProgressSuite, Suites, call};
use super::text;

/// Progress identifier for the host. On NULL, some hosts throw an exception through the effect.
const ID: &CStr = c"UnsampleProgress";

/// Whether to continue after a progress update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The user did not cancel.
    Continue,
    /// The user cancelled, or the host's status is an error.
    Cancel,
}

/// A progress bar that is removed on drop. Stays on the thread of its action.
pub struct Progress<'h> {
    suites: &'h Suites,
    instance: OfxImageEffectHandle,
    verdict: Verdict,
}

impl<'h> Progress<'h> {
    /// # Safety
    /// `instance` is an instance of the host whose suites these are, usable for `'h`.
    pub(super) unsafe fn start(suites: &'h Suites, instance: OfxImageEffectHandle, label: &str) -> Self {
        let label = text::to_c(label);
        // SAFETY: the caller guarantees a valid instance; the strings end with NUL and
        // outlive the call. The answer says nothing: some hosts have no bar to show.
        let _ = unsafe {
            match &suites.progress {
                ProgressSuite::None => kOfxStatOK,
                ProgressSuite::V1(suite) => {
                    call!(suite, progressStart(instance.cast(), label.as_ptr()))
                }
                ProgressSuite::V2(suite) => {
                    call!(suite, progressStart(instance.cast(), label.as_ptr(), ID.as_ptr()))
                }
            }
        };
        Self { suites, instance, verdict: Verdict::Continue }
    }

    /// Sets the progress to `done`, 0 to 1. Once cancelled, it stays cancelled.
    pub fn update(&mut self, done: f64) -> Verdict {
        let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 };
        // SAFETY: the instance is usable for the lifetime of this value.
        let status = unsafe {
            match &self.suites.progress {
                ProgressSuite::None => kOfxStatOK,
                ProgressSuite::V1(suite) => {
                    call!(suite, progressUpdate(self.instance.cast(), done))
                }
                ProgressSuite::V2(suite) => {
                    call!(suite, progressUpdate(self.instance.cast(), done))
                }
            }
        };
        if status != kOfxStatOK && status != kOfxStatReplyDefault {
            self.verdict = Verdict::Cancel;
        }
        self.verdict
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        // SAFETY: as in `update`.
        let _ = unsafe {
            match &self.suites.progress {
                ProgressSuite::None => kOfxStatOK,
                ProgressSuite::V1(suite) => call!(suite, progressEnd(self.instance.cast())),
                ProgressSuite::V2(suite) => call!(suite, progressEnd(self.instance.cast())),
            }
        };
    }
}
