//! The variational autoencoder: images to latents and back (LDM's AutoencoderKL).

use candle_core::{DType, Device, Tensor};

use super::kernels::{self, Padding};
use super::layers::{Conv2d, GroupNorm, Linear};
use super::memory::bytes;
use super::resnet::ResBlock;
use super::source::{ModelError, Scope, Source};
use super::tiles;

const EPS: f64 = 1e-6;

/// Maximum number of values of a full-size activation on a device: 256 MiB in f32. Frames are independent, so long
/// clips are processed in groups.
const BUDGET: usize = 64 << 20;

/// The autoencoder of a checkpoint: encoder, decoder and the 1x1 convolutions between them.
#[derive(Debug)]
pub struct Vae {
    encoder: Encoder,
    quant: Conv2d,
    post_quant: Conv2d,
    decoder: Decoder,
    latent_channels: usize,
    dtype: DType,
    origin: String,
}

#[derive(Debug)]
struct Encoder {
    conv_in: Conv2d,
    /// Residual blocks of a level and its downsampling convolution.
    levels: Vec<(Vec<ResBlock>, Option<Conv2d>)>,
    middle: Middle,
    norm_out: GroupNorm,
    conv_out: Conv2d,
}

#[derive(Debug)]
struct Decoder {
    conv_in: Conv2d,
    middle: Middle,
    /// Residual blocks of a level and its upsampling convolution, starting at the deepest level.
    levels: Vec<(Vec<ResBlock>, Option<Conv2d>)>,
    norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Vae {
    /// Loads an autoencoder with LDM names without `first_stage_model.`.
    ///
    /// Errors: a missing tensor, or one whose shape does not fit its neighbours.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let [latent_channels, _, _, _] = scope.expect("post_quant_conv.weight", [0, 0, 1, 1])?;
        let encoder = Encoder::load(&scope.at("encoder"), latent_channels)?;
        let decoder = Decoder::load(&scope.at("decoder"), latent_channels)?;
        if encoder.levels.len() != decoder.levels.len() {
            let (down, up) = (encoder.levels.len(), decoder.levels.len());
            return Err(scope.topology(format!("the VAE has {down} levels down and {up} up")));
        }
        Ok(Self {
            encoder,
            quant: Conv2d::load(&scope.at("quant_conv"), [2 * latent_channels, 2 * latent_channels, 1])?,
            post_quant: Conv2d::load(&scope.at("post_quant_conv"), [latent_channels, latent_channels, 1])?,
            decoder,
            latent_channels,
            dtype,
            origin: source.origin(),
        })
    }

    /// Channels of the latents.
    pub fn latent_channels(&self) -> usize {
        self.latent_channels
    }

    /// Image pixels per latent along a side: 8 for SD1.5.
    pub fn factor(&self) -> usize {
        1 << (self.encoder.levels.len() - 1)
    }

    /// Encodes images `[frames, 3, h, w]` in -1..1 to the mean of their latents `[frames, channels, h / 8, w / 8]`,
    /// not yet multiplied by the scale factor. Height and width must be multiples of [`factor`](Self::factor).
    pub fn encode(&self, pictures: &Tensor) -> Result<Tensor, ModelError> {
        let (_, channels, h, w) = pictures.dims4()?;
        let factor = self.factor();
        if channels != 3 || h % factor != 0 || w % factor != 0 || h == 0 || w == 0 {
            return Err(ModelError::Invalid(format!(
                "{}: the VAE takes pictures in RGB whose sides are multiples of {factor}, not {w} x {h} with {channels} channels",
                self.origin
            )));
        }
        let widest = self.encoder.conv_in.out_channels() * h * w;
        self.in_groups(pictures, widest, |pictures| {
            let moments = self.quant.forward(&self.encoder.forward(pictures)?)?;
            moments.narrow(1, 0, self.latent_channels)
        })
    }

