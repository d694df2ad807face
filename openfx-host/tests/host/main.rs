//! Tests the host with a plugin that behaves correctly or not on demand: what the host provides, refuses and
//! detects.
//!
//! The plugin is `plugin.rs`, part of this program; it uses the raw ABI and no code of Unsample's.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use openfx_host as host;

mod checks;
mod plugin;

use std::collections::BTreeMap;
use std::sync::Arc;

use host::actions::Arguments;
use host::clip::{Facts, Feed};
use host::error::HostError;
use host::instance::{Edit, Instance, Recipe};
use host::picture::{Picture, SharedPicture};
use host::plugin::Plugin;
use host::render::{Job, Order, render, time_domain};
use host::session::{Components, Depth, Outside, RowBytes, Sequence, Session, Settings, Silent};
use openfx_sys::*;
use parking_lot::{Mutex, MutexGuard};

const WIDTH: u32 = 7;
const HEIGHT: u32 = 5;
const FRAMES: u32 = 6;

/// Pictures in which each sample encodes its frame, pixel and channel.
struct Pattern {
    channels: u8,
}

fn pattern(frame: u32, channels: u8) -> Picture {
    let count = WIDTH * HEIGHT * u32::from(channels);
    let data = (0..count).map(|n| ((n * 5 + frame * 17) % 200 + 20) as u8).collect();
    Picture::eight(WIDTH, HEIGHT, channels, data).unwrap()
}

impl Feed for Pattern {
    fn facts(&self) -> Facts {
        Facts {
            width: WIDTH,
            height: HEIGHT,
            frames: FRAMES,
            fps: 24.0,
            pixel_aspect: 1.0,
            deep: false,
            alpha: self.channels == 4,
        }
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        Ok(Arc::new(pattern(number, self.channels)))
    }
}

/// One run: the session, the delivered frames and the result.
struct Run {
    session: Arc<Session>,
    frames: Vec<(i32, Picture)>,
    result: Result<(), HostError>,
    log: Vec<String>,
}

/// The plugin's log is global to the process, so only one run at a time may use it.
static TURN: Mutex<()> = Mutex::new(());

struct Bench {
    settings: Settings,
    channels: u8,
    edits: Vec<Edit>,
    presses: Vec<String>,
    job: Job,
}

fn bench(mode: &str) -> Bench {
    let job =
        Job { first: 1, last: FRAMES as i32, order: Order::Forward, threads: 1, fresh_instances: false };
    let bench =
        Bench { settings: Settings::default(), channels: 3, edits: Vec::new(), presses: Vec::new(), job };
    bench.set("mode", mode)
}

impl Bench {
    fn set(mut self, name: &str, text: &str) -> Self {
        self.edits.push(Edit { name: name.into(), time: None, text: text.into() });
        self
    }

    fn key(mut self, name: &str, time: f64, text: &str) -> Self {
        self.edits.push(Edit { name: name.into(), time: Some(time), text: text.into() });
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn job(mut self, change: impl FnOnce(&mut Job)) -> Self {
        change(&mut self.job);
        self
    }

    fn recipe(&self) -> Recipe {
        let feed: Arc<dyn Feed> = Arc::new(Pattern { channels: self.channels });
        Recipe {
            feeds: BTreeMap::from([("Source".to_owned(), feed)]),
            edits: self.edits.clone(),
            presses: self.presses.clone(),
        }
    }

    fn load(&self) -> (MutexGuard<'static, ()>, Arc<Session>, Plugin) {
        let turn = TURN.lock();
        plugin::clear_log();
        let session = Arc::new(Session::new(self.settings.clone(), Box::new(Silent)));
        // SAFETY: the record is a static of this program.
        let plugin = unsafe { Plugin::built_in(plugin::record(), &session) }.unwrap();
        (turn, session, plugin)
    }

    fn run(self) -> Run {
        let (_turn, session, plugin) = self.load();
        let recipe = self.recipe();
        let mut frames = Vec::new();
        let result = Instance::create(&plugin, &recipe).and_then(|instance| {
            let result = render(&plugin, &instance, &recipe, &self.job, &mut |rendered| {
                frames.push((rendered.frame, rendered.picture));
                Ok(())
            });
            result.and_then(|()| instance.sync_and_purge())
        });
        drop(plugin);
        Run { session, frames, result, log: plugin::log() }
    }
}

impl Run {
    /// Asserts that every frame arrived, in order, as the inverse of its source, without violations.
    fn assert_inverted(&self, channels: u8) {
        self.result.as_ref().unwrap();
        let numbers: Vec<i32> = self.frames.iter().map(|(frame, _)| *frame).collect();
        assert_eq!(numbers, (1..=FRAMES as i32).collect::<Vec<_>>());
        for (frame, picture) in &self.frames {
            assert_eq!((picture.width, picture.height), (WIDTH, HEIGHT));
            let source = pattern(*frame as u32, channels);
            let (got, source) = (picture.with_channels(channels).to_eight(), source.to_eight());
            for (at, (got, source)) in got.iter().zip(&source).enumerate() {
                let alpha = channels == 4 && at % 4 == 3;
                let wanted = if alpha { *source } else { 255 - source };
                assert_eq!(*got, wanted, "frame {frame}, sample {at}");
            }
        }
        assert_eq!(self.session.complaints(), [""; 0]);
    }

