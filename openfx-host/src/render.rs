//! Rendering frames, in any order and on several threads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use openfx_sys::*;
use parking_lot::Mutex;

use super::actions::{Arguments, Moment, clip_property, sequence};
use super::canvas::{Canvas, Form, resize};
use super::clip::AlphaMode;
use super::effect::Effect;
use super::error::HostError;
use super::instance::{Instance, Recipe};
use super::picture::Picture;
use super::plugin::{Plugin, check};
use super::props::Access::List;
use super::props::PropertySet;
use super::session::Sequence;
use super::status::status_name;
use super::whole::{to_i32, to_u32};

/// The order in which frames are rendered.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Order {
    /// From the first to the last.
    #[default]
    Forward,
    /// From the last to the first.
    Backward,
    /// In an order that looks random, the same each time.
    Shuffled,
}

/// What to render, and how.
pub struct Job {
    /// First frame to render.
    pub first: i32,
    /// Last frame to render.
    pub last: i32,
    /// Order of the frames.
    pub order: Order,
    /// Maximum number of frames rendered at once; fewer if the plugin's thread safety requires.
    pub threads: usize,
    /// Whether every frame is rendered by a new instance, as in MLT.
    pub fresh_instances: bool,
}

/// A rendered frame.
pub struct Rendered {
    /// Number of the frame.
    pub frame: i32,
    /// The rendered picture.
    pub picture: Picture,
}

/// First and last frame of the effect: as it reports, or else those of its main clip.
///
/// # Errors
/// The plugin returned an error.
pub fn time_domain(effect: &Arc<Effect>) -> Result<(f64, f64), HostError> {
    let clip = effect.main_clip();
    let range = clip.map_or(vec![1.0, 1.0], |clip| clip.props.all(kOfxImageEffectPropFrameRange));
    let output = PropertySet::new();
    output.define(kOfxImageEffectPropFrameRange, List, range);
    let arguments = Arguments { output: Some(output), ..Arguments::default() };
    let reply = effect.entry.call(kOfxImageEffectActionGetTimeDomain, effect, arguments);
    check(&effect.session, "get time domain", reply.status)?;
    match reply.output.all::<f64>(kOfxImageEffectPropFrameRange)[..] {
        [first, last] => Ok((first, last)),
        _ => Ok((1.0, 1.0)),
    }
}

/// Renders the frames of a job. `deliver` is called from the first to the last frame, whatever the order of
/// rendering.
///
/// # Errors
/// A frame failed, `deliver` failed, or the session was aborted.
pub fn render(
    plugin: &Plugin,
    instance: &Instance,
    recipe: &Recipe,
    job: &Job,
    deliver: &mut dyn FnMut(Rendered) -> Result<(), String>,
) -> Result<(), HostError> {
    let safety = plugin.description.props.string(kOfxImageEffectPluginRenderThreadSafety);
    let safe = |name: &std::ffi::CStr| safety.as_bytes() == name.to_bytes();
    let threads = if safe(kOfxImageEffectRenderUnsafe) { 1 } else { job.threads.max(1) };
    let mut crew = Vec::new();
    if !safe(kOfxImageEffectRenderFullySafe) {
        // One instance renders one frame at a time, so every additional thread gets its own.
        for _ in 1..threads {
            crew.push(Instance::create(plugin, recipe)?);
        }
    }
    let mut instances: Vec<&Instance> = vec![instance];
    instances.extend(crew.iter());
    let whole = plugin.session.settings.sequence == Sequence::Whole && !job.fresh_instances;
    if whole {
        for instance in &instances {
            announce(&instance.effect, true, job.first, job.last)?;
        }
    }
    let queue = Mutex::new(order(job));
    let stop = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        // Bounded, so that slow output blocks the renders instead of filling memory.
        let (sender, receiver) = sync_channel(2 * threads);
        for nth in 0..threads {
            let worker = Worker {
                plugin,
                recipe,
                instance: instances[nth % instances.len()],
                fresh: job.fresh_instances,
                queue: &queue,
                stop: &stop,
                sender: sender.clone(),
            };
            scope.spawn(move || worker.run());
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut next = job.first;
        let mut result = Ok(());
        for (frame, picture) in receiver {
            match picture {
                Ok(picture) => waiting.insert(frame, picture),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    result = result.and(Err(error));
                    continue;
                }
            };
            while let Some(picture) = waiting.remove(&next).filter(|_| result.is_ok()) {
                if let Err(sentence) = deliver(Rendered { frame: next, picture }) {
                    stop.store(true, Ordering::Relaxed);
                    result = Err(HostError::Delivery(sentence));
                }
                next += 1;
            }
        }
        result
    });
    if whole {
        for instance in &instances {
            announce(&instance.effect, false, job.first, job.last)?;
        }
    }
    result
}

