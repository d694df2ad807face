//! `unsample render`: renders a clip through the plugin.

use std::borrow::Cow;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{pasted, pasted_path};

use super::progress::{Bars, Shown, Verbosity};
use crate::bundle;
use crate::cli::RenderArgs;
use crate::failure::Failure;
use crate::io::stop::{self, When};
use crate::io::{self, ClipSource, Info, MediaError, OutputRequest, Sink, Target};
use openfx_host::clip::{Facts, Feed};
use openfx_host::error::HostError;
use openfx_host::instance::{Edit, Instance, Recipe, find_param};
use openfx_host::picture::SharedPicture;
use openfx_host::plugin::Plugin;
use openfx_host::render::{Job, Rendered, render, time_domain};
use openfx_host::session::{ColourManagement, Session};
use openfx_host::suites;

/// Feeds the frames of a clip to the host.
struct FileFeed(Arc<dyn ClipSource>);

impl Feed for FileFeed {
    fn facts(&self) -> Facts {
        let info = self.0.info();
        Facts {
            width: info.width,
            height: info.height,
            frames: info.frames,
            fps: info.fps,
            pixel_aspect: info.pixel_aspect,
            deep: info.bits > 8,
            alpha: info.alpha,
        }
    }

    fn colourspace(&self) -> &'static CStr {
        self.0.info().colour.colourspace()
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        self.0.frame(number).map_err(|error| error.to_string())
    }
}

/// Runs `unsample render`.
///
/// # Errors
/// The failure, with the message for the user.
pub fn run(args: &RenderArgs) -> Result<(), Failure> {
    stop_on_ctrl_c();
    // After a stop request, messages of child processes that were stopped too, or seem to be missing, are not the
    // reason.
    work(args).map_err(|failure| match failure {
        stopped @ Failure::Stopped(_) => stopped,
        _ if stop::asked() => HostError::Aborted.into(),
        failure => failure,
    })
}

fn work(args: &RenderArgs) -> Result<(), Failure> {
    let began = Instant::now();
    if !(args.host.scale > 0.0 && args.host.scale <= 16.0) {
        return Err(Failure::Usage(format!("--scale takes a number above 0, not {}", args.host.scale)));
    }
    if let Some(wrong) = args.host.no_suites.iter().find(|name| !known_suite(name)) {
        let all = suites::names().join(", ");
        return Err(Failure::Usage(format!("there is no suite {wrong}; the host has {all}")));
    }
    let bundle = bundle::find(args.plugin.bundle.as_deref())?;
    let output = &*output_path(&args.output);
    let clips = Clips::open(args)?;
    let mut info = clips.source().info().clone();
    if let ColourManagement::Named(name) = args.host.colourspace.clone().unwrap_or_default() {
        info.colour.named = Some(name);
    }
    let range = range(args, args.host.first_frame, info.frames)?;
    let voice = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let bars = Bars::new(voice);
    let mut notices = clips.notices();
    notices.extend(clips.stray_keys(args));
    // Problems with the output should be reported now, not after the first frame.
    let rendered = RenderedPart { first_frame: args.host.first_frame, range, info: &info };
    notices.extend(rendered.check(output, args.overwrite, &clips)?);
    go_on()?;
    for notice in notices {
        bars.say(&format!("note: {notice}"));
    }
    let settings = args.host.settings(args.plugin.context.as_deref());
    let session = Arc::new(Session::new(settings, Box::new(Shown(bars.clone()))));
    let aborting = Arc::downgrade(&session);
    let _asked = stop::register(When::Asked, move || {
        if let Some(session) = aborting.upgrade() {
            session.abort();
        }
    });
    let plugin = Plugin::load(&bundle, args.plugin.plugin.as_deref(), &session)?;
    for name in &args.prints {
        find_param(&plugin.description, name)?;
    }
    let first = f64::from(args.host.first_frame);
    session.set_range(first, first + f64::from(info.frames) - 1.0);
    go_on()?;
    let recipe = clips.recipe(args);
    let instance = Instance::create(&plugin, &recipe)?;
    let job = job(args, range, &instance)?;
    bars.begin(u64::from(rendered.count()));
    let mut writer = Writer {
        output,
        target: Target { info: rendered.part(), frames: rendered.count(), overwrite: args.overwrite },
        offset: i64::from(args.host.first_frame) - 1,
        sink: None,
        written: 0,
    };
    let result = render(&plugin, &instance, &recipe, &job, &mut |rendered| {
        writer.take(&rendered)?;
        bars.step();
        Ok(())
    });
    let result = result.and(instance.sync_and_purge());
    bars.finish();
    if args.host.no_suites.iter().any(|suite| suite.starts_with("OfxMessageSuite")) {
        // A host without a message suite shows the status read-out instead.
        value(&instance, "status", f64::from(job.last)).iter().for_each(|status| bars.say(status));
    }
    let printed = if result.is_ok() { printed(args, &instance, f64::from(job.last)) } else { Vec::new() };
    drop(instance);
    drop(plugin);
    if let Err(error) = result {
        return Err(writer.failed(error));
    }
    writer.finish()?;
    for line in printed {
        super::print(&format!("{line}\n"));
    }
    let complaints = session.complaints();
    if !complaints.is_empty() {
        return Err(HostError::Rules(complaints).into());
    }
    let (seconds, frames) = (began.elapsed().as_secs_f64(), rendered.count());
    let plural = if frames == 1 { "" } else { "s" };
    bars.say(&format!("{}: {frames} frame{plural} in {seconds:.1} s", output.display()));
    Ok(())
}

