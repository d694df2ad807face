//! The text encoders of a checkpoint, from a prompt to what the UNet is steered by.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::clip::ClipText;
use super::encoder::sinusoids;
use super::source::{ModelError, Source};
use super::tokenizer::tokenize_with;

/// Channels that each of SDXL's six sizes is spread over.
const SIZE_WIDTH: usize = 256;

/// CLIP-L alone (SD1.5), or CLIP-L and OpenCLIP bigG (SDXL).
#[derive(Debug)]
pub struct TextEncoder {
    first: ClipText,
    second: Option<ClipText>,
}

/// What the name of an embedding stands for in each of the towers.
#[derive(Debug, Clone)]
pub struct Embedding {
    /// `[vectors, width of the first tower]`.
    pub first: Tensor,
    /// `[vectors, width of the second tower]`, for SDXL.
    pub second: Option<Tensor>,
}

/// Embeddings by the names that prompts call them.
pub type Embeddings = BTreeMap<String, Embedding>;

/// An encoded prompt.
#[derive(Debug, Clone)]
pub struct Text {
    /// `[1, 77 * chunks, width]`; with two towers the widths are side by side.
    pub context: Tensor,
    /// The pooled result of the second tower, `[1, width]`.
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

    /// Encodes a prompt with its weights. `clip_skip` 0 takes what the model was trained with: of SD1.5's tower the last
    /// layer, of SDXL's two the last but one. `embeddings` has what `embedding:name` in the prompt means.
    ///
    /// Errors: [`ModelError::Invalid`] for a clip skip that leaves no layer, for a weight beyond all range, and for an
    /// embedding that is not there or of another width.
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
        // An embedding may have more vectors for one tower than for the other: the longer result is cut.
        let tokens = left.dim(1)?.min(right.dim(1)?);
        let context = Tensor::cat(&[left.narrow(1, 0, tokens)?, right.narrow(1, 0, tokens)?], 2)?;
        Ok(Text { context, pooled })
    }
}

/// The vector that SDXL's UNet takes beside the text, `[n, width + 6 * 256]`: pooled text `[n, width]`, then height and
/// width of the original, top and left of the crop, height and width of the result, in pixels. The picture counts as its
/// own original, uncropped, as the reference workflow's plain text node has it.
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