fn order(job: &Job) -> VecDeque<i32> {
    let mut frames: Vec<i32> = (job.first..=job.last).collect();
    match job.order {
        Order::Forward => {}
        Order::Backward => frames.reverse(),
        Order::Shuffled => {
            // Fisher-Yates shuffle with the linear congruential generator of Knuth's MMIX.
            let mut state: u64 = 1;
            for end in (1..frames.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                frames.swap(end, (state >> 33) as usize % (end + 1));
            }
        }
    }
    frames.into()
}

fn announce(effect: &Arc<Effect>, begin: bool, first: i32, last: i32) -> Result<(), HostError> {
    let scale = effect.session.settings.scale;
    let arguments = sequence(f64::from(first), f64::from(last), scale);
    let (action, name) = if begin {
        (kOfxImageEffectActionBeginSequenceRender, "begin sequence render")
    } else {
        (kOfxImageEffectActionEndSequenceRender, "end sequence render")
    };
    let reply = effect.entry.call(action, effect, arguments);
    check(&effect.session, name, reply.status)
}

/// The state of a render thread.
struct Worker<'a> {
    plugin: &'a Plugin,
    recipe: &'a Recipe,
    instance: &'a Instance,
    fresh: bool,
    queue: &'a Mutex<VecDeque<i32>>,
    stop: &'a AtomicBool,
    sender: SyncSender<(i32, Result<Picture, HostError>)>,
}

impl Worker<'_> {
    fn run(self) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(frame) = self.queue.lock().pop_front() else { return };
            let picture = if self.plugin.session.aborted() {
                Err(HostError::Aborted)
            } else if self.fresh {
                Instance::create(self.plugin, self.recipe)
                    .and_then(|own| self.announced(&own.effect, frame, true))
            } else {
                let each = self.plugin.session.settings.sequence == Sequence::Each;
                self.announced(&self.instance.effect, frame, each)
            };
            if self.sender.send((frame, picture)).is_err() {
                return;
            }
        }
    }

    fn announced(&self, effect: &Arc<Effect>, frame: i32, each: bool) -> Result<Picture, HostError> {
        if !each {
            return render_frame(effect, frame);
        }
        announce(effect, true, frame, frame)?;
        let picture = render_frame(effect, frame);
        announce(effect, false, frame, frame)?;
        picture
    }
}

/// Renders one frame, with all actions that a host sends before it.
///
/// # Errors
/// The plugin or an input failed, or the session was aborted.
pub fn render_frame(effect: &Arc<Effect>, frame: i32) -> Result<Picture, HostError> {
    let session = &effect.session;
    let moment = Moment { time: f64::from(frame), scale: session.settings.scale };
    session.go_to(moment.time);
    let inputs = inputs(effect);
    let region = region_of_definition(effect, &moment)?;
    let window = pixels(region, session.settings.scale, effect.pixel_aspect());
    let arguments = moment.is_identity(window);
    let reply = effect.entry.call(kOfxImageEffectActionIsIdentity, effect, arguments);
    check(session, "is identity", reply.status)?;
    if reply.is_ok()
        && let Some(picture) = identity(effect, &reply.output, &moment)?
    {
        return Ok(picture);
    }
    let arguments = moment.regions_of_interest(region, &inputs);
    let reply = effect.entry.call(kOfxImageEffectActionGetRegionsOfInterest, effect, arguments);
    check(session, "get regions of interest", reply.status)?;
    frames_needed(effect, &moment, &inputs)?;
    let clip = effect.clip(kOfxImageEffectOutputClipName);
    let format = clip
        .and_then(|clip| clip.format())
        .ok_or(HostError::Frame { frame, why: "the plugin has no clip Output".into() })?;
    let canvas = Canvas::new(Form {
        depth: format.depth,
        components: format.components,
        bounds: window,
        row_bytes: session.settings.row_bytes,
        premultiplied: format.alpha == AlphaMode::Premultiplied,
    });
    let canvas =
        Arc::new(canvas.ok_or(HostError::Frame { frame, why: "there is no memory for its picture".into() })?);
    effect.put_output(moment.time, canvas.clone());
    let reply = effect.entry.call(kOfxImageEffectActionRender, effect, moment.render(window));
    effect.take_output(moment.time);
    if session.aborted() {
        return Err(HostError::Aborted);
    }
    if !reply.is_ok() {
        let why = effect.take_failure().or_else(|| session.last_error());
        return Err(HostError::Frame {
            frame,
            why: why.unwrap_or_else(|| format!("the plugin answered {}", status_name(reply.status))),
        });
    }
    // A plugin may go on without a picture that could not be read; the frame is still not what was asked for.
    if let Some(why) = effect.take_failure() {
        return Err(HostError::Frame { frame, why });
    }
    if !canvas.guards_are_whole() {
        session.complain("it wrote outside of the rows of its output");
    }
    Ok(canvas.picture())
}

