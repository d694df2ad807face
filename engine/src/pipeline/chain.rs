//! The cache keys of a request's stages, and its passes with all defaults resolved.
//!
//! A key contains exactly what can affect the result, so that a setting without effect does not invalidate a stage.

use super::PipelineError;
use super::controls::add_controls;
use super::device::Placement;
use super::diagnostics::{self, LAYOUT, SuppliedLatents};
use super::files::Chosen;
use crate::diffusion::{Betas, Scheduler};
use crate::families::Family;
use frame::convert::to_time;
use protocol::SchedulerChoice;
use protocol::key::{Key, KeyBuilder};
use protocol::request::{Goal, MotionSettings, Pass, PromptTrack, Request};

/// The cache keys of a request's stages; each contains the one before it.
pub struct Keys {
    /// The stage whose result the latents file supplies.
    pub given: Option<SuppliedLatents>,
    /// The key of the encoded clip.
    pub latents: Key,
    /// The key of the unsampled latents.
    pub unsampled: Key,
    /// The key of the styled latents.
    pub resampled: Key,
}

/// The scheduler of a parameter's option. `ays` is the Align Your Steps table of the checkpoint's family, or the
/// family's substitute.
pub fn scheduler(choice: SchedulerChoice, family: Family) -> Scheduler {
    match choice {
        SchedulerChoice::Ays => family.align_your_steps().unwrap_or_else(|| family.usual_scheduler()),
        SchedulerChoice::Normal => Scheduler::Normal,
        SchedulerChoice::Karras => Scheduler::Karras,
        SchedulerChoice::Exponential => Scheduler::Exponential,
        SchedulerChoice::SgmUniform => Scheduler::SgmUniform,
        SchedulerChoice::Simple => Scheduler::Simple,
        SchedulerChoice::DdimUniform => Scheduler::DdimUniform,
        SchedulerChoice::Beta => Scheduler::Beta,
        SchedulerChoice::KlOptimal => Scheduler::KlOptimal,
    }
}

/// The beta schedule of a request: the requested one, or the default for its files. A family without betas ignores it.
pub fn betas(request: &Request, chosen: &Chosen) -> Betas {
    let usual = chosen.family.betas(chosen.motion_version);
    usual.map_or(Betas::Linear, |usual| request.motion.betas.unwrap_or(usual))
}

/// Frames in a context window: the requested number, or the one with which the files were trained.
pub fn context_length(asked: usize, chosen: &Chosen) -> usize {
    if asked == 0 { chosen.family.context_length(chosen.motion_version) } else { asked }
}

/// The second pass: the style's; for a reconstruction, the first pass's prompts and ControlNets with a cfg of 1.
pub fn second_pass(request: &Request) -> Pass {
    match request.goal {
        Goal::Result | Goal::Analyse | Goal::Hint(_) => request.resample.clone(),
        Goal::Reconstruction => Pass {
            positive: request.unsample.positive.clone(),
            negative: request.unsample.negative.clone(),
            cfg: vec![1.0; request.resample.cfg.len()],
            controls: request.unsample.controls.clone(),
            ..request.resample.clone()
        },
    }
}

/// Adds everything that a pass depends on to a key. With a cfg of 1 the negative prompt has no effect and is left out.
fn add_pass(key: KeyBuilder, pass: &Pass, chosen: &Chosen) -> KeyBuilder {
    // Destructured, so that a new field does not compile until it is handled here. The ControlNets are added
    // separately, with what their hints are made from.
    let Pass { positive, negative, cfg, sampler, scheduler, steps, controls: _ } = pass;
    let track = |key: KeyBuilder, name: &str, track: &PromptTrack| {
        // By text and not by index, so that the order of the texts does not matter.
        let frames = if track.is_constant() { 1 } else { track.mix.len() };
        let mut key = key.count(name, frames);
        for mix in track.mix.iter().take(frames) {
            key = key.count("terms", mix.len());
            for (index, weight) in mix {
                let text = track.texts.get(*index).map_or("", String::as_str);
                key = key.text("text", text).floats("weight", &[f64::from(*weight)]);
                for id in chosen.embeddings.ids(text) {
                    key = key.key("embedding", &id);
                }
            }
        }
        key
    };
    let key = track(key, "positive", positive);
    let key = if cfg.iter().all(|c| *c == 1.0) { key } else { track(key, "negative", negative) };
    key.floats("cfg", cfg)
        .text("sampler", sampler.as_str())
        .text("scheduler", scheduler.as_str())
        .count("steps", *steps)
}

