//! The UNet with its motion module and conditioning, as the network that the mathematics asks for predictions.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::controls::{ActiveControl, Look, residuals};
use super::finite::{NotFinite, is_finite};
use super::memory::{Room, Slices};
use super::worker::Control;
use crate::diffusion::latents::{BATCH, from_frames_of, to_frames};
use crate::diffusion::{Branch, Call, DiffusionError, Network, Prediction};
use crate::model::{Given, ModelError, MotionControls, MotionModule, UNet, size_vector};

/// What a prompt, or a prompt for every frame, steers by.
#[derive(Clone)]
pub struct Text {
    /// [1 or frames, tokens, width].
    pub context: Tensor,
    /// Pooled text of SDXL, [1 or frames, width].
    pub pooled: Option<Tensor>,
}

impl Text {
    /// On another device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn to_device(&self, device: &Device) -> Result<Self, candle_core::Error> {
        Ok(Self {
            context: self.context.to_device(device)?,
            pooled: self.pooled.as_ref().map(|pooled| pooled.to_device(device)).transpose()?,
        })
    }

    /// For the frames of a window: one where every frame has the same, else one for each.
    fn window(&self, frames: &[usize]) -> Result<Self, candle_core::Error> {
        if self.context.dim(0)? == 1 {
            return Ok(self.clone());
        }
        let index: Vec<u32> = frames.iter().map(|&f| f as u32).collect();
        let index = Tensor::new(index, self.context.device())?;
        Ok(Self {
            context: self.context.index_select(&index, 0)?,
            pooled: self.pooled.as_ref().map(|pooled| pooled.index_select(&index, 0)).transpose()?,
        })
    }

    /// Several of the same length one after the other.
    fn stack(texts: &[Self]) -> Result<Self, candle_core::Error> {
        let contexts: Vec<&Tensor> = texts.iter().map(|text| &text.context).collect();
        let pooled: Option<Vec<&Tensor>> = texts.iter().map(|text| text.pooled.as_ref()).collect();
        Ok(Self {
            context: Tensor::cat(&contexts, 0)?,
            pooled: pooled.map(|pooled| Tensor::cat(&pooled, 0)).transpose()?,
        })
    }
}

/// Conditioning of both branches.
#[derive(Clone)]
pub struct Conditioning {
    /// Of the prompt.
    pub positive: Text,
    /// Of the negative prompt.
    pub negative: Text,
}

/// A [`Network`] for one sampling pass over one segment.
pub struct UnetNetwork<'a> {
    /// The UNet.
    pub unet: Arc<UNet>,
    /// What it predicts.
    pub prediction: Prediction,
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
    /// How evaluations are cut up; smaller once memory did not suffice.
    pub slices: Slices,
    /// What a slice may take.
    pub room: Room,
    /// Frees whatever is not needed for this pass; false if there was nothing.
    pub make_room: &'a mut dyn FnMut() -> bool,
    /// Asked before every evaluation.
    pub control: &'a Control,
    /// Told the number of branches evaluated, after every evaluation.
    pub evaluated: &'a mut dyn FnMut(usize),
}

impl UnetNetwork<'_> {
    /// Conditioning of a branch for the frames of a window.
    fn text(&self, branch: Branch, frames: &[usize]) -> Result<Text, candle_core::Error> {
        match branch {
            Branch::Cond => self.conditioning.positive.window(frames),
            Branch::Uncond => self.conditioning.negative.window(frames),
        }
    }

    /// One evaluation of [branches, channels, window, h, w], in that shape. The networks take the frames of the branches
    /// one after the other.
    fn forward(&self, x: &Tensor, text: &Text, look: &Look<'_>) -> Result<Tensor, ModelError> {
        let branches = x.dim(BATCH)?;
        let scale = look.frames.iter().map(|&f| self.motion_scale.get(f).copied().unwrap_or(1.0)).collect();
        let controls = MotionControls { scale, effect: vec![self.motion_effect; look.frames.len()] };
        let motion = self.motion.as_deref().map(|m| (m, &controls));
        let (x, context) = (to_frames(x)?.to_dtype(self.dtype)?, text.context.to_dtype(self.dtype)?);
        let (n, _, height, width) = x.dims4()?;
        let at_once = self.slices.frames;
        let needed = self.unet.working_memory(n, at_once.unwrap_or(n), [height, width]);
        self.room.claim("an evaluation of the network", needed)?;
        let vector =
            text.pooled.as_ref().map(|pooled| size_vector(pooled, height * 8, width * 8)).transpose()?;
        let given = Given { context: &context, vector: vector.as_ref(), residuals: None, at_once };
        let added = residuals(&self.controls, &x, look, given, self.dtype)?;
        let given = Given { residuals: added.as_ref(), ..given };
        let out = self.unet.forward(&x, look.timestep, given, look.frames.len(), motion)?;
        Ok(from_frames_of(&out.to_dtype(DType::F32)?, branches)?)
    }

    /// The predictions of all branches, cut up as [`Self::slices`] says.
    fn branches(&self, x: &Tensor, texts: &[Text], look: &Look<'_>) -> Result<Vec<Tensor>, ModelError> {
        let same_length = texts.windows(2).all(|w| w[0].context.dims() == w[1].context.dims());
        if self.slices.together && texts.len() > 1 && same_length {
            let xs = Tensor::cat(&vec![x; texts.len()], BATCH)?;
            let out = self.forward(&xs, &Text::stack(texts)?, look)?;
            return Ok((0..texts.len()).map(|i| out.narrow(BATCH, i, 1)).collect::<Result<_, _>>()?);
        }
        texts.iter().map(|text| self.forward(x, text, look)).collect()
    }

    /// As [`Self::branches`]; where memory does not suffice, again with what else is in memory gone, then in smaller and
    /// smaller slices.
    fn within_memory(
        &mut self,
        x: &Tensor,
        texts: &[Text],
        look: &Look<'_>,
    ) -> Result<Vec<Tensor>, DiffusionError> {
        loop {
            let error = match self.branches(x, texts, look) {
                Ok(out) => return Ok(out),
                Err(error) if error.is_out_of_memory() => error,
                Err(error) => return Err(DiffusionError::network(error)),
            };
            if (self.make_room)() {
                continue;
            }
            let Some(smaller) = self.slices.smaller(texts.len(), look.frames.len()) else {
                return Err(DiffusionError::network(error));
            };
            log::warn!("{error}; trying {smaller}");
            self.slices = smaller;
        }
    }
}

impl Network for UnetNetwork<'_> {
    fn prediction(&self) -> Prediction {
        self.prediction
    }

    fn predict(&mut self, call: &Call<'_>) -> Result<Vec<Tensor>, DiffusionError> {
        self.control.check().map_err(|_| DiffusionError::Cancelled)?;
        let x = self.prediction.input(call.x, call.sigma)?;
        let texts =
            call.branches.iter().map(|&b| self.text(b, call.frames)).collect::<Result<Vec<_>, _>>()?;
        let look = Look { sigma: call.sigma, timestep: call.timestep, frames: call.frames };
        let out = self.within_memory(&x, &texts, &look)?;
        for prediction in &out {
            if !is_finite(prediction)? {
                return Err(DiffusionError::network(NotFinite { step: call.step }));
            }
        }
        (self.evaluated)(call.branches.len());
        Ok(out)
    }
}
