//! The OpenFX effect: its parameters, clips and buttons, and the conversion of render calls to requests.
//!
//! | module | what it holds |
//! |---|---|
//! | [`table`] | the parameters: their definition, range checks and entries of docs/parameters.md come from the same rows |
//! | `describe` | describes the parameters and clips to a host |
//! | [`settings`] | parameter values at a time, and the request built from them |
//! | [`frames`] | frame numbers in texts, and lists of frames |
//! | [`prompt`] | prompt schedules and the mix of two prompts |
//! | `shots` | the clip's shots |
//! | `source` | reading the clip's pictures from the host, writing the result |
//! | `render` | a render call |
//! | `analyse` | the button that unsamples the whole clip |
//! | `client` | the engine's process, and the connection to it |
//! | [`plan`] | segments: frames that are processed together |
//! | `instance` | state of an instance |
//! | `told` | messages that need not be repeated for every frame |
//! | `logging` | the log file |
//!
//! This crate uses neither the OpenFX ABI (see the crate `openfx`) nor tensors and networks (see the engine).

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests convert small numbers"
    )
)]

mod analyse;
mod client;
pub mod describe;
mod errors;
pub mod frames;
mod instance;
mod logging;
pub mod plan;
pub mod prompt;
mod reader;
mod render;
pub mod settings;
mod shots;
mod source;
pub mod table;
mod told;

use frame::convert::{to_frame, to_time, u64_to_f64};
use openfx::{
    Change, ChangeKind, ChangeReason, ClipPreferences, Context, ContextDescriptor, EditHandle, Effect,
    EffectDescriptor, Error, FramesNeeded, Handled, Identity, IdentityArgs, InstanceHandle, PluginId,
    RenderArgs, RenderHandle, Result,
};
use protocol::Segment;

use client::Client;
use instance::Instance;
use reader::HostReader;
use settings::PictureSettings;

/// The effect type that is exported to hosts.
pub struct Unsample;

impl Effect for Unsample {
    type Instance = Instance;

    fn identity() -> PluginId {
        describe::identity()
    }

    fn unload() {
        // Some hosts load and unload a plugin to inspect it while instances of an earlier load are working.
        if !Instance::any_lives() {
            Client::global().stop();
        }
    }

    fn describe(effect: &mut EffectDescriptor<'_>) -> Result<()> {
        describe::effect(effect)
    }

    fn describe_in_context(effect: &mut ContextDescriptor<'_>, _: Context) -> Result<()> {
        describe::context(effect)
    }

    fn create(_: &InstanceHandle<'_>) -> Result<Instance> {
        Ok(Instance::new())
    }

