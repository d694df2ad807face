//! `unsample bench`: time and memory of every part of restyling a clip, from the diagnostics that the plugin writes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::bundle;
use crate::cli::{BenchArgs, FrameSize};
use crate::failure::Failure;
use openfx_host::clip::{Facts, Feed};
use openfx_host::instance::{Edit, Instance, Recipe};
use openfx_host::picture::{Picture, SharedPicture};
use openfx_host::plugin::Plugin;
use openfx_host::render::{Job, Order, render};
use openfx_host::session::{Session, Settings, Silent};

/// A generated clip: a square that moves over a gradient.
struct GeneratedClip {
    size: FrameSize,
    frames: u32,
}

impl Feed for GeneratedClip {
    fn facts(&self) -> Facts {
        let FrameSize(width, height) = self.size;
        Facts { width, height, frames: self.frames, fps: 24.0, pixel_aspect: 1.0, deep: true, alpha: false }
    }

    #[expect(clippy::cast_precision_loss, reason = "pixel arithmetic: draws a picture")]
    fn picture(&self, number: u32) -> Result<SharedPicture, String> {
        let FrameSize(width, height) = self.size;
        let (side, left) = (width.min(height) / 3, number * 4 % width);
        let pixel = |x: u32, y: u32| {
            let inside = (left..left + side).contains(&x) && (height / 3..height / 3 + side).contains(&y);
            if inside { [0.9, 0.5, 0.2] } else { [x as f32 / width as f32, y as f32 / height as f32, 0.4] }
        };
        let values = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Ok(Arc::new(Picture::float(width, height, 3, values).ok_or("a frame without pixels")?))
    }
}

/// Runs `unsample bench`.
///
/// # Errors
/// The failure, with the message for the user.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::Failed(error.to_string()))?;
    let file = folder.path().join("stages.safetensors");
    let began = Instant::now();
    restyle(args, folder.path(), &file)?;
    let total = began.elapsed().as_secs_f64();
    let costs = costs(&file).ok_or_else(|| {
        Failure::Failed("the plugin wrote no costs; it is older than this program".to_owned())
    })?;
    let (FrameSize(width, height), frames) = (args.size, args.frames);
    if args.json {
        let clip = json!({ "width": width, "height": height, "frames": frames });
        super::print(&format!("{:#}\n", json!({ "clip": clip, "seconds": total, "costs": costs })));
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    super::print(&format!("{frames} frames of {width}x{height}, {}\n", text(&costs["placement"])));
    if let Some(slices) = costs["slices"].as_str() {
        super::print(&format!("{slices} for want of memory\n"));
    }
    super::print(&format!("{:12} {:>6} {:>10} {:>12}\n", "part", "times", "seconds", "peak MiB"));
    for part in costs["parts"].as_array().into_iter().flatten() {
        let peak = part["peak"].as_u64().map_or_else(|| "-".to_owned(), |bytes| (bytes >> 20).to_string());
        let (name, seconds) = (text(&part["name"]), part["seconds"].as_f64().unwrap_or(0.0));
        super::print(&format!(
            "{name:12} {:>6} {seconds:>10.2} {peak:>12}\n",
            part["count"].as_u64().unwrap_or(0)
        ));
    }
    super::print(&format!("{:12} {:>6} {total:>10.2}\n", "in all", ""));
    Ok(())
}

/// Restyles the clip with an empty cache, writing the diagnostics to `file`.
fn restyle(args: &BenchArgs, folder: &Path, file: &Path) -> Result<(), Failure> {
    let session = Arc::new(Session::new(Settings::default(), Box::new(Silent)));
    let plugin =
        Plugin::load(&bundle::find(args.plugin.bundle.as_deref())?, args.plugin.plugin.as_deref(), &session)?;
    let first = session.settings.first_frame;
    session.set_range(f64::from(first), f64::from(first) + f64::from(args.frames.max(1)) - 1.0);
    let clip = GeneratedClip { size: args.size, frames: args.frames.max(1) };
    let edit = |(name, text): (&str, String)| Edit { name: name.into(), time: None, text };
    let fixed = [
        ("workingSize", "0".to_owned()),
        ("segmentFrames", "0".to_owned()),
        ("cacheSize", "0".to_owned()),
        ("cacheFolder", folder.display().to_string()),
    ];
    let set = args.values.iter().map(|named| (named.name.as_str(), named.value.clone()));
    let last = [("diagnosticsFile", file.display().to_string())];
    let recipe = Recipe {
        feeds: BTreeMap::from([("Source".to_owned(), Arc::new(clip) as Arc<dyn Feed>)]),
        edits: fixed.into_iter().chain(set).chain(last).map(edit).collect(),
        presses: Vec::new(),
    };
    let instance = Instance::create(&plugin, &recipe)?;
    // Rendering one frame takes the whole segment through every stage, and writing the diagnostics decodes every
    // frame.
    let job = Job { first, last: first, order: Order::Forward, threads: 1, fresh_instances: false };
    Ok(render(&plugin, &instance, &recipe, &job, &mut |_| Ok(()))?)
}

/// The costs in the metadata of the diagnostics file.
fn costs(file: &Path) -> Option<Value> {
    let bytes = std::fs::read(file).ok()?;
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    serde_json::from_str(header.metadata().as_ref()?.get("costs")?).ok()
}
