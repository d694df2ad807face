//! Errors of the other parts as what the host is told.

use crate::ofx::Error;
use crate::pipeline::PipelineError;
use crate::pipeline::pixels::FrameError;

/// A picture that cannot be used.
pub fn from_frame(error: FrameError) -> Error {
    match error {
        FrameError::NoColour => Error::ImageFormat(error.to_string()),
        other => Error::failed(other),
    }
}

/// A request that could not be fulfilled.
pub fn from_pipeline(error: PipelineError) -> Error {
    match error {
        PipelineError::Cancelled => Error::Aborted,
        other => Error::failed(other),
    }
}
