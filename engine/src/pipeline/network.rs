//! A family's network with motion module, ControlNets and conditioning, as a [`DiffusionModel`] for the sampler.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::finite::{NotFinite, is_finite};
use super::memory::{MemoryLimit, Slices};
use super::worker::RequestControl;
use crate::diffusion::latents::BATCH;
use crate::diffusion::{Branch, Call, DiffusionError, DiffusionModel, Prediction};
use crate::families::{ActiveControl, Input, Predictor, TextConditioning};
use crate::nn::{ModelError, MotionControls, MotionModule};

/// The conditioning of both guidance branches.
#[derive(Clone)]
pub struct Conditioning {
    /// Conditioning from the prompt.
    pub positive: TextConditioning,
    /// Conditioning from the negative prompt.
    pub negative: TextConditioning,
}

/// The network for one sampling pass over one segment.
pub struct SegmentNetwork<'a> {
    /// The family's denoising network.
    pub predictor: Arc<Box<dyn Predictor>>,
    /// The parametrisation of its output.
    pub prediction: Prediction,
    /// The motion module, if there is one.
    pub motion: Option<Arc<MotionModule>>,
    /// The motion module's attention scale for every latent in time of the segment.
    pub motion_scale: Vec<f32>,
    /// The weight with which the motion module's output is blended in, 0 to 1.
    pub motion_effect: f32,
    /// The ControlNets that are active in this pass.
    pub controls: Vec<ActiveControl>,
    /// Conditioning from the prompt and the negative prompt.
    pub conditioning: Conditioning,
    /// Height and width of the pictures in pixels.
    pub picture: [usize; 2],
    /// Number format of the network.
    pub dtype: DType,
    /// How evaluations are divided; made smaller when memory runs out.
    pub slices: Slices,
    /// The memory limit of a slice.
    pub room: MemoryLimit,
    /// Unloads everything that this pass does not need; returns false if there was nothing to unload.
    pub make_room: &'a mut dyn FnMut() -> bool,
    /// Checked for cancellation before every evaluation.
    pub control: &'a RequestControl,
    /// Called after every evaluation with the number of branches.
    pub evaluated: &'a mut dyn FnMut(usize),
}

impl SegmentNetwork<'_> {
    /// The conditioning of a branch for the latents of a window.
    fn text(&self, branch: Branch, latents: &[usize]) -> Result<TextConditioning, candle_core::Error> {
        match branch {
            Branch::Cond => self.conditioning.positive.select(latents),
            Branch::Uncond => self.conditioning.negative.select(latents),
        }
    }

    /// One evaluation for [branches, channels, window, height, width]; the result has the same shape.
    fn forward(&self, x: &Tensor, text: &TextConditioning, call: &Call<'_>) -> Result<Tensor, ModelError> {
        let at = |latent: &usize| self.motion_scale.get(*latent).copied().unwrap_or(1.0);
        let controls = MotionControls {
            scale: call.frames.iter().map(at).collect(),
            effect: vec![self.motion_effect; call.frames.len()],
        };
        let (branches, _, time, height, width) = x.dims5()?;
        let (n, at_once) = (branches * time, self.slices.frames);
        let needed = self.predictor.working_memory(n, at_once.unwrap_or(n), [height, width]);
        self.room.claim("an evaluation of the network", needed)?;
        self.predictor.predict(&Input {
            x,
            sigma: call.sigma,
            timestep: call.timestep,
            latents: call.frames,
            text,
            picture: self.picture,
            motion: self.motion.as_deref().map(|module| (module, &controls)),
            controls: &self.controls,
            at_once,
            dtype: self.dtype,
        })
    }

    /// The predictions of all branches, divided as [`Self::slices`] says.
    fn branches(
        &self,
        x: &Tensor,
        texts: &[TextConditioning],
        call: &Call<'_>,
    ) -> Result<Vec<Tensor>, ModelError> {
        let same_length = texts.windows(2).all(|w| w[0].context.dims() == w[1].context.dims());
        if self.slices.together && texts.len() > 1 && same_length {
            let xs = Tensor::cat(&vec![x; texts.len()], BATCH)?;
            let out = self.forward(&xs, &TextConditioning::stack(texts)?, call)?;
            return Ok((0..texts.len()).map(|i| out.narrow(BATCH, i, 1)).collect::<Result<_, _>>()?);
        }
        texts.iter().map(|text| self.forward(x, text, call)).collect()
    }

    /// Like [`Self::branches`], but when memory runs out it is repeated, first after unloading everything else, then
    /// with smaller and smaller slices.
    fn within_memory(
        &mut self,
        x: &Tensor,
        texts: &[TextConditioning],
        call: &Call<'_>,
    ) -> Result<Vec<Tensor>, DiffusionError> {
        loop {
            let error = match self.branches(x, texts, call) {
                Ok(out) => return Ok(out),
                Err(error) if error.is_out_of_memory() => error,
                Err(error) => return Err(DiffusionError::network(error)),
            };
            if (self.make_room)() {
                continue;
            }
            let Some(smaller) = self.slices.smaller(texts.len(), call.frames.len()) else {
                return Err(DiffusionError::network(error));
            };
            log::warn!("{error}; trying {smaller}");
            self.slices = smaller;
        }
    }
}

impl DiffusionModel for SegmentNetwork<'_> {
    fn prediction(&self) -> Prediction {
        self.prediction
    }

    fn predict(&mut self, call: &Call<'_>) -> Result<Vec<Tensor>, DiffusionError> {
        self.control.check().map_err(|_| DiffusionError::Cancelled)?;
        let x = self.prediction.input(call.x, call.sigma)?;
        let texts =
            call.branches.iter().map(|&b| self.text(b, call.frames)).collect::<Result<Vec<_>, _>>()?;
        let out = self.within_memory(&x, &texts, call)?;
        for prediction in &out {
            if !is_finite(prediction)? {
                return Err(DiffusionError::network(NotFinite { step: call.step }));
            }
        }
        (self.evaluated)(call.branches.len());
        Ok(out)
    }
}