/// The path of the output. In a `file://` address an unencoded `#` or `?` counts as part of the name: for an input it
/// may end the name if only such a file exists, but an output must not replace another file.
fn output_path(given: &Path) -> Cow<'_, Path> {
    let address = given.to_str().filter(|text| text.to_ascii_lowercase().contains("file:/"));
    match address {
        Some(text) => Cow::Owned(pasted(&text.replace('#', "%23").replace('?', "%3F"))),
        None => pasted_path(given),
    }
}

/// Whether the host has a suite of that name, optionally followed by a version.
fn known_suite(name: &str) -> bool {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    suites::names().iter().any(|suite| suite == name)
}

/// The clips of the command line by name; the main one first.
struct Clips(Vec<(String, PathBuf, Arc<dyn ClipSource>)>);

impl Clips {
    fn open(args: &RenderArgs) -> Result<Self, Failure> {
        let named = args.clips.iter().map(|clip| (clip.name.clone(), PathBuf::from(&clip.value)));
        let all = std::iter::once(("Source".to_owned(), args.input.clone())).chain(named);
        let open = |(name, path): (String, PathBuf)| {
            let path = pasted_path(&path).into_owned();
            let source = io::open(&path)?;
            Ok((name, path, Arc::from(source)))
        };
        Ok(Self(all.map(open).collect::<Result<_, Failure>>()?))
    }

    fn source(&self) -> &dyn ClipSource {
        &*self.0[0].2
    }

    fn notices(&self) -> Vec<String> {
        self.0.iter().flat_map(|(.., source)| source.notices().iter().cloned()).collect()
    }

    /// The notice about keyframes outside the clip: in an editor they are visible, here they are probably a mistake.
    fn stray_keys(&self, args: &RenderArgs) -> Option<String> {
        let first = args.host.first_frame;
        let last = last_frame(first, self.source().info().frames);
        let inside = f64::from(first)..=f64::from(last);
        let stray: Vec<String> = args
            .keys
            .iter()
            .filter(|key| !inside.contains(&key.frame))
            .map(|key| format!("{}@{}", key.name, key.frame))
            .collect();
        (!stray.is_empty()).then(|| {
            format!(
                "the clip has the frames {first} to {last}, and keyframes lie outside of them: {}",
                stray.join(", ")
            )
        })
    }

