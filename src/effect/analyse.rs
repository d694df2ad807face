//! The button `analyse`: unsample the whole clip ahead of rendering.

use crate::ofx::{EditHandle, Error, Result};
use crate::pipeline::{ClipRange, Goal, Segment, shares};

use super::instance::Instance;
use super::reader::HostReader;
use super::render::Frames;
use super::settings::{self, PictureSettings};
use super::source;

/// Every segment of the clip, in order.
fn segments(range: ClipRange, settings: &PictureSettings) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for frame in range.first..=range.last {
        for share in shares(range, settings.cutting, frame) {
            if !segments.contains(&share.segment) {
                segments.push(share.segment);
            }
        }
    }
    segments
}

/// Unsamples every segment of the clip that is not in the cache.
///
/// # Errors
/// As a render.
pub fn run(instance: &Instance, handle: &EditHandle<'_>, time: f64) -> Result<()> {
    let Some(handle) = handle.rendering() else {
        return Err(Error::failed(
            "this host gives no pictures outside of a render; the analysis happens while rendering",
        ));
    };
    let reader = HostReader(handle);
    let settings = PictureSettings::read(&reader, time);
    let clip = handle.clip("Source");
    let frame = time.round() as i64;
    let frames = Frames { instance, handle, clip, settings: &settings };
    if !frames.has_temporal_access(frame) {
        return Err(Error::failed(
            "this host gives effects only the current frame; the analysis happens while rendering",
        ));
    }
    let range = source::clip_range(&clip, settings.cutting, frame);
    let numbering = source::numbering(&clip, handle.host(), frame);
    let list = segments(range, &settings);
    for segment in &list {
        let first = segment.first;
        let fetched = source::fetch(handle, &clip, first as f64, &settings)?
            .ok_or_else(|| Error::failed(format!("the host gave no picture of frame {first}")))?;
        let current = fetched.working()?;
        let pictures = frames.fetch_all(segment, &fetched, (first, &current))?;
        frames.run(settings::request(&reader, *segment, &numbering, 0, pictures, Goal::Analyse, false)?)?;
    }
    instance.set_status(format!(
        "frames {} to {} are unsampled; rendering only has to resample",
        range.first, range.last
    ));
    Ok(())
}
