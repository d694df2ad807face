//! `unsample render`

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::progress::{Bars, Shown, Voice};
use crate::bundle;
use crate::cli::RenderArgs;
use crate::failure::Failure;
use crate::host::clip::{Facts, Feed};
use crate::host::error::HostError;
use crate::host::instance::{Edit, Instance, Recipe, find_param};
use crate::host::picture::SharedPicture;
use crate::host::plugin::Plugin;
use crate::host::render::{Job, Rendered, render, time_domain};
use crate::host::session::Session;
use crate::host::suites;
use crate::io::{self, Info, Sink, Source, Target};

/// A clip of the command line as a feed for the host.
struct FileFeed(Box<dyn Source>);

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

/// Runs the command.
///
/// # Errors
/// With the sentence for the user.
pub fn run(args: &RenderArgs) -> Result<(), Failure> {
    let began = Instant::now();
    if !(args.host.scale > 0.0 && args.host.scale <= 16.0) {
        return Err(Failure::Usage(format!("--scale takes a number above 0, not {}", args.host.scale)));
    }
    if let Some(wrong) = args.host.no_suites.iter().find(|name| !known_suite(name)) {
        let all = suites::names().join(", ");
        return Err(Failure::Usage(format!("there is no suite {wrong}; the host has {all}")));
    }
    let bundle = bundle::find(args.plugin.bundle.as_deref())?;
    let source = io::open(&args.input)?;
    let info = source.info().clone();
    let recipe = recipe(args, source)?;
    let voice = match (args.quiet, args.verbose) {
        (true, _) => Voice::Quiet,
        (_, true) => Voice::Verbose,
        _ => Voice::Normal,
    };
    let bars = Bars::new(voice);
    let settings = args.host.settings(args.plugin.context.as_deref());
    let session = Arc::new(Session::new(settings, Box::new(Shown(bars.clone()))));
    stop_on_ctrl_c(&session);
    let plugin = Plugin::load(&bundle, args.plugin.plugin.as_deref(), &session)?;
    for name in &args.prints {
        find_param(&plugin.description, name)?;
    }
    let first = session.settings.first_frame;
    session.set_range(f64::from(first), f64::from(first) + f64::from(info.frames) - 1.0);
    let instance = Instance::create(&plugin, &recipe)?;
    let job = job(args, &instance)?;
    let frames = u32::try_from(job.last - job.first + 1).unwrap_or(0);
    // What is wrong with the name should show now, not after the first frame.
    io::check_output(&args.output, frames)?;
    bars.begin(u64::from(frames));
    let whole = frames == info.frames;
    let mut writer = Writer {
        output: &args.output,
        info: Info {
            // A part of the clip would get the sound of its beginning.
            sound: info.sound.clone().filter(|_| whole),
            ..info
        },
        frames,
        offset: i64::from(first) - 1,
        sink: None,
    };
    let result = render(&plugin, &instance, &recipe, &job, &mut |rendered| {
        writer.take(&rendered)?;
        bars.step();
        Ok(())
    });
    let result = result.and(instance.sync_and_purge());
    bars.finish();
    if args.host.no_suites.iter().any(|suite| suite.starts_with("OfxMessageSuite")) {
        // What a host without messages has to show is the read-out.
        value(&instance, "status", f64::from(job.last)).iter().for_each(|status| bars.say(status));
    }
    let printed = if result.is_ok() { printed(args, &instance, f64::from(job.last)) } else { Vec::new() };
    drop(instance);
    drop(plugin);
    result?;
    writer.finish()?;
    for line in printed {
        super::print(&format!("{line}\n"));
    }
    let complaints = session.complaints();
    if !complaints.is_empty() {
        return Err(HostError::Rules(complaints).into());
    }
    let seconds = began.elapsed().as_secs_f64();
    let plural = if frames == 1 { "" } else { "s" };
    bars.say(&format!("{}: {frames} frame{plural} in {seconds:.1} s", args.output.display()));
    Ok(())
}

/// Whether the host has a suite of that name; a version may follow it.
fn known_suite(name: &str) -> bool {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    suites::names().iter().any(|suite| suite == name)
}

fn recipe(args: &RenderArgs, source: Box<dyn Source>) -> Result<Recipe, Failure> {
    let mut feeds: BTreeMap<String, Arc<dyn Feed>> = BTreeMap::new();
    feeds.insert("Source".into(), Arc::new(FileFeed(source)));
    for clip in &args.clips {
        let source = io::open(Path::new(&clip.value))?;
        feeds.insert(clip.name.clone(), Arc::new(FileFeed(source)));
    }
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
    Ok(Recipe { feeds, edits: values.chain(keys).collect(), presses: args.presses.clone() })
}

/// The first Ctrl-C asks the plugin to stop, the second one does not ask.
fn stop_on_ctrl_c(session: &Arc<Session>) {
    let session = Arc::downgrade(session);
    let handler = move || match session.upgrade() {
        Some(session) if !session.aborted() => session.abort(),
        _ => std::process::exit(130),
    };
    // Without a handler Ctrl-C ends the program at once, which is no reason not to render.
    let _ = ctrlc::set_handler(handler);
}

/// The frames to render: those that were asked for, else all that the effect has.
fn job(args: &RenderArgs, instance: &Instance) -> Result<Job, Failure> {
    let (first, last) = time_domain(&instance.effect)?;
    let (first, last) = (first.ceil() as i32, last.floor() as i32);
    let (first, last) = match args.frames {
        Some(range) if range.first < first || range.last > last => {
            return Err(Failure::Usage(format!(
                "there are no frames {} to {}: the clip has {first} to {last}",
                range.first, range.last
            )));
        }
        Some(range) => (range.first, range.last),
        None => (first, last),
    };
    Ok(Job {
        first,
        last,
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

/// Writes the frames as they come. The output is made with the first of them, which knows its size.
struct Writer<'a> {
    output: &'a Path,
    info: Info,
    frames: u32,
    /// From the host's frame numbers to those of files, which begin with 1.
    offset: i64,
    sink: Option<Box<dyn Sink>>,
}

impl Writer<'_> {
    fn take(&mut self, rendered: &Rendered) -> Result<(), String> {
        let picture = &rendered.picture;
        if self.sink.is_none() {
            let alpha = self.info.alpha && picture.channels == 4;
            let info = Info { width: picture.width, height: picture.height, alpha, ..self.info.clone() };
            let target = Target { info, frames: self.frames };
            self.sink = Some(io::create(self.output, &target).map_err(|error| error.to_string())?);
            (self.info.width, self.info.height) = (picture.width, picture.height);
        }
        if (picture.width, picture.height) != (self.info.width, self.info.height) {
            return Err(format!(
                "frame {} is {}x{}, and the first one was {}x{}",
                rendered.frame, picture.width, picture.height, self.info.width, self.info.height
            ));
        }
        let number = u32::try_from(i64::from(rendered.frame) - self.offset).unwrap_or(0);
        match &mut self.sink {
            Some(sink) => sink.write(number, picture).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self.sink {
            Some(sink) => Ok(sink.finish()?),
            None => Ok(()),
        }
    }
}
