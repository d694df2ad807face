//! The parts of a request that take the most memory, tried again with less where it does not suffice.

use std::sync::Arc;

use candle_core::Tensor;

use super::super::PipelineError;
use super::Job;
use crate::model::{ModelError, MotionModule, UNet, Vae};

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
            if self.runner.store.keep_for_pictures() {
                continue;
            }
            let smaller = part[0].max(part[1]) / 2;
            if smaller < SMALLEST_TILE {
                let [height, width] = part.map(|side| side * 8);
                return Err(error.in_memory_of(format!("for a picture or tile of {width}x{height} pixels")));
            }
            log::warn!("{error}; trying tiles of {} pixels", smaller * 8);
            self.report.slices = Some(format!("pictures in tiles of {} pixels", smaller * 8));
            tile = Some(smaller);
        }
    }

    /// UNet and motion module; in the place of what else is in memory if they do not fit beside it.
    pub(super) fn networks(&mut self) -> Result<(Arc<UNet>, Option<Arc<MotionModule>>), PipelineError> {
        let store = &mut self.runner.store;
        let mut load = || Ok((store.unet(&self.chosen)?, store.motion(&self.chosen)?));
        match load() {
            Err(PipelineError::Model(error)) if error.is_out_of_memory() => {
                log::warn!("{error}; trying alone")
            }
            other => return other,
        }
        store.keep_for_sampling();
        let loaded = store.unet(&self.chosen).and_then(|unet| Ok((unet, store.motion(&self.chosen)?)));
        loaded.map_err(|error| error.in_memory_of("for the weights of the networks"))
    }
}
