//! The interface of autoencoders: pictures to latents and back.

use std::fmt;

use candle_core::Tensor;

use crate::nn::ModelError;

/// The autoencoder of a family.
pub trait Codec: fmt::Debug + Send + Sync {
    /// Encodes pictures `[frames, 3, height, width]` in -1..1, f32, to latents in the sampler's space,
    /// `[1, channels, time, height / space, width / space]`, f32. The pictures are those of one [`Group`](super::Group),
    /// padded to whole latents in space and time. `tile` is the side length in latents of spatial tiles, coded one by one;
    /// `None`: everything at once. Deterministic: returns the mean of the distribution, not a sample.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for another shape; out of memory.
    fn encode(&self, pictures: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError>;

    /// Decodes latents in the sampler's space, in the shape of [`encode`](Self::encode), to pictures
    /// `[frames, 3, height, width]` in approximately -1..1, not clamped.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    fn decode(&self, latents: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError>;

    /// Estimated working memory in bytes, without the weights, for encoding or decoding latents of [time, height, width].
    fn working_memory(&self, latents: [usize; 3]) -> u64;
}
