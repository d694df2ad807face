//! Encoding and decoding of pictures: grouping, padding, and tiles when memory is insufficient.

use std::sync::Arc;
use std::time::Instant;

use candle_core::{Device, Tensor};

use super::super::PipelineError;
use super::super::cache::Entry;
use super::super::chain::decoded;
use super::super::diagnostics::SuppliedLatents;
use super::super::networks::Use;
use super::super::pictures::{from_tensor, to_tensor};
use super::super::report::Origin;
use super::Job;
use super::keep::Stage;
use crate::diffusion::latents::TIME;
use crate::families::{Codec, Group};
use crate::nn::ModelError;
use frame::Rgb;
use frame::convert::to_f64;
use protocol::key::Key;
use protocol::message::Clip;

/// Side length in latents of the smallest tiles that are tried; in smaller ones the autoencoder has too little context.
const SMALLEST_TILE: usize = 8;

impl Job<'_> {
    /// The encoded clip in the sampler's space, [1, channels, time, height, width].
    pub(super) fn latents(&mut self) -> Result<Tensor, PipelineError> {
        self.stage(Stage::Latents, |job| {
            if let Some(latents) = job.given(SuppliedLatents::Source)? {
                return Ok(latents);
            }
            let count = job.request.source.digests.len();
            let groups = job.chosen.grid().groups(count);
            let mut latents = Vec::with_capacity(groups.len());
            for group in groups {
                let pictures = group
                    .frames
                    .clone()
                    .map(|i| to_tensor(&job.frame(Clip::Source, i)?.picture, &Device::Cpu))
                    .collect::<Result<Vec<_>, _>>()?;
                let done = job.part(0, to_f64(group.frames.start) / to_f64(count));
                let encoded = job.encode(&Tensor::cat(&pictures, 0)?, done)?;
                let files = job.chosen.files(Use::Pictures, std::iter::empty());
                let place = format!(" at frame {}", job.request.segment.frame(group.frames.start));
                job.look_at(&encoded, "the clip as latents", &place, files)?;
                latents.push(encoded);
            }
            Ok(Tensor::cat(&latents, TIME)?)
        })
    }

    /// Encodes the pictures of a group, [frames, 3, height, width] in 0..1, to latents in the sampler's space; `done`
    /// is the progress of the request before it. Pads to whole latents at the right, at the bottom and after the last
    /// frame by repeating the edge.
    pub(super) fn encode(&mut self, pictures: &Tensor, done: f64) -> Result<Tensor, PipelineError> {
        self.control.check()?;
        self.control.report(done, "Encoding");
        let grid = self.chosen.grid();
        let (frames, _, height, width) = pictures.dims4()?;
        let mut pictures = pictures.clone();
        let missing = [
            (0, grid.missing(frames)),
            (2, height.next_multiple_of(grid.space) - height),
            (3, width.next_multiple_of(grid.space) - width),
        ];
        for (dim, missing) in missing.into_iter().filter(|(_, missing)| *missing > 0) {
            pictures = pictures.pad_with_same(dim, 0, missing)?;
        }
        let x = ((pictures.to_device(self.runner.networks.device())? * 2.0)? - 1.0)?;
        let size = [grid.latents(frames), height.div_ceil(grid.space), width.div_ceil(grid.space)];
        let latents = self.autoencode(size, |codec, tile| codec.encode(&x, tile))?;
        Ok(latents.to_device(&Device::Cpu)?)
    }

    /// Decodes frame `index` of latents with the key `of` to a picture of the working size.
    pub(super) fn decode(
        &mut self,
        name: &'static str,
        latents: &Tensor,
        of: &Key,
        index: usize,
    ) -> Result<Arc<Rgb>, PipelineError> {
        let key = decoded(name, of, &self.chosen, index);
        if let Some(x) = self.runner.memory.get(&key).and_then(|mut e| e.remove(name)) {
            self.report.stage(name, Origin::Memory);
            return Ok(Arc::new(from_tensor(&x)?));
        }
        self.control.check()?;
        self.control.report(self.part(3, 0.0), "Decoding");
        let started = Instant::now();
        let source = &self.request.source;
        let Group { frames, latents: which } = self.chosen.grid().group(index, source.digests.len());
        let (height, width) = (source.size.height, source.size.width);
        let z = latents.narrow(TIME, which.start, which.len())?.contiguous()?;
        let z = z.to_device(self.runner.networks.device())?;
        let (.., time, rows, columns) = z.dims5()?;
        let x = self.measured(name, |job| {
            let x = job.autoencode([time, rows, columns], |codec, tile| codec.decode(&z, tile))?;
            let place = format!(" at frame {}", job.request.segment.frame(index));
            let files = job.chosen.files(Use::Pictures, std::iter::empty());
            job.look_at(&x, "the decoded picture", &place, files)?;
            Ok(((x + 1.0)? * 0.5)?.clamp(0f32, 1f32)?.to_device(&Device::Cpu)?)
        })?;
        self.report.stage(name, Origin::Computed(started.elapsed()));
        let x = x.narrow(2, 0, height)?.narrow(3, 0, width)?;
        let mut wanted = None;
        for (at, frame) in frames.enumerate() {
            let picture = x.narrow(0, at, 1)?.contiguous()?;
            if frame == index {
                wanted = Some(from_tensor(&picture)?);
            }
            let key = decoded(name, of, &self.chosen, frame);
            self.runner.memory.put(key, Entry::from([(name.to_owned(), picture)]));
        }
        let wanted = wanted.ok_or_else(|| PipelineError::Internal(format!("no frame {index} to decode")))?;
        Ok(Arc::new(wanted))
    }

    /// Encodes or decodes latents of `size` [time, height, width]: first all at once; when memory runs out, after unloading the
    /// other networks; then in smaller and smaller tiles. `code` gets the side length of the tiles in latents.
    fn autoencode(
        &mut self,
        size: [usize; 3],
        code: impl Fn(&dyn Codec, Option<usize>) -> Result<Tensor, ModelError>,
    ) -> Result<Tensor, PipelineError> {
        let [time, height, width] = size;
        let space = self.chosen.grid().space;
        let mut tile = None;
        loop {
            let part = [height, width].map(|side| tile.unwrap_or(side).min(side));
            let coded =
                self.measured("weights", |job| job.runner.networks.codec(&job.chosen)).and_then(|codec| {
                    let needed = codec.working_memory([time, part[0], part[1]]);
                    self.runner.room.claim("the autoencoder", needed)?;
                    Ok(code(&**codec, tile)?)
                });
            let error = match coded {
                Err(error) if error.is_out_of_memory() => error,
                other => return other,
            };
            if self.runner.networks.keep_only(Use::Pictures) {
                continue;
            }
            let smaller = part[0].max(part[1]) / 2;
            if smaller < SMALLEST_TILE {
                let [height, width] = part.map(|side| side * space);
                let what = format!("for a picture or tile of {width}x{height} pixels");
                return Err(error.in_memory_of(what, "a smaller working size"));
            }
            log::warn!("{error}; trying tiles of {} pixels", smaller * space);
            self.report.slices = Some(format!("pictures in tiles of {} pixels", smaller * space));
            tile = Some(smaller);
        }
    }
}
