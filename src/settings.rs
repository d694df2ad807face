//! Parameter values at a time as typed values, and the request for a segment built from them.

mod idle;
mod options;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use super::frames::{FrameList, Numbering};
use super::prompt::{Schedule, TrackBuilder};
use super::table;
use frame::convert::{to_f32, to_time};
use frame::{Fit, InputColour, InputPrimaries};
use openfx::{Error, Result};
pub use options::{Apply, Cuts, PromptMode, ViewOption};
use protocol::{
    CacheSettings, ControlUse, DeviceChoice, Goal, LoraUse, Models, Motion, MotionSettings, Pass, Precision,
    Preprocessor, PromptTrack, Request, SchedulerChoice, Segment, Source, pasted,
};
use values::ParamValues;

use super::plan::Cutting;

/// Reads parameters. If the host does not return a value, it is the table's default.
pub trait Reader {
    /// An integer, not checked against its range.
    fn int(&self, name: &'static str, time: f64) -> i32;
    /// A number, not checked against its range; it may be NaN or infinite.
    fn double(&self, name: &'static str, time: f64) -> f64;
    /// A boolean, shown as a check box.
    fn boolean(&self, name: &'static str, time: f64) -> bool;
    /// Index of the selected option; it may be out of range.
    fn choice(&self, name: &'static str, time: f64) -> usize;
    /// A string, such as a prompt or a path.
    fn text(&self, name: &'static str, time: f64) -> String;
}

/// What the output shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The restyled frame.
    Result,
    /// The source, unchanged.
    Source,
    /// The frame, unsampled and resampled with the same prompt.
    Reconstruction,
    /// The hint of the first ControlNet.
    Hint(Preprocessor),
}

impl View {
    /// The result to compute for this view.
    pub fn goal(self) -> Goal {
        match self {
            Self::Result | Self::Source => Goal::Result,
            Self::Reconstruction => Goal::Reconstruction,
            Self::Hint(preprocessor) => Goal::Hint(preprocessor),
        }
    }
}

/// Settings for the picture before and after the model.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureSettings {
    /// Short side of the working picture in pixels; 0 for the source's.
    pub working_size: usize,
    /// How the picture is fitted to the working size.
    pub fit: Fit,
    /// Transfer curve of the clip's values.
    pub colour: InputColour,
    /// Primaries of the clip's values.
    pub primaries: InputPrimaries,
    /// How the clip is divided into segments.
    pub cutting: Cutting,
    /// Where the clip's cuts come from.
    pub cuts: Cuts,
    /// The unparsed list of frames that start a shot.
    pub cut_frames: String,
    /// What the output shows.
    pub view: View,
    /// Share of the result in the output, 0..=1.
    pub mix: f64,
    /// Whether to pass the source through.
    pub bypass: bool,
    /// Whether any ControlNet needs hints, from the clip Hint if it is connected.
    pub hints: bool,
}

impl PictureSettings {
    /// Reads the settings at a time in frames.
    pub fn read(reader: &dyn Reader, time: f64) -> Self {
        let v = ParamValues { reader, time };
        let view = match v.parsed("view", ViewOption::Result) {
            ViewOption::Source => View::Source,
            ViewOption::Reconstruction => View::Reconstruction,
            ViewOption::Hint => {
                let first = table::CONTROLS.iter().find(|control| v.path(control.model).is_some());
                View::Hint(v.parsed(first.unwrap_or(&table::CONTROLS[0]).preprocessor, Preprocessor::None))
            }
            ViewOption::Result => View::Result,
        };
        let hints = matches!(view, View::Hint(_))
            || table::CONTROLS.iter().any(|control| v.path(control.model).is_some());
        Self {
            working_size: v.count("workingSize"),
            fit: v.parsed("fit", Fit::Pad),
            colour: v.parsed("inputColour", InputColour::Auto),
            cuts: v.parsed("cuts", Cuts::Auto),
            cut_frames: v.text("cutFrames"),
            primaries: v.parsed("inputPrimaries", InputPrimaries::Auto),
            cutting: Cutting { segment_frames: v.count("segmentFrames"), frame_step: v.count("frameStep") },
            view,
            mix: v.double("mix"),
            bypass: v.boolean("bypass"),
            hints,
        }
    }

    /// Whether the output equals the source, so that no model is needed.
    pub fn is_identity(&self) -> bool {
        self.bypass || self.view == View::Source || self.mix == 0.0
    }
}

/// Where results are cached. A relative folder would depend on the host's working directory; the user's cache
/// folder is used instead, and `cache_remark` says so.
pub fn cache(reader: &dyn Reader, time: f64) -> CacheSettings {
    let v = ParamValues { reader, time };
    let folder = v.path("cacheFolder").filter(|folder| folder.is_absolute());
    CacheSettings { folder, limit: v.count("cacheSize") as u64 * (1 << 20) }
}

/// Idle time after which the engine exits and frees its memory; `None` for never.
pub fn engine_idle(reader: &dyn Reader, time: f64) -> Option<Duration> {
    let minutes = ParamValues { reader, time }.double("engineIdle");
    (minutes > 0.0).then(|| Duration::from_secs_f64(minutes * 60.0))
}

/// A message about the cache folder, if it is not used.
fn cache_remark(v: &ParamValues<'_>) -> Option<String> {
    let asked = v.path("cacheFolder").filter(|folder| !folder.is_absolute())?;
    Some(format!(
        "the cache folder {} is not a full path and is not used; results are kept in {}",
        asked.display(),
        cache(v.reader, v.time).folder().display()
    ))
}

/// The parsed texts of a parameter that may be keyframed: each distinct schedule, and its index for every
/// frame.
#[derive(Default)]
struct Schedules {
    known: Vec<(String, Schedule)>,
    at: Vec<usize>,
}

impl Schedules {
    /// The schedule at the segment's frame `index`.
    fn at(&self, index: usize) -> &Schedule {
        &self.known[self.at[index]].1
    }
}

/// Builds the prompt tracks of a segment from parameters that may be keyframed and may contain schedules.
struct Prompts<'a> {
    values: &'a ParamValues<'a>,
    frames: &'a [i64],
    numbering: &'a Numbering,
    /// Messages for the user about the texts.
    remarks: Vec<String>,
}

impl Prompts<'_> {
    /// The parameter's text at every frame; each distinct text is parsed once.
    fn schedules(&mut self, name: &'static str) -> Result<Schedules> {
        let mut schedules = Schedules::default();
        for &frame in self.frames {
            let text = self.values.reader.text(name, to_time(frame));
            let known = &mut schedules.known;
            let index = match known.iter().position(|k| k.0 == text) {
                Some(index) => index,
                None => {
                    let schedule = Schedule::parse(&text).map_err(|why| {
                        Error::failed(format!("the schedule in {name} cannot be read: {why}"))
                    })?;
                    let said = schedule.remarks(self.numbering);
                    self.remarks.extend(said.into_iter().map(|remark| format!("{name}: {remark}")));
                    known.push((text, schedule));
                    known.len() - 1
                }
            };
            schedules.at.push(index);
        }
        Ok(schedules)
    }

    fn track(&mut self, name: &'static str) -> Result<PromptTrack> {
        let schedules = self.schedules(name)?;
        let mut track = TrackBuilder::default();
        for (i, &frame) in self.frames.iter().enumerate() {
            track.frame(self.numbering.number(frame), &[(schedules.at(i), 1.0)]);
        }
        Ok(track.finish())
    }

    fn mixed(&mut self) -> Result<PromptTrack> {
        let (a, b) = (self.schedules("prompt")?, self.schedules("promptB")?);
        let mut track = TrackBuilder::default();
        for (i, &frame) in self.frames.iter().enumerate() {
            let mix = to_f32(self.values.double_at("promptMix", to_time(frame)));
            let number = self.numbering.number(frame);
            track.frame(number, &[(a.at(i), 1.0 - mix), (b.at(i), mix)]);
        }
        Ok(track.finish())
    }
}

/// The LoRAs with a file, and their weights at the time of `v`.
fn loras(v: &ParamValues<'_>) -> Vec<LoraUse> {
    let read = |names: &table::LoraNames| {
        Some(LoraUse { path: v.path(names.file)?, weight: v.double(names.weight) })
    };
    table::LORAS.iter().filter_map(read).collect()
}

/// The selected model files, with these ControlNets.
fn models(v: &ParamValues<'_>, controls: Vec<PathBuf>) -> Models {
    let motion = match v.path("motionModule") {
        None => Motion::Usual,
        Some(path) if path.as_os_str() == "none" => Motion::None,
        Some(path) => Motion::File(path),
    };
    let text = v.text("textEncoder");
    let text = text.split(';').map(pasted).filter(|path| !path.as_os_str().is_empty());
    Models {
        checkpoint: v.path("checkpoint"),
        motion,
        vae: v.path("vae"),
        text: text.collect(),
        controls,
        loras: loras(v),
    }
}

/// The model files selected at a time.
pub fn chosen_models(reader: &dyn Reader, time: f64) -> Models {
    let v = ParamValues { reader, time };
    let controls = table::CONTROLS.iter().filter_map(|control| v.path(control.model)).collect();
    models(&v, controls)
}

/// The ControlNets with a file: their files, preprocessors, and uses in the two passes.
#[derive(Default)]
struct Controls {
    files: Vec<PathBuf>,
    hints: Vec<Preprocessor>,
    unsample: Vec<ControlUse>,
    resample: Vec<ControlUse>,
    /// Messages for the user about their settings.
    remarks: Vec<String>,
}

impl Controls {
    fn read(v: &ParamValues<'_>, frames: &[i64], numbering: &Numbering, step: i64) -> Result<Self> {
        let mut all = Self::default();
        for names in &table::CONTROLS {
            let Some(file) = v.path(names.model) else { continue };
            let list = FrameList::parse(&v.text(names.frames)).map_err(|item| {
                Error::failed(format!(
                    "{} has `{item}`, expected frames and ranges such as 1, 9-12, 24",
                    names.frames
                ))
            })?;
            all.remarks.extend(list.remarks(names.frames, numbering, step));
            let control = ControlUse {
                unit: all.files.len(),
                weight: frames.iter().map(|&frame| v.double_at(names.weight, to_time(frame))).collect(),
                shown: frames.iter().map(|&frame| list.has(numbering.number(frame))).collect(),
                start: v.double(names.start),
                end: v.double(names.end),
            };
            all.files.push(file);
            all.hints.push(v.parsed(names.preprocessor, Preprocessor::None));
            let apply = v.parsed(names.apply, Apply::Resample);
            if apply != Apply::Resample {
                all.unsample.push(control.clone());
            }
            if apply != Apply::Unsample {
                all.resample.push(control);
            }
        }
        Ok(all)
    }
}

/// The pictures of a segment.
pub struct Pictures {
    /// Pictures of the clip Source.
    pub source: Source,
    /// Pictures of the clip Hint, if it is connected and needed.
    pub hint: Option<Source>,
}

/// Reads everything that the computation of a segment depends on. Keyframed numbers are sampled at every
/// frame of the segment; other parameters are read at its first frame, so that they are the same for all of
/// its frames.
///
/// `numbering` maps frame numbers in schedules and lists. `image_mode` means that the host has no temporal
/// access: every frame is processed on its own, without a motion module.
///
/// # Errors
/// A schedule or a list of frames cannot be parsed.
pub fn request(
    reader: &dyn Reader,
    segment: Segment,
    numbering: &Numbering,
    index: usize,
    pictures: Pictures,
    goal: Goal,
    image_mode: bool,
) -> Result<Request> {
    let v = ParamValues { reader, time: to_time(segment.first) };
    let frames: Vec<i64> = segment.frames().collect();
    let sampled =
        |name: &'static str| frames.iter().map(|&f| v.double_at(name, to_time(f))).collect::<Vec<f64>>();
    let mut prompts = Prompts { values: &v, frames: &frames, numbering, remarks: Vec::new() };
    let blank = || PromptTrack::constant("", frames.len());

    let positive = prompts.mixed()?;
    let negative = prompts.track("negativePrompt")?;
    let (unsample_positive, unsample_negative) = match v.parsed("unsamplePromptMode", PromptMode::Blank) {
        PromptMode::Same => (positive.clone(), negative.clone()),
        PromptMode::Own => (prompts.track("unsamplePrompt")?, prompts.track("unsampleNegativePrompt")?),
        PromptMode::Blank => (blank(), blank()),
    };
    let steps = v.count("steps").max(1);
    let scheduler = v.parsed("scheduler", SchedulerChoice::Ays);
    let unsample_steps = match v.count("unsampleSteps") {
        0 => steps,
        n => n,
    };
    // `same` is not the name of a scheduler.
    let unsample_scheduler = v.parsed("unsampleScheduler", scheduler);
    let mut controls = Controls::read(&v, &frames, numbering, segment.step)?;
    let mut remarks = v.refused(&frames, numbering);
    remarks.extend(cache_remark(&v).into_iter().chain(prompts.remarks));
    remarks.append(&mut controls.remarks);
    // Other views deliberately ignore most settings.
    if goal == Goal::Result {
        remarks.extend(idle::idle(&v, &frames, numbering, image_mode));
    }
    if matches!(goal, Goal::Hint(_)) && controls.files.is_empty() {
        remarks.push(
            "view is hint, and there is no ControlNet whose hint could be shown; the frame is shown as \
             controlNet1Preprocessor makes it"
                .to_owned(),
        );
    }
    let mut models = models(&v, std::mem::take(&mut controls.files));
    if image_mode {
        models.motion = Motion::None;
    }

    Ok(Request {
        segment,
        index,
        remarks,
        source: pictures.source,
        hint_clip: pictures.hint,
        models,
        hints: controls.hints,
        unsample: Pass {
            positive: unsample_positive,
            negative: unsample_negative,
            cfg: sampled("unsampleCfg"),
            sampler: v.parsed("unsampleSampler", protocol::Sampler::Euler),
            scheduler: unsample_scheduler,
            steps: unsample_steps,
            controls: controls.unsample,
        },
        resample: Pass {
            positive,
            negative,
            cfg: sampled("cfg"),
            sampler: v.parsed("sampler", protocol::Sampler::Euler),
            scheduler,
            steps,
            controls: controls.resample,
        },
        denoise: v.double("denoise"),
        clip_skip: v.count("clipSkip"),
        seed: v.count("seed") as u64,
        motion: MotionSettings {
            betas: v.option("betaSchedule").parse().ok(),
            length: v.count("contextLength"),
            overlap: v.count("contextOverlap"),
            stride: v.count("contextStride"),
            schedule: v.parsed("contextSchedule", protocol::ContextSchedule::StandardStatic),
            fuse: v.parsed("contextFuse", protocol::Fuse::Pyramid),
            closed: v.boolean("contextClosed"),
            scale: sampled("motionScale"),
            effect: v.double("motionEffect"),
        },
        steady_frames: v.count("steadyFrames"),
        goal,
        cache: cache(reader, v.time),
        diagnostics: v.path("diagnosticsFile"),
        latents: v.path("latentsFile"),
        device: v.parsed("device", DeviceChoice::Auto),
        precision: v.parsed("precision", Precision::Auto),
    })
}

#[cfg(test)]
mod tests;
