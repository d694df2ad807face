//! Evaluates the UNet with motion module, ControlNets and SDXL's size conditioning.

use candle_core::{DType, Tensor};

use crate::diffusion::latents::{BATCH, from_frames_of, to_frames};
use crate::families::control::residuals;
use crate::families::{Input, Predictor};
use crate::nn::{ControlNet, Given, ModelError, UNet, size_vector};

impl Predictor for UNet {
    /// The UNet and the ControlNets take the frames of all branches concatenated in the batch.
    fn predict(&self, input: &Input<'_>) -> Result<Tensor, ModelError> {
        let x = to_frames(input.x)?.to_dtype(input.dtype)?;
        let context = input.text.context.to_dtype(input.dtype)?;
        let [height, width] = input.picture;
        let pooled = input.text.pooled.as_ref();
        let vector = pooled.map(|pooled| size_vector(pooled, height, width)).transpose()?;
        let given =
            Given { context: &context, vector: vector.as_ref(), residuals: None, at_once: input.at_once };
        let added = residuals(input.controls, &x, input, given)?;
        let given = Given { residuals: added.as_ref(), ..given };
        let out = self.forward(&x, input.timestep, given, input.latents.len(), input.motion)?;
        Ok(from_frames_of(&out.to_dtype(DType::F32)?, input.x.dim(BATCH)?)?)
    }

    fn working_memory(&self, count: usize, at_once: usize, size: [usize; 2]) -> u64 {
        Self::working_memory(self, count, at_once, size)
    }

    fn check_control(&self, net: &ControlNet) -> Result<(), ModelError> {
        net.check_unet(self)
    }
}
