//! The UNet of Stable Diffusion 1.5, with the motion module woven in.
//!
//! The topology is read from the tensors: how many levels and blocks, where there is attention and how deep, all widths.
//! Names are those of the LDM single file without `model.diffusion_model.`.

use candle_core::{DType, Device, Tensor};

use super::kernels::{self, Padding, silu};
use super::layers::{Conv2d, GroupNorm, Linear};
use super::motion::{MotionControls, MotionModule, Place};
use super::resnet::ResBlock;
use super::source::{ModelError, Scope, Source};
use super::transformer::SpatialTransformer;

/// Heads of every attention in the SD1.5 family.
const HEADS: usize = 8;

/// Receives intermediate results under their LDM path (`input_blocks.1`), for tests and debugging.
pub type Probe<'a> = &'a mut dyn FnMut(&str, &Tensor);

/// One numbered block.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has two dozen of them")]
enum Block {
    Convolution(Conv2d),
    Downsample(Conv2d),
    Layers { res: ResBlock, attention: Option<SpatialTransformer>, place: Place, upsample: Option<Conv2d> },
}

/// Residual block, attention where there is any, residual block.
type Middle = (ResBlock, Option<SpatialTransformer>, ResBlock);

/// A UNet that predicts noise.
#[derive(Debug)]
pub struct UNet {
    model_channels: usize,
    latent_channels: usize,
    context_width: usize,
    dtype: DType,
    time: (Linear, Linear),
    input: Vec<Block>,
    middle: Middle,
    output: Vec<Block>,
    out_norm: GroupNorm,
    out_conv: Conv2d,
    /// Places for motion modules, with their channels.
    places: Vec<(Place, usize)>,
    origin: String,
}

/// What is fixed for one evaluation.
struct Pass<'a> {
    time: Tensor,
    context: Tensor,
    frames: usize,
    span: usize,
    motion: Option<(&'a MotionModule, &'a MotionControls)>,
}

