//! The button `analyse`: unsample the whole clip ahead of rendering.

use crate::ofx::{EditHandle, Error, Result};
use crate::pipeline::{Goal, Segment};

use super::instance::Instance;
use super::reader::HostReader;
use super::render::Frames;
use super::settings::{self, PictureSettings};
use super::shots::Pool;
use super::source;

/// Unsamples every segment of every shot of the clip that is not in the cache.
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
    let frames = Frames { instance, handle, clip, settings: &settings, pool: Pool::default() };
    if !frames.has_temporal_access(frame) {
        return Err(Error::failed(
            "this host gives effects only the current frame; the analysis happens while rendering",
        ));
    }
    let range = source::clip_range(&clip, settings.cutting, frame);
    let numbering = source::numbering(&clip, handle.host(), frame);
    let fetch = |frame: i64| {
        source::fetch(handle, &clip, frame as f64, &settings)?
            .ok_or_else(|| Error::failed(format!("the host gave no picture of frame {frame}")))
    };
    let begin = fetch(range.first)?;
    let opening = begin.working()?;
    let mut done: Vec<Segment> = Vec::new();
    for frame in range.first..=range.last {
        let shots = frames.shots(range, &numbering, frame, &begin, (range.first, &opening))?;
        for segment in shots.shares.iter().map(|share| share.segment) {
            if done.contains(&segment) {
                continue;
            }
            let first = segment.first;
            let fetched = fetch(first)?;
            let current = fetched.working()?;
            let pictures = frames.fetch_all(&segment, &fetched, (first, &current))?;
            let mut request =
                settings::request(&reader, segment, &numbering, 0, pictures, Goal::Analyse, false)?;
            request.remarks.extend_from_slice(&shots.remarks);
            frames.run(request)?;
            frames.pool.forget_before(first);
            done.push(segment);
        }
    }
    instance.set_status(format!(
        "frames {} to {} are unsampled; rendering only has to resample",
        range.first, range.last
    ));
    Ok(())
}
