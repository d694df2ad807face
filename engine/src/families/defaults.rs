//! The settings that go with a family.

use super::{Grid, Kind, MotionVersion};
use crate::diffusion::{Betas, DiffusionError, NoiseSchedule, Prediction, Scheduler};
use crate::weights::TensorFile;

/// What a family's networks were trained with.
pub trait Defaults {
    /// How frames and pixels map to the latents of a checkpoint of this kind.
    fn grid(&self, checkpoint: &Kind) -> Grid;

    /// Factor between the autoencoder's own latents and the sampler's space.
    fn latent_scale(&self) -> f64;

    /// What the network of a checkpoint predicts, and whether its last noise level is noise alone.
    fn prediction(&self, checkpoint: &TensorFile) -> (Prediction, bool);

    /// The beta schedule that goes with a motion module, or with none; `None` for a family that has no betas.
    fn betas(&self, motion: Option<MotionVersion>) -> Option<Betas>;

    /// The noise levels of a checkpoint that predicts so.
    ///
    /// # Errors
    /// A schedule whose levels cannot be computed with.
    fn noise_schedule(
        &self,
        prediction: Prediction,
        zero_terminal: bool,
        betas: Betas,
    ) -> Result<NoiseSchedule, DiffusionError>;

    /// The table of Align Your Steps (Sabour et al. 2024) for this family; `None` where there is none.
    fn align_your_steps(&self) -> Option<Scheduler>;

    /// The scheduler that takes its place where there is none.
    fn usual_scheduler(&self) -> Scheduler {
        Scheduler::Simple
    }

    /// Frames in a context window with a motion module, or with none.
    fn context_length(&self, motion: Option<MotionVersion>) -> usize;

    /// Whether the network itself looks across time; then it takes no motion module.
    fn is_temporal(&self) -> bool {
        false
    }

    /// Whether text encoders are so large that they have to go before the network comes.
    fn has_large_text_encoders(&self) -> bool {
        false
    }
}
