//! The stages of a request: text, latents, unsampled latents, resampled latents, decoded frame, steadied frame.
//!
//! A stage requests the previous one only if its own result is in no cache, so a request computes only what is missing.
//! The report lists the stages and where their results came from.

mod codec;
mod diagnose;
mod fit;
mod frames;
mod hint;
mod keep;
pub mod keyring;
mod sampling;
mod steady;
mod text;

use std::sync::Arc;
use std::time::Instant;

use candle_core::Tensor;

use super::cache::{DiskCache, MemoryCache};
use super::chain::{self, Keys, keys, scheduler, second_pass};
use super::controls::idle_controls;
use super::device::{Placement, place};
use super::diagnostics::{self, SuppliedLatents};
use super::files::{Chosen, Files};
use super::finite::mended;
use super::hints::needed;
use super::memory::MemoryLimit;
use super::meter::Meter;
use super::networks::Networks;
use super::pictures::from_tensor;
use super::report::Report;
use super::unused::{missing_table, unused, without_steps};
use super::worker::{Limits, RequestControl};
use super::{CacheSettings, PipelineError};
use crate::diffusion::{Betas, NoiseSchedule, flip, pass_sigmas};
use frame::convert::to_f64;
use frame::{Rgb, psnr};
use keep::{Lasting, Stage, Unsettled};
use protocol::Key;
use protocol::message::Clip;
use protocol::request::{Goal, Pass, Request};

/// Size limit in bytes of the finished stages in memory.
const MEMORY: usize = 1 << 30;
/// Size limit in bytes of the encoded prompts in memory: several hundred prompts of SD1.5.
const TEXTS: usize = 128 << 20;

/// The result of a request.
pub struct Outcome {
    /// The styled frame at the working size; `None` if only an analysis was requested.
    pub picture: Option<Arc<Rgb>>,
    /// The stages that ran, their costs and messages.
    pub report: Report,
}

/// Runs requests, keeping models and stages from one to the next.
pub struct Runner {
    files: Files,
    networks: Networks,
    memory: MemoryCache,
    texts: MemoryCache,
    /// Stages that are written to disk once the hashes of their files are known.
    unsettled: Vec<Unsettled>,
    disk: Option<(CacheSettings, Arc<DiskCache>)>,
    /// The path and result key of the diagnostics that were written last.
    written: Option<(std::path::PathBuf, Key)>,
    room: MemoryLimit,
}

impl Runner {
    /// A runner with no networks loaded.
    pub fn new(limits: Limits) -> Self {
        Self {
            files: Files::new(limits.at_once),
            networks: Networks::new(Placement::processor()),
            memory: MemoryCache::new(MEMORY),
            texts: MemoryCache::new(TEXTS),
            unsettled: Vec::new(),
            disk: None,
            written: None,
            room: limits.room,
        }
    }

    /// Clears the cache; returns the bytes freed on disk, and the number of entries there that could not be removed.
    pub fn clear(&mut self, settings: &CacheSettings) -> (u64, usize) {
        self.memory.clear();
        self.texts.clear();
        self.unsettled.clear();
        let disk = disk_cache(settings);
        (disk.clear().bytes, disk.usage().entries)
    }

    fn disk(&mut self, settings: &CacheSettings) -> Option<Arc<DiskCache>> {
        if settings.limit == 0 {
            return None;
        }
        match &self.disk {
            Some((known, cache)) if known == settings => Some(cache.clone()),
            _ => {
                let cache = Arc::new(disk_cache(settings));
                cache.trim();
                self.disk = Some((settings.clone(), cache.clone()));
                Some(cache)
            }
        }
    }

