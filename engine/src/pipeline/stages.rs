//! The stages of a request: text, latents, unsampled latents, resampled latents, decoded frame, steadied frame.
//!
//! Every stage asks for the one before it only when its own result is in no cache, so a request does no more than
//! what is missing. What was done, and where it came from, goes into the report.

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

use candle_core::{Device, Tensor};

use super::cache::{DiskCache, Entry, MemoryCache};
use super::chain::{Keys, decoded, keys, latent_scale, scheduler, second_pass, usual_betas};
use super::controls::idle_controls;
use super::device::{Placement, place};
use super::diagnostics::{self, Given};
use super::finite::mended;
use super::hints::needed;
use super::memory::Room;
use super::meter::Meter;
use super::models::{Chosen, ModelStore, Use};
use super::pictures::{from_tensor, to_tensor};
use super::report::{Origin, Report};
use super::worker::{Control, Limits};
use super::{CacheSettings, PipelineError};
use crate::diffusion::latents::{TIME, from_frames, to_frames};
use crate::diffusion::{Betas, NoiseSchedule, flip, pass_sigmas};
use frame::{Rgb, psnr};
use keep::{Lasting, Stage, Unsettled};
use protocol::Key;
use protocol::message::Clip;
use protocol::request::{Goal, Pass, Request};

/// Bytes of finished stages that are kept in memory.
const MEMORY: usize = 1 << 30;
/// Bytes of encoded prompts that are kept: some hundred prompts of SD1.5.
const TEXTS: usize = 128 << 20;

/// What a request came to.
pub struct Outcome {
    /// The styled frame at the working size; `None` where only an analysis was asked for.
    pub picture: Option<Arc<Rgb>>,
    /// What was done.
    pub report: Report,
}

/// Works requests off, remembering models and stages from one to the next.
pub struct Runner {
    store: ModelStore,
    memory: MemoryCache,
    texts: MemoryCache,
    /// Stages that wait for the hash of a file before they go to disk.
    unsettled: Vec<Unsettled>,
    disk: Option<(CacheSettings, Arc<DiskCache>)>,
    /// Destination and result key of the diagnostics that were written last.
    written: Option<(std::path::PathBuf, Key)>,
    room: Room,
}

impl Runner {
    /// A runner with nothing loaded.
    pub fn new(limits: Limits) -> Self {
        Self {
            store: ModelStore::new(Placement::processor(), limits.at_once),
            memory: MemoryCache::new(MEMORY),
            texts: MemoryCache::new(TEXTS),
            unsettled: Vec::new(),
            disk: None,
            written: None,
            room: limits.room,
        }
    }

