//! What a network's output stands for, and the denoised latents that follow from it.

use candle_core::{DType, Tensor};

use super::DiffusionError;

/// What a network was trained to predict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise in its input (Ho et al. 2020).
    #[default]
    Noise,
    /// The velocity `sqrt(abar) eps - sqrt(1 - abar) x0` (Salimans and Ho 2022).
    Velocity,
}

impl Prediction {
    /// The denoised latents for noisy latents `x` at noise level `sigma`, f32, both in the space `x = x0 + sigma * eps`.
    ///
    /// From noise that is `x - sigma * eps`. With `abar = 1 / (sigma^2 + 1)`, and the network's input being
    /// `x / sqrt(sigma^2 + 1)`, velocity gives `x / (sigma^2 + 1) - v * sigma / sqrt(sigma^2 + 1)`.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn denoised(self, x: &Tensor, output: &Tensor, sigma: f32) -> Result<Tensor, DiffusionError> {
        let output = output.to_dtype(DType::F32)?;
        let level = f64::from(sigma);
        Ok(match self {
            Self::Noise => (x - (output * level)?)?,
            Self::Velocity => {
                let variance = level * level + 1.0;
                (x.affine(1.0 / variance, 0.0)? - output.affine(level / variance.sqrt(), 0.0)?)?
            }
        })
    }
}
