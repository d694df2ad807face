//! CLIP text encoders: one, or SDXL's two with concatenated outputs.

use crate::families::{Conditioner, TextConditioning};
use crate::nn::{Embeddings, ModelError, TextEncoder};

impl Conditioner for TextEncoder {
    fn encode(
        &self,
        prompt: &str,
        clip_skip: usize,
        embeddings: &Embeddings,
    ) -> Result<TextConditioning, ModelError> {
        let text = Self::encode(self, prompt, clip_skip, embeddings)?;
        Ok(TextConditioning { context: text.context, pooled: text.pooled })
    }
}