    fn complaint(&self) -> String {
        self.session.complaints().join("; ")
    }
}

#[test]
fn every_image_layout_carries_the_picture() {
    for depth in [Depth::Float, Depth::Half, Depth::Short, Depth::Byte] {
        for row_bytes in [RowBytes::Positive, RowBytes::Negative, RowBytes::Padded] {
            for components in [Components::Rgba, Components::Rgb] {
                for origin in [(0, 0), (-31, 17)] {
                    let run = bench("invert").with(|settings| {
                        settings.depth = Some(depth);
                        settings.row_bytes = row_bytes;
                        settings.components = Some(components);
                        settings.origin = origin;
                    });
                    run.run().assert_inverted(3);
                }
            }
        }
    }
}

#[test]
fn alpha_stays_where_it_is_premultiplied_or_not() {
    let mut straight = bench("invert");
    straight.channels = 4;
    straight.run().assert_inverted(4);
    // With premultiplied images, the plugin sees colours times alpha, and the host divides its output by
    // alpha.
    let mut multiplied = bench("copy").with(|settings| settings.premultiplied = true);
    multiplied.channels = 4;
    let run = multiplied.run();
    run.result.as_ref().unwrap();
    assert_eq!(run.frames[2].1.to_eight(), pattern(3, 4).to_eight());
    assert!(
        run.log.iter().any(|line| line == "premultiplication OfxImageAlphaPremultiplied"),
        "{:?}",
        run.log
    );
}

#[test]
fn any_order_and_any_number_of_threads_give_the_same_frames() {
    for order in [Order::Forward, Order::Backward, Order::Shuffled] {
        for threads in [1, 3] {
            for fresh_instances in [false, true] {
                let run = bench("invert").job(|job| {
                    (job.order, job.threads, job.fresh_instances) = (order, threads, fresh_instances);
                });
                run.run().assert_inverted(3);
            }
        }
    }
}

#[test]
fn actions_come_in_the_order_of_the_standard() {
    let run = bench("invert").job(|job| job.last = 1).run();
    let actions: Vec<&str> = run.log.iter().filter_map(|line| line.strip_prefix("action ")).collect();
    let wanted = [
        "OfxActionLoad",
        "OfxActionDescribe",
        "OfxImageEffectActionDescribeInContext",
        "OfxActionCreateInstance",
        "OfxActionBeginInstanceChanged",
        "OfxActionInstanceChanged",
        "OfxActionEndInstanceChanged",
        "OfxImageEffectActionGetClipPreferences",
        "OfxImageEffectActionBeginSequenceRender",
        "OfxImageEffectActionGetRegionOfDefinition",
        "OfxImageEffectActionIsIdentity",
        "OfxImageEffectActionGetRegionsOfInterest",
        "OfxImageEffectActionGetFramesNeeded",
        "OfxImageEffectActionRender",
        "OfxImageEffectActionEndSequenceRender",
        "OfxActionSyncPrivateData",
        "OfxActionPurgeCaches",
        "OfxActionDestroyInstance",
        "OfxActionUnload",
    ];
    assert_eq!(actions, wanted);
    let each = bench("invert").with(|settings| settings.sequence = Sequence::Each).run();
    let count = |log: &[String], name: &str| log.iter().filter(|line| line.ends_with(name)).count();
    assert_eq!(count(&each.log, "BeginSequenceRender"), FRAMES as usize);
    let none = bench("invert").with(|settings| settings.sequence = Sequence::None).run();
    assert_eq!(count(&none.log, "BeginSequenceRender"), 0);
}

#[test]
fn other_times_are_there_to_be_fetched() {
    let run = bench("next").run();
    run.result.as_ref().unwrap();
    for (frame, picture) in &run.frames {
        // After the last frame there is no image, and the plugin falls back to the current one.
        let wanted = (*frame as u32 + 1).min(FRAMES);
        assert_eq!(picture.with_channels(3).to_eight(), pattern(wanted, 3).to_eight(), "frame {frame}");
    }
    let held = bench("next").with(|settings| settings.outside = Outside::Hold).run();
    assert_eq!(held.frames[5].1.with_channels(3).to_eight(), pattern(FRAMES, 3).to_eight());
    let black = bench("next").with(|settings| settings.outside = Outside::Black).run();
    assert!(black.frames[5].1.with_channels(3).to_eight().iter().all(|&sample| sample == 0));
    // A host without temporal access gives the current frame, whatever the time.
    let flat = bench("next").with(|settings| settings.temporal = false).run();
    assert_eq!(flat.frames[0].1.with_channels(3).to_eight(), pattern(1, 3).to_eight());
    // The frame range may start anywhere.
    let shifted = bench("next")
        .with(|settings| settings.first_frame = 1001)
        .job(|job| (job.first, job.last) = (1001, 1002));
    assert_eq!(shifted.run().frames[0].1.with_channels(3).to_eight(), pattern(2, 3).to_eight());
}

#[test]
fn an_identity_is_not_rendered() {
    let run = bench("identity").run();
    run.result.as_ref().unwrap();
    assert!(!run.log.iter().any(|line| line.ends_with("ActionRender")));
    // The plugin names the previous frame; the first frame has none and names itself.
    assert_eq!(run.frames[3].1, pattern(3, 3));
}

#[test]
fn what_the_plugin_forgets_or_does_twice_is_noticed() {
    assert!(bench("leak").run().complaint().contains("did not release 6 images of Source"));
    assert!(bench("release twice").run().complaint().contains("released an image twice"));
    assert!(bench("foreign thread").run().complaint().contains("on a thread of its own"));
    assert!(bench("write beside").run().complaint().contains("wrote outside of the rows"));
    assert!(
        bench("set while rendering").run().complaint().contains("set the parameter amount while rendering")
    );
    assert!(bench("no id").run().complaint().contains("message whose id is NULL"));
}

#[test]
fn a_failed_render_ends_with_the_plugins_sentence() {
    let run = bench("fail").run();
    let error = run.result.unwrap_err();
    assert_eq!(error.to_string(), "frame 1 failed: no luck: 50% of 7 pixels");
    assert!(run.frames.is_empty());
}

#[test]
fn abort_is_answered_on_the_action_s_thread() {
    let run = bench("wait for abort").with(|settings| settings.abort_after = Some(3)).run();
    assert!(matches!(run.result, Err(HostError::Aborted)), "{:?}", run.result);
    assert_eq!(run.session.polls(), 4);
}

#[test]
fn parameters_come_back_as_they_were_set() {
    let run = bench("invert")
        .set("pair", "3,-4")
        .set("colour", "1,0.5,0.25")
        .set("words", "näher = 100%")
        .set("flag", "yes")
        .set("option", "second")
        .key("amount", 1.0, "0")
        .key("amount", 5.0, "1")
        .job(|job| (job.first, job.last) = (2, 2))
        .run();
    run.result.as_ref().unwrap();
    let read: Vec<&String> = run.log.iter().filter(|line| line.starts_with("read ")).collect();
    let wanted = "read pair=3,-4 colour=1,0.5,0.25 words=näher = 100% flag=1 option=second amount=0.25 keys=2 \
                  slope=0.25 area=2";
    assert_eq!(read, [wanted]);
    let changed: Vec<&str> = run.log.iter().filter_map(|line| line.strip_prefix("changed ")).collect();
    assert_eq!(changed, ["mode", "pair", "colour", "words", "flag", "option", "amount", "amount"]);
}

#[test]
fn wrong_settings_are_refused_with_a_reason() {
    let sentence = |bench: Bench| bench.run().result.unwrap_err();
    let error = sentence(bench("invert").set("amont", "1"));
    assert_eq!(error.to_string(), "there is no parameter amont; did you mean amount?");
    assert!(error.is_usage());
    assert!(sentence(bench("invert").set("amount", "7")).to_string().contains("amount takes 0 to 1, not 7"));
    assert!(sentence(bench("upside down")).to_string().contains("has no option \"upside down\""));
    assert!(
        sentence(bench("invert").key("pair", 1.0, "1,2"))
            .to_string()
            .contains("pair does not take keyframes")
    );
    assert!(sentence(bench("invert").set("button", "1")).to_string().contains("it is a button"));
    let strings = bench("invert").with(|settings| settings.animate_strings = false).key("words", 1.0, "x");
    assert!(sentence(strings).to_string().contains("words does not take keyframes"));
}

#[test]
fn a_button_is_an_instance_changed() {
    let mut bench = bench("invert");
    bench.presses.push("button".into());
    let run = bench.run();
    assert!(run.log.iter().any(|line| line == "changed button"));
    // Values that the plugin sets are reported to it within the call.
    assert!(run.log.iter().any(|line| line == "changed words by OfxChangePluginEdited"), "{:?}", run.log);
}

#[test]
fn the_suites_are_strict() {
    // The plugin checks them itself and logs every mistake.
    let run = bench("check suites").job(|job| job.last = 1).run();
    run.result.as_ref().unwrap();
    let wrong: Vec<&String> = run.log.iter().filter(|line| line.starts_with("wrong")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(run.log.iter().any(|line| line == "suites checked"));
    let without =
        bench("check suites").with(|settings| settings.missing_suites = vec!["OfxMessageSuite:2".into()]);
    assert!(without.run().log.iter().any(|line| line == "wrong: OfxMessageSuite 2 is missing"));
}

#[test]
fn handles_go_stale() {
    let bench = bench("keep handles");
    let (_turn, session, plugin) = bench.load();
    let recipe = bench.recipe();
    let instance = Instance::create(&plugin, &recipe).unwrap();
    assert_eq!(time_domain(&instance.effect).unwrap(), (1.0, f64::from(FRAMES)));
    drop(instance);
    assert_eq!(plugin::try_kept_handles(), [kOfxStatErrBadHandle; 4]);
    drop(plugin);
    assert_eq!(session.complaints(), [""; 0]);
}

#[test]
fn an_unknown_action_reaches_the_plugin_and_its_answer_comes_back() {
    let bench = bench("invert");
    let (_turn, _session, plugin) = bench.load();
    let recipe = bench.recipe();
    let instance = Instance::create(&plugin, &recipe).unwrap();
    let reply = instance.effect.entry.call(c"NoSuchAction", &instance.effect, Arguments::default());
    assert_eq!(reply.status, kOfxStatReplyDefault);
}

#[test]
fn a_scaled_render_has_scaled_images() {
    let run = bench("copy").with(|settings| settings.scale = 2.0).job(|job| job.last = 1).run();
    run.result.as_ref().unwrap();
    let picture = &run.frames[0].1;
    assert_eq!((picture.width, picture.height), (2 * WIDTH, 2 * HEIGHT));
    let source = pattern(1, 3).to_eight();
    assert_eq!(picture.with_channels(3).to_eight()[..6], [&source[..3], &source[..3]].concat());
}
