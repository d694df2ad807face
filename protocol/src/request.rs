//! Requests: a render call resolved to plain owned values, without host handles or parameter names.

use std::path::PathBuf;
use std::sync::Arc;

use frame::{Rgb, Size};
use serde::{Deserialize, Serialize};

use super::folder::default_folder;
use super::key::Key;
use super::options::{
    Betas, ContextSchedule, DeviceChoice, Fuse, Precision, Preprocessor, Sampler, SchedulerChoice,
};
use super::segment::Segment;

/// The model files of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The checkpoint; `None` for the built-in model.
    pub checkpoint: Option<PathBuf>,
    /// Choice of the motion module.
    pub motion: Motion,
    /// A VAE to replace the checkpoint's.
    pub vae: Option<PathBuf>,
    /// Text encoders to replace the checkpoint's; for SDXL, one file with both or one file for each.
    pub text: Vec<PathBuf>,
    /// ControlNets, in the order of their numbers.
    pub controls: Vec<PathBuf>,
    /// LoRAs, in the order in which they are added.
    pub loras: Vec<LoraUse>,
}

/// Use of a ControlNet in a pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlUse {
    /// Index into [`Models::controls`] and [`Request::hints`].
    pub unit: usize,
    /// Weight at every frame of the segment; 1 is the strength of its training.
    pub weight: Vec<f64>,
    /// For every frame of the segment, whether the ControlNet is applied.
    pub shown: Vec<bool>,
    /// Share of the timesteps, from the noisiest on, after which it is applied, 0..=1.
    pub start: f64,
    /// Share of the timesteps after which it is no longer applied, 0..=1.
    pub end: f64,
}

/// A LoRA of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraUse {
    /// Path of the file.
    pub path: PathBuf,
    /// Strength; 1 is the strength of its training.
    pub weight: f64,
}

/// Choice of the motion module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Motion {
    /// The usual module for the checkpoint, if there is one.
    Usual,
    /// No motion module: every frame is processed on its own.
    None,
    /// The module in this file.
    File(PathBuf),
}

/// Prompts of a segment: distinct texts, and the proportions in which every frame mixes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptTrack {
    /// Distinct prompts, with the weight syntax unparsed.
    pub texts: Vec<String>,
    /// For every frame of the segment, pairs of index into `texts` and share; shares add up to 1.
    pub mix: Vec<Vec<(usize, f32)>>,
}

impl PromptTrack {
    /// The same prompt for all `frames` frames.
    pub fn constant(text: &str, frames: usize) -> Self {
        Self { texts: vec![text.to_owned()], mix: vec![vec![(0, 1.0)]; frames] }
    }

    /// Whether all frames have the same mix.
    pub fn is_constant(&self) -> bool {
        self.mix.windows(2).all(|w| w[0] == w[1])
    }
}

/// Settings of one sampling pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The positive prompt at every frame of the segment.
    pub positive: PromptTrack,
    /// The negative prompt at every frame of the segment.
    pub negative: PromptTrack,
    /// Guidance scale at every frame of the segment.
    pub cfg: Vec<f64>,
    /// Method that steps between noise levels.
    pub sampler: Sampler,
    /// Spacing of the noise levels.
    pub scheduler: SchedulerChoice,
    /// Number of steps, at least 1.
    pub steps: usize,
    /// The ControlNets applied in this pass.
    pub controls: Vec<ControlUse>,
}

/// Settings of the motion module and its context windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MotionSettings {
    /// Beta schedule; `None` for that of the motion module.
    pub betas: Option<Betas>,
    /// Window length in frames; 0 for the module's own.
    pub length: usize,
    /// Number of frames that neighbouring windows share.
    pub overlap: usize,
    /// How many of the frame distances 1, 2, 4, ... the uniform schedules use.
    pub stride: usize,
    /// How windows are placed.
    pub schedule: ContextSchedule,
    /// How overlapping windows are merged.
    pub fuse: Fuse,
    /// Whether windows wrap from the last frame to the first.
    pub closed: bool,
    /// Attention scale at every frame of the segment.
    pub scale: Vec<f64>,
    /// Strength of the module, 0..=1.
    pub effect: f64,
}

