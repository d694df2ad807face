//! What can go wrong while sampling, as kinds that a caller can act on.

use thiserror::Error;

/// Why a sampling run ended without a result.
#[derive(Debug, Error)]
pub enum DiffusionError {
    /// The callback or the network asked to stop; no result, no fault.
    #[error("cancelled")]
    Cancelled,
    /// A tensor operation failed: shapes that do not meet, or the device is out of memory.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The network could not make its prediction, in the words of whoever runs it.
    #[error("the network failed: {0}")]
    Network(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request makes no sense, and a retry will not help.
    #[error("{0}")]
    Invalid(String),
}

impl DiffusionError {
    /// Wraps any error, or a sentence, as [`DiffusionError::Network`].
    pub fn network(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Network(cause.into())
    }

    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }
}
