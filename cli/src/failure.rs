//! Failed commands and their exit statuses.

use std::process::ExitCode;

use crate::io::MediaError;
use crate::words;
use openfx_host::error::HostError;

/// A failed command: the message for the user and the kind of failure.
#[derive(Debug)]
pub enum Failure {
    /// The work failed: exit status 1.
    Failed(String),
    /// The user stopped the command: exit status 1.
    Stopped(String),
    /// The arguments were invalid: exit status 2.
    Usage(String),
}

impl Failure {
    /// Prints the message to standard error and returns the exit status.
    pub fn report(self) -> ExitCode {
        let (sentence, code) = match self {
            Self::Failed(sentence) | Self::Stopped(sentence) => (sentence, 1),
            Self::Usage(sentence) => (sentence, 2),
        };
        words::err(&format!("unsample: {sentence}"));
        ExitCode::from(code)
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        let sentence = error.to_string();
        if error.is_usage() { Self::Usage(sentence) } else { Self::Failed(sentence) }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let sentence = error.to_string();
        if error.is_usage() { Self::Usage(sentence) } else { Self::Failed(sentence) }
    }
}
