//! The UNet with its motion module and conditioning, as the network that the mathematics asks for predictions.

use std::sync::Arc;

use candle_core::{DType, IndexOp, Tensor};

use super::controls::{ActiveControl, Look, residuals};
use super::worker::Control;
use crate::diffusion::{Branch, Call, DiffusionError, Network, scale_input};
use crate::model::{Given, MotionControls, MotionModule, UNet};

/// Conditioning of both branches, each [1 or frames, tokens, width].
#[derive(Clone)]
pub struct Conditioning {
    /// Of the prompt.
    pub positive: Tensor,
    /// Of the negative prompt.
    pub negative: Tensor,
}

/// A [`Network`] for one sampling pass over one segment.
pub struct UnetNetwork<'a> {
    /// The UNet.
    pub unet: Arc<UNet>,
    /// The motion module; without one every frame is on its own.
    pub motion: Option<Arc<MotionModule>>,
    /// Attention scale of the motion module at every frame of the segment.
    pub motion_scale: Vec<f32>,
    /// How much of the motion module is blended in.
    pub motion_effect: f32,
    /// ControlNets.
    pub controls: Vec<ActiveControl>,
    /// What to steer to and away from.
    pub conditioning: Conditioning,
    /// Number format of the network.
    pub dtype: DType,
    /// Asked before every evaluation.
    pub control: &'a Control,
    /// Told the number of branches evaluated, after every evaluation.
    pub evaluated: &'a mut dyn FnMut(usize),
}

impl UnetNetwork<'_> {
    /// Conditioning of a branch for the frames of a window: [1, tokens, width] where every frame has the same, else
    /// [frames, tokens, width].
    fn context(&self, branch: Branch, frames: &[usize]) -> Result<Tensor, candle_core::Error> {
        let all = match branch {
            Branch::Cond => &self.conditioning.positive,
            Branch::Uncond => &self.conditioning.negative,
        };
        if all.dim(0)? == 1 {
            return Ok(all.clone());
        }
        let index: Vec<u32> = frames.iter().map(|&f| f as u32).collect();
        all.index_select(&Tensor::new(index, all.device())?, 0)
    }

    fn forward(&self, x: &Tensor, context: &Tensor, look: &Look<'_>) -> Result<Tensor, DiffusionError> {
        let scale = look.frames.iter().map(|&f| self.motion_scale.get(f).copied().unwrap_or(1.0)).collect();
        let controls = MotionControls { scale, effect: vec![self.motion_effect; look.frames.len()] };
        let motion = self.motion.as_deref().map(|m| (m, &controls));
        let (x, context) = (x.to_dtype(self.dtype)?, context.to_dtype(self.dtype)?);
        let given = Given::from(&context);
        let added =
            residuals(&self.controls, &x, look, given, self.dtype).map_err(DiffusionError::network)?;
        let given = Given { residuals: added.as_ref(), ..given };
        let out = self
            .unet
            .forward(&x, look.timestep as f32, given, look.frames.len(), motion)
            .map_err(DiffusionError::network)?;
        Ok(out.to_dtype(DType::F32)?)
    }
}

impl Network for UnetNetwork<'_> {
    fn eps(&mut self, call: &Call<'_>) -> Result<Vec<Tensor>, DiffusionError> {
        self.control.check().map_err(|_| DiffusionError::Cancelled)?;
        let x = scale_input(call.x, call.sigma)?;
        let contexts =
            call.branches.iter().map(|&b| self.context(b, call.frames)).collect::<Result<Vec<_>, _>>()?;
        let look = Look { sigma: call.sigma, timestep: call.timestep, frames: call.frames };
        let n = call.frames.len();
        let same_length = contexts.windows(2).all(|w| w[0].dims() == w[1].dims());
        let out = if contexts.len() > 1 && same_length {
            // Both branches in one batch read the weights once.
            let xs = Tensor::cat(&vec![&x; contexts.len()], 0)?;
            let eps = self.forward(&xs, &Tensor::cat(&contexts, 0)?, &look)?;
            (0..contexts.len()).map(|i| eps.i(i * n..(i + 1) * n)).collect::<Result<Vec<_>, _>>()?
        } else {
            contexts.iter().map(|c| self.forward(&x, c, &look)).collect::<Result<Vec<_>, _>>()?
        };
        (self.evaluated)(call.branches.len());
        Ok(out)
    }
}
