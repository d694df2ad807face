//! The stages of a request: text, latents, unsampled latents, resampled latents, decoded frame, steadied frame.
//!
//! Every stage asks for the one before it only when its own result is in no cache, so a request does no more than
//! what is missing. What was done, and where it came from, goes into the report.

mod fit;
mod hint;
mod steady;
mod text;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{Device, Tensor};

use super::cache::{DiskCache, Entry, MemoryCache};
use super::chain::{Keys, context_length, keys, latent_scale, scheduler, second_pass, usual_betas};
use super::controls::{ActiveControl, acting};
use super::device::{Placement, place};
use super::diagnostics::{self, Given};
use super::hints::needed;
use super::key::Key;
use super::memory::{Room, Slices, free, start};
use super::meter::Meter;
use super::models::{Chosen, ModelStore, Use};
use super::network::{Conditioning, Text, UnetNetwork};
use super::pictures::{from_tensor, to_tensor};
use super::report::{Origin, Report};
use super::request::{Goal, Pass, Request};
use super::worker::Control;
use super::{CacheSettings, PipelineError};
use crate::diffusion::{
    ContextOptions, DiffusionError, Guided, NoiseSchedule, SeededNoise, Step, flip, pass_sigmas, sample,
};
use crate::frame::{Rgb, Size, psnr};
use crate::weights::Family;

/// Bytes of finished stages that are kept in memory.
const MEMORY: usize = 1 << 30;

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
    texts: HashMap<Key, Text>,
    disk: Option<(CacheSettings, Arc<DiskCache>)>,
    /// Destination and result key of the diagnostics that were written last.
    written: Option<(std::path::PathBuf, Key)>,
    room: Room,
}

impl Runner {
    /// A runner with nothing loaded.
    pub fn new(room: Room) -> Self {
        Self {
            store: ModelStore::new(Placement::processor()),
            memory: MemoryCache::new(MEMORY),
            texts: HashMap::new(),
            disk: None,
            written: None,
            room,
        }
    }

    /// Forgets every stage; returns the bytes freed on disk.
    pub fn clear(&mut self, settings: &CacheSettings) -> u64 {
        self.memory.clear();
        self.texts.clear();
        disk_cache(settings).clear().bytes
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
        self.store.place(place(request.device, request.precision)?);
        let mut chosen = self.store.choose(&request.models)?;
        self.store.choose_annotators(&mut chosen, &needed(request))?;
        self.store.choose_embeddings(&mut chosen, &prompts(request))?;
        let disk = self.disk(&request.cache);
        let mut job = Job::new(self, request, control, chosen, disk)?;
        let picture = match request.goal {
            Goal::Analyse => {
                job.unsampled()?;
                None
            }
            Goal::Result => Some(job.steadied(request.index)?),
            // What the noise keeps, nothing added.
            Goal::Reconstruction => Some(job.decoded(request.index)?),
            Goal::Hint(preprocessor) => {
                let hint = job.hint(preprocessor, |done| done)?;
                Some(Arc::new(from_tensor(&hint.narrow(0, request.index, 1)?)?))
            }
        };
        if request.goal == Goal::Reconstruction {
            job.measure(picture.as_deref())?;
        }
        if let Some(path) = &request.diagnostics
            && !matches!(request.goal, Goal::Hint(_))
        {
            job.write_diagnostics(path)?;
        }
        let report = job.report;
        log::info!("{report}");
        Ok(Outcome { picture, report })
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
    up: Vec<f32>,
    down: Vec<f32>,
    keys: Keys,
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
        let schedule = NoiseSchedule::new(betas);
        let spaced = |pass: &Pass| -> Result<Vec<f32>, PipelineError> {
            let scheduler = scheduler(pass.scheduler.0, chosen.family)?;
            Ok(pass_sigmas(&schedule, scheduler, pass.steps, request.denoise)?)
        };
        let up = flip(&spaced(&request.unsample)?);
        let down = spaced(&request.resample)?;
        let keys = keys(request, &chosen, betas, runner.store.placement())?;
        let mut report = Report::new(request.segment, runner.store.placement().to_string());
        request.remarks.iter().chain(&chosen.notices).for_each(|sentence| report.say(sentence.as_str()));
        let meter = request.diagnostics.as_ref().and_then(|_| Meter::start(runner.store.device()));
        Ok(Self { runner, request, control, chosen, disk, schedule, up, down, keys, report, meter })
    }

