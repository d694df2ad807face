//! The host's suites, fetched once and copied.
//!
//! All unsafe code in this crate relies on three guarantees of the host: a function pointer that is not NULL
//! has the signature of its suite; a handle that an action or a suite returned stays usable until that action
//! ends (parameters and clips of an instance: as long as the instance); a string that the host returns ends
//! with NUL and is valid until the next call. The host does not guarantee that anything is present: each
//! suite may be missing and each function NULL. [`call!`] turns a missing function into a status.

use std::ffi::{CStr, c_int, c_void};

use openfx_sys::*;

use super::error::{Error, Result};

/// Calls a suite function; evaluates to `kOfxStatErrMissingHostFeature` if the function is NULL. Use it in an
/// `unsafe` block that explains why the arguments are valid.
macro_rules! call {
    ($suite:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $suite.$function {
            Some(function) => function($($argument),*),
            None => openfx_sys::kOfxStatErrMissingHostFeature,
        }
    };
}
pub(super) use call;

/// The host's property set and suite function, as passed to `setHost`.
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
    /// Copies the fields, so that the host may free its record.
    ///
    /// # Safety
    /// `host` is NULL or points at an `OfxHost`.
    pub(super) unsafe fn new(host: *const OfxHost) -> Option<Self> {
        // SAFETY: the caller guarantees a valid pointer; NULL gives None.
        let host = unsafe { host.as_ref() }?;
        Some(Self { properties: host.host, fetch: host.fetchSuite? })
    }

    /// The property set that describes the host. May be NULL.
    pub(super) fn properties(&self) -> OfxPropertySetHandle {
        self.properties
    }

    /// A copy of one suite, if the host has it in this version.
    ///
    /// # Safety
    /// `Suite` is the structure that OpenFX defines for this name and version.
    unsafe fn suite<Suite: Copy>(&self, name: &CStr, version: c_int) -> Option<Suite> {
        // SAFETY: the function came with this property set, and the name ends with NUL.
        let suite = unsafe { (self.fetch)(self.properties, name.as_ptr(), version) };
        // SAFETY: NULL or, as the caller guarantees and the host's, such a structure.
        unsafe { suite.cast::<Suite>().as_ref() }.copied()
    }
}

/// The message suite, in the newest version that can be trusted.
#[derive(Clone, Copy)]
pub(super) enum MessageSuite {
    None,
    V1(OfxMessageSuiteV1),
    V2(OfxMessageSuiteV2),
}

/// The progress suite, in the newer version if the host has it.
#[derive(Clone, Copy)]
pub(super) enum ProgressSuite {
    None,
    V1(OfxProgressSuiteV1),
    V2(OfxProgressSuiteV2),
}

/// All suites of the host. They only contain functions, so any thread may hold them; the handles, which do
/// not leave their action's thread, restrict who may call.
pub(super) struct Suites {
    pub(super) property: OfxPropertySuiteV1,
    pub(super) effect: OfxImageEffectSuiteV1,
    pub(super) param: OfxParameterSuiteV1,
    pub(super) message: MessageSuite,
    pub(super) progress: ProgressSuite,
    pub(super) time_line: Option<OfxTimeLineSuiteV1>,
    /// Names of suites that the host has and this layer does not use, for the host record.
    pub(super) others: Vec<&'static str>,
}

impl Suites {
    /// # Errors
    /// [`Error::MissingHostFeature`] if one of the three required suites is missing, or one of their required
    /// functions.
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
        // A version 2 suite that lacks its new functions is treated as version 1.
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

    /// Disables persistent messages, for hosts whose version 2 suite is invalid. Fetches version 1 from the
    /// host, since no field of the version 2 suite can be trusted.
    pub(super) fn distrust_message_2(&mut self, host: &RawHost) {
        // SAFETY: the structure is the one of this name and version.
        let suite = unsafe { host.suite::<OfxMessageSuiteV1>(kOfxMessageSuite, 1) };
        self.message = match suite {
            Some(suite) if suite.message.is_some() => MessageSuite::V1(suite),
            _ => MessageSuite::None,
        };
    }
}
