//! From a request to a frame: which frames go together, which stages have to run, the worker that runs them, and the
//! caches that remember them.
//!
//! ```text
//! working frames -> latents -> unsampled -> resampled -> decoded frame
//! ```
//!
//! Every arrow is a pure function whose result is kept under a key that contains the key before it. Nothing here knows
//! the host: a [`Request`] is plain values, and a [`Ticket`] is what a render thread waits on.

pub mod cache;
mod chain;
mod controls;
mod device;
mod diagnostics;
mod error;
mod finite;
mod hints;
mod identity;
mod key;
mod located;
mod loras;
mod memory;
mod meter;
mod misplaced;
mod models;
mod network;
mod pasted;
mod pictures;
mod plan;
mod report;
mod request;
mod resources;
mod stages;
mod worker;

pub use device::{DeviceChoice, Precision, set_cuda_not_taken};
pub use error::PipelineError;
pub use key::Key;
pub use located::file_state;
pub use loras::LoraUse;
pub use models::{check_file, check_values, describe_models};
pub use pasted::{pasted, pasted_path};
pub use plan::{ClipRange, Cutting, Segment, Share, segments_at, shot_shares};
pub use report::{Origin, Report};
pub use request::{
    CacheSettings, ControlUse, Goal, Models, Motion, MotionSettings, Pass, Preprocessor, PromptTrack,
    Request, SchedulerName, Source, WorkingFrame,
};
pub use resources::{BUILT_IN, set_resources};
pub use stages::Outcome;
pub use stages::keyring::{Keyring, StageKeys};
pub use worker::{Engine, Progress, Ticket};

pub use crate::diffusion::{Betas, ContextSchedule, Fuse, Sampler};

/// Pixels for the effect, which knows this part and not those behind it.
pub mod pixels {
    pub use frame::{
        Alpha, CUT_REACH, Components, Depth, Encoding, Fit, FrameError, Geometry, Glance, HostColour,
        InputColour, InputPrimaries, Layout, Picture, Rgb, Size, Transfer, cover_nearest, cuts, decode_row,
        encode_row, psnr, ssim,
    };
}
