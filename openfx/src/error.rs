//! Errors of the layer and of effects.
//!
//! The kind decides which status the host gets and whether the user sees the message. Effects convert their
//! own errors to one of these.

use std::ffi::CStr;
use std::fmt;

use openfx_sys::{
    OfxStatus, kOfxStatErrBadHandle, kOfxStatErrBadIndex, kOfxStatErrExists, kOfxStatErrFatal,
    kOfxStatErrFormat, kOfxStatErrImageFormat, kOfxStatErrMemory, kOfxStatErrMissingHostFeature,
    kOfxStatErrUnknown, kOfxStatErrUnsupported, kOfxStatErrValue, kOfxStatFailed, kOfxStatGPUOutOfMemory,
    kOfxStatGPURenderFailed, kOfxStatOK, kOfxStatReplyDefault, kOfxStatReplyNo, kOfxStatReplyYes,
    kOfxStatUnlicensed,
};

/// Result of operations that involve the host.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by kind.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The action failed. The text is shown to the user: what happened and what to do about it.
    #[error("{0}")]
    Failed(String),
    /// Later actions cannot succeed either; the host should drop the effect.
    #[error("{0}")]
    Fatal(String),
    /// Main or device memory is exhausted.
    #[error("not enough memory: {0}")]
    Memory(String),
    /// An image's depth, components or memory layout is not supported.
    #[error("this picture format is not supported: {0}")]
    ImageFormat(String),
    /// The host requested something that the effect does not support.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The host lacks a required suite or function. Occurs while loading.
    #[error("the host lacks {0}")]
    MissingHostFeature(&'static str),
    /// The host passed NULL or an unknown handle.
    #[error("the host passed an unusable {0}")]
    BadHandle(&'static str),
    /// The host left out a required argument of an action.
    #[error("the host left out {0}")]
    MissingArgument(&'static str),
    /// A definition of the effect is inconsistent; its tests should have found this.
    #[error("the definition of {name} is wrong: {reason}")]
    Definition {
        /// Name of the parameter or clip.
        name: String,
        /// What is wrong with the definition.
        reason: &'static str,
    },
    /// The host aborted the action. Not reported.
    #[error("stopped by the host")]
    Aborted,
    /// An error already reported to the user. For hosts whose instances are too short-lived for the guard to
    /// remember what was reported.
    #[error("{0}")]
    Told(Box<Self>),
    /// A required call to the host failed.
    #[error("the host answered {status} to {call} of {name}")]
    Host {
        /// Name of the suite function.
        call: &'static str,
        /// Name of the property, parameter or clip.
        name: String,
        /// Status that the host returned.
        status: Status,
    },
    /// The effect panicked. Created only by the entry guard.
    #[error("an internal error: {0}")]
    Panicked(String),
}

impl Error {
    /// An [`Error::Failed`] with a message for the user.
    pub fn failed(sentence: impl fmt::Display) -> Self {
        Self::Failed(sentence.to_string())
    }

    /// The status returned to the host.
    pub fn status(&self) -> Status {
        Status(match self {
            Self::Failed(_)
            | Self::Aborted
            | Self::Panicked(_)
            | Self::MissingArgument(_)
            | Self::Definition { .. } => kOfxStatFailed,
            Self::Fatal(_) => kOfxStatErrFatal,
            Self::Memory(_) => kOfxStatErrMemory,
            Self::ImageFormat(_) => kOfxStatErrImageFormat,
            Self::Unsupported(_) => kOfxStatErrUnsupported,
            Self::MissingHostFeature(_) => kOfxStatErrMissingHostFeature,
            Self::BadHandle(_) => kOfxStatErrBadHandle,
            // Out of memory is the only one of a host's own statuses that it can act on when an action
            // returns it.
            Self::Host { status, .. } if status.0 == kOfxStatErrMemory => kOfxStatErrMemory,
            Self::Host { .. } => kOfxStatFailed,
            Self::Told(error) => return error.status(),
        })
    }

    /// Whether to show the error to the user. `false` for an aborted action.
    pub fn is_for_user(&self) -> bool {
        !matches!(self, Self::Aborted | Self::BadHandle(_) | Self::Told(_))
    }

    /// `Ok` if the status is `kOfxStatOK`, else [`Error::Host`].
    pub(super) fn check(status: OfxStatus, call: &'static str, name: &CStr) -> Result<()> {
        if status == kOfxStatOK {
            return Ok(());
        }
        Err(Self::Host { call, name: name.to_string_lossy().into_owned(), status: Status(status) })
    }
}

/// An OpenFX status code; displays as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub(super) OfxStatus);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            kOfxStatOK => "OK",
            kOfxStatFailed => "Failed",
            kOfxStatErrFatal => "ErrFatal",
            kOfxStatErrUnknown => "ErrUnknown",
            kOfxStatErrMissingHostFeature => "ErrMissingHostFeature",
            kOfxStatErrUnsupported => "ErrUnsupported",
            kOfxStatErrExists => "ErrExists",
            kOfxStatErrFormat => "ErrFormat",
            kOfxStatErrMemory => "ErrMemory",
            kOfxStatErrBadHandle => "ErrBadHandle",
            kOfxStatErrBadIndex => "ErrBadIndex",
            kOfxStatErrValue => "ErrValue",
            kOfxStatReplyYes => "ReplyYes",
            kOfxStatReplyNo => "ReplyNo",
            kOfxStatReplyDefault => "ReplyDefault",
            kOfxStatUnlicensed => "Unlicensed",
            kOfxStatErrImageFormat => "ErrImageFormat",
            kOfxStatGPUOutOfMemory => "GPUOutOfMemory",
            kOfxStatGPURenderFailed => "GPURenderFailed",
            other => return write!(f, "status {other}"),
        })
    }
}
