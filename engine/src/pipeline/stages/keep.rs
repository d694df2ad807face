//! Looks up finished stages, validates their results, and keeps them in the caches.
//!
//! In memory a stage's key uses the keys of its files within this process, on disk their content hashes. While a hash is being
//! computed, stages remain in memory; they are written to disk when it is known, during the request or after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};

use super::super::PipelineError;
use super::super::cache::{DiskCache, Entry};
use super::super::chain::{Keys, keys};
use super::super::controls::marks;
use super::super::device::Placement;
use super::super::files::Chosen;
use super::super::finite::is_finite;
use super::super::hints::hint_key;
use super::super::networks::Use;
use super::super::report::Origin;
use super::{Job, Runner};
use crate::diffusion::Betas;
use frame::Size;
use protocol::key::Key;
use protocol::{ControlUse, Preprocessor, Request};

/// A stage whose result is kept on disk.
#[derive(Clone)]
pub enum Stage {
    /// The encoded clip in the sampler's space.
    Latents,
    /// The unsampled latents of the clip.
    Unsampled,
    /// The resampled, styled latents.
    Resampled,
    /// The hint that this preprocessor makes.
    Hint(Preprocessor),
    /// The latents of a ControlNet's hint.
    EncodedHint(ControlUse),
    /// The fact that a pass overflows in a number format, which is worth keeping like a result.
    Overflow(Box<Stage>),
}

impl Stage {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latents => "latents",
            Self::Unsampled => "unsampled",
            Self::Resampled => "resampled",
            Self::Hint(_) => "hint",
            Self::EncodedHint(_) => "encoded hint",
            Self::Overflow(_) => "overflow",
        }
    }

    /// The stage as the subject of a sentence.
    fn subject(&self) -> &'static str {
        match self {
            Self::Latents => "the clip as latents",
            Self::Unsampled => "the unsampled clip",
            Self::Resampled => "the resampled clip",
            Self::Hint(_) => "the hint",
            Self::EncodedHint(_) => "the hint as latents",
            Self::Overflow(_) => "the overflow",
        }
    }

    fn key(&self, request: &Request, chosen: &Chosen, keys: &Keys) -> Key {
        match self {
            Self::Latents => keys.latents,
            Self::Unsampled => keys.unsampled,
            Self::Resampled => keys.resampled,
            Self::Hint(preprocessor) => hint_key(request, chosen, *preprocessor),
            Self::EncodedHint(control) => Key::of("encoded hint")
                .key("hint", &hint_key(request, chosen, request.hints[control.unit]))
                .key("vae", &chosen.vae_id())
                .floats("shown", &marks(&control.shown))
                .finish(),
            Self::Overflow(stage) => {
                Key::of("overflow").key("of", &stage.key(request, chosen, keys)).finish()
            }
        }
    }
}

/// The files and keys of a request made from content hashes, for the cache on disk.
pub struct Lasting {
    chosen: Chosen,
    keys: Keys,
}

impl Lasting {
    fn of(request: &Request, chosen: &Chosen, betas: Betas, placement: &Placement) -> Option<Self> {
        let chosen = chosen.lasting()?;
        let keys = keys(request, &chosen, betas, placement).ok()?;
        Some(Self { chosen, keys })
    }

    fn key(&self, stage: &Stage, request: &Request) -> Key {
        stage.key(request, &self.chosen, &self.keys)
    }
}

/// A stage in memory that cannot be written to disk yet, since the hash of a file is unknown.
pub struct Unsettled {
    stage: Stage,
    /// The key in the memory cache.
    now: Key,
    /// The request, without its pictures.
    request: Request,
    chosen: Chosen,
    betas: Betas,
    placement: Placement,
    disk: Arc<DiskCache>,
}

impl Runner {
    /// Whether stages wait for a hash.
    pub fn has_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Writes the stages to disk whose files' hashes have become known, after waiting for at most `longest`. Stages
    /// that were evicted from memory, or come from a file that has changed, are not written.
    pub fn settle(&mut self, longest: Duration) {
        let until = Instant::now() + longest;
        for unsettled in std::mem::take(&mut self.unsettled) {
            unsettled.chosen.wait(until.saturating_duration_since(Instant::now()));
            if unsettled.chosen.is_promised() {
                self.unsettled.push(unsettled);
                continue;
            }
            let Unsettled { stage, now, request, chosen, betas, placement, disk } = unsettled;
            let lasting = Lasting::of(&request, &chosen, betas, &placement);
            if let (Some(lasting), Some(entry)) = (lasting, self.memory.get(&now))
                && let Err(error) = disk.put(&lasting.key(&stage, &request), stage.name(), &entry)
            {
                log::warn!("{error}; the result is not kept");
            }
        }
    }
}

