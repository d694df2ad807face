//! Errors of a sampling run, as variants that a caller can act on.

use thiserror::Error;

/// Why a sampling run ended without a result.
#[derive(Debug, Error)]
pub enum DiffusionError {
    /// The network or the step callback cancelled the run: no result, but not a failure either.
    #[error("cancelled")]
    Cancelled,
    /// A tensor operation failed: mismatched shapes, or the device is out of memory.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The network could not make its prediction; the error is the network's own.
    #[error("the network failed: {0}")]
    Network(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request is invalid; retrying will not help.
    #[error("{0}")]
    Invalid(String),
}

impl DiffusionError {
    /// Wraps any error, or a message, as [`DiffusionError::Network`].
    pub fn network(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Network(cause.into())
    }

    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }
}