    fn render(instance: &Instance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()> {
        render::render(instance, handle, args)
    }

    fn is_identity(
        _: &Instance,
        handle: &InstanceHandle<'_>,
        args: &IdentityArgs,
    ) -> Result<Option<Identity>> {
        let settings = PictureSettings::read(&HostReader(handle), args.time);
        Ok(settings.is_identity().then(|| Identity { clip: "Source".to_owned(), time: args.time }))
    }

    fn frames_needed(
        instance: &Instance,
        handle: &InstanceHandle<'_>,
        time: f64,
        answer: &mut FramesNeeded<'_>,
    ) -> Result<()> {
        let settings = PictureSettings::read(&HostReader(handle), time);
        let only = [(time, time)];
        let with_hint = settings.hints && !settings.is_identity() && handle.clip("Hint").connected();
        let clips = if with_hint { &["Source", "Hint"][..] } else { &["Source"] };
        if settings.is_identity() || !handle.host().temporal_access {
            return clips.iter().try_for_each(|name| answer.clip(name, &only));
        }
        let frame = to_frame(time.round());
        let clip = handle.clip("Source");
        if let Some(end) = source::nearest_end(&clip, frame) {
            // There are no segments outside of the clip. Anything else that the render needs, it fetches
            // without announcing it.
            let ranges = [(to_time(end), to_time(end)), only[0]];
            return clips.iter().try_for_each(|name| answer.clip(name, &ranges));
        }
        let range = source::extent(&clip, settings.cutting, frame).range;
        let numbering = source::numbering(&clip, handle.host(), frame);
        let wanted = shots::frames_wanted(instance, &settings, &numbering, range, frame);
        for name in clips {
            // Hints are fetched only for the part of a segment that is processed.
            let part = |segment: &Segment| match instance.knows("Source", segment) {
                Some(seen) if *name == "Hint" => seen.part,
                _ => Some(*segment),
            };
            let mut ranges: Vec<(f64, f64)> = wanted
                .iter()
                .filter_map(part)
                .filter(|segment| instance.knows(name, segment).is_none())
                .map(|segment| (to_time(segment.first), to_time(segment.frame(segment.count - 1))))
                .collect();
            if !ranges.iter().any(|(first, last)| (*first..=*last).contains(&time)) {
                ranges.push(only[0]);
            }
            answer.clip(name, &ranges)?;
        }
        Ok(())
    }

    fn clip_preferences(
        _: &Instance,
        handle: &InstanceHandle<'_>,
        answer: &mut ClipPreferences<'_>,
    ) -> Result<()> {
        if handle.host().colour_management {
            for clip in ["Source", "Hint"] {
                answer.colourspaces(clip, describe::COLOURSPACES);
            }
        }
        // The result depends on neighbouring frames and on the frame number, so a host must not reuse it for
        // another frame.
        answer.frame_varying(true);
        Ok(())
    }

    fn instance_changed(instance: &Instance, handle: &EditHandle<'_>, change: &Change) -> Result<Handled> {
        if change.reason == ChangeReason::Plugin {
            return Ok(Handled::No);
        }
        match change.kind {
            ChangeKind::Clip => instance.forget(),
            ChangeKind::Param => match change.name.as_str() {
                "analyse" => analyse::run(instance, handle, change.time)?,
                "clearCache" => clear_cache(instance, handle, change.time)?,
                name if models().any(|model| model == name) => tell_models(handle, change.time),
                _ => {}
            },
            ChangeKind::Other => {}
        }
        tell_status(instance, handle);
        if change.reason == ChangeReason::User {
            instance.forget_notices();
            Client::global().forgive();
        }
        Ok(Handled::Yes)
    }

    fn sync(instance: &Instance, handle: &EditHandle<'_>) -> Result<Handled> {
        tell_status(instance, handle);
        Ok(Handled::Yes)
    }

    fn purge(instance: &Instance, _: &InstanceHandle<'_>) -> Result<Handled> {
        instance.forget();
        Ok(Handled::Yes)
    }
}

/// Updates the parameter `status` with the last work done, if there is any news. Requires a handle that may
/// set parameters.
fn tell_status(instance: &Instance, handle: &EditHandle<'_>) {
    if let Some(status) = instance.take_status() {
        // A host without this parameter has the text in its log.
        let _ = handle.set_string("status", &status);
    }
}

/// Names of the parameters that select model files.
fn models() -> impl Iterator<Item = &'static str> {
    // The latents file contains results, not weights.
    table::files().filter(|name| *name != "latentsFile")
}

/// Updates the parameter that describes the selected files and how they fit together.
fn tell_models(handle: &EditHandle<'_>, time: f64) {
    let models = settings::chosen_models(&HostReader(handle), time);
    let text = Client::global().describe(models).unwrap_or_else(|error| error.to_string());
    let _ = handle.set_string("modelStatus", &text);
}

fn clear_cache(instance: &Instance, handle: &EditHandle<'_>, time: f64) -> Result<()> {
    let cache = settings::cache(&HostReader(handle), time);
    let (freed, left) = Client::global().clear(cache).map_err(Error::failed)?;
    let freed = format!("{:.1} MiB were freed on disk", u64_to_f64(freed) / f64::from(1 << 20));
    instance.set_status(match left {
        0 => format!("the cache is empty; {freed}"),
        left => format!(
            "{freed}; {left} entries could not be removed: the cache folder belongs to somebody else, or is read-only"
        ),
    });
    Ok(())
}

openfx::export!(Unsample);
