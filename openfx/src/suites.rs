//! The host's suites, fetched once and copied.
//!
//! The whole of this crate rests on three promises of a host, and this is where they
//! are taken: that a function pointer which is not NULL has the signature of its suite;
//! that a handle which an action or a suite handed out stays usable until that action
//! ends (an instance's parameters and clips: as long as the instance); that a string
//! which it hands out ends with NUL and lives until the next call. What a host does not
//! promise is that anything is there: each suite may be missing, each function NULL.
//! [`call!`] turns a missing function into the status that it deserves.

use std::ffi::{CStr, c_int, c_void};

use openfx_sys::*;

use super::error::{Error, Result};

/// Calls a function of a suite, or answers `kOfxStatErrMissingHostFeature` where the
/// host left a hole. To be used in an `unsafe` block that says why the arguments are good.
macro_rules! call {
    ($suite:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $suite.$function {
            Some(function) => function($($argument),*),
            None => openfx_sys::kOfxStatErrMissingHostFeature,
        }
    };
}
pub(super) use call;

/// How to reach the host, as `setHost` brought it.
#[derive(Clone, Copy)]
pub(super) struct RawHost {
    properties: OfxPropertySetHandle,
    fetch: unsafe extern "C" fn(OfxPropertySetHandle, *const std::ffi::c_char, c_int) -> *const c_void,
}

// SAFETY: the handle is never dereferenced here, only handed back to the host's own
// functions, which OpenFX allows in any action, and hosts send actions from any thread.
unsafe impl Send for RawHost {}
// SAFETY: as above; the value is never changed after it was made.
unsafe impl Sync for RawHost {}

impl RawHost {
    /// Copies what is needed, so that the host's record may go.
    ///
    /// # Safety
    /// `host` is NULL or points at an `OfxHost`.
    pub(super) unsafe fn new(host: *const OfxHost) -> Option<Self> {
        // SAFETY: the caller vouches for the pointer; NULL gives None.
        let host = unsafe { host.as_ref() }?;
        Some(Self { properties: host.host, fetch: host.fetchSuite? })
    }

    /// The property set that describes the host. May be NULL.
    pub(super) fn properties(&self) -> OfxPropertySetHandle {
        self.properties
    }

    /// A copy of one suite, if the host has it in that version.
    ///
    /// # Safety
    /// `Suite` is the structure that OpenFX gives to this name and version.
    unsafe fn suite<Suite: Copy>(&self, name: &CStr, version: c_int) -> Option<Suite> {
        // SAFETY: the function came with this property set, and the name ends with NUL.
        let suite = unsafe { (self.fetch)(self.properties, name.as_ptr(), version) };
        // SAFETY: NULL or, by the caller's word and the host's, such a structure.
        unsafe { suite.cast::<Suite>().as_ref() }.copied()
    }
}

/// Messages in the version that can be trusted.
#[derive(Clone, Copy)]
pub(super) enum MessageSuite {
    None,
    V1(OfxMessageSuiteV1),
    V2(OfxMessageSuiteV2),
}

/// Progress, the newer version if there is one.
#[derive(Clone, Copy)]
pub(super) enum ProgressSuite {
    None,
    V1(OfxProgressSuiteV1),
    V2(OfxProgressSuiteV2),
}

/// Everything the host offers. Functions only, so any thread may hold it; who may call
/// is up to the handles, which do not leave their action's thread.
pub(super) struct Suites {
    pub(super) property: OfxPropertySuiteV1,
    pub(super) effect: OfxImageEffectSuiteV1,
    pub(super) param: OfxParameterSuiteV1,
    pub(super) message: MessageSuite,
    pub(super) progress: ProgressSuite,
    pub(super) time_line: Option<OfxTimeLineSuiteV1>,
    /// Suites that are there but of no use to us, for the record.
    pub(super) others: Vec<&'static str>,
}