    /// Forgets every stage; returns the bytes freed on disk, and the entries there that could not be removed.
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
                self.disk = Some((settings.clone(), cache.clone()));
                Some(cache)
            }
        }
    }

    /// Fulfils a request.
    ///
    /// # Errors
    /// See [`PipelineError`]; finished stages stay in the cache.
    pub fn run(&mut self, request: &Request, control: &Control) -> Result<Outcome, PipelineError> {
        control.report(0.0, "Opening the model");
        let wanted = place(request.device, request.precision)?;
        self.store.place(wanted.clone());
        let disk = self.disk(&request.cache);
        self.store.remember_in(disk.as_ref().map(|disk| disk.folder()));
        let mut chosen = self.store.choose(&request.models)?;
        self.store.choose_annotators(&mut chosen, &needed(request))?;
        self.store.choose_embeddings(&mut chosen, &prompts(request))?;
        if disk.is_some() {
            self.store.seek(&chosen);
        }
        let mut placement = wanted.clone();
        loop {
            self.store.place(placement.clone());
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

/// The prompts that a request encodes, each once.
fn prompts(request: &Request) -> Vec<&str> {
    let mut texts: Vec<&str> = Vec::new();
    // The diagnostics and SDXL encode those of both passes, whatever the request is for.
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

/// One request in work.
struct Job<'a> {
    runner: &'a mut Runner,
    request: &'a Request,
    control: &'a Control,
    chosen: Chosen,
    disk: Option<Arc<DiskCache>>,
    schedule: NoiseSchedule,
    betas: Betas,
    up: Vec<f32>,
    down: Vec<f32>,
    keys: Keys,
    /// Names and keys for the disk, as soon as they are known.
    lasting: Option<Lasting>,
    /// The pass in which the network's numbers ceased to be finite.
    overflow: Option<Stage>,
    report: Report,
    /// Looks at the memory where the costs will be written down.
    meter: Option<Meter>,
}

impl<'a> Job<'a> {
    fn new(
        runner: &'a mut Runner,
        request: &'a Request,
        control: &'a Control,
        chosen: Chosen,
        disk: Option<Arc<DiskCache>>,
    ) -> Result<Self, PipelineError> {
        let betas = request.motion.betas.unwrap_or(usual_betas(chosen.motion_version));
        let schedule = match chosen.prediction {
            (_, true) => NoiseSchedule::with_zero_terminal(betas),
            (_, false) => NoiseSchedule::new(betas),
        };
        let spaced = |pass: &Pass| -> Result<Vec<f32>, PipelineError> {
            let scheduler = scheduler(pass.scheduler, chosen.family);
            Ok(pass_sigmas(&schedule, scheduler, pass.steps, request.denoise)?)
        };
        let up = flip(&spaced(&request.unsample)?);
        let down = spaced(&request.resample)?;
        let keys = keys(request, &chosen, betas, runner.store.placement())?;
        let mut report =
            Report::new(request.segment, runner.store.placement().to_string(), chosen.facts.clone());
        request.remarks.iter().chain(&chosen.notices).for_each(|sentence| report.say(sentence.as_str()));
        mended(request).into_iter().for_each(|sentence| report.say(sentence));
        idle_controls(request, &chosen, &schedule, [&up, &down])
            .into_iter()
            .chain(chosen.idle_loras(request.motion.effect))
            .for_each(|sentence| report.say(sentence));
        let meter = request.diagnostics.as_ref().and_then(|_| Meter::start(runner.store.device()));
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

    /// Does what is asked for.
    fn fulfil(&mut self) -> Result<Option<Arc<Rgb>>, PipelineError> {
        let request = self.request;
        let picture = match request.goal {
            Goal::Analyse => {
                self.unsampled()?;
                None
            }
            Goal::Result => Some(self.steadied(request.index)?),
            // What the noise keeps, nothing added.
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

    /// Does a part of the request and notes its cost, without that of the parts within it.
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

    /// The result of a stage where the latents file has it.
    fn given(&self, stage: Given) -> Result<Option<Tensor>, PipelineError> {
        let Some(path) = self.request.latents.as_ref().filter(|_| self.keys.given == Some(stage)) else {
            return Ok(None);
        };
        let source = &self.request.source;
        let size = [source.size.height / 8, source.size.width / 8];
        let counts = [source.digests.len(), self.chosen.latent_channels()];
        diagnostics::read_latents(path, counts, size).map(Some)
    }

    /// The clip in the sampler's space, [1, channels, frames, height / 8, width / 8].
    fn latents(&mut self) -> Result<Tensor, PipelineError> {
        self.stage(Stage::Latents, |job| {
            if let Some(latents) = job.given(Given::Source)? {
                return Ok(latents);
            }
            let count = job.request.source.digests.len();
            let mut latents = Vec::with_capacity(count);
            for i in 0..count {
                let frame = job.frame(Clip::Source, i)?;
                let done = job.part(0, i as f64 / count as f64);
                let encoded = job.encode(&to_tensor(&frame.picture, &Device::Cpu)?, done)?;
                let files = job.chosen.files(Use::Pictures, std::iter::empty());
                let place = format!(" at frame {}", job.request.segment.frame(i));
                job.look_at(&encoded, "the clip as latents", &place, files)?;
                latents.push(from_frames(&encoded)?);
            }
            Ok(Tensor::cat(&latents, TIME)?)
        })
    }

    /// One picture [1, 3, height, width] in 0..1 in the sampler's space, [1, channels, height / 8, width / 8]; `done` is the part of the request before it.
    fn encode(&mut self, picture: &Tensor, done: f64) -> Result<Tensor, PipelineError> {
        self.control.check()?;
        self.control.report(done, "Encoding");
        let x = ((picture.to_device(self.runner.store.device())? * 2.0)? - 1.0)?;
        let latents = self.autoencode([x.dim(2)?, x.dim(3)?], |vae, tile| match tile {
            None => vae.encode(&x),
            Some(tile) => vae.encode_tiled(&x, tile),
        })?;
        Ok((latents * latent_scale(self.chosen.family))?.to_device(&Device::Cpu)?)
    }

    /// The clip as noise.
    fn unsampled(&mut self) -> Result<Tensor, PipelineError> {
        self.stage(Stage::Unsampled, |job| {
            if let Some(noise) = job.given(Given::Unsampled)? {
                return Ok(noise);
            }
            let latents = job.latents()?;
            let (pass, sigmas) = (job.request.unsample.clone(), job.up.clone());
            job.pass(&pass, &sigmas, latents, Stage::Unsampled)
        })
    }

    /// The noise as the styled clip, still latents.
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

    fn decode(
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
        let frame = to_frames(&latents.narrow(TIME, index, 1)?)?;
        let z = (frame.to_device(self.runner.store.device())? / latent_scale(self.chosen.family))?;
        let size = [z.dim(2)? * 8, z.dim(3)? * 8];
        let x = self.measured(name, |job| {
            let x = job.autoencode(size, |vae, tile| match tile {
                None => vae.decode(&z),
                Some(tile) => vae.decode_tiled(&z, tile),
            })?;
            let place = format!(" at frame {}", job.request.segment.frame(index));
            job.look_at(
                &x,
                "the decoded picture",
                &place,
                job.chosen.files(Use::Pictures, std::iter::empty()),
            )?;
            Ok(((x + 1.0)? * 0.5)?.clamp(0f32, 1f32)?.to_device(&Device::Cpu)?)
        })?;
        self.report.stage(name, Origin::Computed(started.elapsed()));
        self.runner.memory.put(key, Entry::from([(name.to_owned(), x.clone())]));
        Ok(Arc::new(from_tensor(&x)?))
    }

    /// Fraction of the whole request at `done` of part `part` (encode, unsample, resample, decode).
    fn part(&self, part: usize, done: f64) -> f64 {
        let frames = self.request.source.digests.len() as f64;
        let evaluations = |pass: &Pass, steps: usize| {
            let branches = if pass.cfg.iter().all(|c| *c == 1.0) { 1.0 } else { 2.0 };
            pass.sampler.evaluations(&vec![1.0; steps + 1]) as f64 * branches * frames
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

    /// Peak signal-to-noise ratios of the wanted frame's reconstruction and of the plain VAE round trip.
    fn measure(&mut self, picture: Option<&Rgb>) -> Result<(), PipelineError> {
        let index = self.request.index;
        let Some(picture) = picture else { return Ok(()) };
        let source = self.frame(Clip::Source, index)?.picture;
        let latents = self.latents()?;
        let plain = self.decode("round trip", &latents, &self.keys.latents.clone(), index)?;
        self.report.psnr = Some((decibels(&source, picture)?, decibels(&source, &plain)?));
        Ok(())
    }

    fn write_diagnostics(&mut self, path: &std::path::Path) -> Result<(), PipelineError> {
        let mark = (path.to_path_buf(), self.keys.resampled);
        if self.runner.written.as_ref() == Some(&mark) && path.is_file() {
            return Ok(());
        }
        let request = self.request;
        let count = request.source.digests.len();
        let mut entry = Entry::new();
        entry.insert("frames.working".to_owned(), self.pictures(Clip::Source, count)?);
        let second = second_pass(self.request);
        for (prefix, pass) in [("text", &second), ("text.unsample", &request.unsample)] {
            let conditioning = self.conditioning(pass)?;
            for (name, text) in [("positive", conditioning.positive), ("negative", conditioning.negative)] {
                entry.insert(format!("{prefix}.{name}"), text.context);
                entry.extend(text.pooled.map(|pooled| (format!("{prefix}.{name}.pooled"), pooled)));
            }
        }
        for (unit, preprocessor) in request.hints.iter().enumerate() {
            entry.insert(format!("hint.{}", unit + 1), self.hint(*preprocessor, |_| 1.0)?);
        }
        for (name, list) in [("sigmas.unsample", &self.up), ("sigmas.resample", &self.down)] {
            entry.insert(name.to_owned(), Tensor::new(list.as_slice(), &Device::Cpu)?);
        }
        // The file has single frames, as other systems do.
        entry.insert("latents.source".to_owned(), to_frames(&self.latents()?)?);
        entry.insert("latents.unsampled".to_owned(), to_frames(&self.unsampled()?)?);
        if request.goal != Goal::Analyse {
            entry.insert("latents.resampled".to_owned(), to_frames(&self.resampled()?)?);
            let styled = (0..count)
                .map(|i| self.decoded(i).and_then(|p| to_tensor(&p, &Device::Cpu)))
                .collect::<Result<Vec<_>, _>>()?;
            entry.insert("frames.styled".to_owned(), Tensor::cat(&styled, 0)?);
        }
        diagnostics::write(path, &entry, self.report.costs_json())?;
        self.runner.written = Some(mark);
        Ok(())
    }
}

fn decibels(one: &Rgb, other: &Rgb) -> Result<f64, PipelineError> {
    psnr(one, other).map_err(|e| PipelineError::Internal(e.to_string()))
}
