//! What the plugin and the engine say to each other.
//!
//! | module | what it holds |
//! |---|---|
//! | [`options`] | enumerations that a parameter chooses from, with their stable names |
//! | [`request`] | everything that the picture of one frame depends on |
//! | [`key`] | content addresses |
//! | [`message`] | what goes back and forth between the two processes |
//! | [`wire`] | how messages become bytes |
//! | [`folder`], [`pasted()`] | where results are kept; paths as people paste them |
//!
//! Everything is plain owned values: no tensor, no handle of a host, no parameter's name.

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

/// Version and sources that this crate was built from. A plugin and an engine go together where theirs are equal.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("UNSAMPLE_SOURCES"));
