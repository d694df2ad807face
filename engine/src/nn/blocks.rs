//! The numbered blocks of the UNet family (`input_blocks`, `middle_block`, `output_blocks`) and their forward pass.

use candle_core::Tensor;

use super::kernels;
use super::layers::Conv2d;
use super::memory::{in_slices, share};
use super::motion::{MotionControls, MotionModule, Place};
use super::resnet::ResBlock;
use super::source::{ModelError, Scope};
use super::transformer::SpatialTransformer;
use super::unet::Probe;

/// Attention heads in the SD1.5 family, which is recognised by convolutional projections.
const HEADS: usize = 8;
/// Channels per head in SD2 and SDXL, which are recognised by linear projections.
const HEAD_WIDTH: usize = 64;

/// One entry of `input_blocks` or `output_blocks`.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has two dozen of them")]
pub(super) enum Block {
    Convolution(Conv2d),
    Downsample(Conv2d),
    Layers { res: ResBlock, attention: Option<SpatialTransformer>, place: Place, upsample: Option<Conv2d> },
}

/// Residual block, optional attention, residual block.
#[derive(Debug)]
pub(super) struct Middle {
    first: ResBlock,
    attention: Option<SpatialTransformer>,
    second: ResBlock,
}

impl Middle {
    /// Loads the middle block; also returns its output channels.
    pub fn load(loader: &mut Loader<'_>, channels: usize) -> Result<(Self, usize), ModelError> {
        let scope = loader.scope.at("middle_block");
        let (first, attention) = loader.layers(&scope, channels, Place::Middle)?;
        // Without attention, the second residual block may still be number 2 as with attention.
        let last = scope.at(if scope.has("2.in_layers.0.weight") { 2 } else { 1 });
        let second = ResBlock::load_unet(&last, first.out_channels(), loader.time_width)?;
        let channels = second.out_channels();
        Ok((Self { first, attention, second }, channels))
    }
}

/// State shared by all blocks of one evaluation.
pub(super) struct Pass<'a> {
    /// SiLU(time embedding + vector embedding), `[m, width]`.
    pub time: Tensor,
    /// Text embeddings, `[m, tokens, width]`.
    pub context: Tensor,
    /// Length of the window in frames.
    pub frames: usize,
    /// Number of frames over which group norms compute their statistics.
    pub span: usize,
    pub motion: Option<(&'a MotionModule, &'a MotionControls)>,
    /// Number of frames that spatial layers process at once; `None`: all.
    pub at_once: Option<usize>,
}

impl Pass<'_> {
    /// Runs one block; an upsampler resizes its input to the size of `next`, the skip that its output is concatenated
    /// with.
    pub fn block(
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
        let h = self.residual(res, x)?;
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

    /// Runs the middle block, including its motion module.
    pub fn middle(&self, middle: &Middle, x: &Tensor, probe: Probe<'_>) -> candle_core::Result<Tensor> {
        let Middle { first, attention, second } = middle;
        let h = self.attend(attention.as_ref(), self.residual(first, x)?)?;
        let h =
            self.move_frames(Place::Middle, h, "middle_block", 1 + usize::from(attention.is_some()), probe)?;
        self.residual(second, &h)
    }

    fn attend(&self, attention: Option<&SpatialTransformer>, h: Tensor) -> candle_core::Result<Tensor> {
        match attention {
            Some(attention) => attention.forward(&h, &self.context, self.span, self.at_once),
            None => Ok(h),
        }
    }

    /// Runs a residual block; frames that share group norm statistics are not split.
    fn residual(&self, block: &ResBlock, x: &Tensor) -> candle_core::Result<Tensor> {
        let n = x.dim(0)?;
        let at_once = self.at_once.filter(|_| self.span == 1);
        in_slices(x, at_once, |x, first| {
            let time = share(&self.time, n, first, x.dim(0)?)?;
            block.forward(x, Some(&time), self.span)
        })
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

/// Loads the numbered blocks and records the places for motion modules.
pub(super) struct Loader<'a> {
    pub scope: &'a Scope<'a>,
    pub time_width: usize,
    pub context_width: usize,
    pub places: Vec<(Place, usize)>,
}

impl Loader<'_> {
    /// A residual block, with attention if `.1` has a norm (`.1` may also be an upsampler).
    pub fn layers(
        &mut self,
        scope: &Scope<'_>,
        channels: usize,
        place: Place,
    ) -> Result<(ResBlock, Option<SpatialTransformer>), ModelError> {
        let res = ResBlock::load_unet(&scope.at(0), channels, self.time_width)?;
        let out = res.out_channels();
        let attention = scope.at(1);
        let attention = if attention.has("norm.weight") {
            let linear = attention.shape("proj_in.weight").is_some_and(|shape| shape.len() == 2);
            let heads = if linear { (out / HEAD_WIDTH).max(1) } else { HEADS };
            Some(SpatialTransformer::load(&attention, out, self.context_width, heads)?)
        } else {
            None
        };
        self.places.push((place, out));
        Ok((res, attention))
    }

    /// Loads the up path; every block takes one skip. The upsampler is the last child of its block. Returns the
    /// blocks and the output channels.
    pub fn output_blocks(
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
