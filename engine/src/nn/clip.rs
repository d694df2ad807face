//! CLIP text encoder towers: CLIP-L of SD1.5 and SDXL, OpenCLIP bigG of SDXL.

use candle_core::{DType, Device, Tensor};

use super::kernels;
use super::layers::{LayerNorm, Linear};
use super::source::{ModelError, Scope, Source};
use super::tokenizer::{CHUNK, END, FIRST_VECTOR, START, Tokens};

/// Channels of an attention head in every CLIP text tower.
const HEAD: usize = 64;

/// The variant of a tower, which its file does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    /// OpenAI's CLIP: quick_gelu, padded with the end token.
    OpenAi,
    /// OpenCLIP: gelu, padded with token 0.
    OpenClip,
}

/// A CLIP text tower: a causal transformer over chunks of 77 tokens.
#[derive(Debug)]
pub struct ClipText {
    build: Build,
    /// `[projected, width]`, the projection of the pooled output; `None` for CLIP-L.
    projection: Option<Linear>,
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
    /// Loads CLIP-L or a smaller relative with Hugging Face names without `text_model.`
    /// (`encoder.layers.0.self_attn.q_proj.weight`).
    ///
    /// Errors: a missing tensor, or one whose shape does not fit its neighbours.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        Self::load_build(source, dtype, device, Build::OpenAi)
    }

    /// Loads OpenCLIP bigG or a smaller relative with the same names; `text_projection.weight` is required.
    ///
    /// Errors: as for [`load`](Self::load).
    pub fn load_open(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        Self::load_build(source, dtype, device, Build::OpenClip)
    }

    fn load_build(
        source: &dyn Source,
        dtype: DType,
        device: &Device,
        build: Build,
    ) -> Result<Self, ModelError> {
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
        let projection = match build {
            Build::OpenAi => None,
            Build::OpenClip => Some(Linear::load(&scope.at("text_projection"), [0, width], false)?),
        };
        Ok(Self {
            build,
            projection,
            tokens: embeddings.get("token_embedding.weight", [vocabulary, width])?,
            positions: embeddings.get("position_embedding.weight", [CHUNK, width])?,
            layers,
            final_norm: LayerNorm::load(&scope.at("final_layer_norm"), width)?,
            width,
            origin: source.origin(),
        })
    }

    /// Width of the hidden states.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The token that chunks are padded with, see [`tokenize_padded`](super::tokenizer::tokenize_padded).
    pub fn padding(&self) -> u32 {
        match self.build {
            Build::OpenAi => END,
            Build::OpenClip => 0,
        }
    }

    /// Encodes a prompt to `[1, 77 * chunks, width]` for SD1.5. `clip_skip` 0 or 1 takes the output of the last
    /// layer, 2 that of the last but one, and so on; the final norm is always applied.
    ///
    /// A token's weight scales the difference between its output and the output at the same position of an empty
    /// prompt: (z - z_empty) * weight + z_empty.
    ///
    /// Errors: [`ModelError::Invalid`] for a clip skip larger than the number of layers.
    pub fn encode(&self, tokens: &Tokens, clip_skip: usize) -> Result<Tensor, ModelError> {
        let [hidden, _] = self.run(tokens, self.depth(clip_skip)?)?;
        self.weighted(self.final_norm.forward(&hidden)?, tokens)
    }

    /// Encodes a prompt for SDXL: the output of a layer without the final norm, `[1, 77 * chunks, width]`, and, for a
    /// tower with a projection, the pooled output `[1, projected]`. `clip_skip` 0 means 2, the last layer but one; 1
    /// takes the last.
    ///
    /// The pooled output is the last layer's at the first chunk's end token, after final norm and projection; it does
    /// not depend on the weights or `clip_skip`.
    ///
    /// Errors: as for [`encode`](Self::encode).
    pub fn encode_hidden(
        &self,
        tokens: &Tokens,
        clip_skip: usize,
    ) -> Result<(Tensor, Option<Tensor>), ModelError> {
        let depth = self.depth(if clip_skip == 0 { 2 } else { clip_skip })?;
        let [hidden, last] = self.run(tokens, depth)?;
        let hidden = self.weighted(hidden, tokens)?;
        let Some(projection) = &self.projection else { return Ok((hidden, None)) };
        let end = tokens.chunks[0].iter().position(|(id, _)| *id == END).unwrap_or(CHUNK - 1);
        let end = last.narrow(0, 0, 1)?.narrow(1, end, 1)?;
        let pooled = projection.forward(&self.final_norm.forward(&end)?)?;
        let width = pooled.dim(2)?;
        Ok((hidden, Some(pooled.reshape((1, width))?)))
    }

    /// Number of layers to run for a clip skip.
    fn depth(&self, clip_skip: usize) -> Result<usize, ModelError> {
        let depth = (self.layers.len() + 1).checked_sub(clip_skip.max(1));
        depth.filter(|depth| *depth > 0).ok_or_else(|| {
            ModelError::Invalid(format!(
                "{}: clip skip {clip_skip} leaves nothing of a text encoder with {} layers",
                self.origin,
                self.layers.len()
            ))
        })
    }

    /// Outputs of layer `depth` and, for a tower with a projection, of the last layer (otherwise the same tensor
    /// again), `[chunks, 77, width]`; a weighted prompt has the empty prompt as an additional last chunk.
    fn run(&self, tokens: &Tokens, depth: usize) -> Result<[Tensor; 2], ModelError> {
        let mut ids: Vec<u32> = tokens.chunks.iter().flatten().map(|(id, _)| *id).collect();
        if tokens.weighted() {
            ids.extend([START, END]);
            ids.extend(std::iter::repeat_n(self.padding(), CHUNK - 2));
        }
        let count = ids.len() / CHUNK;
        let vocabulary = self.tokens.dim(0)?;
        let known = |id: u32| (id as usize) < vocabulary || id >= FIRST_VECTOR;
        if count == 0 || count * CHUNK != ids.len() || !ids.iter().all(|id| known(*id)) {
            return Err(ModelError::Invalid(format!(
                "{}: the text encoder knows {vocabulary} tokens in chunks of {CHUNK}; the prompt has others",
                self.origin
            )));
        }
        let mut x = self.embedded(ids, tokens.vectors.as_ref())?.reshape((count, CHUNK, self.width))?;
        x = x.broadcast_add(&self.positions)?;
        let (first, rest) = self.layers.split_at(depth);
        for layer in first {
            x = layer.forward(&x, self.width / HEAD, self.build)?;
        }
        let hidden = x.clone();
        if self.projection.is_some() {
            for layer in rest {
                x = layer.forward(&x, self.width / HEAD, self.build)?;
            }
        }
        Ok([hidden, x])
    }

    /// Looks up token embeddings in the vocabulary and in `vectors` `[rows, width]`; returns `[tokens, width]`.
    fn embedded(&self, mut ids: Vec<u32>, vectors: Option<&Tensor>) -> Result<Tensor, ModelError> {
        let device = self.tokens.device();
        let Some(vectors) = vectors else {
            let count = ids.len();
            return Ok(self.tokens.index_select(&Tensor::from_vec(ids, count, device)?, 0)?);
        };
        let (rows, width) = vectors.dims2()?;
        if width != self.width
            || ids.iter().any(|id| *id >= FIRST_VECTOR && (id - FIRST_VECTOR) as usize >= rows)
        {
            return Err(ModelError::Invalid(format!(
                "{}: the text encoder is {} wide; the prompt has {rows} vectors of an embedding that are {width} wide",
                self.origin, self.width
            )));
        }
        // Gather the vocabulary rows in order, append the vectors, and index into the concatenation.
        let words: Vec<u32> = ids.iter().copied().filter(|id| *id < FIRST_VECTOR).collect();
        let (places, count) = (ids.len(), words.len());
        let (mut word, behind) = (0.., u32::try_from(count).map_err(candle_core::Error::wrap)?);
        for id in &mut ids {
            *id = if *id < FIRST_VECTOR { word.next().unwrap_or(0) } else { behind + (*id - FIRST_VECTOR) };
        }
        let words = self.tokens.index_select(&Tensor::from_vec(words, count, device)?, 0)?;
        let vectors = vectors.to_device(device)?.to_dtype(self.tokens.dtype())?;
        let all = Tensor::cat(&[words, vectors], 0)?;
        Ok(all.index_select(&Tensor::from_vec(ids, places, device)?, 0)?)
    }

    /// Applies the token weights to `[chunks, 77, width]` and concatenates the chunks along the token axis.
    fn weighted(&self, mut z: Tensor, tokens: &Tokens) -> Result<Tensor, ModelError> {
        let chunks = tokens.chunks.len();
        if tokens.weighted() {
            let empty = z.narrow(0, chunks, 1)?;
            let weights: Vec<f32> = tokens.chunks.iter().flatten().map(|(_, weight)| *weight).collect();
            let weights = Tensor::from_vec(weights, (chunks, CHUNK, 1), z.device())?.to_dtype(z.dtype())?;
            let moved = z.narrow(0, 0, chunks)?.broadcast_sub(&empty)?.broadcast_mul(&weights)?;
            z = moved.broadcast_add(&empty)?;
        }
        Ok(z.reshape((1, chunks * CHUNK, self.width))?)
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

    fn forward(&self, x: &Tensor, heads: usize, build: Build) -> candle_core::Result<Tensor> {
        let normed = self.norm1.forward(x)?;
        let [query, key, value, out] = &self.projections;
        let (q, k, v) = (query.forward(&normed)?, key.forward(&normed)?, value.forward(&normed)?);
        let x = out.forward_added(&kernels::attention(&q, &k, &v, heads, true)?, x)?;
        let inner = self.fc1.forward(&self.norm2.forward(&x)?)?;
        let inner = match build {
            Build::OpenAi => kernels::quick_gelu(&inner)?,
            Build::OpenClip => kernels::gelu(&inner)?,
        };
        self.fc2.forward_added(&inner, &x)
    }
}
