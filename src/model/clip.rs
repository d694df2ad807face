//! The CLIP text encoder of SD1.5.

use candle_core::{DType, Device, Tensor};

use super::kernels;
use super::layers::{LayerNorm, Linear};
use super::source::{ModelError, Scope, Source};
use super::tokenizer::{CHUNK, END, START, Tokens};

/// Width of a head in every CLIP text tower.
const HEAD: usize = 64;

/// A CLIP text tower: causal transformer with quick_gelu (CLIP-L and its smaller relatives).
#[derive(Debug)]
pub struct ClipText {
    tokens: Tensor,
    positions: Tensor,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
    width: usize,
    origin: String,
}

#[derive(Debug)]
struct Layer {
    norm1: LayerNorm,
    /// query, key, value, output
    projections: [Linear; 4],
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl ClipText {
    /// Loads a tower from Hugging Face names without `text_model.` (`encoder.layers.0.self_attn.q_proj.weight`).
    ///
    /// Errors: a missing tensor, or one whose shape does not fit its neighbours.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let embeddings = scope.at("embeddings");
        let [vocabulary, width] = embeddings.expect("token_embedding.weight", [0, 0])?;
        if !width.is_multiple_of(HEAD) {
            return Err(
                scope.topology(format!("a text encoder of width {width}, expected a multiple of {HEAD}"))
            );
        }
        let count = scope.count("encoder.layers.").max(1);
        let layers = (0..count)
            .map(|index| Layer::load(&scope.at(format_args!("encoder.layers.{index}")), width))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tokens: embeddings.get("token_embedding.weight", [vocabulary, width])?,
            positions: embeddings.get("position_embedding.weight", [CHUNK, width])?,
            layers,
            final_norm: LayerNorm::load(&scope.at("final_layer_norm"), width)?,
            width,
            origin: source.origin(),
        })
    }

    /// Width of the conditioning.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Encodes a prompt to `[1, 77 * chunks, width]`. `clip_skip` 0 or 1 takes the last layer's result, 2 that of the
    /// last but one, and so on; the final norm is always applied.
    ///
    /// A token's weight moves its result away from (or towards) the result at the same place of an empty prompt:
    /// (z - z_empty) * weight + z_empty.
    ///
    /// Errors: [`ModelError::Invalid`] for a clip skip that leaves no layer.
    pub fn encode(&self, tokens: &Tokens, clip_skip: usize) -> Result<Tensor, ModelError> {
        let depth = self.layers.len() + 1;
        let Some(depth) = depth.checked_sub(clip_skip.max(1)).filter(|depth| *depth > 0) else {
            return Err(ModelError::Invalid(format!(
                "{}: clip skip {clip_skip} leaves nothing of a text encoder with {} layers",
                self.origin,
                self.layers.len()
            )));
        };
        let weighted = tokens.weighted();
        let mut ids: Vec<u32> = tokens.chunks.iter().flatten().map(|(id, _)| *id).collect();
        if weighted {
            ids.push(START);
            ids.extend(std::iter::repeat_n(END, CHUNK - 1));
        }
        let count = ids.len() / CHUNK;
        let vocabulary = self.tokens.dim(0)?;
        if count * CHUNK != ids.len() || ids.iter().any(|id| *id as usize >= vocabulary) {
            return Err(ModelError::Invalid(format!(
                "{}: the text encoder knows {vocabulary} tokens in chunks of {CHUNK}; the prompt has others",
                self.origin
            )));
        }
        let ids = Tensor::from_vec(ids, count * CHUNK, self.tokens.device())?;
        let mut x = self.tokens.index_select(&ids, 0)?.reshape((count, CHUNK, self.width))?;
        x = x.broadcast_add(&self.positions)?;
        for layer in &self.layers[..depth] {
            x = layer.forward(&x, self.width / HEAD)?;
        }
        let mut z = self.final_norm.forward(&x)?;
        if weighted {
            let chunks = tokens.chunks.len();
            let empty = z.narrow(0, chunks, 1)?;
            let weights: Vec<f32> = tokens.chunks.iter().flatten().map(|(_, weight)| *weight).collect();
            let weights = Tensor::from_vec(weights, (chunks, CHUNK, 1), z.device())?.to_dtype(z.dtype())?;
            let moved = z.narrow(0, 0, chunks)?.broadcast_sub(&empty)?.broadcast_mul(&weights)?;
            z = moved.broadcast_add(&empty)?;
        }
        Ok(z.reshape((1, tokens.chunks.len() * CHUNK, self.width))?)
    }
}

impl Layer {
    fn load(scope: &Scope<'_>, width: usize) -> Result<Self, ModelError> {
        let attention = scope.at("self_attn");
        let linear = |name: &str| Linear::load(&attention.at(name), [width, width], true);
        let fc1 = Linear::load(&scope.at("mlp.fc1"), [0, width], true)?;
        let inner = fc1.out_width();
        Ok(Self {
            norm1: LayerNorm::load(&scope.at("layer_norm1"), width)?,
            projections: [linear("q_proj")?, linear("k_proj")?, linear("v_proj")?, linear("out_proj")?],
            norm2: LayerNorm::load(&scope.at("layer_norm2"), width)?,
            fc1,
            fc2: Linear::load(&scope.at("mlp.fc2"), [width, inner], true)?,
        })
    }

    fn forward(&self, x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let [query, key, value, out] = &self.projections;
        let (q, k, v) = (query.forward(&normed)?, key.forward(&normed)?, value.forward(&normed)?);
        let x = out.forward_added(&kernels::attention(&q, &k, &v, heads, true)?, x)?;
        let inner = kernels::quick_gelu(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        self.fc2.forward_added(&inner, &x)
    }
}
