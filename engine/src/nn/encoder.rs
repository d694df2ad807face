//! The half of a UNet that a ControlNet copies: time and label embeddings, down path, middle block.
//!
//! Names are those of an LDM single-file checkpoint without `model.diffusion_model.`.

use candle_core::{DType, Device, Tensor};

use super::blocks::{Block, Loader, Middle, Pass};
use super::kernels::{Padding, silu};
use super::layers::{Conv2d, Linear};
use super::motion::{MotionControls, MotionModule, Place};
use super::source::{ModelError, Scope, Source};
use super::unet::Given;

/// Time and label embeddings, input blocks and middle block.
#[derive(Debug)]
pub(super) struct Encoder {
    model_channels: usize,
    pub latent_channels: usize,
    /// Width of the text embeddings; 0 for a ControlNet without cross-attention.
    pub context_width: usize,
    pub dtype: DType,
    pub time_width: usize,
    time: (Linear, Linear),
    /// The label embedding's two layers (SDXL) and the width of their input vector.
    label: Option<(Linear, Linear, usize)>,
    pub input: Vec<Block>,
    pub middle: Middle,
    /// Channels of the skip of each input block.
    pub skips: Vec<usize>,
    /// Output channels of the middle block.
    pub channels: usize,
    /// Places of motion modules, with their channels.
    pub places: Vec<(Place, usize)>,
    pub origin: String,
}

impl Encoder {
    /// Reads topology and weights below `scope`.
    pub fn load(source: &dyn Source, scope: &Scope<'_>) -> Result<Self, ModelError> {
        let [time_width, model_channels] = scope.expect("time_embed.0.weight", [0, 0])?;
        let time = (
            Linear::load(&scope.at("time_embed.0"), [time_width, model_channels], true)?,
            Linear::load(&scope.at("time_embed.2"), [time_width, time_width], true)?,
        );
        let label = scope.at("label_emb.0");
        let label = if label.has("0.weight") {
            let [_, width] = label.expect("0.weight", [time_width, 0])?;
            let first = Linear::load(&label.at(0), [time_width, width], true)?;
            Some((first, Linear::load(&label.at(2), [time_width, time_width], true)?, width))
        } else {
            None
        };
        let context_name = source.names().find(|name| name.ends_with("attn2.to_k.weight"));
        let context_width = context_name.and_then(|name| source.shape(name)?.get(1).copied()).unwrap_or(0);
        let [_, latent_channels, _, _] = scope.expect("input_blocks.0.0.weight", [0, 0, 3, 3])?;
        let mut loader = Loader { scope, time_width, context_width, places: Vec::new() };
        let first = Conv2d::load(&scope.at("input_blocks.0.0"), [0, latent_channels, 3])?;
        let (input, skips, channels) = Self::input_blocks(&mut loader, first)?;
        let (middle, channels) = Middle::load(&mut loader, channels)?;
        Ok(Self {
            model_channels,
            latent_channels,
            context_width,
            dtype: scope.dtype,
            time_width,
            time,
            label,
            input,
            middle,
            skips,
            channels,
            places: loader.places,
            origin: source.origin(),
        })
    }

    /// Loads the down path: blocks, the channels of each block's skip, and the output channels.
    fn input_blocks(
        loader: &mut Loader<'_>,
        first: Conv2d,
    ) -> Result<(Vec<Block>, Vec<usize>, usize), ModelError> {
        let mut channels = first.out_channels();
        let mut skips = vec![channels];
        let mut blocks = vec![Block::Convolution(first)];
        let (mut level, mut number) = (0, 0);
        for index in 1..loader.scope.count("input_blocks.") {
            let scope = loader.scope.at(format_args!("input_blocks.{index}"));
            if scope.has("0.op.weight") {
                let conv = Conv2d::load(&scope.at("0.op"), [channels, channels, 3])?;
                blocks.push(Block::Downsample(conv.strided(2, Padding::even(1))));
                (level, number) = (level + 1, 0);
            } else {
                let place = Place::Down(level, number);
                let (res, attention) = loader.layers(&scope, channels, place)?;
                channels = res.out_channels();
                blocks.push(Block::Layers { res, attention, place, upsample: None });
                number += 1;
            }
            skips.push(channels);
        }
        Ok((blocks, skips, channels))
    }

