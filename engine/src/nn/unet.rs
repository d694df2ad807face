//! The UNet of Stable Diffusion 1.5 and SDXL, with hooks for motion modules between its blocks.
//!
//! The topology is read from the tensors: number of levels and blocks, where attention is and how deep, all widths.
//! Names are those of an LDM single-file checkpoint without `model.diffusion_model.`.

use candle_core::{DType, Device, Tensor};

use super::blocks::{Block, Loader};
use super::control::Residuals;
use super::encoder::Encoder;
use super::layers::{Conv2d, GroupNorm};
use super::memory::bytes;
use super::motion::{MotionControls, MotionModule, Place};
use super::source::{ModelError, Scope, Source};

/// Callback for intermediate results, under their LDM path (`input_blocks.1`), for tests and debugging.
pub type Probe<'a> = &'a mut dyn FnMut(&str, &Tensor);

/// Conditioning and options of one UNet evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Text embeddings, `[m, tokens, width]`; m divides the batch, and each of the m is used by batch / m consecutive
    /// frames.
    pub context: &'a Tensor,
    /// SDXL's pooled text and size embedding, `[m, width]`, see [`size_vector`](super::size_vector); `None` for
    /// networks without.
    pub vector: Option<&'a Tensor>,
    /// ControlNet residuals, added to the skips and the middle block's output.
    pub residuals: Option<&'a Residuals>,
    /// Number of frames that spatial layers process at once; `None`: all. Fewer need less memory; the results are the
    /// same.
    pub at_once: Option<usize>,
}

impl<'a> From<&'a Tensor> for Given<'a> {
    /// Only text, without vector, residuals or frame limit.
    fn from(context: &'a Tensor) -> Self {
        Self { context, vector: None, residuals: None, at_once: None }
    }
}

/// The denoising UNet.
#[derive(Debug)]
pub struct UNet {
    encoder: Encoder,
    output: Vec<Block>,
    out_norm: GroupNorm,
    out_conv: Conv2d,
    /// Sites of motion modules, with their channels.
    places: Vec<(Place, usize)>,
}

