//! The parts of a request that take the most memory, tried again with less where it does not suffice.

use candle_core::Tensor;

use super::super::models::Use;
use super::super::{PipelineError, Precision};
use super::Job;
use crate::model::{ModelError, Vae};

/// Side in latents of the smallest tiles that the autoencoder is tried with: a smaller one sees too little of a picture.
const SMALLEST_TILE: usize = 8;

impl Job<'_> {
    /// Codes a frame of `size` [height, width] pixels: whole; where memory does not suffice, without the other networks
    /// beside it; then in smaller and smaller tiles. `code` gets the side of the tiles in latents.
    pub(super) fn autoencode(
        &mut self,
        size: [usize; 2],
        code: impl Fn(&Vae, Option<usize>) -> Result<Tensor, ModelError>,
    ) -> Result<Tensor, PipelineError> {
        let latents = size.map(|side| side / 8);
        let mut tile = None;
        loop {
            let part = latents.map(|side| tile.unwrap_or(side).min(side));
            let coded = self.measured("weights", |job| job.runner.store.vae(&job.chosen)).and_then(|vae| {
                self.runner.room.claim("the autoencoder", vae.working_memory(part))?;
                Ok(code(&vae, tile)?)
            });
            let error = match coded {
                Err(error) if error.is_out_of_memory() => error,
                other => return other,
            };
            if self.runner.store.keep_only(Use::Pictures) {
                continue;
            }
            let smaller = part[0].max(part[1]) / 2;
            if smaller < SMALLEST_TILE {
                let [height, width] = part.map(|side| side * 8);
                let what = format!("for a picture or tile of {width}x{height} pixels");
                return Err(error.in_memory_of(what, "a smaller working size"));
            }
            log::warn!("{error}; trying tiles of {} pixels", smaller * 8);
            self.report.slices = Some(format!("pictures in tiles of {} pixels", smaller * 8));
            tile = Some(smaller);
        }
    }

    /// Does a part of the request; where memory does not suffice, once more without the networks that it has no use for.
    pub(super) fn alone_if_needed<T>(
        &mut self,
        used: Use,
        part: impl Fn(&mut Self) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let error = match part(self) {
            Err(error) if error.is_out_of_memory() => error,
            other => return other,
        };
        let retried = if self.runner.store.keep_only(used) {
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

    /// What takes less memory in sampling.
    pub(super) fn less_memory(&self) -> &'static str {
        match self.request.precision {
            // Where f16 was tried and its range did not suffice, or is what runs already.
            Precision::Auto | Precision::F16 | Precision::Bf16 => {
                "a smaller working size or a shorter context"
            }
            Precision::F32 => "a smaller working size, a shorter context or precision f16",
        }
    }
}
