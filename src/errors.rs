//! Errors of the other parts as what the host is told.

use frame::FrameError;
use openfx::Error;

/// A picture that cannot be used.
pub fn from_frame(error: FrameError) -> Error {
    match error {
        FrameError::NoColour => Error::ImageFormat(error.to_string()),
        other => Error::failed(other),
    }
}
