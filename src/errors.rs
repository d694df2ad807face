//! Errors of the other parts as what the host is told.

use engine::pipeline::PipelineError;
use engine::pipeline::pixels::FrameError;
use openfx::Error;

/// A picture that cannot be used.
pub fn from_frame(error: FrameError) -> Error {
    match error {
        FrameError::NoColour => Error::ImageFormat(error.to_string()),
        other => Error::failed(other),
    }
}

/// The first line of an error. A library's error can bring a backtrace along, which is for the log.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    match text.split_once('\n') {
        Some((first, _)) => {
            log::error!("{text}");
            first.trim_end().to_owned()
        }
        None => text,
    }
}

/// A request that could not be fulfilled.
pub fn from_pipeline(error: PipelineError) -> Error {
    match error {
        PipelineError::Cancelled => Error::Aborted,
        other => Error::failed(sentence(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_is_no_part_of_a_sentence() {
        let error = PipelineError::Internal("shapes differ\n   0: std::backtrace\n".to_owned());
        assert_eq!(from_pipeline(error).to_string(), "internal error: shapes differ");
    }
}
