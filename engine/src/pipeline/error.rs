//! Why a request was not fulfilled.

use std::path::PathBuf;

use crate::diffusion::DiffusionError;
use crate::nn::{ModelError, is_out_of_memory};
use crate::weights::WeightsError;

/// Errors of the pipeline; each prints as one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The caller cancelled, at any stage.
    #[error("cancelled")]
    Cancelled,
    /// A frame was needed that the caller did not have any more, or had changed.
    #[error("a frame of the clip has changed while it was worked on")]
    NeedFrames,
    /// While a weight file is opened or read.
    #[error(transparent)]
    Weights(Box<WeightsError>),
    /// While a network is built or run.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// The files do not fit each other or the settings; found before anything is computed.
    #[error("{0}")]
    Unfit(String),
    /// The built-in model is not beside the plugin.
    #[error("the built-in model is missing: {} is not there; reinstall the plugin or choose a checkpoint", .0.display())]
    NoBuiltIn(PathBuf),
    /// A setting that makes no sense, in a schedule or a context.
    #[error("{0}")]
    Diffusion(DiffusionError),
    /// The device or number format that was asked for cannot be had; found before anything is computed.
    #[error("{0}")]
    Device(String),
    /// Memory did not suffice for the smallest slices either.
    #[error(
        "there is not enough memory {what}: {reason}; choose {advice}, or close what else uses the memory"
    )]
    Memory {
        /// What it was to be used for, and in which slices.
        what: String,
        /// In the device's words.
        reason: String,
        /// What would take less.
        advice: &'static str,
    },
    /// A stage came to values that are no numbers. Nothing of it is kept.
    #[error(
        "{stage} has NaN or infinite values{place}; it was computed from {}", blamed(.files)
    )]
    NotFinite {
        /// The stage, as the subject of a sentence.
        stage: &'static str,
        /// Where in the stage it was noticed, with a space or comma in front, and in which number format.
        place: String,
        /// The names of the files that took part.
        files: Vec<String>,
    },
    /// While tensors are moved or computed.
    #[error("the computation failed: {0}")]
    Candle(#[from] candle_core::Error),
    /// While the diagnostics or latents file is written or read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A defect of this program; the text is for a bug report.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Files that led to values which are no numbers, and what is to be thought of them.
fn blamed(files: &[String]) -> String {
    match files {
        [] => "the frames alone".into(),
        [only] => format!("{only} alone, which is damaged"),
        _ => format!("{}, and one of these is damaged or does not go with the others", files.join(", ")),
    }
}

impl PipelineError {
    /// Whether it says that a device has no memory left.
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

    /// The same error, or a sentence about memory if that is what it says; `advice` is what would take less of it.
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
