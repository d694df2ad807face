//! Noisy latents to what the network predicts.

use std::fmt;

use candle_core::{DType, Tensor};

use super::{ActiveControl, Text};
use crate::nn::{ControlNet, ModelError, MotionControls, MotionModule};

/// One evaluation of a network.
pub struct Input<'a> {
    /// Noisy latents, f32 `[batch, channels, time, height, width]`, scaled as
    /// [`Prediction::input`](crate::diffusion::Prediction::input) says. The batch is of branches: prompt and negative prompt.
    pub x: &'a Tensor,
    /// The noise level.
    pub sigma: f32,
    /// The timestep that goes with it, 0 to 1000.
    pub timestep: f32,
    /// Which latents in time of the segment they are.
    pub latents: &'a [usize],
    /// What to steer by: one for each branch, or one for each latent in time of each branch.
    pub text: &'a Text,
    /// Height and width of the pictures in pixels.
    pub picture: [usize; 2],
    /// The motion module, for networks that take one.
    pub motion: Option<(&'a MotionModule, &'a MotionControls)>,
    /// ControlNets, for networks that take them.
    pub controls: &'a [ActiveControl],
    /// Latents in time, of all branches together, that layers without a view across time work on at once; `None`: all.
    /// Fewer take less memory; the result is the same.
    pub at_once: Option<usize>,
    /// Number format of the network.
    pub dtype: DType,
}

/// The network of a family.
pub trait Predictor: fmt::Debug + Send + Sync {
    /// What the network predicts, in the shape of `input.x`, any float type. What it stands for says
    /// [`Defaults::prediction`](super::Defaults::prediction).
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for shapes that do not fit; no memory.
    fn predict(&self, input: &Input<'_>) -> Result<Tensor, ModelError>;

    /// Bytes that an evaluation of `count` latents in time (of all branches together) of [height, width] takes besides the
    /// weights, `at_once` of them at a time: an estimate.
    fn working_memory(&self, count: usize, at_once: usize, size: [usize; 2]) -> u64;

    /// Checks that a ControlNet was made for a network like this one.
    ///
    /// # Errors
    /// [`ModelError::Topology`] with what does not fit; for a network that takes none, always.
    fn check_control(&self, net: &ControlNet) -> Result<(), ModelError> {
        let reason = "this family of checkpoints takes no ControlNet".to_owned();
        Err(ModelError::Topology { origin: net.origin().into(), reason })
    }
}