impl UNet {
    /// Loads a UNet. Errors: a missing tensor, or one whose shape does not fit its neighbours.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let [time_width, model_channels] = scope.expect("time_embed.0.weight", [0, 0])?;
        let time = (
            Linear::load(&scope.at("time_embed.0"), [time_width, model_channels], true)?,
            Linear::load(&scope.at("time_embed.2"), [time_width, time_width], true)?,
        );
        let context_name = source.names().find(|name| name.ends_with("attn2.to_k.weight"));
        let context_width = context_name.and_then(|name| source.shape(name)?.get(1).copied()).unwrap_or(0);
        if context_width == 0 {
            return Err(scope.topology("no block of the UNet looks at the text (`attn2.to_k.weight`)"));
        }
        let [_, latent_channels, _, _] = scope.expect("input_blocks.0.0.weight", [0, 0, 3, 3])?;
        let mut loader = Loader { scope: &scope, time_width, context_width, places: Vec::new() };
        let first = Conv2d::load(&scope.at("input_blocks.0.0"), [0, latent_channels, 3])?;
        let (input, skips, channels) = loader.input_blocks(first)?;
        let (middle, channels) = loader.middle_block(channels)?;
        let (output, channels) = loader.output_blocks(skips, channels)?;
        let places = loader.places;
        Ok(Self {
            model_channels,
            latent_channels,
            context_width,
            dtype,
            time,
            input,
            middle,
            output,
            out_norm: GroupNorm::load(&scope.at("out.0"), channels, 1e-5)?,
            out_conv: Conv2d::load(&scope.at("out.2"), [latent_channels, channels, 3])?,
            places,
            origin: source.origin(),
        })
    }

    /// Channels of the latents.
    pub fn latent_channels(&self) -> usize {
        self.latent_channels
    }

    /// Width of the text conditioning.
    pub fn context_width(&self) -> usize {
        self.context_width
    }

    /// Checks that a motion module was made for a UNet like this one: a module of the right width for every block,
    /// and none besides.
    pub fn check_motion(&self, motion: &MotionModule) -> Result<(), ModelError> {
        let misfit = |reason: String| {
            Err(ModelError::Topology {
                origin: motion.origin().into(),
                reason: format!("the motion module does not fit {}: {reason}", self.origin),
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

    /// Predicts the noise in `x`.
    ///
    /// `x` is `[videos * frames, channels, h, w]`, videos after each other, already multiplied by c_in =
    /// 1 / sqrt(sigma^2 + 1). `timestep` is the index of sigma in the model's table, 0 to 999. `context` is `[m, tokens,
    /// width]`; m divides the batch, and each text serves batch / m consecutive frames. With a motion module `frames` is
    /// the length of the window; group norms of v1 take their statistics over it.
    ///
    /// Errors: [`ModelError::Invalid`] if shapes do not fit or the window is longer than the module's positions.
    pub fn forward(
        &self,
        x: &Tensor,
        timestep: f32,
        context: &Tensor,
        frames: usize,
        motion: Option<(&MotionModule, &MotionControls)>,
    ) -> Result<Tensor, ModelError> {
        self.forward_probed(x, timestep, context, frames, motion, &mut |_, _| ())
    }

    /// As [`forward`](Self::forward), and shows the result of every block to `probe`.
    pub fn forward_probed(
        &self,
        x: &Tensor,
        timestep: f32,
        context: &Tensor,
        frames: usize,
        motion: Option<(&MotionModule, &MotionControls)>,
        probe: Probe<'_>,
    ) -> Result<Tensor, ModelError> {
        let (n, c, _, _) = x.dims4()?;
        let (m, _, width) = context.dims3()?;
        if c != self.latent_channels || width != self.context_width {
            return Err(ModelError::Invalid(format!(
                "{}: the UNet takes latents of {} channels and text of width {}, not {c} and {width}",
                self.origin, self.latent_channels, self.context_width
            )));
        }
        if m == 0 || n % m != 0 || frames == 0 || n % frames != 0 {
            return Err(ModelError::Invalid(format!(
                "{n} frames with {m} texts in windows of {frames} frames"
            )));
        }
        if let Some((module, controls)) = motion {
            module.check(frames, controls)?;
            self.check_motion(module)?;
        }
        let across = motion.is_some_and(|(module, _)| module.across_frames_norm());
        let time = self.time_embedding(timestep, x.device())?;
        probe("time_embed", &time);
        let pass = Pass {
            time: silu(&time)?,
            context: context.to_dtype(self.dtype)?,
            frames,
            span: if across { frames } else { 1 },
            motion,
        };
        let mut h = x.to_dtype(self.dtype)?;
        let mut skips = Vec::with_capacity(self.input.len());
        for (index, block) in self.input.iter().enumerate() {
            let path = format!("input_blocks.{index}");
            h = pass.block(block, &h, None, &path, probe)?;
            probe(&path, &h);
            skips.push(h.clone());
        }
        h = pass.middle(&self.middle, &h, probe)?;
        probe("middle_block", &h);
        for (index, block) in self.output.iter().enumerate() {
            let path = format!("output_blocks.{index}");
            if let Some(skip) = skips.pop() {
                h = Tensor::cat(&[&h, &skip], 1)?;
            }
            h = pass.block(block, &h, skips.last(), &path, probe)?;
            probe(&path, &h);
        }
        Ok(self.out_conv.forward(&self.out_norm.forward(&h, pass.span, true)?)?)
    }

    /// Sines and cosines of the timestep (cosines first), through two linear layers: `[1, width]`.
    fn time_embedding(&self, timestep: f32, device: &Device) -> candle_core::Result<Tensor> {
        let half = self.model_channels / 2;
        let angle = |index: usize| {
            let rate = (-(10000f64.ln()) as f32 * index as f32 / half as f32).exp();
            timestep * rate
        };
        let mut values: Vec<f32> = (0..half).map(|index| angle(index).cos()).collect();
        values.extend((0..half).map(|index| angle(index).sin()));
        values.resize(self.model_channels, 0.0);
        let values = Tensor::from_vec(values, (1, self.model_channels), device)?.to_dtype(self.dtype)?;
        self.time.1.forward(&silu(&self.time.0.forward(&values)?)?)
    }
}

impl Pass<'_> {
    /// Runs one block; an upsampler brings its result to the size of `next`, the skip that is joined to it.
    fn block(
        &self,
        block: &Block,
        x: &Tensor,
        next: Option<&Tensor>,
        path: &str,
        probe: Probe<'_>,
    ) -> candle_core::Result<Tensor> {
        let (res, attention, place, upsample) = match block {
            Block::Convolution(conv) | Block::Downsample(conv) => return conv.forward(x),
            Block::Layers { res, attention, place, upsample } => (res, attention, place, upsample),
        };
        let h = res.forward(x, Some(&self.time), self.span)?;
        probe(&format!("{path}.0"), &h);
        let h = self.attend(attention.as_ref(), h)?;
        let h = self.move_frames(*place, h, path, 1 + usize::from(attention.is_some()), probe)?;
        let Some(conv) = upsample else { return Ok(h) };
        let (_, _, height, width) = h.dims4()?;
        let (height, width) = match next {
            Some(next) => (next.dim(2)?, next.dim(3)?),
            None => (height * 2, width * 2),
        };
        conv.forward(&kernels::upsample_nearest(&h, height, width)?)
    }

    fn middle(
        &self,
        (first, attention, second): &Middle,
        x: &Tensor,
        probe: Probe<'_>,
    ) -> candle_core::Result<Tensor> {
        let h = self.attend(attention.as_ref(), first.forward(x, Some(&self.time), self.span)?)?;
        let h =
            self.move_frames(Place::Middle, h, "middle_block", 1 + usize::from(attention.is_some()), probe)?;
        second.forward(&h, Some(&self.time), self.span)
    }

    fn attend(&self, attention: Option<&SpatialTransformer>, h: Tensor) -> candle_core::Result<Tensor> {
        match attention {
            Some(attention) => attention.forward(&h, &self.context, self.span),
            None => Ok(h),
        }
    }

    fn move_frames(
        &self,
        place: Place,
        h: Tensor,
        path: &str,
        child: usize,
        probe: Probe<'_>,
    ) -> candle_core::Result<Tensor> {
        let Some((module, controls)) = self.motion else { return Ok(h) };
        if module.channels(place).is_none() {
            return Ok(h);
        }
        probe(&format!("{path}.{child}.in"), &h);
        let h = module.forward(place, &h, self.frames, controls)?;
        probe(&format!("{path}.{child}.out"), &h);
        Ok(h)
    }
}

/// Walks through the numbered blocks and keeps count of the channels.
struct Loader<'a> {
    scope: &'a Scope<'a>,
    time_width: usize,
    context_width: usize,
    places: Vec<(Place, usize)>,
}

impl Loader<'_> {
    /// A residual block with attention where `.1` has a norm (`.1` may be an upsampler too).
    fn layers(
        &mut self,
        scope: &Scope<'_>,
        channels: usize,
        place: Place,
    ) -> Result<(ResBlock, Option<SpatialTransformer>), ModelError> {
        let res = ResBlock::load_unet(&scope.at(0), channels, self.time_width)?;
        let out = res.out_channels();
        let attention = scope.at(1);
        let attention = if attention.has("norm.weight") {
            Some(SpatialTransformer::load(&attention, out, self.context_width, HEADS)?)
        } else {
            None
        };
        self.places.push((place, out));
        Ok((res, attention))
    }

    /// The way down: blocks, the channels that each leaves for its skip, and the channels at the end.
    fn input_blocks(&mut self, first: Conv2d) -> Result<(Vec<Block>, Vec<usize>, usize), ModelError> {
        let mut channels = first.out_channels();
        let mut skips = vec![channels];
        let mut blocks = vec![Block::Convolution(first)];
        let (mut level, mut number) = (0, 0);
        for index in 1..self.scope.count("input_blocks.") {
            let scope = self.scope.at(format_args!("input_blocks.{index}"));
            if scope.has("0.op.weight") {
                let conv = Conv2d::load(&scope.at("0.op"), [channels, channels, 3])?;
                blocks.push(Block::Downsample(conv.strided(2, Padding::even(1))));
                (level, number) = (level + 1, 0);
            } else {
                let place = Place::Down(level, number);
                let (res, attention) = self.layers(&scope, channels, place)?;
                channels = res.out_channels();
                blocks.push(Block::Layers { res, attention, place, upsample: None });
                number += 1;
            }
            skips.push(channels);
        }
        Ok((blocks, skips, channels))
    }

    /// The middle, and the channels behind it.
    fn middle_block(&mut self, channels: usize) -> Result<(Middle, usize), ModelError> {
        let scope = self.scope.at("middle_block");
        let (first, attention) = self.layers(&scope, channels, Place::Middle)?;
        let last = scope.at(if attention.is_some() { 2 } else { 1 });
        let second = ResBlock::load_unet(&last, first.out_channels(), self.time_width)?;
        let channels = second.out_channels();
        Ok(((first, attention, second), channels))
    }

    /// The way up; every block takes one skip. The upsampler is the last child of its block.
    fn output_blocks(
        &mut self,
        mut skips: Vec<usize>,
        mut channels: usize,
    ) -> Result<(Vec<Block>, usize), ModelError> {
        let count = self.scope.count("output_blocks.");
        if count != skips.len() {
            let reason = format!("{} input blocks and {count} output blocks, expected as many", skips.len());
            return Err(self.scope.topology(reason));
        }
        let mut blocks = Vec::with_capacity(count);
        let (mut level, mut number) = (0, 0);
        for index in 0..count {
            let scope = self.scope.at(format_args!("output_blocks.{index}"));
            let place = Place::Up(level, number);
            let (res, attention) = self.layers(&scope, channels + skips.pop().unwrap_or(0), place)?;
            channels = res.out_channels();
            let last = scope.at(if attention.is_some() { 2 } else { 1 }).at("conv");
            let upsample =
                if last.has("weight") { Some(Conv2d::load(&last, [channels, channels, 3])?) } else { None };
            (level, number) = if upsample.is_some() { (level + 1, 0) } else { (level, number + 1) };
            blocks.push(Block::Layers { res, attention, place, upsample });
        }
        Ok((blocks, channels))
    }
}
