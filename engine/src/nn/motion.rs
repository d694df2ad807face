//! AnimateDiff's and Hotshot-XL's motion modules: attention across frames, one module after each block of the UNet.
//!
//! The versions differ in what the file contains (a module in the middle block, the length of the position tables)
//! and in one thing that it does not show: with v1, every group norm of the UNet computes its statistics over all
//! frames of the window.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::kernels;
use super::layers::{GroupNorm, LayerNorm, Linear};
use super::source::{ModelError, Scope, Source};
use super::transformer::{FeedForward, Projections};

/// Attention heads of temporal attention in every published motion module.
const HEADS: usize = 8;
/// Channels of SDXL's first level; the built-in model also has three levels, but narrower ones.
const SDXL_WIDTH: usize = 320;
/// Length of AnimateLCM's position table, which is computed because its files have none.
const LCM_POSITIONS: usize = 64;

/// The version of a motion module, detected from its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotionKind {
    /// AnimateDiff v1: no module in the middle block; group norms across frames.
    V1,
    /// AnimateDiff v2: has a module in the middle block.
    V2,
    /// AnimateDiff v3: no module in the middle block, 32 positions; group norms per frame.
    V3,
    /// AnimateLCM: as v2, with computed position tables.
    Lcm,
    /// AnimateDiff-SDXL and Hotshot-XL: three levels, starting at 320 channels; group norms across frames, as in the
    /// reference workflow.
    Sdxl,
}

/// Where in the UNet a motion module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Level and block of the down path.
    Down(usize, usize),
    /// The middle block.
    Middle,
    /// Level, counted from the deepest, and block of the up path.
    Up(usize, usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down(level, block) => write!(f, "down_blocks.{level}.motion_modules.{block}"),
            Self::Middle => write!(f, "mid_block.motion_modules.0"),
            Self::Up(level, block) => write!(f, "up_blocks.{level}.motion_modules.{block}"),
        }
    }
}

/// Strength of the motion module: one value for all frames, or one for each frame of the window.
#[derive(Debug, Clone, PartialEq)]
pub struct MotionControls {
    /// Multiplies the keys of temporal attention; larger values give sharper attention between frames.
    pub scale: Vec<f32>,
    /// Blend between the module's input (0) and its output (1).
    pub effect: Vec<f32>,
}

impl Default for MotionControls {
    fn default() -> Self {
        Self { scale: vec![1.0], effect: vec![1.0] }
    }
}

/// A motion module: a temporal transformer at each of its places in the UNet.
#[derive(Debug)]
pub struct MotionModule {
    kind: MotionKind,
    max_len: usize,
    parts: BTreeMap<Place, Part>,
    origin: String,
}

impl MotionModule {
    /// Loads a module with AnimateDiff names (`down_blocks.0.motion_modules.0.temporal_transformer.norm.weight`).
    ///
    /// Errors: a missing tensor, a shape that does not fit its neighbours, no module at all.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let mut places = Vec::new();
        for level in 0..scope.count("down_blocks.") {
            let count = scope.count(&format!("down_blocks.{level}.motion_modules."));
            places.extend((0..count).map(|block| Place::Down(level, block)));
        }
        let middle = scope.count("mid_block.motion_modules.") > 0;
        places.extend(middle.then_some(Place::Middle));
        for level in 0..scope.count("up_blocks.") {
            let count = scope.count(&format!("up_blocks.{level}.motion_modules."));
            places.extend((0..count).map(|block| Place::Up(level, block)));
        }
        if !places.iter().any(|place| matches!(place, Place::Down(..))) {
            return Err(scope.topology("no AnimateDiff motion module (`down_blocks.0.motion_modules.0`)"));
        }
        let parts = places
            .into_iter()
            .map(|place| Ok((place, Part::load(&scope.at(format_args!("{place}.temporal_transformer")))?)))
            .collect::<Result<BTreeMap<_, _>, ModelError>>()?;
        let max_len = parts.values().map(|part| part.max_len).min().unwrap_or(0);
        let levels = scope.count("down_blocks.");
        let first = parts.first_key_value().map(|(_, part)| part.channels);
        let tables = source.names().any(|name| name.ends_with("pos_encoder.pe"));
        let kind = match (middle, tables) {
            (true, false) => MotionKind::Lcm,
            (true, true) => MotionKind::V2,
            (false, _) if levels == 3 && first == Some(SDXL_WIDTH) => MotionKind::Sdxl,
            (false, _) if max_len == 32 => MotionKind::V3,
            (false, _) => MotionKind::V1,
        };
        Ok(Self { kind, max_len, parts, origin: source.origin() })
    }

    /// The detected version.
    pub fn kind(&self) -> MotionKind {
        self.kind
    }

    /// Maximum window length in frames.
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// Whether every group norm of the UNet computes its statistics over all frames of the window (v1, SDXL).
    pub fn across_frames_norm(&self) -> bool {
        matches!(self.kind, MotionKind::V1 | MotionKind::Sdxl)
    }

    /// Channels of the module at `place`; `None` if there is none.
    pub(crate) fn channels(&self, place: Place) -> Option<usize> {
        self.parts.get(&place).map(|part| part.channels)
    }

    /// All places with a module.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.parts.keys().copied()
    }

    /// Name of the file.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Checks a window's length against the position tables and the number of control values.
    pub(crate) fn check(&self, frames: usize, controls: &MotionControls) -> Result<(), ModelError> {
        if frames > self.max_len {
            return Err(ModelError::Invalid(format!(
                "{}: the motion module holds at most {} frames together, but the window has {frames}",
                self.origin, self.max_len
            )));
        }
        for (name, values) in [("scale", &controls.scale), ("effect", &controls.effect)] {
            if values.len() != 1 && values.len() != frames {
                let count = values.len();
                return Err(ModelError::Invalid(format!("{count} motion {name} values for {frames} frames")));
            }
        }
        Ok(())
    }

    /// Runs the module at `place` on `[videos * frames, channels, h, w]`; returns `x` if there is none.
    pub(crate) fn forward(
        &self,
        place: Place,
        x: &Tensor,
        frames: usize,
        controls: &MotionControls,
    ) -> candle_core::Result<Tensor> {
        let Some(part) = self.parts.get(&place) else { return Ok(x.clone()) };
        if controls.effect.iter().all(|effect| *effect == 0.0) {
            return Ok(x.clone());
        }
        let span = if self.across_frames_norm() { frames } else { 1 };
        let moved = part.forward(x, frames, span, &controls.scale)?;
        if controls.effect.iter().all(|effect| *effect == 1.0) {
            return Ok(moved);
        }
        let n = x.dim(0)?;
        let effect: Vec<f32> =
            (0..n).map(|index| controls.effect[index % frames % controls.effect.len()]).collect();
        let effect = Tensor::from_vec(effect, (n, 1, 1, 1), x.device())?;
        let rest = effect.affine(-1.0, 1.0)?.to_dtype(x.dtype())?;
        let effect = effect.to_dtype(x.dtype())?;
        x.broadcast_mul(&rest)? + moved.broadcast_mul(&effect)?
    }
}

