//! Conversion of other crates' errors to errors for the host.

use frame::FrameError;
use openfx::Error;

/// A picture could not be converted.
pub fn from_frame(error: FrameError) -> Error {
    match error {
        FrameError::NoColour => Error::ImageFormat(error.to_string()),
        other => Error::failed(other),
    }
}
