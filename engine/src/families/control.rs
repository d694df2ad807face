//! The ControlNets of a pass, and the residuals that they add to a UNet.

use std::sync::Arc;

use candle_core::Tensor;

use super::Input;
use crate::diffusion::latents::index_tensor;
use crate::nn::{ControlNet, Given, Hint, ModelError, Residuals};

/// A ControlNet prepared for a pass over one segment.
pub struct ActiveControl {
    /// The loaded network, shared between passes.
    pub net: Arc<ControlNet>,
    /// The hints, [frames, 3, height, width] in 0..1, or their latents.
    pub hint: Tensor,
    /// For SparseCtrl: whether each frame of the segment has a hint.
    pub shown: Vec<bool>,
    /// The strength for every frame of the segment.
    pub weight: Vec<f32>,
    /// The upper end of the range of sigmas in which it is active, inclusive.
    pub from: f64,
    /// The lower end of that range, inclusive; the same for sampling and unsampling.
    pub to: f64,
}

impl ActiveControl {
    /// The residuals of this network for a window; `None` outside of its range of sigmas or if all weights are 0.
    fn residuals(
        &self,
        x: &Tensor,
        input: &Input<'_>,
        given: Given<'_>,
    ) -> Result<Option<Residuals>, ModelError> {
        let sigma = f64::from(input.sigma);
        let weights = window_weights(&self.weight, input.latents);
        if sigma > self.from || sigma < self.to || weights.iter().all(|weight| *weight == 0.0) {
            return Ok(None);
        }
        let index = index_tensor(input.latents.iter().copied(), self.hint.device())?;
        let hint = self.hint.index_select(&index, 0)?;
        let hint = hint.to_device(x.device())?.to_dtype(input.dtype)?;
        let shown: Vec<bool> =
            input.latents.iter().map(|&f| self.shown.get(f).copied().unwrap_or(true)).collect();
        let hint = Hint { frames: &hint, shown: &shown };
        let residuals = self.net.forward(x, input.timestep, given, hint)?;
        Ok(Some(residuals.scaled(&weights)?))
    }
}

/// The weights of a window's frames, selected from those of the segment.
///
/// A strided window that wraps around can hold a frame twice. If the weights differ from frame to frame, the first of
/// the two entries gets a weight of 0, as in the reference, which assigns such a weight to only one entry per frame.
fn window_weights(weight: &[f32], frames: &[usize]) -> Vec<f32> {
    let by_frame = weight.windows(2).any(|pair| pair[0] != pair[1]);
    let entries = frames.iter().enumerate();
    let entries = entries.map(|(at, frame)| {
        let again = by_frame && frames[at + 1..].contains(frame);
        if again { 0.0 } else { weight.get(*frame).copied().unwrap_or(0.0) }
    });
    entries.collect()
}

/// The sum of the residuals of all ControlNets for `x`, the latents of `input` in the UNet's layout,
/// [branches * window, channels, h, w].
///
/// # Errors
/// If shapes do not match.
pub fn residuals(
    controls: &[ActiveControl],
    x: &Tensor,
    input: &Input<'_>,
    given: Given<'_>,
) -> Result<Option<Residuals>, ModelError> {
    let mut sum: Option<Residuals> = None;
    for control in controls {
        if let Some(residuals) = control.residuals(x, input, given)? {
            sum = Some(match sum {
                Some(sum) => sum.plus(&residuals)?,
                None => residuals,
            });
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_frame_that_a_window_holds_twice_the_last_has_its_own_weight() {
        let looped = [4, 0, 2, 4];
        assert_eq!(window_weights(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], &looped), [0.0, 0.1, 0.3, 0.5]);
        assert_eq!(window_weights(&[0.5; 6], &looped), [0.5; 4]);
        assert_eq!(window_weights(&[0.1, 0.2], &[1, 2]), [0.2, 0.0]);
    }
}