    fn recipe(&self, args: &RenderArgs) -> Recipe {
        let feed = |source: &Arc<dyn ClipSource>| Arc::new(FileFeed(source.clone())) as Arc<dyn Feed>;
        let values = args.values.iter().map(|named| Edit {
            name: named.name.clone(),
            time: None,
            text: named.value.clone(),
        });
        let keys = args.keys.iter().map(|key| Edit {
            name: key.name.clone(),
            time: Some(key.frame),
            text: key.value.clone(),
        });
        Recipe {
            feeds: self.0.iter().map(|(name, _, source)| (name.clone(), feed(source))).collect(),
            edits: values.chain(keys).collect(),
            presses: args.presses.clone(),
        }
    }
}

/// The part of a clip that is rendered.
struct RenderedPart<'a> {
    first_frame: i32,
    range: (i32, i32),
    info: &'a Info,
}

impl RenderedPart<'_> {
    /// The first and the last frame in file numbers, which count from 1.
    fn frames(&self) -> (u32, u32) {
        let number =
            |frame: i32| u32::try_from(i64::from(frame) - i64::from(self.first_frame) + 1).unwrap_or(1);
        (number(self.range.0), number(self.range.1))
    }

    fn count(&self) -> u32 {
        let (first, last) = self.frames();
        last - first + 1
    }

    /// The properties of the rendered frames, with their timestamps and their part of the sound.
    fn part(&self) -> Info {
        let (first, last) = self.frames();
        if self.count() == self.info.frames {
            return self.info.clone();
        }
        let times = &self.info.times;
        let (from, to) = (times.seconds(first as usize - 1), times.seconds(last as usize));
        let tracks = self.info.tracks.as_ref().map(|tracks| tracks.part(times.late() + from, to - from));
        Info { times: times.part(first, last), tracks, ..self.info.clone() }
    }

    fn check(&self, output: &Path, overwrite: bool, clips: &Clips) -> Result<Vec<String>, MediaError> {
        let inputs: Vec<&Path> = clips.0.iter().map(|(_, path, _)| path.as_path()).collect();
        let files: Vec<&Path> =
            clips.0.iter().flat_map(|(.., source)| source.files().iter().map(PathBuf::as_path)).collect();
        let request = OutputRequest {
            output,
            frames: self.frames(),
            whole: self.info.frames,
            overwrite,
            inputs: &inputs,
            files: &files,
        };
        io::check_output(&request, &self.part())
    }
}

/// The message about what is left of a stopped render.
static KEPT: Mutex<Option<String>> = Mutex::new(None);

/// How long the program may take to stop before it is ended: the system allows about ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first Ctrl-C, closing of the terminal or shutdown requests a stop; a second one ends the program at once, and
/// so does [`PATIENCE`] after the first.
fn stop_on_ctrl_c() {
    let handler = || {
        let first = stop::ask(PATIENCE, || {
            stop::tidy();
            let kept = KEPT.try_lock().ok().and_then(|kept| kept.clone());
            let _ = kept.map_or_else(|| HostError::Aborted.into(), Failure::Stopped).report();
            std::process::exit(1);
        });
        if !first {
            stop::tidy();
            std::process::exit(130);
        }
    };
    // Without a handler Ctrl-C ends the program at once, which is acceptable.
    let _ = ctrlc::set_handler(handler);
}

/// Fails if a stop was requested.
fn go_on() -> Result<(), Failure> {
    if stop::asked() { Err(HostError::Aborted.into()) } else { Ok(()) }
}

/// The number of a clip's last frame in the host's numbering.
fn last_frame(first: i32, frames: u32) -> i32 {
    first.saturating_add(i32::try_from(frames).unwrap_or(i32::MAX)).saturating_sub(1)
}