/// The input clips, connected or not: plugins set regions and frames for the others, too.
fn inputs(effect: &Effect) -> Vec<String> {
    let clips = effect.clips();
    clips.iter().filter(|clip| !clip.is_output()).map(|clip| clip.name()).collect()
}

fn region_of_definition(effect: &Arc<Effect>, moment: &Moment) -> Result<OfxRectD, HostError> {
    let empty = OfxRectD { x1: 0.0, y1: 0.0, x2: 0.0, y2: 0.0 };
    let proposal = effect.main_clip().map_or(empty, |clip| clip.region(effect));
    let arguments = moment.region_of_definition(proposal);
    let reply = effect.entry.call(kOfxImageEffectActionGetRegionOfDefinition, effect, arguments);
    check(&effect.session, "get region of definition", reply.status)?;
    Ok(match reply.output.all::<f64>(kOfxImageEffectPropRegionOfDefinition)[..] {
        [x1, y1, x2, y2] if reply.is_ok() => finite(OfxRectD { x1, y1, x2, y2 }, proposal),
        _ => proposal,
    })
}

/// Replaces infinite sides, which mean that the effect has pixels everywhere, by those of the proposal. An
/// empty region is replaced as a whole, because nothing could be rendered.
fn finite(region: OfxRectD, proposal: OfxRectD) -> OfxRectD {
    // Larger than any picture. Plugins use the largest integer or float for infinity.
    const FAR: f64 = 1e6;
    let side = |value: f64, otherwise: f64| if value.abs() < FAR { value } else { otherwise };
    let region = OfxRectD {
        x1: side(region.x1, proposal.x1),
        y1: side(region.y1, proposal.y1),
        x2: side(region.x2, proposal.x2),
        y2: side(region.y2, proposal.y2),
    };
    if region.x2 > region.x1 && region.y2 > region.y1 { region } else { proposal }
}

/// Converts a region to pixels at the render scale, rounded outwards.
fn pixels(region: OfxRectD, scale: f64, aspect: f64) -> OfxRectI {
    // The tolerance avoids an extra pixel for products such as 0.1 * 30.
    let (low, high) = (|v: f64| to_i32((v + 1e-6).floor()), |v: f64| to_i32((v - 1e-6).ceil()));
    OfxRectI {
        x1: low(region.x1 * scale / aspect),
        y1: low(region.y1 * scale),
        x2: high(region.x2 * scale / aspect),
        y2: high(region.y2 * scale),
    }
}

fn frames_needed(effect: &Arc<Effect>, moment: &Moment, inputs: &[String]) -> Result<(), HostError> {
    // Hosts only call this for plugins that declare temporal access.
    if effect.props.first(kOfxImageEffectPropTemporalClipAccess) != Some(1)
        || !effect.session.settings.temporal
    {
        return Ok(());
    }
    let arguments = moment.frames_needed(inputs);
    let reply = effect.entry.call(kOfxImageEffectActionGetFramesNeeded, effect, arguments);
    check(&effect.session, "get frames needed", reply.status)?;
    for input in inputs {
        let ranges: Vec<f64> = reply.output.all(&clip_property(c"OfxImageClipPropFrameRange_", input));
        let sound = ranges.len().is_multiple_of(2) && ranges.chunks(2).all(|range| range[0] <= range[1]);
        if !sound || ranges.is_empty() {
            effect.session.complain(format!("its frames needed of {input} are no ranges: {ranges:?}"));
        }
    }
    Ok(())
}

/// The image of the clip that the output is identical to.
fn identity(
    effect: &Arc<Effect>,
    reply: &PropertySet,
    moment: &Moment,
) -> Result<Option<Picture>, HostError> {
    let name = reply.first::<std::ffi::CString>(kOfxPropName).unwrap_or_default();
    let time = reply.first::<f64>(kOfxPropTime).unwrap_or(moment.time);
    let Some(feed) = effect.clip(&name).and_then(|clip| clip.feed.read().clone()) else {
        return Ok(None);
    };
    let (facts, settings) = (feed.facts(), &effect.session.settings);
    let index = time.round() - f64::from(settings.first_frame);
    if !(0.0..f64::from(facts.frames)).contains(&index) {
        return Ok(None);
    }
    let picture = feed
        .picture(to_u32(index) + 1)
        .map_err(|why| HostError::Frame { frame: to_i32(moment.time), why })?;
    let scaled = |pixels: u32| to_u32((f64::from(pixels) * settings.scale).round()).max(1);
    Ok(Some(resize(&picture, scaled(facts.width), scaled(facts.height))))
}
