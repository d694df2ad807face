//! What a render call asks for, resolved to plain owned values: no host handle, no parameter name, nothing to ask again.

use std::path::PathBuf;
use std::sync::Arc;

use super::cache::default_folder;
use super::device::{DeviceChoice, Precision};
use super::key::Key;
use super::loras::LoraUse;
use super::plan::Segment;
use crate::diffusion::{Betas, ContextSchedule, Fuse, Sampler};
pub use crate::model::hints::Preprocessor;
use frame::{Rgb, Size};

/// The weight files.
#[derive(Clone, Debug, PartialEq)]
pub struct Models {
    /// The checkpoint; `None` is the built-in model.
    pub checkpoint: Option<PathBuf>,
    /// The motion module.
    pub motion: Motion,
    /// An autoencoder in place of the checkpoint's.
    pub vae: Option<PathBuf>,
    /// Text encoders in place of the checkpoint's, for SDXL one file with both or one for each.
    pub text: Vec<PathBuf>,
    /// ControlNets, in the order in which they are numbered.
    pub controls: Vec<PathBuf>,
    /// LoRAs, added in this order.
    pub loras: Vec<LoraUse>,
}

/// What a pass uses a ControlNet for.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlUse {
    /// Which one: index into [`Models::controls`] and [`Request::hints`].
    pub unit: usize,
    /// Its weight at every frame of the segment; 1 is what it was trained with.
    pub weight: Vec<f64>,
    /// At which frames of the segment its hint counts.
    pub shown: Vec<bool>,
    /// Share of the timesteps, from the noisiest on, after which it acts, 0..1.
    pub start: f64,
    /// Share of the timesteps after which it no longer acts.
    pub end: f64,
}

/// Which motion module goes with the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Motion {
    /// The checkpoint's usual partner, where there is one.
    Usual,
    /// None: every frame on its own.
    None,
    /// This file.
    File(PathBuf),
}

/// Prompts of a segment: distinct texts, and for every frame which of them in what proportion.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptTrack {
    /// Distinct prompt texts with the weights' syntax still in them.
    pub texts: Vec<String>,
    /// For every frame of the segment (index into `texts`, share); shares add up to 1.
    pub mix: Vec<Vec<(usize, f32)>>,
}

impl PromptTrack {
    /// The same prompt at every one of `frames` frames.
    pub fn constant(text: &str, frames: usize) -> Self {
        Self { texts: vec![text.to_owned()], mix: vec![vec![(0, 1.0)]; frames] }
    }

    /// Whether every frame has the same mix.
    pub fn is_constant(&self) -> bool {
        self.mix.windows(2).all(|w| w[0] == w[1])
    }
}

/// A sigma schedule by name; `ays` picks its table by the model's family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerName(pub &'static str);

/// One sampling pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// What to steer to.
    pub positive: PromptTrack,
    /// What to steer away from.
    pub negative: PromptTrack,
    /// Guidance at every frame of the segment.
    pub cfg: Vec<f64>,
    /// The solver.
    pub sampler: Sampler,
    /// The spacing of noise levels.
    pub scheduler: SchedulerName,
    /// Steps, at least 1.
    pub steps: usize,
    /// ControlNets.
    pub controls: Vec<ControlUse>,
}

/// Options of the motion module and its windows.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionSettings {
    /// Beta schedule; `None` follows the motion module.
    pub betas: Option<Betas>,
    /// Window length; 0 is the module's own.
    pub length: usize,
    /// Frames that windows share.
    pub overlap: usize,
    /// How many of the frame distances 1, 2, 4, ... the uniform schedules use.
    pub stride: usize,
    /// How windows are laid.
    pub schedule: ContextSchedule,
    /// How they are merged.
    pub fuse: Fuse,
    /// Whether they wrap.
    pub closed: bool,
    /// Attention scale at every frame.
    pub scale: Vec<f64>,
    /// How much of the module is blended in.
    pub effect: f64,
}

