//! The residuals of ControlNets.

use candle_core::Tensor;

use crate::nn::ModelError;
use crate::nn::kernels;

/// The output of one ControlNet, or the sum of several: one tensor for each skip of the UNet, and one for the middle
/// block.
#[derive(Debug, Clone)]
pub struct Residuals {
    pub(super) skips: Vec<Tensor>,
    pub(super) middle: Tensor,
}

impl Residuals {
    /// Multiplied by `weights`: one weight for all frames, or one for each frame of the window.
    ///
    /// Errors: [`ModelError::Invalid`] if the number of weights does not divide the number of frames.
    pub fn scaled(&self, weights: &[f32]) -> Result<Self, ModelError> {
        let n = self.middle.dim(0)?;
        if weights.is_empty() || !n.is_multiple_of(weights.len()) {
            return Err(ModelError::Invalid(format!("{} ControlNet weights for {n} frames", weights.len())));
        }
        let scale = |x: &Tensor| -> candle_core::Result<Tensor> {
            if weights.windows(2).all(|pair| pair[0] == pair[1]) {
                return x.affine(f64::from(weights[0]), 0.0);
            }
            let each: Vec<f32> = (0..n).map(|index| weights[index % weights.len()]).collect();
            let each = Tensor::from_vec(each, (n, 1, 1, 1), x.device())?.to_dtype(x.dtype())?;
            x.broadcast_mul(&each)
        };
        let skips = self.skips.iter().map(scale).collect::<candle_core::Result<_>>()?;
        Ok(Self { skips, middle: scale(&self.middle)? })
    }

    /// The sum of two ControlNets' residuals for the same UNet.
    pub fn plus(&self, other: &Self) -> Result<Self, ModelError> {
        let skips = self.skips.iter().zip(&other.skips).map(|(a, b)| kernels::add(a, b));
        Ok(Self {
            skips: skips.collect::<candle_core::Result<_>>()?,
            middle: kernels::add(&self.middle, &other.middle)?,
        })
    }

    /// Adds the residuals to a UNet's skips in place; returns `middle` plus its residual.
    pub(in crate::nn) fn join(&self, skips: &mut [Tensor], middle: &Tensor) -> Result<Tensor, ModelError> {
        if skips.len() != self.skips.len() {
            return Err(ModelError::Invalid(format!(
                "a ControlNet with {} results for a UNet with {} skips",
                self.skips.len(),
                skips.len()
            )));
        }
        for (skip, residual) in skips.iter_mut().zip(&self.skips) {
            *skip = kernels::add(skip, residual)?;
        }
        Ok(kernels::add(middle, &self.middle)?)
    }
}