    /// Width of the vector of pooled text and size embedding; `None` for a network without one.
    pub fn vector_width(&self) -> Option<usize> {
        self.label.as_ref().map(|(_, _, width)| *width)
    }

    /// Checks the shapes of latents `[n, channels, h, w]` and of their conditioning; `frames` is the length of the
    /// window.
    pub fn check(&self, x: &Tensor, given: &Given<'_>, frames: usize) -> Result<(), ModelError> {
        let (n, c, _, _) = x.dims4()?;
        let (m, _, width) = given.context.dims3()?;
        let invalid = |reason: String| Err(ModelError::Invalid(format!("{}: {reason}", self.origin)));
        if c != self.latent_channels || (self.context_width != 0 && width != self.context_width) {
            return invalid(format!(
                "the network takes latents of {} channels and text of width {}, not {c} and {width}",
                self.latent_channels, self.context_width
            ));
        }
        if m == 0 || !n.is_multiple_of(m) || frames == 0 || !n.is_multiple_of(frames) {
            return invalid(format!("{n} frames with {m} texts in windows of {frames} frames"));
        }
        let vector = given.vector.map(Tensor::dims2).transpose()?;
        match (self.vector_width(), vector) {
            (None, None) => Ok(()),
            (Some(want), Some((count, width))) if width == want && count > 0 && n.is_multiple_of(count) => {
                Ok(())
            }
            (want, _) => invalid(format!(
                "the network takes a vector of width {} with every text, not {:?} for {n} frames",
                want.unwrap_or(0),
                given.vector.map(Tensor::dims)
            )),
        }
    }

    /// Prepares one evaluation; also returns the time embedding alone. `added` is added to the embedding; group norms
    /// compute their statistics over `span` frames.
    pub fn pass<'a>(
        &self,
        timestep: f32,
        given: &Given<'_>,
        added: Option<&Tensor>,
        frames: usize,
        span: usize,
        motion: Option<(&'a MotionModule, &'a MotionControls)>,
    ) -> Result<(Tensor, Pass<'a>), ModelError> {
        let time = self.time_embedding(timestep, given.context.device())?;
        let embedding = match (&self.label, given.vector) {
            (Some((first, second, _)), Some(vector)) => {
                let label = second.forward(&silu(&first.forward(&vector.to_dtype(self.dtype)?)?)?)?;
                label.broadcast_add(&time)?
            }
            _ => time.clone(),
        };
        let embedding = match added {
            Some(added) => embedding.broadcast_add(added)?,
            None => embedding,
        };
        let context = given.context.to_dtype(self.dtype)?;
        Ok((time, Pass { time: silu(&embedding)?, context, frames, span, motion, at_once: given.at_once }))
    }

    /// Time embedding: sinusoids of the timestep through two linear layers, `[1, width]`.
    fn time_embedding(&self, timestep: f32, device: &Device) -> candle_core::Result<Tensor> {
        let values = sinusoids(timestep, self.model_channels);
        let values = Tensor::from_vec(values, (1, self.model_channels), device)?.to_dtype(self.dtype)?;
        self.time.1.forward(&silu(&self.time.0.forward(&values)?)?)
    }
}

/// Cosines, then sines, of `value` at `width / 2` frequencies that fall from 1 towards 1/10000 (Vaswani et al. 2017,
/// in the order of Ho et al. 2020).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounds where the reference does"
)]
pub(super) fn sinusoids(value: f32, width: usize) -> Vec<f32> {
    let half = width / 2;
    let angle = |index: usize| {
        let rate = (-(10000f64.ln()) as f32 * index as f32 / half as f32).exp();
        value * rate
    };
    let mut values: Vec<f32> = (0..half).map(|index| angle(index).cos()).collect();
    values.extend((0..half).map(|index| angle(index).sin()));
    values.resize(width, 0.0);
    values
}