/// What the segment is worked on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The restyled frame.
    Result,
    /// The frame after unsampling and resampling with the unsampling prompts and a cfg of 1.
    Reconstruction,
    /// Only the unsampled latents, for a later render.
    Analyse,
    /// The hint that this makes of the frame.
    Hint(Preprocessor),
}

/// Where finished stages are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// The folder; `None` is the user's cache folder.
    pub folder: Option<PathBuf>,
    /// Bound in bytes; 0 keeps nothing on disk.
    pub limit: u64,
}

impl CacheSettings {
    /// The folder that they mean.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(default_folder)
    }
}

/// A working picture and the hash of its size and values.
#[derive(Clone)]
pub struct WorkingFrame {
    /// Planar RGB, display-referred 0..1.
    pub picture: Arc<Rgb>,
    /// Hash of size and values.
    pub digest: Key,
    /// Whether the host's picture had NaN or infinite values, which stand as numbers here.
    pub mended: bool,
}

impl WorkingFrame {
    /// Hashes a picture.
    pub fn new(picture: Rgb) -> Self {
        let digest = Key::of("frame")
            .number("width", picture.width as i64)
            .number("height", picture.height as i64)
            .key(
                "values",
                &Key::of_bytes(&picture.data.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
            )
            .finish();
        Self { picture: Arc::new(picture), digest, mended: false }
    }
}

/// The source of a segment: always what the frames are, and the frames themselves where the caller has them.
#[derive(Clone)]
pub struct Source {
    /// Size of the pictures.
    pub size: Size,
    /// Digest of every frame of the segment, in order.
    pub digests: Vec<Key>,
    /// The frames; a request without them fails with [`super::PipelineError::NeedFrames`] if they turn out to be needed.
    pub frames: Option<Vec<WorkingFrame>>,
    /// The wanted frame alone, for a caller without the others.
    pub current: Option<WorkingFrame>,
}

impl Source {
    /// Frames that are at hand, all of one size; without any there is no picture to be made.
    pub fn of(frames: Vec<WorkingFrame>) -> Self {
        let size = frames.first().map_or(Size { width: 0, height: 0 }, |frame| frame.picture.size());
        let digests = frames.iter().map(|frame| frame.digest).collect();
        Self { size, digests, frames: Some(frames), current: None }
    }

    /// Frames of this size that were seen before, of which at most the wanted one is at hand.
    pub fn known(size: Size, digests: Vec<Key>, current: Option<WorkingFrame>) -> Self {
        Self { size, digests, frames: None, current }
    }
}

/// Everything that the picture of one frame of one segment depends on.
#[derive(Clone)]
pub struct Request {
    /// The frames.
    pub segment: Segment,
    /// Index of the wanted frame in the segment.
    pub index: usize,
    /// What the user should be told of the settings, a sentence each; no part of any key.
    pub remarks: Vec<String>,
    /// The pictures.
    pub source: Source,
    /// Pictures at the same size that hints are made from; the source's without them. Has no [`Source::current`].
    pub hint_clip: Option<Source>,
    /// The files.
    pub models: Models,
    /// What the networks run on.
    pub device: DeviceChoice,
    /// The number format that they compute in.
    pub precision: Precision,
    /// What each of the ControlNets sees.
    pub hints: Vec<Preprocessor>,
    /// First pass.
    pub unsample: Pass,
    /// Second pass.
    pub resample: Pass,
    /// How far up the noise levels both passes go, 0..1.
    pub denoise: f64,
    /// Layers of the text encoder to leave out; 0 and 1 leave out none.
    pub clip_skip: usize,
    /// Seed of the stochastic samplers.
    pub seed: u64,
    /// Windows and motion.
    pub motion: MotionSettings,
    /// Frames on either side that a result is averaged with along the motion of the source.
    pub steady_frames: usize,
    /// What for.
    pub goal: Goal,
    /// Where results are kept.
    pub cache: CacheSettings,
    /// Where to write the stages' tensors.
    pub diagnostics: Option<PathBuf>,
    /// A file to take `latents.source` from, or `latents.unsampled` where it has no `latents.source`.
    pub latents: Option<PathBuf>,
}
