//! The text encoder: a prompt is a sequence of bytes, each with a vector from a table, in chunks of sixteen.

use candle_core::{DType, Device, Tensor};
use engine::families::{Conditioner, TextConditioning};
use engine::nn::{Embeddings, ModelError, Source};

use super::{TEXT, matrix};

/// Number of bytes in a chunk.
const CHUNK: usize = 16;

/// The text encoder: a table [256, width].
#[derive(Debug)]
pub struct Letters(Tensor);

impl Letters {
    /// Reads the table. Errors: it is missing, or has another shape.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        Ok(Self(matrix(source, "table", [256, TEXT], dtype, device)?))
    }
}

impl Conditioner for Letters {
    fn encode(&self, prompt: &str, clip_skip: usize, _: &Embeddings) -> Result<TextConditioning, ModelError> {
        if clip_skip != 0 {
            return Err(ModelError::Invalid("letters have no layers that clipSkip could skip".to_owned()));
        }
        let length = prompt.len().max(1).next_multiple_of(CHUNK);
        let bytes: Vec<u32> =
            prompt.bytes().map(u32::from).chain(std::iter::repeat(0)).take(length).collect();
        let context = self.0.index_select(&Tensor::new(bytes, self.0.device())?, 0)?.unsqueeze(0)?;
        Ok(TextConditioning { context, pooled: None })
    }
}