    /// Runs a request.
    ///
    /// # Errors
    /// See [`PipelineError`]; finished stages remain in the cache.
    pub fn run(&mut self, request: &Request, control: &RequestControl) -> Result<Outcome, PipelineError> {
        control.report(0.0, "Opening the model");
        if let Some(path) = &request.diagnostics {
            diagnostics::may_be_written(path)?;
        }
        let wanted = place(request.device, request.precision)?;
        self.networks.place(wanted.clone());
        let disk = self.disk(&request.cache);
        self.files.remember_in(disk.as_ref().map(|disk| disk.folder()));
        let mut chosen = self.files.choose(&request.models, wanted.kind())?;
        self.files.choose_annotators(&mut chosen, &needed(request))?;
        self.files.choose_embeddings(&mut chosen, &prompts(request))?;
        if disk.is_some() {
            self.files.seek(&chosen);
        }
        let mut placement = wanted.clone();
        loop {
            self.networks.place(placement.clone());
            let mut job = Job::new(self, request, control, chosen.clone(), disk.clone())?;
            if placement.dtype != wanted.dtype {
                let [narrow, wide] = [&wanted, &placement].map(|placement| placement.dtype.as_str());
                job.report.say(format!(
                    "the networks' numbers pass the largest of {narrow}, so they were computed in {wide}, which takes longer; set precision to another than {narrow} for these files"
                ));
            }
            let wider = placement.wider();
            let known = wider.is_some() && !matches!(request.goal, Goal::Hint(_)) && job.overflows();
            let done = if known { None } else { Some(job.fulfil()) };
            match (done, wider) {
                (None, Some(wider)) => placement = wider,
                (Some(Err(PipelineError::NotFinite { .. })), Some(wider)) if job.overflow.is_some() => {
                    if let Some(stage) = job.overflow.take() {
                        log::warn!("{} overflows in {}", stage.name(), placement.dtype.as_str());
                        job.note_overflow(stage)?;
                    }
                    placement = wider;
                }
                (Some(picture), _) => {
                    let picture = picture?;
                    let report = job.report;
                    log::info!("{report}");
                    return Ok(Outcome { picture, report });
                }
                (None, None) => return Err(PipelineError::Internal("no wider format".to_owned())),
            }
        }
    }
}

/// The prompts that a request encodes, without duplicates.
fn prompts(request: &Request) -> Vec<&str> {
    let mut texts: Vec<&str> = Vec::new();
    // The diagnostics and SDXL encode those of both passes, whatever the goal of the request.
    let passes = match request.goal {
        Goal::Hint(_) => &[][..],
        Goal::Reconstruction => &[&request.unsample][..],
        Goal::Result | Goal::Analyse => &[&request.unsample, &request.resample][..],
    };
    for text in passes.iter().flat_map(|pass| pass.positive.texts.iter().chain(&pass.negative.texts)) {
        if !texts.contains(&text.as_str()) {
            texts.push(text);
        }
    }
    texts
}

fn disk_cache(settings: &CacheSettings) -> DiskCache {
    DiskCache::new(settings.folder(), settings.limit)
}

/// The state of a running request.
struct Job<'a> {
    runner: &'a mut Runner,
    request: &'a Request,
    control: &'a RequestControl,
    chosen: Chosen,
    disk: Option<Arc<DiskCache>>,
    schedule: NoiseSchedule,
    betas: Betas,
    up: Vec<f32>,
    down: Vec<f32>,
    keys: Keys,
    /// Files and keys for the cache on disk, once they are known.
    lasting: Option<Lasting>,
    /// The pass in which the network's values overflowed.
    overflow: Option<Stage>,
    report: Report,
    /// Measures memory use if the costs will be written to a diagnostics file.
    meter: Option<Meter>,
}

impl<'a> Job<'a> {
    fn new(
        runner: &'a mut Runner,
        request: &'a Request,
        control: &'a RequestControl,
        chosen: Chosen,
        disk: Option<Arc<DiskCache>>,
    ) -> Result<Self, PipelineError> {
        let betas = chain::betas(request, &chosen);
        let (prediction, zero_terminal) = chosen.prediction;
        let schedule = chosen.family.noise_schedule(prediction, zero_terminal, betas)?;
        let spaced = |pass: &Pass| -> Result<Vec<f32>, PipelineError> {
            let scheduler = scheduler(pass.scheduler, chosen.family);
            Ok(pass_sigmas(&schedule, scheduler, pass.steps, request.denoise)?)
        };
        let up = flip(&spaced(&request.unsample)?);
        let down = spaced(&request.resample)?;
        let keys = keys(request, &chosen, betas, runner.networks.placement())?;
        let facts = chosen.facts.iter().cloned().chain(missing_table(request, chosen.family)).collect();
        let mut report = Report::new(request.segment, runner.networks.placement().to_string(), facts);
        request.remarks.iter().chain(&chosen.notices).for_each(|sentence| report.say(sentence.as_str()));
        without_steps(request, [&up, &down]).into_iter().for_each(|sentence| report.say(sentence));
        unused(request, &chosen).into_iter().for_each(|sentence| report.say(sentence));
        mended(request).into_iter().for_each(|sentence| report.say(sentence));
        idle_controls(request, &chosen, &schedule, [&up, &down])
            .into_iter()
            .chain(chosen.idle_loras(request.motion.effect))
            .for_each(|sentence| report.say(sentence));
        let meter = request.diagnostics.as_ref().and_then(|_| Meter::start(runner.networks.device()));
        let (lasting, overflow) = (None, None);
        Ok(Self {
            runner,
            request,
            control,
            chosen,
            disk,
            schedule,
            betas,
            up,
            down,
            keys,
            lasting,
            overflow,
            report,
            meter,
        })
    }

