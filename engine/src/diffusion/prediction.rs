//! What a network's output stands for, and the denoised latents that follow from it.

use candle_core::{DType, Tensor};

use super::{DiffusionError, ProbabilityPath, scale_input};

/// What a network was trained to predict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise in its input (Ho et al. 2020).
    #[default]
    Noise,
    /// The velocity `sqrt(abar) eps - sqrt(1 - abar) x0` (Salimans and Ho 2022).
    Velocity,
    /// The velocity `eps - x0` of the straight path `x = (1 - sigma) x0 + sigma eps` (rectified flow: Liu et al. 2022, "Flow
    /// Straight and Fast"; Lipman et al. 2023, "Flow Matching for Generative Modeling").
    Flow,
}

impl Prediction {
    /// The space of the latents that the network was trained on.
    pub fn path(self) -> ProbabilityPath {
        match self {
            Self::Noise | Self::Velocity => ProbabilityPath::VarianceExploding,
            Self::Flow => ProbabilityPath::Straight,
        }
    }

    /// What the network sees of latents `x` at noise level `sigma`, in their shape and type: [`scale_input`] of them in the
    /// space `x = x0 + sigma * eps`, and on the straight path x itself.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn input(self, x: &Tensor, sigma: f32) -> Result<Tensor, DiffusionError> {
        Ok(match self {
            Self::Noise | Self::Velocity => scale_input(x, sigma)?,
            Self::Flow => x.clone(),
        })
    }

    /// The denoised latents for noisy latents `x` at noise level `sigma`, f32, both in the space of [`Self::path`].
    ///
    /// In the space `x = x0 + sigma * eps`, from noise that is `x - sigma * eps`. With `abar = 1 / (sigma^2 + 1)`, and the network's input being
    /// `x / sqrt(sigma^2 + 1)`, velocity gives `x / (sigma^2 + 1) - v * sigma / sqrt(sigma^2 + 1)`. On the
    /// straight path `x - sigma * (eps - x0)` is x0.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn denoised(self, x: &Tensor, output: &Tensor, sigma: f32) -> Result<Tensor, DiffusionError> {
        let output = output.to_dtype(DType::F32)?;
        let level = f64::from(sigma);
        Ok(match self {
            Self::Noise | Self::Flow => (x - (output * level)?)?,
            Self::Velocity => {
                let variance = level * level + 1.0;
                (x.affine(1.0 / variance, 0.0)? - output.affine(level / variance.sqrt(), 0.0)?)?
            }
        })
    }
}