/// The key of frame `index` decoded from the latents with the key `of`.
pub fn decoded(name: &str, of: &Key, chosen: &Chosen, index: usize) -> Key {
    Key::of(name)
        .key("of", of)
        .key("vae", &chosen.vae_id())
        .text("device", chosen.device)
        .count("index", index)
        .finish()
}

/// The cache keys of a request's stages.
///
/// # Errors
/// If the latents file cannot be read.
pub fn keys(
    request: &Request,
    chosen: &Chosen,
    betas: Betas,
    placement: &Placement,
) -> Result<Keys, PipelineError> {
    // Destructured, so that a new field does not compile until the stage that depends on it is decided here.
    let Request {
        segment,
        source,
        unsample,
        denoise,
        clip_skip,
        seed,
        motion,
        latents: given,
        // Covered by the contents of `chosen` and `placement`.
        models: _,
        device: _,
        precision: _,
        // Covered by the keys of the ControlNets that use it.
        hint_clip: _,
        hints: _,
        // Covered by the pass that results from it.
        resample: _,
        goal: _,
        // Only used after the stages whose keys are made here.
        index: _,
        steady_frames: _,
        // These do not affect any result.
        remarks: _,
        cache: _,
        diagnostics: _,
    } = request;
    let MotionSettings {
        // Resolved by the caller.
        betas: _,
        length,
        overlap,
        stride,
        schedule,
        fuse,
        closed,
        scale,
        effect,
    } = motion;
    let file = given.as_ref().map(|path| diagnostics::latents_key(path)).transpose()?;
    let latents = match file {
        Some((SuppliedLatents::Source, key)) => key,
        _ => {
            // The VAE's weights determine its family, but an SDXL checkpoint can be used with another family's VAE.
            let scale = chosen.family.latent_scale();
            let key = Key::of("latents").key("vae", &chosen.vae_id()).floats("scale", &[scale]);
            let key = key.text("device", placement.kind()).number("layout", LAYOUT);
            key.keys("frames", &source.digests).finish()
        }
    };
    let noise = file.and_then(|(given, key)| (given == SuppliedLatents::Unsampled).then_some(key));
    let mut unsampled = Key::of("unsampled")
        .key("latents", &noise.unwrap_or(latents))
        .key("checkpoint", &chosen.checkpoint_id())
        .text("device", placement.kind())
        .text("precision", placement.dtype.as_str())
        .text("betas", betas.as_str())
        .number("prediction", chosen.prediction.0 as i64)
        .number("zero terminal", i64::from(chosen.prediction.1))
        .floats("denoise", &[*denoise])
        .count("clip skip", *clip_skip);
    if chosen.is_temporal() {
        unsampled = unsampled
            .keys("motion", chosen.motion_id().as_ref())
            .count("length", context_length(*length, chosen))
            .count("overlap", *overlap)
            .count("stride", *stride)
            .text("schedule", schedule.as_str())
            .text("fuse", fuse.as_str())
            .number("closed", i64::from(*closed))
            .floats("scale", scale)
            .floats("effect", &[*effect]);
    }
    let unsampled = match noise {
        Some(_) => unsampled.finish(),
        None => {
            let unsampled = add_pass(unsampled, unsample, chosen);
            add_controls(unsampled, &unsample.controls, request, chosen).finish()
        }
    };
    let second = second_pass(request);
    let resampled = add_pass(Key::of("resampled").key("unsampled", &unsampled), &second, chosen);
    let mut resampled = add_controls(resampled, &second.controls, request, chosen);
    if !second.sampler.is_deterministic() {
        let frames: Vec<f64> = segment.frames().map(to_time).collect();
        resampled = resampled.number("seed", seed.cast_signed()).floats("frames", &frames);
    }
    Ok(Keys { given: file.map(|(given, _)| given), latents, unsampled, resampled: resampled.finish() })
}
