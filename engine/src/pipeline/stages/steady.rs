//! Steadies the styled frame along the motion of the source.

use std::sync::Arc;
use std::time::Instant;

use candle_core::Device;

use super::super::PipelineError;
use super::super::cache::Entry;
use super::super::chain::second_pass;
use super::super::files::Chosen;
use super::super::pictures::{from_tensor, to_tensor};
use super::super::report::Origin;
use super::Job;
use frame::convert::{to_f32, to_f64};
use frame::{Rgb, steady};
use protocol::key::Key;
use protocol::request::{Pass, PromptTrack, Request};

const NAME: &str = "steadied";
/// The difference of settings from which on a neighbour has no weight.
const OTHER: f64 = 0.25;

/// The weight of every frame of the segment for frame `index`: it decreases with the distance, and with the difference
/// of the keyframed settings, so that animated settings stay animated.
fn shares(request: &Request, index: usize) -> Vec<f32> {
    let second = second_pass(request);
    let share = |other: usize| {
        let far = to_f64(other.abs_diff(index)) / to_f64(request.steady_frames + 1);
        let passes =
            pass_difference(&request.unsample, index, other).max(pass_difference(&second, index, other));
        let differs = passes.max(difference(&request.motion.scale, index, other));
        // Epanechnikov's kernel: of all kernels with this support, its mean has the least variance.
        to_f32((1.0 - far * far).max(0.0) * (1.0 - differs / OTHER).max(0.0))
    };
    (0..request.source.digests.len()).map(share).collect()
}

/// The difference of a keyframed value between two frames, relative to its size if that is above 1.
fn difference(values: &[f64], one: usize, other: usize) -> f64 {
    let (Some(one), Some(other)) = (values.get(one), values.get(other)) else { return 0.0 };
    (one - other).abs() / one.abs().max(other.abs()).max(1.0)
}

/// The fraction of a prompt's mix that differs between two frames.
fn prompt_difference(track: &PromptTrack, one: usize, other: usize) -> f64 {
    let (Some(one), Some(other)) = (track.mix.get(one), track.mix.get(other)) else { return 0.0 };
    let share = |mix: &[(usize, f32)], text: usize| -> f32 {
        mix.iter().filter(|(index, _)| *index == text).map(|(_, share)| share).sum()
    };
    let changed = (0..track.texts.len()).map(|text| (share(one, text) - share(other, text)).abs());
    f64::from(changed.sum::<f32>() / 2.0)
}

fn pass_difference(pass: &Pass, one: usize, other: usize) -> f64 {
    let prompts = [&pass.positive, &pass.negative].map(|track| prompt_difference(track, one, other));
    let controls = pass.controls.iter().map(|control| difference(&control.weight, one, other));
    prompts.into_iter().chain(controls).fold(difference(&pass.cfg, one, other), f64::max)
}

/// The frames of the segment that contribute to frame `index`, with their weights, and the key of the result.
pub(super) fn near(
    request: &Request,
    chosen: &Chosen,
    resampled: &Key,
    index: usize,
) -> (Vec<usize>, Vec<f32>, Key) {
    let all = shares(request, index);
    let near: Vec<usize> = (0..all.len()).filter(|&i| all[i] > 0.0).collect();
    let shares: Vec<f32> = near.iter().map(|&i| all[i]).collect();
    let digests: Vec<Key> = near.iter().map(|&i| request.source.digests[i]).collect();
    let key = Key::of(NAME)
        .key("of", resampled)
        .key("vae", &chosen.vae_id())
        .text("device", chosen.device)
        .keys("sources", &digests)
        .count("index", index)
        .count("first", near.first().copied().unwrap_or(0))
        .floats("shares", &shares.iter().map(|&share| f64::from(share)).collect::<Vec<_>>())
        .finish();
    (near, shares, key)
}

impl Job<'_> {
    /// Frame `index` of the styled clip, averaged with its neighbours in the segment along the motion of the source.
    pub(super) fn steadied(&mut self, index: usize) -> Result<Arc<Rgb>, PipelineError> {
        let (near, shares, key) = near(self.request, &self.chosen, &self.keys.resampled, index);
        if near.len() < 2 {
            return self.decoded(index);
        }
        if let Some(x) = self.runner.memory.get(&key).and_then(|mut e| e.remove(NAME)) {
            self.report.stage(NAME, Origin::Memory);
            return Ok(Arc::new(from_tensor(&x)?));
        }
        let sources = near.iter().map(|&i| self.luma(i)).collect::<Result<Vec<_>, _>>()?;
        let styled = near.iter().map(|&i| self.decoded(i)).collect::<Result<Vec<_>, _>>()?;
        let at = near.iter().position(|&i| i == index).unwrap_or(usize::MAX);
        self.control.check()?;
        self.control.report(1.0, "Steadying");
        let started = Instant::now();
        let picture = self.measured(NAME, |_| {
            let styled: Vec<&Rgb> = styled.iter().map(Arc::as_ref).collect();
            steady(&sources, &styled, &shares, at)
                .ok_or_else(|| PipelineError::Internal("no frame to steady".to_owned()))
        })?;
        self.report.stage(NAME, Origin::Computed(started.elapsed()));
        if !picture.data.iter().all(|value| value.is_finite()) {
            return Err(PipelineError::Internal("a steadied frame has NaN or infinite values".to_owned()));
        }
        self.runner.memory.put(key, Entry::from([(NAME.to_owned(), to_tensor(&picture, &Device::Cpu)?)]));
        Ok(Arc::new(picture))
    }
}