impl Job<'_> {
    /// A stage's tensor from memory, from disk, or computed.
    pub(super) fn stage(
        &mut self,
        stage: Stage,
        compute: impl FnOnce(&mut Self) -> Result<Tensor, PipelineError>,
    ) -> Result<Tensor, PipelineError> {
        let name = stage.name();
        if let Some((tensor, origin)) = self.found(&stage) {
            self.report.stage(name, origin);
            return Ok(tensor);
        }
        let started = Instant::now();
        let before = self.report.computed();
        let tensor = self.measured(name, |job| Ok(compute(job)?.to_device(&Device::Cpu)?))?;
        self.look_at(&tensor, stage.subject(), "", self.used(&stage))?;
        // Without the time of the previous stages, which this one requested.
        let own = started.elapsed().saturating_sub(self.report.computed() - before);
        self.report.stage(name, Origin::Computed(own));
        self.remember(&stage, &tensor);
        Ok(tensor)
    }

    /// A stage's tensor, if it is in memory or on disk.
    pub(super) fn found(&mut self, stage: &Stage) -> Option<(Tensor, Origin)> {
        let (name, now) = (stage.name(), stage.key(self.request, &self.chosen, &self.keys));
        if let Some(tensor) = self.runner.memory.get(&now).and_then(|mut e| e.remove(name)) {
            // It may have been computed before this cache folder was chosen, or before a hash was known.
            self.keep(stage, &now, &Entry::from([(name.to_owned(), tensor.clone())]));
            return Some((tensor, Origin::Memory));
        }
        let disk = self.disk.clone()?;
        let request = self.request;
        let key = self.lasting()?.key(stage, request);
        let entry = disk.get(&key)?;
        let Some(tensor) = self.fitting(stage, &entry) else {
            // Other programs may have written to the folder.
            disk.reject(&key, "it has another shape than these frames");
            return None;
        };
        self.runner.memory.put(now, entry);
        Some((tensor, Origin::Disk))
    }

    /// Keeps a stage in memory, and on disk as soon as possible.
    pub(super) fn remember(&mut self, stage: &Stage, tensor: &Tensor) {
        let now = stage.key(self.request, &self.chosen, &self.keys);
        let entry = Entry::from([(stage.name().to_owned(), tensor.clone())]);
        self.runner.memory.put(now, entry.clone());
        self.keep(stage, &now, &entry);
    }

    /// Writes an entry to disk, or schedules it for later. If that fails, a message is added, and the result is used
    /// all the same.
    fn keep(&mut self, stage: &Stage, now: &Key, entry: &Entry) {
        let Some(disk) = self.disk.clone() else { return };
        // Determined again: the results of a file that has just changed must not be kept under the hash of the old one.
        self.lasting = None;
        let request = self.request;
        let Some(key) = self.lasting().map(|lasting| lasting.key(stage, request)) else {
            let known = self.runner.unsettled.iter().any(|unsettled| unsettled.now == *now);
            if self.chosen.is_promised() && !known {
                self.runner.unsettled.push(Unsettled {
                    stage: stage.clone(),
                    now: *now,
                    request: bare(request),
                    chosen: self.chosen.clone(),
                    betas: self.betas,
                    placement: self.runner.networks.placement().clone(),
                    disk,
                });
            }
            return;
        };
        if let Err(error) = disk.put(&key, stage.name(), entry) {
            log::warn!("{error}");
            self.report.say(format!("{error}; the result is not kept"));
        }
    }

    fn lasting(&mut self) -> Option<&Lasting> {
        if self.lasting.is_none() {
            self.lasting =
                Lasting::of(self.request, &self.chosen, self.betas, self.runner.networks.placement());
        }
        self.lasting.as_ref()
    }

    /// The tensor of a stage in an entry from disk, if it has the shape for this request's frames.
    fn fitting(&self, stage: &Stage, entry: &Entry) -> Option<Tensor> {
        let Size { width, height } = self.request.source.size;
        let fits = |tensor: &&Tensor| {
            if let Stage::Overflow(_) = stage {
                return tensor.elem_count() == 1;
            }
            let grid = self.chosen.grid();
            let count = self.request.source.digests.len();
            let [rows, columns] = grid.size(self.request.source.size);
            match stage {
                Stage::Hint(_) => {
                    [1, 3].into_iter().any(|channels| tensor.dims() == [count, channels, height, width])
                }
                Stage::EncodedHint(_) => tensor.dims() == [count, grid.channels, rows, columns],
                _ => tensor.dims() == [1, grid.channels, grid.latents(count), rows, columns],
            }
        };
        entry.get(stage.name()).filter(fits).cloned()
    }

    /// Fails if a result has NaN or infinite values; `place` says where in the stage.
    pub(super) fn look_at(
        &self,
        x: &Tensor,
        stage: &'static str,
        place: &str,
        files: Vec<String>,
    ) -> Result<(), PipelineError> {
        if is_finite(x)? {
            return Ok(());
        }
        Err(PipelineError::NotFinite { stage, place: place.to_owned(), files })
    }

    /// The files that a stage is computed from.
    fn used(&self, stage: &Stage) -> Vec<String> {
        match stage {
            Stage::Latents | Stage::EncodedHint(_) => self.chosen.files(Use::Pictures, std::iter::empty()),
            Stage::Hint(_) => self.chosen.files(Use::Hints, std::iter::empty()),
            Stage::Unsampled | Stage::Resampled | Stage::Overflow(_) => {
                self.chosen.files(Use::Sampling, 0..self.request.hints.len())
            }
        }
    }

    /// Records that a pass overflows in the current number format.
    pub(super) fn note_overflow(&mut self, stage: Stage) -> Result<(), PipelineError> {
        let mark = Tensor::ones(1, DType::F32, &Device::Cpu)?;
        self.remember(&Stage::Overflow(Box::new(stage)), &mark);
        Ok(())
    }

    /// Whether a pass of this request is known to overflow in the current number format. This is recorded for the pass
    /// with everything that it depends on, so that no frame depends on what was rendered before it.
    pub(super) fn overflows(&mut self) -> bool {
        [Stage::Unsampled, Stage::Resampled]
            .into_iter()
            .any(|stage| self.found(&Stage::Overflow(Box::new(stage))).is_some())
    }
}

/// A request without its pictures.
fn bare(request: &Request) -> Request {
    let mut request = request.clone();
    for source in [Some(&mut request.source), request.hint_clip.as_mut()].into_iter().flatten() {
        source.frames.clear();
    }
    request
}
