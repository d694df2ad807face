//! The errors that can fail a request.

use std::path::PathBuf;

use crate::diffusion::DiffusionError;
use crate::nn::{ModelError, is_out_of_memory};
use crate::weights::WeightsError;

/// Errors of the pipeline; each is displayed as one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The caller cancelled the request, at any stage.
    #[error("cancelled")]
    Cancelled,
    /// The caller no longer had a required frame, or it has changed.
    #[error("a frame of the clip has changed while it was worked on")]
    NeedFrames,
    /// A weight file could not be opened or read.
    #[error(transparent)]
    Weights(Box<WeightsError>),
    /// A network could not be built or evaluated.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// The files do not fit each other or the settings; detected before anything is computed.
    #[error("{0}")]
    Unfit(String),
    /// The built-in model is missing from the plugin's bundle; the path where it should be.
    #[error("the built-in model is missing: {} is not there; reinstall the plugin or choose a checkpoint", .0.display())]
    NoBuiltIn(PathBuf),
    /// An invalid setting of a noise schedule or context windows.
    #[error("{0}")]
    Diffusion(DiffusionError),
    /// The requested device or number format is unavailable; detected before anything is computed.
    #[error("{0}")]
    Device(String),
    /// Out of memory even with the smallest slices.
    #[error(
        "there is not enough memory {what}: {reason}; choose {advice}, or close what else uses the memory"
    )]
    Memory {
        /// What the memory was needed for, and the slices that were tried.
        what: String,
        /// The device's own error message.
        reason: String,
        /// What would take less memory.
        advice: &'static str,
    },
    /// A stage produced NaN or infinity. Its result is not kept.
    #[error(
        "{stage} has NaN or infinite values{place}; it was computed from {}", blamed(.files)
    )]
    NotFinite {
        /// The stage, as the subject of a sentence.
        stage: &'static str,
        /// Where in the stage it was detected, starting with a space or comma, and the number format.
        place: String,
        /// The names of the files that the stage was computed from.
        files: Vec<String>,
    },
    /// A tensor operation outside of the networks failed.
    #[error("the computation failed: {0}")]
    Candle(#[from] candle_core::Error),
    /// The diagnostics or latents file could not be written or read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The reason, as the end of a sentence.
        reason: String,
    },
    /// A bug in this program; the text is for a bug report.
    #[error("internal error: {0}")]
    Internal(String),
}

/// The files from which NaN or infinity resulted, and the likely cause.
fn blamed(files: &[String]) -> String {
    match files {
        [] => "the frames alone".into(),
        [only] => format!("{only} alone, which is damaged"),
        _ => format!("{}, and one of these is damaged or does not go with the others", files.join(", ")),
    }
}

impl PipelineError {
    /// Whether the error means that a device is out of memory.
    pub(super) fn is_out_of_memory(&self) -> bool {
        match self {
            Self::Model(error) => error.is_out_of_memory(),
            Self::Candle(error) | Self::Diffusion(DiffusionError::Candle(error)) => is_out_of_memory(error),
            Self::Diffusion(DiffusionError::Network(source)) => {
                source.downcast_ref::<ModelError>().is_some_and(ModelError::is_out_of_memory)
            }
            _ => false,
        }
    }

    /// Turns an out-of-memory error into a message with `advice` on what would take less; other errors are unchanged.
    pub(super) fn in_memory_of(self, what: impl std::fmt::Display, advice: &'static str) -> Self {
        if !self.is_out_of_memory() {
            return self;
        }
        let reason = match &self {
            Self::Diffusion(DiffusionError::Network(source)) => source.to_string(),
            other => other.to_string(),
        };
        let reason = reason.lines().next().unwrap_or_default().to_owned();
        Self::Memory { what: what.to_string(), reason, advice }
    }
}

impl From<DiffusionError> for PipelineError {
    fn from(error: DiffusionError) -> Self {
        match error {
            DiffusionError::Cancelled => Self::Cancelled,
            other => Self::Diffusion(other),
        }
    }
}

impl From<WeightsError> for PipelineError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Box::new(error))
    }
}

impl From<ModelError> for PipelineError {
    fn from(error: ModelError) -> Self {
        Self::Model(Box::new(error))
    }
}
