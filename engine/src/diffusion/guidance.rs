//! Combines a network, context windows and classifier-free guidance into a [`Denoiser`].

use candle_core::Tensor;

use super::fuse::Merge;
use super::latents::{TIME, along_time, index_tensor};
use super::{ContextOptions, Denoiser, DiffusionError, NoiseSchedule, Prediction, ProbabilityPath, windows};

type Result<T> = std::result::Result<T, DiffusionError>;

/// A branch of classifier-free guidance: which prompt a prediction is conditioned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// Conditioned on the prompt.
    Cond,
    /// Conditioned on the negative prompt.
    Uncond,
}

/// One evaluation of the network on one context window.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The window's noisy latents, f32 `[batch, c, window, h, w]`, not yet scaled by [`Prediction::input`].
    pub x: &'a Tensor,
    /// The noise level of `x`.
    pub sigma: f32,
    /// The timestep that the network gets for `sigma`, see [`NoiseSchedule::timestep`].
    pub timestep: f32,
    /// The indices in the segment of the window's frames.
    pub frames: &'a [usize],
    /// The number of frames of the segment.
    pub total: usize,
    /// The guidance branches to predict, in the order of the results.
    pub branches: &'a [Branch],
    /// The number of finished steps of the run.
    pub step: usize,
}

/// A diffusion model; its output has one of the parametrisations of [`Prediction`].
pub trait DiffusionModel {
    /// The parametrisation of the output of [`predict`](Self::predict).
    fn prediction(&self) -> Prediction {
        Prediction::Noise
    }

    /// The network's outputs, parametrised as [`prediction`](Self::prediction) says: one tensor in the shape of
    /// `call.x` for each of `call.branches`, in that order, in any float type. The implementation scales `call.x`
    /// itself, see [`Prediction::input`].
    ///
    /// # Errors
    /// [`DiffusionError::Network`] with what went wrong, or [`DiffusionError::Cancelled`].
    fn predict(&mut self, call: &Call) -> Result<Vec<Tensor>>;
}

/// A network with classifier-free guidance (Ho and Salimans 2022), evaluated in context windows.
pub struct Guided<'a> {
    /// The diffusion model that makes the predictions.
    pub network: &'a mut dyn DiffusionModel,
    /// Supplies the timesteps and the space of the latents.
    pub schedule: &'a NoiseSchedule,
    /// The guidance scale: a single value, or one for every frame. If all are 1, the negative prompt is not evaluated.
    pub cfg: Vec<f32>,
    /// How clips longer than a window are divided into windows; `None`: all frames are one window.
    pub context: Option<ContextOptions>,
}

impl Denoiser for Guided<'_> {
    fn path(&self) -> ProbabilityPath {
        self.schedule.path()
    }

    fn denoised(&mut self, x: &Tensor, sigma: f32, step: usize) -> Result<Tensor> {
        let total = x.dim(TIME)?;
        if self.network.prediction().path() != self.schedule.path() {
            return Err(DiffusionError::invalid(format!(
                "a network that predicts {:?} and a noise schedule of the path {:?} do not go together",
                self.network.prediction(),
                self.schedule.path()
            )));
        }
        if self.cfg.len() != 1 && self.cfg.len() != total {
            return Err(DiffusionError::invalid(format!(
                "there are {} guidance scales for {total} frames",
                self.cfg.len()
            )));
        }
        let branches = if self.cfg.iter().all(|&scale| is_one(scale)) {
            &[Branch::Cond][..]
        } else {
            &[Branch::Cond, Branch::Uncond]
        };
        let predictions = match self.context.map(ContextOptions::sane) {
            Some(context) if total > context.length => self.windowed(x, sigma, step, branches, &context)?,
            _ => {
                let frames: Vec<usize> = (0..total).collect();
                self.look(x, sigma, step, branches, &frames, total)?
            }
        };
        match &predictions[..] {
            [cond] => Ok(cond.clone()),
            [cond, uncond] => self.guide(cond, uncond),
            other => Err(DiffusionError::network(format!("{} predictions to merge", other.len()))),
        }
    }
}

impl Guided<'_> {
    /// The denoised predictions of all windows, fused for each branch separately, before guidance.
    fn windowed(
        &mut self,
        x: &Tensor,
        sigma: f32,
        step: usize,
        branches: &[Branch],
        context: &ContextOptions,
    ) -> Result<Vec<Tensor>> {
        let total = x.dim(TIME)?;
        let mut merges: Vec<_> =
            branches.iter().map(|_| Merge::new(context.fuse, context.overlap, total)).collect();
        for window in windows(context, total, step) {
            let ids = index_tensor(window.iter().copied(), x.device())?;
            let part = x.index_select(&ids, TIME)?;
            let denoised = self.look(&part, sigma, step, branches, &window, total)?;
            for (merge, denoised) in merges.iter_mut().zip(&denoised) {
                merge.add(&window, denoised)?;
            }
        }
        merges.into_iter().map(Merge::finish).collect()
    }

    /// One evaluation of the network, converted to denoised latents by [`Prediction::denoised`].
    fn look(
        &mut self,
        x: &Tensor,
        sigma: f32,
        step: usize,
        branches: &[Branch],
        frames: &[usize],
        total: usize,
    ) -> Result<Vec<Tensor>> {
        let timestep = self.schedule.timestep(sigma);
        let call = Call { x, sigma, timestep, frames, total, branches, step };
        let prediction = self.network.prediction();
        let outputs = self.network.predict(&call)?;
        if outputs.len() != branches.len() {
            return Err(DiffusionError::network(format!(
                "{} predictions came back, {} were asked for",
                outputs.len(),
                branches.len()
            )));
        }
        outputs
            .into_iter()
            .map(|output| {
                if output.dims() != x.dims() {
                    return Err(DiffusionError::network(format!(
                        "a prediction of shape {:?} came back for latents of shape {:?}",
                        output.dims(),
                        x.dims()
                    )));
                }
                prediction.denoised(x, &output, sigma)
            })
            .collect()
    }

    /// `uncond + (cond - uncond) * cfg`, on denoised predictions.
    fn guide(&self, cond: &Tensor, uncond: &Tensor) -> Result<Tensor> {
        let direction = (cond - uncond)?;
        let scaled = match &self.cfg[..] {
            [scale] => (direction * f64::from(*scale))?,
            scales => direction.broadcast_mul(&along_time(scales, cond.device())?)?,
        };
        Ok((uncond + scaled)?)
    }
}

/// Whether a scale means "no guidance", with the reference's tolerance of 1e-9.
fn is_one(scale: f32) -> bool {
    (f64::from(scale) - 1.0).abs() <= 1e-9
}
