//! The plugin's actions one by one, from a host in the same process: what the command line cannot see.

#[allow(dead_code, unused_imports, reason = "a test uses a part of the host")]
#[path = "../src/bin/unsample/host/mod.rs"]
mod host;
#[path = "support/plugin.rs"]
mod support;

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;

use openfx_sys::*;

use host::actions::{Arguments, Moment};
use host::canvas::{Canvas, Form};
use host::clip::{AlphaMode, Facts, Feed};
use host::instance::{Edit, Instance, Recipe};
use host::picture::{Picture, SharedPicture};
use host::plugin::Plugin;
use host::session::{Components, Depth, RowBytes, Session, Settings, Silent};

const SIZE: (u32, u32) = (40, 32);

/// The test clip in memory.
struct Clip;

impl Feed for Clip {
    fn facts(&self) -> Facts {
        Facts {
            width: SIZE.0,
            height: SIZE.1,
            frames: 3,
            fps: 24.0,
            pixel_aspect: 1.0,
            deep: true,
            alpha: false,
        }
    }

    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        let values = (0..SIZE.1).flat_map(|y| (0..SIZE.0).flat_map(move |x| support::scene(x, y, number)));
        Ok(Arc::new(Picture::float(SIZE.0, SIZE.1, 3, values.collect()).ok_or("no picture")?))
    }
}

fn load(settings: Settings) -> (Plugin, Arc<Session>) {
    let session = Arc::new(Session::new(settings, Box::new(Silent)));
    (Plugin::load(support::bundle(), None, &session).unwrap(), session)
}

fn recipe(cache: &std::path::Path, values: &[(&str, &str)]) -> Recipe {
    let edit = |(name, text): (&str, &str)| Edit { name: name.into(), time: None, text: text.into() };
    let cache = cache.display().to_string();
    let mut edits: Vec<Edit> =
        [("workingSize", "0"), ("steps", "2"), ("cacheFolder", cache.as_str())].map(edit).into();
    edits.extend(values.iter().copied().map(edit));
    let feeds: BTreeMap<String, Arc<dyn Feed>> =
        BTreeMap::from([("Source".to_owned(), Arc::new(Clip) as Arc<dyn Feed>)]);
    Recipe { feeds, edits, presses: Vec::new() }
}

/// The output of a render and the status that it ended with. The output is filled with a value first, so that a
/// plugin that writes nothing is found out.
fn render(instance: &Instance, frame: i32) -> (OfxStatus, Vec<f32>) {
    let window = OfxRectI { x1: 0, y1: 0, x2: SIZE.0 as i32, y2: SIZE.1 as i32 };
    let canvas = Canvas::new(Form {
        depth: Depth::Float,
        components: Components::Rgba,
        bounds: window,
        row_bytes: RowBytes::Positive,
        premultiplied: false,
    });
    let canvas = Arc::new(canvas.unwrap());
    let moment = Moment { time: f64::from(frame), scale: 1.0 };
    instance.effect.session.go_to(moment.time);
    instance.effect.put_output(moment.time, canvas.clone());
    let reply =
        instance.effect.entry.call(kOfxImageEffectActionRender, &instance.effect, moment.render(window));
    instance.effect.take_output(moment.time);
    assert!(canvas.guards_are_whole(), "it wrote outside of its output");
    (reply.status, canvas.picture().to_floats())
}

fn source(frame: u32) -> Vec<f32> {
    let pixel = |x, y| {
        let [r, g, b] = support::scene(x, y, frame);
        [r, g, b, 1.0]
    };
    (0..SIZE.1).flat_map(|y| (0..SIZE.0).flat_map(move |x| pixel(x, y))).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_failed_render_shows_the_source_and_says_why() {
    let cache = tempfile::tempdir().unwrap();
    let broken = cache.path().join("broken.safetensors");
    std::fs::write(&broken, [7; 64]).unwrap();
    let (plugin, session) = load(Settings::default());
    let text = broken.display().to_string();
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("checkpoint", &text)])).unwrap();
    let (status, shown) = render(&instance, 2);
    assert_eq!(status, kOfxStatFailed);
    assert!(largest_difference(&shown, &source(2)) < 1e-6);
    assert!(session.last_error().unwrap().contains("broken.safetensors"));
    drop(instance);
    assert_eq!(session.complaints(), Vec::<String>::new());
}

#[test]
fn abort_stops_a_render() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, session) = load(Settings { abort_after: Some(3), ..Settings::default() });
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[("steps", "900")])).unwrap();
    let (status, _) = render(&instance, 1);
    assert_eq!(status, kOfxStatFailed);
    assert!(session.aborted());
    assert_eq!(session.last_error(), None, "a stop is nothing to tell about");
    drop(instance);
    assert_eq!(session.complaints(), Vec::<String>::new());
}

#[test]
fn what_it_does_not_handle_is_the_hosts_business() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, _) = load(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let call = |action: &'static CStr| {
        instance.effect.entry.call(action, &instance.effect, Arguments::default()).status
    };
    assert_eq!(call(c"OfxActionOfAnotherAge"), kOfxStatReplyDefault);
    assert_eq!(call(kOfxActionPurgeCaches), kOfxStatOK);
    assert_eq!(call(kOfxActionSyncPrivateData), kOfxStatOK);
}

#[test]
fn the_frames_needed_are_the_segments_until_it_was_seen() {
    let cache = tempfile::tempdir().unwrap();
    let (plugin, _) = load(Settings::default());
    let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
    let needed = || -> Vec<f64> {
        let inputs = ["Source".to_owned()];
        let arguments = Moment { time: 2.0, scale: 1.0 }.frames_needed(&inputs);
        let reply =
            instance.effect.entry.call(kOfxImageEffectActionGetFramesNeeded, &instance.effect, arguments);
        assert_eq!(reply.status, kOfxStatOK);
        reply.output.all(c"OfxImageClipPropFrameRange_Source")
    };
    assert_eq!(needed(), [1.0, 3.0]);
    assert_eq!(render(&instance, 2).0, kOfxStatOK);
    assert_eq!(needed(), [2.0, 2.0]);
}

#[test]
fn loading_again_and_after_unloading_works() {
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let (plugin, session) = load(Settings::default());
        let instance = Instance::create(&plugin, &recipe(cache.path(), &[])).unwrap();
        assert_eq!(render(&instance, 1).0, kOfxStatOK);
        instance.sync_and_purge().unwrap();
        drop(instance);
        drop(plugin);
        assert_eq!(session.complaints(), Vec::<String>::new());
    }
}

#[test]
fn analyse_unsamples_ahead_and_clear_cache_forgets() {
    let cache = tempfile::tempdir().unwrap();
    let files = || {
        let sub = std::fs::read_dir(cache.path()).into_iter().flatten().flatten();
        sub.flat_map(|d| std::fs::read_dir(d.path()).into_iter().flatten().flatten()).count()
    };
    let (plugin, _) = load(Settings::default());
    let pressed = |name: &str| Recipe { presses: vec![name.to_owned()], ..recipe(cache.path(), &[]) };
    let instance = Instance::create(&plugin, &pressed("analyse")).unwrap();
    assert_eq!(files(), 2, "latents and unsampled latents");
    assert_eq!(render(&instance, 1).0, kOfxStatOK);
    assert_eq!(files(), 3);
    drop(instance);
    let _instance = Instance::create(&plugin, &pressed("clearCache")).unwrap();
    assert_eq!(files(), 0);
}