    /// A stage's tensor from memory, from disk, or computed.
    fn stage(
        &mut self,
        name: &'static str,
        key: Key,
        compute: impl FnOnce(&mut Self) -> Result<Tensor, PipelineError>,
    ) -> Result<Tensor, PipelineError> {
        if let Some(tensor) = self.runner.memory.get(&key).and_then(|mut e| e.remove(name)) {
            self.report.stage(name, Origin::Memory);
            // It may have been made while another cache folder was chosen.
            self.keep(name, &key, &Entry::from([(name.to_owned(), tensor.clone())]));
            return Ok(tensor);
        }
        if let Some(entry) = self.disk.as_ref().and_then(|d| d.get(&key))
            && let Some(tensor) = self.fitting(name, &key, &entry)
        {
            self.runner.memory.put(key, entry);
            self.report.stage(name, Origin::Disk);
            return Ok(tensor);
        }
        let started = Instant::now();
        let before = self.report.computed();
        let tensor = self.measured(name, |job| Ok(compute(job)?.to_device(&Device::Cpu)?))?;
        // The time of the stages before, which this one asked for, is theirs.
        let own = started.elapsed().saturating_sub(self.report.computed() - before);
        self.report.stage(name, Origin::Computed(own));
        let entry = Entry::from([(name.to_owned(), tensor.clone())]);
        self.keep(name, &key, &entry);
        self.runner.memory.put(key, entry);
        Ok(tensor)
    }

    /// The tensor of a stage in an entry from disk. The folder may be anybody's, so what has another shape than this
    /// request's frames is removed.
    fn fitting(&self, name: &'static str, key: &Key, entry: &Entry) -> Option<Tensor> {
        let Size { width, height } = self.request.source.size;
        let tensor = entry.get(name).filter(|tensor| {
            let Ok((frames, channels, rows, columns)) = tensor.dims4() else { return false };
            let fits = match name {
                "hint" => (channels == 1 || channels == 3) && [rows, columns] == [height, width],
                _ => channels == self.chosen.latent_channels() && [rows * 8, columns * 8] == [height, width],
            };
            fits && frames == self.request.source.digests.len()
        });
        if tensor.is_none()
            && let Some(disk) = &self.disk
        {
            disk.reject(key, "it has another shape than these frames");
        }
        tensor.cloned()
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

    /// Writes an entry to disk. A failure is a notice: the result is right all the same.
    fn keep(&mut self, name: &'static str, key: &Key, entry: &Entry) {
        if let Some(disk) = &self.disk
            && let Err(error) = disk.put(key, name, entry)
        {
            log::warn!("{error}");
            self.report.say(format!("{error}; the result is not kept"));
        }
    }

    /// The result of a stage where the latents file has it.
    fn given(&self, stage: Given) -> Result<Option<Tensor>, PipelineError> {
        let Some(path) = self.request.latents.as_ref().filter(|_| self.keys.given == Some(stage)) else {
            return Ok(None);
        };
        diagnostics::read_latents(path, self.request.source.digests.len()).map(Some)
    }

    /// The clip in the sampler's space, [frames, channels, height / 8, width / 8].
    fn latents(&mut self) -> Result<Tensor, PipelineError> {
        self.stage("latents", self.keys.latents, |job| {
            if let Some(latents) = job.given(Given::Source)? {
                return Ok(latents);
            }
            let frames = job.request.source.frames.as_ref().ok_or(PipelineError::NeedFrames)?;
            let mut latents = Vec::with_capacity(frames.len());
            for (i, frame) in frames.iter().enumerate() {
                let done = job.part(0, i as f64 / frames.len() as f64);
                latents.push(job.encode(&to_tensor(&frame.picture, &Device::Cpu)?, done)?);
            }
            Ok(Tensor::cat(&latents, 0)?)
        })
    }

    /// One picture [1, 3, height, width] in 0..1 in the sampler's space; `done` is the part of the request before it.
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
        self.stage("unsampled", self.keys.unsampled, |job| {
            if let Some(noise) = job.given(Given::Unsampled)? {
                return Ok(noise);
            }
            let latents = job.latents()?;
            let (pass, sigmas) = (job.request.unsample.clone(), job.up.clone());
            job.pass(&pass, &sigmas, latents, 1, "Unsampling")
        })
    }