    /// Computes the result that the request's goal asks for.
    fn fulfil(&mut self) -> Result<Option<Arc<Rgb>>, PipelineError> {
        let request = self.request;
        let picture = match request.goal {
            Goal::Analyse => {
                self.unsampled()?;
                None
            }
            Goal::Result => Some(self.steadied(request.index)?),
            // The reconstruction from the noise, without a style.
            Goal::Reconstruction => Some(self.decoded(request.index)?),
            Goal::Hint(preprocessor) => {
                let hint = self.hint(preprocessor, |done| done)?;
                Some(Arc::new(from_tensor(&hint.narrow(0, request.index, 1)?)?))
            }
        };
        if request.goal == Goal::Reconstruction {
            self.measure(picture.as_deref())?;
        }
        if let Some(path) = &request.diagnostics
            && !matches!(request.goal, Goal::Hint(_))
        {
            self.write_diagnostics(path)?;
        }
        Ok(picture)
    }

    /// Runs a part of the request and records its cost, without that of the parts within it.
    fn measured<T>(
        &mut self,
        name: &'static str,
        part: impl FnOnce(&mut Self) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        let (started, before) = (Instant::now(), self.report.spent());
        let look = |job: &Self| job.meter.as_ref().map(Meter::take);
        look(self);
        let result = part(self)?;
        let seconds = started.elapsed().as_secs_f64() - (self.report.spent() - before);
        let peak = look(self);
        self.report.cost(name, seconds.max(0.0), peak);
        Ok(result)
    }

    /// The unsampled latents (noise) of the clip.
    fn unsampled(&mut self) -> Result<Tensor, PipelineError> {
        self.stage(Stage::Unsampled, |job| {
            if let Some(noise) = job.given(SuppliedLatents::Unsampled)? {
                return Ok(noise);
            }
            let latents = job.latents()?;
            let (pass, sigmas) = (job.request.unsample.clone(), job.up.clone());
            job.pass(&pass, &sigmas, latents, Stage::Unsampled)
        })
    }

    /// The styled latents, resampled from the noise.
    fn resampled(&mut self) -> Result<Tensor, PipelineError> {
        self.stage(Stage::Resampled, |job| {
            let noise = job.unsampled()?;
            let (pass, sigmas) = (second_pass(job.request), job.down.clone());
            job.pass(&pass, &sigmas, noise, Stage::Resampled)
        })
    }

    /// Frame `index` of the styled clip at the working size.
    fn decoded(&mut self, index: usize) -> Result<Arc<Rgb>, PipelineError> {
        let latents = self.resampled()?;
        self.decode("decoded", &latents, &self.keys.resampled.clone(), index)
    }

    /// The progress of the whole request, 0..1, with a fraction `done` of part `part` (encode, unsample, resample, decode).
    fn part(&self, part: usize, done: f64) -> f64 {
        let frames = to_f64(self.request.source.digests.len());
        let evaluations = |pass: &Pass, steps: usize| {
            let branches = if pass.cfg.iter().all(|c| *c == 1.0) { 1.0 } else { 2.0 };
            to_f64(pass.sampler.evaluations(&vec![1.0; steps + 1])) * branches * frames
        };
        // Encoding a frame costs about as much as one evaluation of the network for it.
        let costs = [
            frames,
            evaluations(&self.request.unsample, self.up.len().saturating_sub(1)),
            evaluations(&second_pass(self.request), self.down.len().saturating_sub(1)),
            1.0,
        ];
        let total: f64 = costs.iter().sum();
        (costs.iter().take(part).sum::<f64>() + costs[part] * done) / total
    }

    /// The PSNR of the wanted frame's reconstruction, and of the VAE round trip alone.
    fn measure(&mut self, picture: Option<&Rgb>) -> Result<(), PipelineError> {
        let index = self.request.index;
        let Some(picture) = picture else { return Ok(()) };
        let source = self.frame(Clip::Source, index)?.picture;
        let latents = self.latents()?;
        let plain = self.decode("round trip", &latents, &self.keys.latents.clone(), index)?;
        self.report.psnr = Some((decibels(&source, picture)?, decibels(&source, &plain)?));
        Ok(())
    }
}

fn decibels(one: &Rgb, other: &Rgb) -> Result<f64, PipelineError> {
    psnr(one, other).map_err(|e| PipelineError::Internal(e.to_string()))
}
