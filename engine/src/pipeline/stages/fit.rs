//! Retries the parts of a request that take the most memory with less of it.

use super::super::networks::Use;
use super::super::{PipelineError, Precision};
use super::Job;

impl Job<'_> {
    /// Runs a part of the request; when memory runs out, once more after unloading the networks that it does not use.
    pub(super) fn alone_if_needed<T>(
        &mut self,
        used: Use,
        part: impl Fn(&mut Self) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let error = match part(self) {
            Err(error) if error.is_out_of_memory() => error,
            other => return other,
        };
        let retried = if self.runner.networks.keep_only(used) {
            log::warn!("{error}; trying alone");
            part(self)
        } else {
            Err(error)
        };
        let what = match used {
            Use::Text => "for the text encoders",
            Use::Sampling => "for the weights of the networks",
            Use::Pictures => "for the autoencoder",
            Use::Hints => "for the preprocessor's network",
        };
        let advice = match used {
            Use::Sampling => self.less_memory(),
            Use::Pictures | Use::Hints => "a smaller working size",
            Use::Text => "a smaller checkpoint",
        };
        retried.map_err(|error| error.in_memory_of(what, advice))
    }

    /// Advice on what takes less memory in sampling.
    pub(super) fn less_memory(&self) -> &'static str {
        match self.request.precision {
            // f16 was tried and overflowed, or is already in use.
            Precision::Auto | Precision::F16 | Precision::Bf16 => {
                "a smaller working size or a shorter context"
            }
            Precision::F32 => "a smaller working size, a shorter context or precision f16",
        }
    }
}
