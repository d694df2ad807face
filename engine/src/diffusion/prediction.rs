//! Parametrisations of a network's output, and the denoised latents that follow from it.

use candle_core::{DType, Tensor};

use super::{DiffusionError, ProbabilityPath, scale_input};

/// What a network was trained to predict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The noise eps in the input (Ho et al. 2020).
    #[default]
    Noise,
    /// The velocity `sqrt(abar) eps - sqrt(1 - abar) x0` (Salimans and Ho 2022).
    Velocity,
    /// The velocity `eps - x0` of the straight path `x = (1 - sigma) x0 + sigma eps` (rectified flow: Liu et al. 2022, "Flow
    /// Straight and Fast"; Lipman et al. 2023, "Flow Matching for Generative Modeling").
    Flow,
}

impl Prediction {
    /// The space of the latents on which the network was trained.
    pub fn path(self) -> ProbabilityPath {
        match self {
            Self::Noise | Self::Velocity => ProbabilityPath::VarianceExploding,
            Self::Flow => ProbabilityPath::Straight,
        }
    }

    /// The network's input for latents `x` at noise level `sigma`, in the shape and type of `x`: [`scale_input`] in the
    /// space `x = x0 + sigma * eps`, and x itself on the straight path.
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
    /// In the space `x = x0 + sigma * eps`, predicted noise gives `x - sigma * eps`. With `abar = 1 / (sigma^2 + 1)` and
    /// the network's input `x / sqrt(sigma^2 + 1)`, predicted velocity gives
    /// `x / (sigma^2 + 1) - v * sigma / sqrt(sigma^2 + 1)`. On the straight path, `x - sigma * (eps - x0)` is x0.
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
