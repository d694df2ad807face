//! The interface for the settings of a family.

use super::{Grid, Kind, MotionVersion};
use crate::diffusion::{Betas, DiffusionError, NoiseSchedule, Prediction, Scheduler};
use crate::weights::TensorFile;

/// The settings with which a family's networks were trained.
pub trait Defaults {
    /// How frames and pixels map to latents, for a checkpoint of this kind.
    fn grid(&self, checkpoint: &Kind) -> Grid;

    /// The factor from the autoencoder's own latents to the sampler's space.
    fn latent_scale(&self) -> f64;

    /// What the network of a checkpoint predicts, and whether its last noise level is pure noise (zero terminal SNR).
    fn prediction(&self, checkpoint: &TensorFile) -> (Prediction, bool);

    /// The betas for a motion module, or without one; `None` for a family without betas.
    fn betas(&self, motion: Option<MotionVersion>) -> Option<Betas>;

    /// The noise schedule for a checkpoint with this kind of prediction.
    ///
    /// # Errors
    /// If the schedule's parameters are invalid.
    fn noise_schedule(
        &self,
        prediction: Prediction,
        zero_terminal: bool,
        betas: Betas,
    ) -> Result<NoiseSchedule, DiffusionError>;

    /// The table of Align Your Steps (Sabour et al. 2024) for this family; `None` if there is none.
    fn align_your_steps(&self) -> Option<Scheduler>;

    /// The scheduler that is used instead if there is no such table.
    fn usual_scheduler(&self) -> Scheduler {
        Scheduler::Simple
    }

    /// Frames in a context window, with a motion module or without one.
    fn context_length(&self, motion: Option<MotionVersion>) -> usize;

    /// Whether the network itself attends across time; such a family takes no motion module.
    fn is_temporal(&self) -> bool {
        false
    }

    /// Whether the text encoders are so large that they have to be unloaded before the network is loaded.
    fn has_large_text_encoders(&self) -> bool {
        false
    }
}
