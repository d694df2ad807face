//! An instance of the plugin in a host in the same process, rendered action by action.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use openfx_sys::*;
use parking_lot::{Mutex, MutexGuard};
use tempfile::TempDir;

use crate::plugin as support;
use openfx_host::actions::Moment;
use openfx_host::canvas::{Canvas, Form};
use openfx_host::clip::{Facts, Feed};
use openfx_host::instance::{Edit, Instance, Recipe};
use openfx_host::picture::{Picture, SharedPicture};
use openfx_host::plugin::Plugin;
use openfx_host::session::{Components, Depth, RowBytes, Session, Settings, Silent};

/// Width and height of the test clip in pixels.
pub const SIZE: (u32, u32) = (40, 32);

/// Number of frames of the test clip, numbered from 1.
pub const FRAMES: u32 = 3;

/// The test clip in memory.
pub struct Clip;

impl Feed for Clip {
    fn facts(&self) -> Facts {
        Facts {
            width: SIZE.0,
            height: SIZE.1,
            frames: FRAMES,
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

/// The plugin, loaded and described by a host with these settings.
pub fn load(settings: Settings) -> (Plugin, Arc<Session>) {
    let session = Arc::new(Session::new(settings, Box::new(Silent)));
    (Plugin::load(support::bundle(), None, &session).unwrap(), session)
}

/// The plugin has one host per process, and tests use different hosts, so only one test at a time may use it.
pub static TURN: Mutex<()> = Mutex::new(());

/// A new cache folder, and a plugin in a host with these settings, for as long as the lock is held.
pub fn set_up(settings: Settings) -> (MutexGuard<'static, ()>, TempDir, Plugin, Arc<Session>) {
    let turn = TURN.lock();
    let (plugin, session) = load(settings);
    (turn, tempfile::tempdir().unwrap(), plugin, session)
}

/// An instance on the test clip at the source's size, with few steps, its own cache folder, and these values.
pub fn recipe(cache: &Path, values: &[(&str, &str)]) -> Recipe {
    let edit = |(name, text): (&str, &str)| Edit { name: name.into(), time: None, text: text.into() };
    let cache = cache.display().to_string();
    let mut edits: Vec<Edit> =
        [("workingSize", "0"), ("steps", "2"), ("cacheFolder", cache.as_str())].map(edit).into();
    edits.extend(values.iter().copied().map(edit));
    let feeds: BTreeMap<String, Arc<dyn Feed>> =
        BTreeMap::from([("Source".to_owned(), Arc::new(Clip) as Arc<dyn Feed>)]);
    Recipe { feeds, edits, presses: Vec::new() }
}

/// Bounds of the whole picture.
pub fn whole() -> OfxRectI {
    OfxRectI { x1: 0, y1: 0, x2: SIZE.0 as i32, y2: SIZE.1 as i32 }
}

/// Initial value of a test's output.
pub const UNWRITTEN: f32 = -7.0;

/// Renders to an output with these bounds and window; returns the output and the status. The output is filled
/// with [`UNWRITTEN`] first, to detect a plugin that writes too little or too much.
pub fn render_into(
    instance: &Instance,
    time: f64,
    bounds: OfxRectI,
    window: OfxRectI,
) -> (OfxStatus, Vec<f32>) {
    let canvas = Canvas::new(Form {
        depth: Depth::Float,
        components: Components::Rgba,
        bounds,
        row_bytes: RowBytes::Positive,
        premultiplied: false,
    });
    let canvas = Arc::new(canvas.unwrap());
    let (width, height) = ((bounds.x2 - bounds.x1) as u32, (bounds.y2 - bounds.y1) as u32);
    let marks = vec![UNWRITTEN; (4 * width * height) as usize];
    canvas.paint(&Picture::float(width, height, 4, marks).unwrap());
    let moment = Moment { time, scale: 1.0 };
    instance.effect.session.go_to(time);
    instance.effect.put_output(time, canvas.clone());
    let reply =
        instance.effect.entry.call(kOfxImageEffectActionRender, &instance.effect, moment.render(window));
    instance.effect.take_output(time);
    assert!(canvas.guards_are_whole(), "it wrote outside of its output");
    (reply.status, canvas.picture().to_floats())
}

/// Renders the whole output; returns the output and the status.
pub fn render(instance: &Instance, time: f64) -> (OfxStatus, Vec<f32>) {
    render_into(instance, time, whole(), whole())
}

/// A frame of the test clip, as a render that passes it through would write it.
pub fn source(frame: u32) -> Vec<f32> {
    let pixel = |x, y| {
        let [r, g, b] = support::scene(x, y, frame);
        [r, g, b, 1.0]
    };
    (0..SIZE.1).flat_map(|y| (0..SIZE.0).flat_map(move |x| pixel(x, y))).collect()
}

/// The largest difference between two pictures' values.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
