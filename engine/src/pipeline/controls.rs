//! ControlNets in a request: which of them a pass uses, what they see, and what their results depend on.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::hints::hint_key;
use super::models::Chosen;
use crate::diffusion::NoiseSchedule;
use crate::model::{ControlNet, Given, Hint, ModelError, Residuals};
use protocol::key::KeyBuilder;
use protocol::request::{ControlUse, Request};

/// Whether a ControlNet has any effect on a pass.
fn matters(control: &ControlUse) -> bool {
    control.start < control.end && control.weight.iter().any(|weight| *weight != 0.0)
}

/// The frames at which a hint counts, for a key.
pub fn marks(shown: &[bool]) -> Vec<f64> {
    shown.iter().map(|shown| f64::from(u8::from(*shown))).collect()
}

/// The ControlNets of a pass that have any effect.
pub fn acting(controls: &[ControlUse]) -> impl Iterator<Item = &ControlUse> {
    controls.iter().filter(|control| matters(control))
}

/// Adds what a pass's ControlNets depend on to its key.
pub fn add_controls(
    mut key: KeyBuilder,
    controls: &[ControlUse],
    request: &Request,
    chosen: &Chosen,
) -> KeyBuilder {
    for control in acting(controls) {
        let preprocessor = request.hints.get(control.unit).copied().unwrap_or_default();
        key = key
            .keys("control", chosen.control_id(control.unit).as_ref())
            .key("hint", &hint_key(request, chosen, preprocessor))
            .keys("vae", chosen.sees_latents(control.unit).then(|| chosen.vae_id()).as_ref())
            .floats("weight", &control.weight)
            .floats("shown", &marks(&control.shown))
            .floats("range", &[control.start, control.end]);
    }
    key
}

/// A ControlNet ready for a pass over one segment.
pub struct ActiveControl {
    /// The network.
    pub net: Arc<ControlNet>,
    /// What it sees, [frames, 3, height, width] in 0..1, or the latents of that.
    pub hint: Tensor,
    /// The frames that a SparseCtrl sees.
    pub shown: Vec<bool>,
    /// Its weight at every frame of the segment.
    pub weight: Vec<f32>,
    /// It acts while sigma is at most this,
    pub from: f64,
    /// and at least this, whichever way sigma goes.
    pub to: f64,
}

impl ActiveControl {
    /// A ControlNet that has to see every frame has no weight where its hint does not count.
    ///
    /// Start and end are shares of the timesteps; they are compared as noise levels, so in a pass whose noise rises
    /// the end comes first.
    pub fn new(net: Arc<ControlNet>, hint: Tensor, control: &ControlUse, schedule: &NoiseSchedule) -> Self {
        let counts = |frame: usize| net.is_sparse() || control.shown.get(frame).copied().unwrap_or(true);
        let weight = control.weight.iter().enumerate();
        let weight = weight.map(|(frame, weight)| if counts(frame) { *weight as f32 } else { 0.0 }).collect();
        Self {
            net,
            hint,
            shown: control.shown.clone(),
            weight,
            from: schedule.percent_to_sigma(control.start),
            to: schedule.percent_to_sigma(control.end),
        }
    }

    /// What this network adds for a window; nothing outside of its range and where its weights are 0.
    fn residuals(
        &self,
        x: &Tensor,
        look: &Look<'_>,
        given: Given<'_>,
        dtype: DType,
    ) -> Result<Option<Residuals>, ModelError> {
        let sigma = f64::from(look.sigma);
        let weights = window_weights(&self.weight, look.frames);
        if sigma > self.from || sigma < self.to || weights.iter().all(|weight| *weight == 0.0) {
            return Ok(None);
        }
        let index: Vec<u32> = look.frames.iter().map(|&f| f as u32).collect();
        let hint = self.hint.index_select(&Tensor::new(index, self.hint.device())?, 0)?;
        let hint = hint.to_device(x.device())?.to_dtype(dtype)?;
        let shown: Vec<bool> =
            look.frames.iter().map(|&f| self.shown.get(f).copied().unwrap_or(true)).collect();
        let hint = Hint { frames: &hint, shown: &shown };
        let residuals = self.net.forward(x, look.timestep as f32, given, hint)?;
        Ok(Some(residuals.scaled(&weights)?))
    }
}

/// The weights of a window's frames, from those of the segment.
///
/// A strided window that wraps around can hold a frame twice. Where weights differ from frame to frame, the first of the
/// two is then without the ControlNet: the reference, whose windows these are, gives such a weight to one entry for
/// each frame.
fn window_weights(weight: &[f32], frames: &[usize]) -> Vec<f32> {
    let by_frame = weight.windows(2).any(|pair| pair[0] != pair[1]);
    let entries = frames.iter().enumerate();
    let entries = entries.map(|(at, frame)| {
        let again = by_frame && frames[at + 1..].contains(frame);
        if again { 0.0 } else { weight.get(*frame).copied().unwrap_or(0.0) }
    });
    entries.collect()
}

/// When and at which frames of the segment the network looks.
pub struct Look<'a> {
    /// The noise level.
    pub sigma: f32,
    /// The timestep that stands for it.
    pub timestep: usize,
    /// The frames of the window.
    pub frames: &'a [usize],
}

/// What all ControlNets together add to the evaluation of `x`, [branches * window, channels, h, w], which is scaled
/// already.
///
/// # Errors
/// Shapes that do not fit.
pub fn residuals(
    controls: &[ActiveControl],
    x: &Tensor,
    look: &Look<'_>,
    given: Given<'_>,
    dtype: DType,
) -> Result<Option<Residuals>, ModelError> {
    let mut sum: Option<Residuals> = None;
    for control in controls {
        if let Some(residuals) = control.residuals(x, look, given, dtype)? {
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