    /// The noise as the styled clip, still latents.
    fn resampled(&mut self) -> Result<Tensor, PipelineError> {
        self.stage("resampled", self.keys.resampled, |job| {
            let noise = job.unsampled()?;
            let (pass, sigmas) = (second_pass(job.request), job.down.clone());
            job.pass(&pass, &sigmas, noise, 2, "Resampling")
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
        let key = Key::of(name)
            .key("of", of)
            .key("vae", &self.chosen.vae_id())
            .text("device", self.chosen.device)
            .number("index", index as i64)
            .finish();
        if let Some(x) = self.runner.memory.get(&key).and_then(|mut e| e.remove(name)) {
            self.report.stage(name, Origin::Memory);
            return Ok(Arc::new(from_tensor(&x)?));
        }
        self.control.check()?;
        self.control.report(self.part(3, 0.0), "Decoding");
        let started = Instant::now();
        let z = (latents.narrow(0, index, 1)?.to_device(self.runner.store.device())?
            / latent_scale(self.chosen.family))?;
        let size = [z.dim(2)? * 8, z.dim(3)? * 8];
        let x = self.measured(name, |job| {
            let x = job.autoencode(size, |vae, tile| match tile {
                None => vae.decode(&z),
                Some(tile) => vae.decode_tiled(&z, tile),
            })?;
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

    /// Runs the sampler over `sigmas`.
    fn pass(
        &mut self,
        pass: &Pass,
        sigmas: &[f32],
        x: Tensor,
        part: usize,
        label: &str,
    ) -> Result<Tensor, PipelineError> {
        let started = self.part(part, 0.0);
        self.control.report(started, label);
        let conditioning = self.conditioning(pass)?;
        if self.chosen.family == Family::Sdxl {
            // The other pass's prompts as well, so that the text encoders can make room for the UNet.
            for pass in [self.request.unsample.clone(), second_pass(self.request)] {
                self.conditioning(&pass)?;
            }
            self.runner.store.release(&[Use::Text]);
        }
        let frames = x.dim(0)?;
        let device = self.runner.store.device().clone();
        let dtype = self.runner.store.dtype();
        let (unet, motion) = self.alone_if_needed(Use::Sampling, |job| {
            job.measured("weights", |job| {
                Ok((job.runner.store.unet(&job.chosen)?, job.runner.store.motion(&job.chosen)?))
            })
        })?;
        let mut controls = Vec::new();
        for control in acting(&pass.controls) {
            let net = self.alone_if_needed(Use::Sampling, |job| {
                job.measured("weights", |job| job.runner.store.control(&job.chosen, control.unit))
            })?;
            net.check_unet(&unet)?;
            let hint = self.seen(control, started)?;
            controls.push(ActiveControl::new(net, hint, control, &self.schedule));
        }
        let settings = &self.request.motion;
        let context = motion.as_ref().map(|_| ContextOptions {
            length: context_length(settings.length, self.chosen.motion_version),
            overlap: settings.overlap,
            stride: settings.stride,
            schedule: settings.schedule,
            fuse: settings.fuse,
            closed: settings.closed,
        });
        // Without a motion module a window is only as many frames as are evaluated at once.
        let context = context.unwrap_or(ContextOptions {
            length: 4,
            overlap: 0,
            stride: 1,
            schedule: crate::diffusion::ContextSchedule::Batched,
            fuse: crate::diffusion::Fuse::Flat,
            closed: false,
        });
        let (_, _, height, width) = x.dims4()?;
        let window = context.length.min(frames);
        let count = if pass.cfg.iter().all(|c| *c == 1.0) { 1 } else { 2 };
        let slices = start(free(&device), count, window, |slices| {
            let n = if slices.together { count * window } else { window };
            unet.working_memory(n, slices.frames.unwrap_or(n), [height, width])
        });
        let room = self.runner.room;
        let control = self.control;
        let whole = self.part(part, 1.0) - started;
        let steps = sigmas.len().saturating_sub(1).max(1);
        let per_step = pass.sampler.evaluations(sigmas) as f64 / steps as f64;
        let windows = crate::diffusion::windows(&context, frames, 0).len() as f64;
        let branches = if pass.cfg.iter().all(|c| *c == 1.0) { 1.0 } else { 2.0 };
        let expected = per_step * steps as f64 * windows * branches;
        let mut done = 0.0;
        let mut evaluated = |n: usize| {
            done += n as f64;
            control.report(started + whole * (done / expected).min(1.0), label);
        };
        let store = &mut self.runner.store;
        let mut make_room = || store.keep_only(Use::Sampling);
        let mut network = UnetNetwork {
            unet,
            motion,
            motion_scale: settings.scale.iter().map(|&s| s as f32).collect(),
            motion_effect: settings.effect as f32,
            controls,
            conditioning: Conditioning {
                positive: conditioning.positive.to_device(&device)?,
                negative: conditioning.negative.to_device(&device)?,
            },
            dtype,
            slices,
            room,
            make_room: &mut make_room,
            control,
            evaluated: &mut evaluated,
        };
        let cfg: Vec<f32> = pass.cfg.iter().map(|&c| c as f32).collect();
        let cfg = if cfg.windows(2).all(|w| w[0] == w[1]) { cfg.into_iter().take(1).collect() } else { cfg };
        let mut denoiser =
            Guided { network: &mut network, schedule: &self.schedule, cfg, context: Some(context) };
        let absolute: Vec<i64> = self.request.segment.frames().collect();
        let mut noise = SeededNoise::new(self.request.seed, absolute);
        let mut on_step = |_: Step| control.check().map_err(|_| DiffusionError::Cancelled);
        let x = x.to_device(&device)?;
        let sampled = sample(pass.sampler, &mut denoiser, x, sigmas, &mut noise, &mut on_step)
            .map_err(PipelineError::from)
            .and_then(|x| Ok(x.to_device(&Device::Cpu)?));
        let slices = network.slices;
        if slices != Slices::WHOLE {
            self.report.slices = Some(slices.to_string());
        }
        sampled.map_err(|error| {
            error.in_memory_of(format!(
                "for a window of {window} frames of {}x{} pixels, {slices}",
                width * 8,
                height * 8
            ))
        })
    }

    /// Peak signal-to-noise ratios of the wanted frame's reconstruction and of the plain VAE round trip.
    fn measure(&mut self, picture: Option<&Rgb>) -> Result<(), PipelineError> {
        let index = self.request.index;
        let Some(picture) = picture else { return Ok(()) };
        let input = &self.request.source;
        let wanted = match &input.frames {
            Some(frames) => frames.get(index),
            None => Some(input.current.as_ref().ok_or(PipelineError::NeedFrames)?),
        };
        let Some(source) = wanted.map(|f| f.picture.clone()) else { return Ok(()) };
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
        let frames = request.source.frames.as_ref().ok_or(PipelineError::NeedFrames)?;
        let count = frames.len();
        let mut entry = Entry::new();
        let working =
            frames.iter().map(|f| to_tensor(&f.picture, &Device::Cpu)).collect::<Result<Vec<_>, _>>()?;
        entry.insert("frames.working".to_owned(), Tensor::cat(&working, 0)?);
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
        entry.insert("latents.source".to_owned(), self.latents()?);
        entry.insert("latents.unsampled".to_owned(), self.unsampled()?);
        if request.goal != Goal::Analyse {
            entry.insert("latents.resampled".to_owned(), self.resampled()?);
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
