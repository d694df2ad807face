//! From a request to a frame: segments, the stages to run, the worker that runs them, and the caches of their results.
//!
//! ```text
//! working frames -> latents -> unsampled -> resampled -> decoded frame
//! ```
//!
//! Every arrow is a pure function whose result is kept under a key that contains the key before it. The pipeline is
//! independent of the host: a [`Request`] is plain data, and a render thread waits on a [`Ticket`].

pub mod cache;
mod chain;
mod controls;
mod device;
mod diagnostics;
mod error;
mod files;
mod finite;
mod hints;
mod identity;
mod located;
mod loras;
mod memory;
mod meter;
mod misplaced;
mod network;
mod networks;
mod pictures;
mod report;
mod resources;
mod stages;
mod unused;
mod worker;

pub use device::{describe_devices, set_cuda_not_taken};
pub use error::PipelineError;
pub use files::{check_file, check_values, describe_models};
pub use located::file_state;
pub use report::{Origin, Report};
pub use resources::{BUILT_IN, set_resources};
pub use stages::Outcome;
pub use stages::keyring::{Keyring, StageKeys};
pub use worker::{Engine, Event, Progress, Ticket};

pub use protocol::{
    Betas, CacheSettings, ContextSchedule, ControlUse, DeviceChoice, Fuse, Goal, Key, LoraUse, Models,
    Motion, MotionSettings, Pass, Precision, Preprocessor, PromptTrack, Request, Sampler, SchedulerChoice,
    Segment, Source, WorkingFrame,
};