/// The frames to render in the host's numbering: those requested, or the whole clip.
fn range(args: &RenderArgs, first: i32, frames: u32) -> Result<(i32, i32), Failure> {
    let last = last_frame(first, frames);
    match args.frames {
        Some(range) if range.first > range.last => Err(Failure::Usage(format!(
            "--frames {}-{} ends before it begins: the clip has frames {first} to {last}",
            range.first, range.last
        ))),
        Some(range) if range.first < first || range.last > last => {
            let asked = match range.first == range.last {
                true => format!("is no frame {}", range.first),
                false => format!("are no frames {} to {}", range.first, range.last),
            };
            Err(Failure::Usage(format!(
                "there {asked}: the clip has {first} to {last}{}",
                if first == 1 {
                    ", counted from its first frame and not by the numbers of files"
                } else {
                    ""
                }
            )))
        }
        Some(range) => Ok((range.first, range.last)),
        None => Ok((first, last)),
    }
}

/// The job for the host; an error if the effect does not cover all requested frames.
fn job(args: &RenderArgs, range: (i32, i32), instance: &Instance) -> Result<Job, Failure> {
    let (first, last) = time_domain(&instance.effect)?;
    if f64::from(range.0) < first || f64::from(range.1) > last {
        return Err(Failure::Failed(format!("the plugin has frames {first} to {last} only")));
    }
    Ok(Job {
        first: range.0,
        last: range.1,
        order: args.host.order,
        threads: args.host.threads,
        fresh_instances: args.host.fresh_instances,
    })
}

fn printed(args: &RenderArgs, instance: &Instance, time: f64) -> Vec<String> {
    args.prints.iter().filter_map(|name| value(instance, name, time)).collect()
}

/// A parameter's value at a time, as text.
fn value(instance: &Instance, name: &str, time: f64) -> Option<String> {
    let param = instance.effect.params.find(&std::ffi::CString::new(name).ok()?)?;
    let value = param.value(time).ok()?;
    Some(param.show(&value))
}

/// Writes the frames as they arrive. The output is created with the first of them, which determines its size.
struct Writer<'a> {
    output: &'a Path,
    target: Target,
    /// Difference between the host's frame numbers and those of files, which begin with 1.
    offset: i64,
    sink: Option<Box<dyn Sink>>,
    written: u32,
}

impl Writer<'_> {
    fn take(&mut self, rendered: &Rendered) -> Result<(), String> {
        let picture = &rendered.picture;
        let info = &mut self.target.info;
        if self.sink.is_none() {
            info.alpha = info.alpha && picture.channels == 4;
            (info.width, info.height) = (picture.width, picture.height);
            self.sink = Some(io::create(self.output, &self.target).map_err(|error| error.to_string())?);
        } else if (picture.width, picture.height) != (info.width, info.height) {
            return Err(format!(
                "frame {} is {}x{}, and the first one was {}x{}",
                rendered.frame, picture.width, picture.height, info.width, info.height
            ));
        }
        let number = u32::try_from(i64::from(rendered.frame) - self.offset).unwrap_or(0);
        if let Some(sink) = &mut self.sink {
            sink.write(number, picture).map_err(|error| error.to_string())?;
        }
        self.written += 1;
        if let Ok(mut kept) = KEPT.lock() {
            *kept = self.kept();
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self.sink {
            Some(sink) => Ok(sink.finish()?),
            None => Ok(()),
        }
    }

    /// A sentence about what is left of a render that is stopped now.
    fn kept(&self) -> Option<String> {
        let plural = if self.written == 1 { "" } else { "s" };
        let kept = self.written > 0 && self.sink.as_ref().is_some_and(|sink| sink.keeps_frames());
        kept.then(|| {
            format!("stopped: {} has the first {} frame{plural}", self.output.display(), self.written)
        })
    }

    /// The failure of a render, including what is left of it.
    fn failed(self, error: HostError) -> Failure {
        match self.kept().filter(|_| stop::asked()) {
            Some(sentence) => Failure::Stopped(sentence),
            None => error.into(),
        }
    }
}