impl UNet {
    /// Loads a UNet. Errors: a missing tensor, or one with an inconsistent shape.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let encoder = Encoder::load(source, &scope)?;
        let (time_width, context_width) = (encoder.time_width, encoder.context_width);
        if context_width == 0 {
            return Err(scope.topology("no block of the UNet looks at the text (`attn2.to_k.weight`)"));
        }
        let places = encoder.places.clone();
        let mut loader = Loader { scope: &scope, time_width, context_width, places };
        let (output, channels) = loader.output_blocks(encoder.skips.clone(), encoder.channels)?;
        let places = loader.places;
        let out_conv = Conv2d::load(&scope.at("out.2"), [encoder.latent_channels, channels, 3])?;
        Ok(Self {
            encoder,
            output,
            out_norm: GroupNorm::load(&scope.at("out.0"), channels, 1e-5)?,
            out_conv,
            places,
        })
    }

    /// Channels of the latents, in and out.
    pub fn latent_channels(&self) -> usize {
        self.encoder.latent_channels
    }

    /// Width of the text embeddings (cross-attention context).
    pub fn context_width(&self) -> usize {
        self.encoder.context_width
    }

    /// Width of the vector of pooled text and size embedding; `None` for networks without one (only SDXL has it).
    pub fn vector_width(&self) -> Option<usize> {
        self.encoder.vector_width()
    }

    /// Channels of each skip and of the middle block, for comparison with a ControlNet's.
    pub(super) fn joints(&self) -> (&[usize], usize) {
        (&self.encoder.skips, self.encoder.channels)
    }

    /// Name of the file.
    pub fn origin(&self) -> &str {
        &self.encoder.origin
    }

    /// Checks that a motion module fits this UNet: one module of the right width for every block and no further
    /// modules.
    pub fn check_motion(&self, motion: &MotionModule) -> Result<(), ModelError> {
        let misfit = |reason: String| {
            Err(ModelError::Topology {
                origin: motion.origin().into(),
                reason: format!("the motion module does not fit {}: {reason}", self.origin()),
            })
        };
        for (place, channels) in &self.places {
            match motion.channels(*place) {
                Some(found) if found == *channels => {}
                Some(found) => return misfit(format!("`{place}` has {found} channels, expected {channels}")),
                None if *place == Place::Middle => {}
                None => return misfit(format!("`{place}` is missing")),
            }
        }
        match motion.places().find(|place| self.places.iter().all(|(known, _)| known != place)) {
            Some(place) => misfit(format!("there is no block for `{place}`")),
            None => Ok(()),
        }
    }

    /// Estimated bytes of activations of an evaluation of `n` frames of `h` x `w` latents, without the weights, with
    /// `at_once` frames at a time in the spatial layers.
    pub fn working_memory(&self, n: usize, at_once: usize, [h, w]: [usize; 2]) -> u64 {
        // For all frames: the skips and the current activations. For the frames processed together: the tensors of
        // one block (norm, query, key, value, sums) and the widest concatenation with a skip.
        const WHOLE: u64 = 4;
        const AT_ONCE: u64 = 10;
        let (skips, _) = self.joints();
        let first = skips.first().copied().unwrap_or(0) as u64;
        let pixels = (h * w) as u64;
        let levels = skips.iter().map(|channels| {
            // Channels double from level to level while the number of pixels is divided by four.
            let narrower = (*channels as u64 / first.max(1)).max(1);
            *channels as u64 * pixels / (narrower * narrower)
        });
        let values = n as u64 * (levels.sum::<u64>() + WHOLE * first * pixels)
            + at_once.min(n) as u64 * AT_ONCE * 3 * first * pixels;
        values * bytes(self.encoder.dtype)
    }

    /// Predicts the noise in `x`.
    ///
    /// `x` is `[videos * frames, channels, h, w]`, one video after the other, already multiplied by c_in = 1 /
    /// sqrt(sigma^2 + 1). `timestep` is the index of sigma in the model's table, 0 to 999. With a motion module,
    /// `frames` is the length of the window; with v1, group norms compute their statistics over all frames of it.
    ///
    /// Errors: [`ModelError::Invalid`] if shapes do not fit or the window is longer than the module's position table.
    pub fn forward<'a>(
        &self,
        x: &Tensor,
        timestep: f32,
        given: impl Into<Given<'a>>,
        frames: usize,
        motion: Option<(&MotionModule, &MotionControls)>,
    ) -> Result<Tensor, ModelError> {
        self.forward_probed(x, timestep, given, frames, motion, &mut |_, _| ())
    }

    /// As [`forward`](Self::forward), and calls `probe` with the result of every block.
    pub fn forward_probed<'a>(
        &self,
        x: &Tensor,
        timestep: f32,
        given: impl Into<Given<'a>>,
        frames: usize,
        motion: Option<(&MotionModule, &MotionControls)>,
        probe: Probe<'_>,
    ) -> Result<Tensor, ModelError> {
        let given = given.into();
        let encoder = &self.encoder;
        encoder.check(x, &given, frames)?;
        if let Some((module, controls)) = motion {
            module.check(frames, controls)?;
            self.check_motion(module)?;
        }
        let across = motion.is_some_and(|(module, _)| module.across_frames_norm());
        let span = if across { frames } else { 1 };
        let (time, pass) = encoder.pass(timestep, &given, None, frames, span, motion)?;
        probe("time_embed", &time);
        let mut h = x.to_dtype(encoder.dtype)?;
        let mut skips = Vec::with_capacity(encoder.input.len());
        for (index, block) in encoder.input.iter().enumerate() {
            let path = format!("input_blocks.{index}");
            h = pass.block(block, &h, None, &path, probe)?;
            probe(&path, &h);
            skips.push(h.clone());
        }
        h = pass.middle(&encoder.middle, &h, probe)?;
        probe("middle_block", &h);
        if let Some(residuals) = given.residuals {
            // After the motion modules, which thus see the UNet's own features without the residuals.
            h = residuals.join(&mut skips, &h)?;
        }
        for (index, block) in self.output.iter().enumerate() {
            let path = format!("output_blocks.{index}");
            if let Some(skip) = skips.pop() {
                h = Tensor::cat(&[&h, &skip], 1)?;
            }
            h = pass.block(block, &h, skips.last(), &path, probe)?;
            probe(&path, &h);
        }
        Ok(self.out_conv.forward(&self.out_norm.forward(&h, span, true)?)?)
    }
}
