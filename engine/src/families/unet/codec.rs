//! AutoencoderKL, which encodes every frame separately.

use candle_core::Tensor;

use crate::diffusion::latents::{from_frames, to_frames};
use crate::families::Codec;
use crate::nn::{ModelError, Vae};

/// An autoencoder with the factor from its latents to the sampler's space.
#[derive(Debug)]
pub struct Autoencoder {
    pub vae: Vae,
    pub scale: f64,
}

impl Codec for Autoencoder {
    fn encode(&self, pictures: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError> {
        let latents = match tile {
            None => self.vae.encode(pictures)?,
            Some(tile) => self.vae.encode_tiled(pictures, tile)?,
        };
        Ok(from_frames(&(latents * self.scale)?)?)
    }

    fn decode(&self, latents: &Tensor, tile: Option<usize>) -> Result<Tensor, ModelError> {
        let latents = (to_frames(latents)? / self.scale)?;
        match tile {
            None => self.vae.decode(&latents),
            Some(tile) => self.vae.decode_tiled(&latents, tile),
        }
    }

    fn working_memory(&self, [frames, height, width]: [usize; 3]) -> u64 {
        frames as u64 * self.vae.working_memory([height, width])
    }
}