impl Suites {
    /// # Errors
    /// [`Error::MissingHostFeature`] if one of the three suites that no effect can do
    /// without is missing, or one of their functions that we cannot do without.
    pub(super) fn fetch(host: &RawHost) -> Result<Self> {
        // SAFETY: each structure is the one of its name and version.
        let required = unsafe {
            (
                host.suite::<OfxPropertySuiteV1>(kOfxPropertySuite, 1),
                host.suite::<OfxImageEffectSuiteV1>(kOfxImageEffectSuite, 1),
                host.suite::<OfxParameterSuiteV1>(kOfxParameterSuite, 1),
            )
        };
        let property = required.0.ok_or(Error::MissingHostFeature("the property suite"))?;
        let effect = required.1.ok_or(Error::MissingHostFeature("the image effect suite"))?;
        let param = required.2.ok_or(Error::MissingHostFeature("the parameter suite"))?;
        let whole = property.propSetString.is_some()
            && property.propSetInt.is_some()
            && property.propSetDouble.is_some()
            && property.propGetString.is_some()
            && property.propGetInt.is_some()
            && property.propGetDouble.is_some()
            && property.propGetPointer.is_some()
            && effect.getPropertySet.is_some()
            && effect.getParamSet.is_some()
            && effect.clipDefine.is_some()
            && effect.clipGetHandle.is_some()
            && effect.clipGetImage.is_some()
            && effect.clipReleaseImage.is_some()
            && param.paramDefine.is_some()
            && param.paramGetHandle.is_some()
            && param.paramGetValueAtTime.is_some();
        if !whole {
            return Err(Error::MissingHostFeature("functions of its basic suites"));
        }

        // SAFETY: each structure is the one of its name and version.
        let (message_2, message_1, progress_2, progress_1, time_line, memory, threads) = unsafe {
            (
                host.suite::<OfxMessageSuiteV2>(kOfxMessageSuite, 2),
                host.suite::<OfxMessageSuiteV1>(kOfxMessageSuite, 1),
                host.suite::<OfxProgressSuiteV2>(kOfxProgressSuite, 2),
                host.suite::<OfxProgressSuiteV1>(kOfxProgressSuite, 1),
                host.suite::<OfxTimeLineSuiteV1>(kOfxTimeLineSuite, 1),
                host.suite::<OfxMemorySuiteV1>(kOfxMemorySuite, 1),
                host.suite::<OfxMultiThreadSuiteV1>(kOfxMultiThreadSuite, 1),
            )
        };
        // A version with holes where its news would be is no newer version.
        let message_2 = message_2.filter(|suite| {
            suite.message.is_some()
                && suite.setPersistentMessage.is_some()
                && suite.clearPersistentMessage.is_some()
        });
        let message = match (message_2, message_1.filter(|suite| suite.message.is_some())) {
            (Some(suite), _) => MessageSuite::V2(suite),
            (None, Some(suite)) => MessageSuite::V1(suite),
            (None, None) => MessageSuite::None,
        };
        let progress_2 = progress_2.filter(|suite| {
            suite.progressStart.is_some() && suite.progressUpdate.is_some() && suite.progressEnd.is_some()
        });
        let progress_1 = progress_1.filter(|suite| {
            suite.progressStart.is_some() && suite.progressUpdate.is_some() && suite.progressEnd.is_some()
        });
        let progress = match (progress_2, progress_1) {
            (Some(suite), _) => ProgressSuite::V2(suite),
            (None, Some(suite)) => ProgressSuite::V1(suite),
            (None, None) => ProgressSuite::None,
        };
        let mut others = Vec::new();
        if memory.is_some() {
            others.push("memory 1");
        }
        if threads.is_some() {
            others.push("multithread 1");
        }
        Ok(Self { property, effect, param, message, progress, time_line, others })
    }

    /// Gives up persistent messages: for hosts whose version 2 is there but broken.
    /// Takes version 1 from the host again, since the fields of 2 are not to be trusted.
    pub(super) fn distrust_message_2(&mut self, host: &RawHost) {
        // SAFETY: the structure is the one of this name and version.
        let suite = unsafe { host.suite::<OfxMessageSuiteV1>(kOfxMessageSuite, 1) };
        self.message = match suite {
            Some(suite) if suite.message.is_some() => MessageSuite::V1(suite),
            _ => MessageSuite::None,
        };
    }
}
