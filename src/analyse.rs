//! The button `analyse`: unsamples the whole clip before rendering.

use frame::convert::{to_frame, to_time};
use openfx::{EditHandle, Error, Result};
use protocol::{Goal, Segment};

use super::instance::Instance;
use super::reader::HostReader;
use super::render::{Beside, Frames};
use super::settings::{self, PictureSettings};
use super::source;

/// Unsamples every segment of every shot of the clip that is not in the cache.
///
/// # Errors
/// Those of a render.
pub fn run(instance: &Instance, handle: &EditHandle<'_>, time: f64) -> Result<()> {
    let Some(handle) = handle.rendering() else {
        return Err(Error::failed(
            "this host gives no pictures outside of a render; the analysis happens while rendering",
        ));
    };
    let reader = HostReader(handle);
    let settings = PictureSettings::read(&reader, time);
    let clip = handle.clip("Source");
    let frame = to_frame(time.round());
    let frames = Frames::new(instance, handle, clip, &settings);
    if !frames.has_temporal_access(frame) {
        return Err(Error::failed(
            "this host gives effects only the current frame; the analysis happens while rendering",
        ));
    }
    let extent = source::extent(&clip, settings.cutting, frame);
    let range = extent.range;
    let numbering = source::numbering(&clip, handle.host(), frame);
    let fetch = |frame: i64| {
        source::fetch(handle, &clip, to_time(frame), &settings)?
            .ok_or_else(|| Error::failed(format!("the host gave no picture of frame {frame}")))
    };
    // If the clip's first frame is unknown, use the current frame, which is in the clip.
    let at = if extent.believed { range.first } else { frame };
    let begin = fetch(at)?;
    let opening = begin.working()?;
    let mut done: Vec<Segment> = Vec::new();
    let mut parts: Vec<Segment> = Vec::new();
    for frame in range.first..=range.last {
        let shots = frames.shots(range, &numbering, frame, &begin, (at, &opening))?;
        for segment in shots.shares.iter().map(|share| share.segment) {
            if done.contains(&segment) {
                continue;
            }
            let own = if extent.believed { Some(fetch(segment.first)?) } else { None };
            let own = own.map(|own| own.working().map(|frame| (own, frame))).transpose()?;
            let (source, current) = match &own {
                Some((own, frame)) => (own, (segment.first, frame)),
                None => (&begin, (at, &opening)),
            };
            let fetched = frames.fetch_all(&segment, source, current, extent.believed)?;
            done.push(segment);
            // Black frames before or after the clip.
            let Some((part, pictures)) = fetched else { continue };
            let mut request =
                settings::request(&reader, part, &numbering, 0, pictures, Goal::Analyse, false)?;
            request.remarks.extend_from_slice(&shots.remarks);
            frames.run(&request, Beside { source, current, whole: frames.whole(current.0) })?;
            frames.pool.forget_before(segment.first);
            parts.push(part);
        }
    }
    let first = parts.iter().map(|part| part.first).min().unwrap_or(range.first);
    let last = parts.iter().map(|part| part.frame(part.count - 1)).max().unwrap_or(range.last);
    frames.tell(&format!("frames {first} to {last} are unsampled; rendering only has to resample"));
    Ok(())
}