    /// Decodes latents `[frames, channels, h, w]`, already divided by the scale factor, to images
    /// `[frames, 3, 8 h, 8 w]` in about -1..1 (not clamped).
    pub fn decode(&self, latents: &Tensor) -> Result<Tensor, ModelError> {
        let (_, channels, h, w) = latents.dims4()?;
        if channels != self.latent_channels {
            return Err(ModelError::Invalid(format!(
                "{}: the VAE takes latents of {} channels, not {channels}",
                self.origin, self.latent_channels
            )));
        }
        let factor = self.factor();
        let widest = self.encoder.conv_in.out_channels() * h * w * factor * factor;
        self.in_groups(latents, widest, |latents| self.decoder.forward(&self.post_quant.forward(latents)?))
    }

    /// Estimated bytes of activations for encoding or decoding a frame of `h` x `w` latents, without the weights: the
    /// widest activations that are alive at the same time.
    pub fn working_memory(&self, [h, w]: [usize; 2]) -> u64 {
        // Input, norm, the outputs of both convolutions and a temporary of a norm, at twice the narrowest width.
        const TENSORS: u64 = 5 * 2;
        let factor = self.factor() as u64;
        let widest = self.encoder.conv_in.out_channels() as u64 * h as u64 * w as u64 * factor * factor;
        TENSORS * widest * bytes(self.dtype)
    }

    /// As [`encode`](Self::encode), in tiles with sides of at most `tile` latents.
    pub fn encode_tiled(&self, pictures: &Tensor, tile: usize) -> Result<Tensor, ModelError> {
        let factor = self.factor();
        let (_, _, h, w) = pictures.dims4()?;
        let size = [h / factor, w / factor];
        tiles::blend(size, tile, 1, |[top, left], [height, width]| {
            let part = pictures.narrow(2, top * factor, height * factor)?;
            self.encode(&part.narrow(3, left * factor, width * factor)?.contiguous()?)
        })
    }

    /// As [`decode`](Self::decode), in tiles with sides of at most `tile` latents. Neighbouring tiles overlap and are
    /// cross-faded. Norm statistics and attention only see a tile's own pixels, so the result differs slightly from
    /// decoding the whole frame.
    pub fn decode_tiled(&self, latents: &Tensor, tile: usize) -> Result<Tensor, ModelError> {
        let (_, _, h, w) = latents.dims4()?;
        tiles::blend([h, w], tile, self.factor(), |[top, left], [height, width]| {
            self.decode(&latents.narrow(2, top, height)?.narrow(3, left, width)?.contiguous()?)
        })
    }

    fn in_groups(
        &self,
        x: &Tensor,
        widest: usize,
        f: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<Tensor, ModelError> {
        let frames = x.dim(0)?;
        // One frame at a time on the CPU: large allocations cost more there than batching saves, and a frame's result
        // is then bit-identical whatever other frames are in the batch.
        let group = if x.device().is_cpu() { 1 } else { (BUDGET / widest.max(1)).clamp(1, frames.max(1)) };
        let dtype = x.dtype();
        let parts = (0..frames)
            .step_by(group)
            .map(|first| {
                let part = x.narrow(0, first, group.min(frames - first))?.to_dtype(self.dtype)?;
                f(&part)?.to_dtype(dtype)
            })
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Tensor::cat(&parts, 0)?)
    }
}

/// Loads the blocks `block.0`, `block.1`, ... of a level; also returns their output channels.
fn blocks(scope: &Scope<'_>, mut channels: usize) -> Result<(Vec<ResBlock>, usize), ModelError> {
    if scope.count("attn.") > 0 {
        return Err(scope.topology("a VAE with attention outside of its middle is not supported"));
    }
    let mut blocks = Vec::new();
    for index in 0..scope.count("block.").max(1) {
        let block = ResBlock::load_vae(&scope.at(format_args!("block.{index}")), channels)?;
        channels = block.out_channels();
        blocks.push(block);
    }
    Ok((blocks, channels))
}

