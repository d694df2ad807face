//! The effect as an editor sees it: parameters, clips, buttons, and a render call turned into requests.
//!
//! | module | what it holds |
//! |---|---|
//! | [`table`] | every parameter: definition, README and range checks come from the same rows |
//! | `describe` | the table and the clips, told to a host |
//! | [`settings`] | parameter values at a time, and the request that they make |
//! | [`frames`] | how texts number frames, and lists of frames |
//! | [`prompt`] | schedule text and the mix of two prompts |
//! | `shots` | where the clip's shots end |
//! | `source` | the clip's pictures from the host, the result back to it |
//! | `render` | one render call |
//! | `analyse` | the button that unsamples the whole clip |
//! | `client` | the engine's process, and what is said to it |
//! | [`plan`] | segments: which frames belong together |
//! | `instance` | what an instance remembers |
//! | `told` | what the user need not read for every frame |
//! | `logging` | the log file |
//!
//! Nothing here knows the ABI (that is `ofx`), a tensor or a network (those are the engine's).

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

/// The plugin.
pub struct Unsample;

impl Effect for Unsample {
    type Instance = Instance;

    fn identity() -> PluginId {
        describe::identity()
    }

    fn unload() {
        // Some hosts load and unload a plugin to look at it while instances of an earlier load are at work.
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
        let frame = time.round() as i64;
        let clip = handle.clip("Source");
        if let Some(end) = source::nearest_end(&clip, frame) {
            // Outside of the clip there are no segments. What else the render may want, it takes as it comes.
            let ranges = [(end as f64, end as f64), only[0]];
            return clips.iter().try_for_each(|name| answer.clip(name, &ranges));
        }
        let range = source::extent(&clip, settings.cutting, frame).range;
        let numbering = source::numbering(&clip, handle.host(), frame);
        let wanted = shots::frames_wanted(instance, &settings, &numbering, range, frame);
        for name in clips {
            // Hints are fetched for the part of a segment that is worked on.
            let part = |segment: &Segment| match instance.knows("Source", segment) {
                Some(seen) if *name == "Hint" => seen.part,
                _ => Some(*segment),
            };
            let mut ranges: Vec<(f64, f64)> = wanted
                .iter()
                .filter_map(part)
                .filter(|segment| instance.knows(name, segment).is_none())
                .map(|segment| (segment.first as f64, segment.frame(segment.count - 1) as f64))
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
        // A frame depends on its neighbours and on its number, so a host must not show one frame's result for another.
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

/// Shows what was done last. Only where parameters may be written, and only if there is something new.
fn tell_status(instance: &Instance, handle: &EditHandle<'_>) {
    if let Some(status) = instance.take_status() {
        // A host without the read-out has the sentence in its log.
        let _ = handle.set_string("status", &status);
    }
}

/// Names of the parameters that are weight files.
fn models() -> impl Iterator<Item = &'static str> {
    // The latents file has results, not weights.
    table::files().filter(|name| *name != "latentsFile")
}

/// Shows what the chosen files are and how they go together.
fn tell_models(handle: &EditHandle<'_>, time: f64) {
    let models = settings::chosen_models(&HostReader(handle), time);
    let text = Client::global().describe(models).unwrap_or_else(|error| error.to_string());
    let _ = handle.set_string("modelStatus", &text);
}

fn clear_cache(instance: &Instance, handle: &EditHandle<'_>, time: f64) -> Result<()> {
    let cache = settings::cache(&HostReader(handle), time);
    let (freed, left) = Client::global().clear(cache).map_err(Error::failed)?;
    let freed = format!("{:.1} MiB were freed on disk", freed as f64 / f64::from(1 << 20));
    instance.set_status(match left {
        0 => format!("the cache is empty; {freed}"),
        left => format!(
            "{freed}; {left} entries could not be removed: the cache folder belongs to somebody else, or is read-only"
        ),
    });
    Ok(())
}

openfx::export!(Unsample);
