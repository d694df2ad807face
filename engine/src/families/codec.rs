//! Pictures to latents and back.

use std::fmt;

use candle_core::Tensor;

use crate::nn::ModelError;

/// The autoencoder of a family.
pub trait Codec: fmt::Debug + Send + Sync {
    /// Pictures `[frames, 3, height, width]` in -1..1, f32, to their latents in the sampler's space,
    /// `[1, channels, time, height / space, width / space]`, f32. The pictures are those of one [`Group`](super::Group),
    /// with whole latents in space and time. `tile` is the side in latents of the tiles that are to be coded one by one;
    /// `None`: all at once. Deterministic: the mean of a distribution, not a draw.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for another shape; no memory.
    fn encode(&self, pictures: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError>;

    /// Latents in the sampler's space, shape as [`encode`](Self::encode) gives them, to pictures
    /// `[frames, 3, height, width]` in about -1..1, not clamped.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    fn decode(&self, latents: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError>;

    /// Bytes that coding latents of [time, height, width] takes besides the weights, an estimate.
    fn working_memory(&self, latents: [usize; 3]) -> u64;
}
