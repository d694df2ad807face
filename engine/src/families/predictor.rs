//! The interface of the denoising networks: noisy latents to a prediction.

use std::fmt;

use candle_core::{DType, Tensor};

use super::{ActiveControl, TextConditioning};
use crate::nn::{ControlNet, ModelError, MotionControls, MotionModule};

/// The inputs of one evaluation of a network.
pub struct Input<'a> {
    /// Noisy latents, f32 `[batch, channels, time, height, width]`, scaled by
    /// [`Prediction::input`](crate::diffusion::Prediction::input). The batch axis holds the guidance branches: prompt
    /// and negative prompt.
    pub x: &'a Tensor,
    /// The noise level of `x`.
    pub sigma: f32,
    /// The timestep for `sigma`, 0 to 1000.
    pub timestep: f32,
    /// The indices in the segment of the latents in time.
    pub latents: &'a [usize],
    /// The conditioning: one for each branch, or one for each latent in time of each branch.
    pub text: &'a TextConditioning,
    /// Height and width of the pictures in pixels, which SDXL is conditioned on.
    pub picture: [usize; 2],
    /// The motion module, for networks that support one.
    pub motion: Option<(&'a MotionModule, &'a MotionControls)>,
    /// The active ControlNets, for networks that support them.
    pub controls: &'a [ActiveControl],
    /// How many latents in time, over all branches, layers that do not attend across time process at once; `None`: all.
    /// Fewer take less memory, with the same result.
    pub at_once: Option<usize>,
    /// The number format in which the network computes.
    pub dtype: DType,
}

/// The denoising network of a family.
pub trait Predictor: fmt::Debug + Send + Sync {
    /// The network's prediction, in the shape of `input.x`, in any float type.
    /// [`Defaults::prediction`](super::Defaults::prediction) says whether it is noise, velocity or flow.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for mismatched shapes; out of memory.
    fn predict(&self, input: &Input<'_>) -> Result<Tensor, ModelError>;

    /// Estimated working memory in bytes, without the weights, of evaluating `count` latents in time (over all
    /// branches) of [height, width], `at_once` of them at a time.
    fn working_memory(&self, count: usize, at_once: usize, size: [usize; 2]) -> u64;

    /// Checks that a ControlNet was trained for a network like this one.
    ///
    /// # Errors
    /// [`ModelError::Topology`] with the mismatch; always for networks that do not support ControlNets.
    fn check_control(&self, net: &ControlNet) -> Result<(), ModelError> {
        let reason = "this family of checkpoints takes no ControlNet".to_owned();
        Err(ModelError::Topology { origin: net.origin().into(), reason })
    }
}