/// The result that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// The restyled frame.
    Result,
    /// The frame after unsampling and resampling with the unsampling prompts and a cfg of 1.
    Reconstruction,
    /// Only the unsampled latents, for a later render.
    Analyse,
    /// The hint that this preprocessor makes from the frame.
    Hint(Preprocessor),
}

/// Where results are cached, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheSettings {
    /// The cache folder; `None` for the user's cache folder.
    pub folder: Option<PathBuf>,
    /// Maximum size on disk in bytes; 0 stores nothing on disk.
    pub limit: u64,
}

impl CacheSettings {
    /// The cache folder, with the default resolved.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(default_folder)
    }
}

/// A working picture with its digest.
#[derive(Clone)]
pub struct WorkingFrame {
    /// Planar RGB, display-referred, 0..=1.
    pub picture: Arc<Rgb>,
    /// Hash of size and values.
    pub digest: Key,
    /// Whether the host's picture had NaN or infinite values, which were replaced.
    pub mended: bool,
}

impl WorkingFrame {
    /// Computes the digest of a picture.
    pub fn new(picture: Rgb) -> Self {
        let digest = Key::of("frame")
            .count("width", picture.width)
            .count("height", picture.height)
            .key(
                "values",
                &Key::of_bytes(&picture.data.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()),
            )
            .finish();
        Self { picture: Arc::new(picture), digest, mended: false }
    }
}

/// The frames of a segment: their digests and, if the caller has them, their pictures. Otherwise the engine
/// requests each picture that it needs.
#[derive(Clone, Serialize, Deserialize)]
pub struct Source {
    /// Size of all pictures.
    pub size: Size,
    /// Digest of every frame of the segment, in order.
    pub digests: Vec<Key>,
    /// Indices of frames whose picture is known to have had NaN or infinite values.
    pub mended: Vec<usize>,
    /// The pictures of all frames, or none. They are not part of the serialised request.
    #[serde(skip)]
    pub frames: Vec<WorkingFrame>,
}

impl Source {
    /// A source with pictures of one size. Without any picture, the size is 0.
    pub fn of(frames: Vec<WorkingFrame>) -> Self {
        let size = frames.first().map_or(Size { width: 0, height: 0 }, |frame| frame.picture.size());
        let digests = frames.iter().map(|frame| frame.digest).collect();
        let mended = frames.iter().enumerate().filter(|(_, frame)| frame.mended).map(|(i, _)| i).collect();
        Self { size, digests, mended, frames }
    }

    /// A source of frames whose digests are known and whose pictures are not kept.
    pub fn known(size: Size, digests: Vec<Key>) -> Self {
        Self { size, digests, mended: Vec::new(), frames: Vec::new() }
    }
}

/// Everything that the picture of one frame of a segment depends on.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// The frames to process together.
    pub segment: Segment,
    /// Index of the requested frame in the segment.
    pub index: usize,
    /// Messages for the user about the settings; not part of any key.
    pub remarks: Vec<String>,
    /// Pictures of the clip to restyle.
    pub source: Source,
    /// Pictures of the same size from which hints are made; `None` to use the source.
    pub hint_clip: Option<Source>,
    /// The model files to use.
    pub models: Models,
    /// Device that the networks run on.
    pub device: DeviceChoice,
    /// Number format that the networks compute in.
    pub precision: Precision,
    /// Preprocessor of each ControlNet.
    pub hints: Vec<Preprocessor>,
    /// First pass: from the picture to noise.
    pub unsample: Pass,
    /// Second pass: from noise to the result.
    pub resample: Pass,
    /// How far up the noise levels both passes go, 0..=1.
    pub denoise: f64,
    /// CLIP skip: the layer of the text encoder to use, 1 for the last one; 0 for the one that the model was trained
    /// with.
    pub clip_skip: usize,
    /// Seed of the stochastic samplers.
    pub seed: u64,
    /// Motion module and context windows.
    pub motion: MotionSettings,
    /// Number of frames on either side with which a result is averaged along the motion of the source.
    pub steady_frames: usize,
    /// The result that is asked for.
    pub goal: Goal,
    /// Where results are cached.
    pub cache: CacheSettings,
    /// Folder to write the tensors of all stages to; `None` for nowhere.
    pub diagnostics: Option<PathBuf>,
    /// File to read `latents.source` from, or `latents.unsampled` if it has no `latents.source`.
    pub latents: Option<PathBuf>,
}
