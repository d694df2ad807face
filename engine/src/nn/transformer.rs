//! The spatial transformer of the UNet, and the layers that it shares with the motion module.

use candle_core::{Result, Tensor};

use super::kernels;
use super::layers::{Conv2d, GroupNorm, LayerNorm, Linear};
use super::memory::{in_slices, share};
use super::source::{ModelError, Scope};

/// Projections of an attention layer: query, key and value without bias, output with bias.
#[derive(Debug)]
pub(crate) struct Projections {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub out: Linear,
}

impl Projections {
    /// Reads `to_q`, `to_k`, `to_v`, `to_out.0` below `scope`; keys and values have `context` input channels (0
    /// accepts any number).
    pub fn load(scope: &Scope<'_>, width: usize, context: usize) -> std::result::Result<Self, ModelError> {
        let [_, context] = scope.expect("to_k.weight", [width, context])?;
        Ok(Self {
            query: Linear::load(&scope.at("to_q"), [width, width], false)?,
            key: Linear::load(&scope.at("to_k"), [width, context], false)?,
            value: Linear::load(&scope.at("to_v"), [width, context], false)?,
            out: Linear::load(&scope.at("to_out.0"), [width, width], true)?,
        })
    }
}

/// GEGLU feed-forward: linear, gate (value half first, then gate half), linear.
#[derive(Debug)]
pub(crate) struct FeedForward {
    gate: Linear,
    out: Linear,
}

impl FeedForward {
    /// Reads `net.0.proj` and `net.2` below `scope`.
    pub fn load(scope: &Scope<'_>, width: usize) -> std::result::Result<Self, ModelError> {
        let gate = Linear::load(&scope.at("net.0.proj"), [0, width], true)?;
        if gate.out_width() % 2 != 0 {
            return Err(scope.topology("a feed-forward gate has an odd number of rows"));
        }
        let out = Linear::load(&scope.at("net.2"), [width, gate.out_width() / 2], true)?;
        Ok(Self { gate, out })
    }

    /// The feed-forward of `x` plus `residual`.
    pub fn forward_added(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        kernels::feed_forward(x, self.gate.parts()?, self.out.parts()?, residual)
    }
}

/// Self-attention, cross-attention to the text, feed-forward; each pre-norm (layer norm) with a residual connection.
#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    attention: Projections,
    norm2: LayerNorm,
    cross: Projections,
    norm3: LayerNorm,
    feed_forward: FeedForward,
}

impl Block {
    fn load(scope: &Scope<'_>, width: usize, context: usize) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            norm1: LayerNorm::load(&scope.at("norm1"), width)?,
            attention: Projections::load(&scope.at("attn1"), width, width)?,
            norm2: LayerNorm::load(&scope.at("norm2"), width)?,
            cross: Projections::load(&scope.at("attn2"), width, context)?,
            norm3: LayerNorm::load(&scope.at("norm3"), width)?,
            feed_forward: FeedForward::load(&scope.at("ff"), width)?,
        })
    }

    fn forward(&self, x: &Tensor, context: &Tensor, heads: usize) -> Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let own = &self.attention;
        let (q, k, v) = (own.query.forward(&normed)?, own.key.forward(&normed)?, own.value.forward(&normed)?);
        let x = own.out.forward_added(&kernels::attention(&q, &k, &v, heads, false)?, x)?;
        let text = &self.cross;
        let q = text.query.forward(&self.norm2.forward(&x)?)?;
        let (k, v) = (text.key.forward(context)?, text.value.forward(context)?);
        let x = text.out.forward_added(&kernels::attention(&q, &k, &v, heads, false)?, &x)?;
        self.feed_forward.forward_added(&self.norm3.forward(&x)?, &x)
    }
}

/// Group norm, input projection, transformer blocks over tokens, output projection, plus the input.
#[derive(Debug)]
pub(crate) struct SpatialTransformer {
    norm: GroupNorm,
    proj_in: Linear,
    blocks: Vec<Block>,
    proj_out: Linear,
    heads: usize,
}

impl SpatialTransformer {
    /// `context` is the width of the text embeddings. `proj_in` and `proj_out` may be 1x1 convolutions or linear
    /// layers.
    pub fn load(
        scope: &Scope<'_>,
        channels: usize,
        context: usize,
        heads: usize,
    ) -> std::result::Result<Self, ModelError> {
        if !channels.is_multiple_of(heads) {
            return Err(scope.topology(format!("{channels} channels cannot be shared by {heads} heads")));
        }
        let blocks = (0..scope.count("transformer_blocks."))
            .map(|depth| {
                Block::load(&scope.at(format_args!("transformer_blocks.{depth}")), channels, context)
            })
            .collect::<std::result::Result<_, _>>()?;
        Ok(Self {
            norm: GroupNorm::load(&scope.at("norm"), channels, 1e-6)?,
            proj_in: Conv2d::load(&scope.at("proj_in"), [channels, channels, 1])?.as_linear()?,
            blocks,
            proj_out: Conv2d::load(&scope.at("proj_out"), [channels, channels, 1])?.as_linear()?,
            heads,
        })
    }

    /// `x` is `[n, channels, h, w]`, `context` `[m, tokens, width]` where m divides n. After the norm, frames are
    /// independent, so only `at_once` of them are processed at a time.
    pub fn forward(
        &self,
        x: &Tensor,
        context: &Tensor,
        span: usize,
        at_once: Option<usize>,
    ) -> Result<Tensor> {
        let n = x.dim(0)?;
        let normed = self.norm.forward(x, span, false)?;
        let moved = in_slices(&normed, at_once, |normed, first| {
            let context = share(context, n, first, normed.dim(0)?)?;
            let mut tokens = self.proj_in.forward(&kernels::to_tokens(normed)?)?;
            for block in &self.blocks {
                tokens = block.forward(&tokens, &context, self.heads)?;
            }
            self.proj_out.forward(&tokens)
        })?;
        kernels::add_tokens(x, &moved)
    }
}
