//! What can go wrong between a host and the effect, and what each kind tells both.
//!
//! The kind decides the status that the host gets and whether the user reads the
//! sentence. Effects turn their own errors into one of these.

use std::ffi::CStr;
use std::fmt;

use openfx_sys::{
    OfxStatus, kOfxStatErrBadHandle, kOfxStatErrBadIndex, kOfxStatErrExists, kOfxStatErrFatal,
    kOfxStatErrFormat, kOfxStatErrImageFormat, kOfxStatErrMemory, kOfxStatErrMissingHostFeature,
    kOfxStatErrUnknown, kOfxStatErrUnsupported, kOfxStatErrValue, kOfxStatFailed, kOfxStatGPUOutOfMemory,
    kOfxStatGPURenderFailed, kOfxStatOK, kOfxStatReplyDefault, kOfxStatReplyNo, kOfxStatReplyYes,
    kOfxStatUnlicensed,
};

/// The result of everything that talks to a host.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, by kind.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The action could not be done. The sentence is for the user: what happened, what to do.
    #[error("{0}")]
    Failed(String),
    /// Nothing that follows can work either; the host should drop the effect.
    #[error("{0}")]
    Fatal(String),
    /// Main or device memory ran out.
    #[error("not enough memory: {0}")]
    Memory(String),
    /// A picture came in a depth, layout or place that the effect cannot read.
    #[error("this picture format is not supported: {0}")]
    ImageFormat(String),
    /// The host asks for something that the effect does not do.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// The host lacks a suite or function without which nothing works. Occurs while loading.
    #[error("the host lacks {0}")]
    MissingHostFeature(&'static str),
    /// The host passed NULL or a handle that it never introduced.
    #[error("the host passed an unusable {0}")]
    BadHandle(&'static str),
    /// The host called an action without an argument that the action cannot do without.
    #[error("the host left out {0}")]
    MissingArgument(&'static str),
    /// A definition of the effect's own contradicts itself; a test should have found it.
    #[error("the definition of {name} is wrong: {reason}")]
    Definition {
        /// The parameter or clip.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The host asked to stop. Not a failure to tell anybody about.
    #[error("stopped by the host")]
    Aborted,
    /// A failure of which the user was told before. Occurs where an instance does not live long enough for the
    /// guard to remember what it said.
    #[error("{0}")]
    Told(Box<Self>),
    /// A required call into the host failed.
    #[error("the host answered {status} to {call} of {name}")]
    Host {
        /// The suite function.
        call: &'static str,
        /// The property, parameter or clip that it was about.
        name: String,
        /// What the host answered.
        status: Status,
    },
    /// A bug: the effect panicked. Occurs only in the entry guard.
    #[error("an internal error: {0}")]
    Panicked(String),
}

impl Error {
    /// A failure with a sentence for the user.
    pub fn failed(sentence: impl fmt::Display) -> Self {
        Self::Failed(sentence.to_string())
    }

    /// What the host is told.
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
            // Memory is the one answer of a host that asks the host to act; the
            // others mean nothing to it coming back from an action.
            Self::Host { status, .. } if status.0 == kOfxStatErrMemory => kOfxStatErrMemory,
            Self::Host { .. } => kOfxStatFailed,
            Self::Told(error) => return error.status(),
        })
    }

    /// Whether the user should read it. A stop was the user's own wish.
    pub fn is_for_user(&self) -> bool {
        !matches!(self, Self::Aborted | Self::BadHandle(_) | Self::Told(_))
    }

    /// `Ok` if the host's answer to a call was.
    pub(super) fn check(status: OfxStatus, call: &'static str, name: &CStr) -> Result<()> {
        if status == kOfxStatOK {
            return Ok(());
        }
        Err(Self::Host { call, name: name.to_string_lossy().into_owned(), status: Status(status) })
    }
}

/// A status as OpenFX numbers them.
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
