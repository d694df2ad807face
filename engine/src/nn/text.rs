//! The text encoders of a checkpoint: from a prompt to the UNet's text conditioning.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::clip::ClipText;
use super::encoder::sinusoids;
use super::source::{ModelError, Source};
use super::tokenizer::tokenize_with;

/// Width of the sinusoidal embedding of each of SDXL's six size values.
const SIZE_WIDTH: usize = 256;

/// The text encoder towers of a checkpoint: CLIP-L alone (SD1.5), or CLIP-L and OpenCLIP bigG (SDXL).
#[derive(Debug)]
pub struct TextEncoder {
    first: ClipText,
    second: Option<ClipText>,
}

/// The vectors of a textual inversion embedding for each tower.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// `[vectors, width of the first tower]`.
    pub first: Tensor,
    /// `[vectors, width of the second tower]`, for SDXL.
    pub second: Option<Tensor>,
}

/// Embeddings by the names that prompts use.
pub type Embeddings = BTreeMap<String, Embedding>;

/// An encoded prompt.
#[derive(Debug, Clone)]
pub struct Text {
    /// `[1, 77 * chunks, width]`; with two towers, their outputs are concatenated along the width.
    pub context: Tensor,
    /// The pooled output of the second tower, `[1, width]`; `None` with one tower.
    pub pooled: Option<Tensor>,
}

impl TextEncoder {
    /// Loads one tower or two. Errors: as for [`ClipText::load`].
    pub fn load(
        first: &dyn Source,
        second: Option<&dyn Source>,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            first: ClipText::load(first, dtype, device)?,
            second: second.map(|source| ClipText::load_open(source, dtype, device)).transpose()?,
        })
    }

    /// Encodes a prompt with weights. `clip_skip` 0 is the model's default: the last layer for SD1.5's tower, the
    /// last but one for both of SDXL's. `embeddings` are the vectors for `embedding:name` in the prompt.
    ///
    /// Errors: [`ModelError::Invalid`] for a clip skip larger than the number of layers, a weight that is out of
    /// range, and an embedding that is unknown or of another width.
    pub fn encode(
        &self,
        prompt: &str,
        clip_skip: usize,
        embeddings: &Embeddings,
    ) -> Result<Text, ModelError> {
        let first = |name: &str| embeddings.get(name).map(|embedding| embedding.first.clone());
        let left = tokenize_with(prompt, self.first.padding(), &first)?;
        let Some(tower) = &self.second else {
            return Ok(Text { context: self.first.encode(&left, clip_skip)?, pooled: None });
        };
        let second = |name: &str| embeddings.get(name)?.second.clone();
        let right = tokenize_with(prompt, tower.padding(), &second)?;
        let (left, _) = self.first.encode_hidden(&left, clip_skip)?;
        let (right, pooled) = tower.encode_hidden(&right, clip_skip)?;
        // An embedding may have more vectors for one tower than for the other: the longer result is truncated.
        let tokens = left.dim(1)?.min(right.dim(1)?);
        let context = Tensor::cat(&[left.narrow(1, 0, tokens)?, right.narrow(1, 0, tokens)?], 2)?;
        Ok(Text { context, pooled })
    }
}

/// SDXL's vector conditioning `[n, width + 6 * 256]`: pooled text `[n, width]`, then sinusoidal embeddings of
/// original height and width, crop top and left, target height and width, in pixels. The original size equals the
/// target size and there is no crop, as in the reference workflow's plain text node.
///
/// Errors: [`ModelError::Candle`] where the device fails.
pub fn size_vector(pooled: &Tensor, height: usize, width: usize) -> Result<Tensor, ModelError> {
    #[expect(clippy::cast_precision_loss, reason = "sides of pictures are far below 2^24")]
    let (height, width) = (height as f32, width as f32);
    let sizes: Vec<f32> = [height, width, 0.0, 0.0, height, width]
        .into_iter()
        .flat_map(|size| sinusoids(size, SIZE_WIDTH))
        .collect();
    let sizes = Tensor::from_vec(sizes, (1, 6 * SIZE_WIDTH), pooled.device())?.to_dtype(pooled.dtype())?;
    let sizes = sizes.broadcast_as((pooled.dim(0)?, 6 * SIZE_WIDTH))?;
    Ok(Tensor::cat(&[pooled, &sizes.contiguous()?], 1)?)
}
