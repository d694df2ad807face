//! The protocol between the plugin and the engine.
//!
//! | module | what it holds |
//! |---|---|
//! | [`options`] | enumerations for parameters and command line options, with stable names |
//! | [`request`] | everything that the picture of one frame depends on |
//! | [`key`] | content addresses of results |
//! | [`message`] | messages between the two processes |
//! | [`wire`] | encoding of messages as bytes |
//! | [`folder`], [`pasted()`] | default cache folder; parsing of pasted paths |
//!
//! All types are plain owned values, free of tensors, host handles and parameter names.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests convert small numbers"
    )
)]

pub mod folder;
pub mod key;
pub mod message;
pub mod options;
mod pasted;
pub mod request;
mod segment;
pub mod wire;

pub use key::{Key, KeyBuilder};
pub use options::{
    Betas, ContextSchedule, DeviceChoice, Fuse, Precision, Preprocessor, Sampler, SchedulerChoice,
};
pub use pasted::{pasted, pasted_path};
pub use request::{
    CacheSettings, ControlUse, Goal, LoraUse, Models, Motion, MotionSettings, Pass, PromptTrack, Request,
    Source, WorkingFrame,
};
pub use segment::Segment;

/// Version and source hash of the build. A plugin only uses an engine with the same value.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("UNSAMPLE_SOURCES"));