impl Encoder {
    fn load(scope: &Scope<'_>, latent_channels: usize) -> Result<Self, ModelError> {
        let conv_in = Conv2d::load(&scope.at("conv_in"), [0, 3, 3])?;
        let mut channels = conv_in.out_channels();
        let mut levels = Vec::new();
        for index in 0..scope.count("down.").max(1) {
            let level = scope.at(format_args!("down.{index}"));
            let (res, out) = blocks(&level, channels)?;
            channels = out;
            let down = level.at("downsample.conv");
            let down = if down.has("weight") {
                // Pad with zeros below and on the right only, as LDM does.
                let conv = Conv2d::load(&down, [channels, channels, 3])?;
                Some(conv.strided(2, Padding { before: 0, after: 1 }))
            } else {
                None
            };
            levels.push((res, down));
        }
        let middle = Middle::load(&scope.at("mid"), channels)?;
        Ok(Self {
            conv_in,
            levels,
            middle,
            norm_out: GroupNorm::load(&scope.at("norm_out"), channels, EPS)?,
            conv_out: Conv2d::load(&scope.at("conv_out"), [2 * latent_channels, channels, 3])?,
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let mut h = self.conv_in.forward(x)?;
        for (blocks, down) in &self.levels {
            for block in blocks {
                h = block.forward(&h, None, 1)?;
            }
            if let Some(down) = down {
                h = down.forward(&h)?;
            }
        }
        let h = self.middle.forward(&h)?;
        self.conv_out.forward(&self.norm_out.forward(&h, 1, true)?)
    }
}

impl Decoder {
    fn load(scope: &Scope<'_>, latent_channels: usize) -> Result<Self, ModelError> {
        let conv_in = Conv2d::load(&scope.at("conv_in"), [0, latent_channels, 3])?;
        let mut channels = conv_in.out_channels();
        let middle = Middle::load(&scope.at("mid"), channels)?;
        let mut levels = Vec::new();
        for index in (0..scope.count("up.").max(1)).rev() {
            let level = scope.at(format_args!("up.{index}"));
            let (res, out) = blocks(&level, channels)?;
            channels = out;
            let up = level.at("upsample.conv");
            let up = if up.has("weight") { Some(Conv2d::load(&up, [channels, channels, 3])?) } else { None };
            levels.push((res, up));
        }
        Ok(Self {
            conv_in,
            middle,
            levels,
            norm_out: GroupNorm::load(&scope.at("norm_out"), channels, EPS)?,
            conv_out: Conv2d::load(&scope.at("conv_out"), [3, channels, 3])?,
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let mut h = self.middle.forward(&self.conv_in.forward(x)?)?;
        for (blocks, up) in &self.levels {
            for block in blocks {
                h = block.forward(&h, None, 1)?;
            }
            if let Some(up) = up {
                let (_, _, height, width) = h.dims4()?;
                h = up.forward(&kernels::upsample_nearest(&h, height * 2, width * 2)?)?;
            }
        }
        self.conv_out.forward(&self.norm_out.forward(&h, 1, true)?)
    }
}

/// Residual block, single-head attention over all pixels, residual block.
#[derive(Debug)]
struct Middle {
    first: ResBlock,
    norm: GroupNorm,
    /// query, key, value, output
    projections: [Linear; 4],
    second: ResBlock,
}

impl Middle {
    fn load(scope: &Scope<'_>, channels: usize) -> Result<Self, ModelError> {
        let attention = scope.at("attn_1");
        let linear = |name: &str| -> Result<Linear, ModelError> {
            Ok(Conv2d::load(&attention.at(name), [channels, channels, 1])?.as_linear()?)
        };
        Ok(Self {
            first: ResBlock::load_vae(&scope.at("block_1"), channels)?,
            norm: GroupNorm::load(&attention.at("norm"), channels, EPS)?,
            projections: [linear("q")?, linear("k")?, linear("v")?, linear("proj_out")?],
            second: ResBlock::load_vae(&scope.at("block_2"), channels)?,
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let h = self.first.forward(x, None, 1)?;
        let tokens = kernels::to_tokens(&self.norm.forward(&h, 1, false)?)?;
        let [query, key, value, out] = &self.projections;
        let (q, k, v) = (query.forward(&tokens)?, key.forward(&tokens)?, value.forward(&tokens)?);
        let mixed = out.forward(&kernels::attention(&q, &k, &v, 1, false)?)?;
        self.second.forward(&kernels::add_tokens(&h, &mixed)?, None, 1)
    }
}
