//! A network, its context windows and its guidance, put together as a [`Denoiser`].

use candle_core::Tensor;

use super::fuse::Merge;
use super::latents::{TIME, along_time, index_tensor};
use super::{ContextOptions, Denoiser, DiffusionError, NoiseSchedule, Prediction, ProbabilityPath, windows};

type Result<T> = std::result::Result<T, DiffusionError>;

/// Which text a prediction is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Branch {
    /// The prompt.
    Cond,
    /// The negative prompt.
    Uncond,
}

/// One look of the network at one window.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The window's noisy latents, f32 `[batch, c, window, h, w]`, not yet what [`Prediction::input`] makes of them.
    pub x: &'a Tensor,
    /// Their noise level.
    pub sigma: f32,
    /// The timestep that the network is told for `sigma`, see [`NoiseSchedule::timestep`].
    pub timestep: f32,
    /// Which frames of the segment they are.
    pub frames: &'a [usize],
    /// How many frames the segment has.
    pub total: usize,
    /// Which predictions are wanted.
    pub branches: &'a [Branch],
    /// How many steps of the run are done.
    pub step: usize,
}

/// A model that predicts what is noise in latents, in one of the ways of [`Prediction`].
pub trait Network {
    /// What [`predict`](Self::predict) gives.
    fn prediction(&self) -> Prediction {
        Prediction::Noise
    }

    /// What [`prediction`](Self::prediction) says, one tensor in the shape of `call.x` for each of
    /// `call.branches`, in their order; any float type. Makes its input of `call.x` itself, see [`Prediction::input`].
    ///
    /// # Errors
    /// [`DiffusionError::Network`] with what went wrong, or [`DiffusionError::Cancelled`].
    fn predict(&mut self, call: &Call) -> Result<Vec<Tensor>>;
}

/// A network under classifier-free guidance (Ho and Salimans 2022), window by window.
pub struct Guided<'a> {
    /// The network that is asked.
    pub network: &'a mut dyn Network,
    /// Where timesteps and the space of the latents come from.
    pub schedule: &'a NoiseSchedule,
    /// The guidance scale: one number, or one for every frame. Where all are 1, the negative prompt is not evaluated.
    pub cfg: Vec<f32>,
    /// How clips longer than a window are cut; without it, all frames are one window.
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
    /// Every window's denoised predictions, merged for each branch on its own and before guidance.
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

    /// One look of the network, turned into denoised latents, see [`Prediction::denoised`].
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

/// The reference's notion of "no guidance": within one part in a billion.
fn is_one(scale: f32) -> bool {
    (f64::from(scale) - 1.0).abs() <= 1e-9
}
