//! A sampling pass: unsampling or resampling of a segment's latents.

use candle_core::{Device, Tensor};

use super::super::PipelineError;
use super::super::chain::{context_length, second_pass};
use super::super::controls::{acting, active};
use super::super::finite::{NotFinite, is_finite};
use super::super::memory::{Slices, free, start};
use super::super::network::{Conditioning, SegmentNetwork};
use super::super::networks::Use;
use super::Job;
use super::keep::Stage;
use crate::diffusion::latents::TIME;
use crate::diffusion::{
    ContextOptions, ContextSchedule, DiffusionError, Fuse, Guided, SeededNoise, Step, sample,
};
use frame::convert::{to_f32, to_f64};
use protocol::request::Pass;

impl Job<'_> {
    /// Runs the sampler over `sigmas`, from and to latents [1, channels, time, height, width].
    pub(super) fn pass(
        &mut self,
        pass: &Pass,
        sigmas: &[f32],
        x: Tensor,
        stage: Stage,
    ) -> Result<Tensor, PipelineError> {
        let (part, label) = if let Stage::Unsampled = stage { (1, "Unsampling") } else { (2, "Resampling") };
        let started = self.part(part, 0.0);
        self.control.report(started, label);
        let conditioning = self.conditioning(pass)?;
        if self.chosen.family.has_large_text_encoders() {
            // Also the other pass's prompts, so that the text encoders can be unloaded before the network is loaded.
            for pass in [self.request.unsample.clone(), second_pass(self.request)] {
                self.conditioning(&pass)?;
            }
            self.runner.networks.release(&[Use::Text]);
        }
        let grid = self.chosen.grid();
        let time = x.dim(TIME)?;
        let device = self.runner.networks.device().clone();
        let dtype = self.runner.networks.dtype();
        let (predictor, motion) = self.alone_if_needed(Use::Sampling, |job| {
            job.measured("weights", |job| {
                Ok((job.runner.networks.predictor(&job.chosen)?, job.runner.networks.motion(&job.chosen)?))
            })
        })?;
        // Reading the networks takes a while, during which the hash of a file may have become known: for a file that
        // was moved or copied here, results may be in the cache.
        if let Some((known, _)) = self.found(&stage) {
            return Ok(known);
        }
        let mut controls = Vec::new();
        for control in acting(&pass.controls) {
            let net = self.alone_if_needed(Use::Sampling, |job| {
                job.measured("weights", |job| job.runner.networks.control(&job.chosen, control.unit))
            })?;
            predictor.check_control(&net)?;
            let hint = self.seen(control, started)?;
            controls.push(active(net, hint, control, &self.schedule));
        }
        let settings = &self.request.motion;
        let context = if self.chosen.is_temporal() {
            ContextOptions {
                length: grid.latents(context_length(settings.length, &self.chosen)),
                overlap: settings.overlap / grid.time,
                stride: settings.stride,
                schedule: settings.schedule,
                fuse: settings.fuse,
                closed: settings.closed,
            }
        } else {
            // Without attention across time the window is only the number of frames evaluated at once.
            ContextOptions {
                length: 4,
                overlap: 0,
                stride: 1,
                schedule: ContextSchedule::Batched,
                fuse: Fuse::Flat,
                closed: false,
            }
        };
        let (.., height, width) = x.dims5()?;
        let picture = [height, width].map(|side| side * grid.space);
        let window = context.length.min(time);
        let count = if pass.cfg.iter().all(|c| *c == 1.0) { 1 } else { 2 };
        let slices = start(free(&device), count, window, |slices| {
            let n = if slices.together { count * window } else { window };
            predictor.working_memory(n, slices.frames.unwrap_or(n), [height, width])
        });
        // Settings have a value for every frame; a latent takes that of the first frame that it covers.
        let firsts: Vec<usize> =
            (0..time).map(|latent| grid.frames(latent, self.request.source.digests.len()).start).collect();
        let of_latents = |values: &[f64]| -> Vec<f32> {
            if values.len() < 2 {
                return values.iter().map(|&value| to_f32(value)).collect();
            }
            firsts.iter().filter_map(|&frame| values.get(frame)).map(|&value| to_f32(value)).collect()
        };
        let (cfg, motion_scale) = (of_latents(&pass.cfg), of_latents(&settings.scale));
        let room = self.runner.room;
        let control = self.control;
        let whole = self.part(part, 1.0) - started;
        let steps = sigmas.len().saturating_sub(1).max(1);
        let per_step = to_f64(pass.sampler.evaluations(sigmas)) / to_f64(steps);
        let windows = to_f64(crate::diffusion::windows(&context, time, 0).len());
        let branches = if pass.cfg.iter().all(|c| *c == 1.0) { 1.0 } else { 2.0 };
        let expected = per_step * to_f64(steps) * windows * branches;
        let mut done = 0.0;
        let mut evaluated = |n: usize| {
            done += to_f64(n);
            control.report(started + whole * (done / expected).min(1.0), label);
        };
        let networks = &mut self.runner.networks;
        let mut make_room = || networks.keep_only(Use::Sampling);
        let mut network = SegmentNetwork {
            predictor,
            prediction: self.chosen.prediction.0,
            motion,
            motion_scale,
            motion_effect: to_f32(settings.effect),
            controls,
            conditioning: Conditioning {
                positive: conditioning.positive.to_device(&device)?,
                negative: conditioning.negative.to_device(&device)?,
            },
            picture,
            dtype,
            slices,
            room,
            make_room: &mut make_room,
            control,
            evaluated: &mut evaluated,
        };
        let cfg = if cfg.windows(2).all(|w| w[0] == w[1]) { cfg.into_iter().take(1).collect() } else { cfg };
        let mut denoiser =
            Guided { network: &mut network, schedule: &self.schedule, cfg, context: Some(context) };
        let absolute: Vec<i64> = firsts.iter().map(|&frame| self.request.segment.frame(frame)).collect();
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
        let strange = match &sampled {
            Err(PipelineError::Diffusion(DiffusionError::Network(source))) => {
                source.downcast_ref::<NotFinite>().map(|strange| strange.step)
            }
            Err(_) => None,
            Ok(x) => (!is_finite(x)?).then_some(steps),
        };
        if let Some(step) = strange {
            self.overflow = Some(stage.clone());
            return Err(PipelineError::NotFinite {
                stage: if let Stage::Unsampled = stage { "the unsampled clip" } else { "the resampled clip" },
                place: format!(" from step {} of {steps} on, in {}", (step + 1).min(steps), dtype.as_str()),
                files: self.chosen.files(Use::Sampling, acting(&pass.controls).map(|control| control.unit)),
            });
        }
        sampled.map_err(|error| {
            let ([height, width], frames) = (picture, grid.frames(window - 1, usize::MAX).end);
            let what = format!("for a window of {frames} frames of {width}x{height} pixels, {slices}");
            error.in_memory_of(what, self.less_memory())
        })
    }
}