/// Group norm, projection, attention across frames (twice), feed-forward, projection, plus the input.
#[derive(Debug)]
struct Part {
    channels: usize,
    max_len: usize,
    norm: GroupNorm,
    proj_in: Linear,
    attentions: Vec<FrameAttention>,
    ff_norm: LayerNorm,
    feed_forward: FeedForward,
    proj_out: Linear,
}

#[derive(Debug)]
struct FrameAttention {
    norm: LayerNorm,
    /// `[positions, channels]`
    positions: Tensor,
    projections: Projections,
}

impl Part {
    fn load(scope: &Scope<'_>) -> Result<Self, ModelError> {
        let [channels] = scope.expect("norm.weight", [0])?;
        if !channels.is_multiple_of(HEADS) {
            return Err(scope.topology(format!("{channels} channels cannot be shared by {HEADS} heads")));
        }
        let block = scope.at("transformer_blocks.0");
        let attentions = (0..block.count("attention_blocks."))
            .map(|index| {
                let attention = block.at(format_args!("attention_blocks.{index}"));
                Ok(FrameAttention {
                    norm: LayerNorm::load(&block.at(format_args!("norms.{index}")), channels)?,
                    positions: positions(&attention, channels)?,
                    projections: Projections::load(&attention, channels, channels)?,
                })
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let lengths = attentions.iter().filter_map(|attention| attention.positions.dims().first().copied());
        let Some(max_len) = lengths.min() else {
            return Err(block.missing("attention_blocks.0.to_q.weight", &[channels, channels]));
        };
        Ok(Self {
            channels,
            max_len,
            norm: GroupNorm::load(&scope.at("norm"), channels, 1e-6)?,
            proj_in: Linear::load(&scope.at("proj_in"), [channels, channels], true)?,
            attentions,
            ff_norm: LayerNorm::load(&block.at("ff_norm"), channels)?,
            feed_forward: FeedForward::load(&block.at("ff"), channels)?,
            proj_out: Linear::load(&scope.at("proj_out"), [channels, channels], true)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        frames: usize,
        span: usize,
        key_scale: &[f32],
    ) -> candle_core::Result<Tensor> {
        let tokens = kernels::to_tokens(&self.norm.forward(x, span, false)?)?;
        let mut tokens = self.proj_in.forward(&tokens)?;
        for attention in &self.attentions {
            // Positions are relative to the window and start at 0 for every video of the batch.
            let positions = attention.positions.narrow(0, 0, frames)?;
            let normed = attention.norm.forward_placed(&tokens, &positions)?;
            let parts = &attention.projections;
            let q = parts.query.forward(&normed)?;
            let k = parts.key.forward(&normed)?;
            let v = parts.value.forward(&normed)?;
            let mixed = kernels::temporal_attention(&q, &k, &v, frames, HEADS, key_scale)?;
            tokens = parts.out.forward_added(&mixed, &tokens)?;
        }
        let tokens = self.feed_forward.forward_added(&self.ff_norm.forward(&tokens)?, &tokens)?;
        kernels::add_tokens(x, &self.proj_out.forward(&tokens)?)
    }
}

/// The position table of an attention layer, from the file or computed: pe[p, 2i] = sin(p e^(-2i ln(10000) /
/// channels)), pe[p, 2i + 1] the cosine of the same angle.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounds where the reference does"
)]
fn positions(attention: &Scope<'_>, channels: usize) -> Result<Tensor, ModelError> {
    if attention.has("pos_encoder.pe") {
        let [_, length, _] = attention.expect("pos_encoder.pe", [1, 0, channels])?;
        return Ok(attention.get("pos_encoder.pe", [1, length, channels])?.reshape((length, channels))?);
    }
    let table: Vec<f32> = (0..LCM_POSITIONS * channels)
        .map(|index| {
            let (position, column) = (index / channels, index % channels);
            let rate = (-((column / 2 * 2) as f32) * (10000f64.ln() / channels as f64) as f32).exp();
            let angle = position as f32 * rate;
            if column % 2 == 0 { angle.sin() } else { angle.cos() }
        })
        .collect();
    Ok(Tensor::from_vec(table, (LCM_POSITIONS, channels), attention.device)?.to_dtype(attention.dtype)?)
}
