//! Fetches the clip's pictures from the host and converts them to the working size.

use std::sync::Arc;

use frame::convert::{to_f32, to_frame, to_time};
use frame::{Alpha, Encoding, Geometry, HostColour, Layout, Picture, Size, Transfer};
use openfx::{
    Clip, Components, Depth, HostKind, HostRecord, Image, OutputImage, Premultiplication, RectI,
    RenderHandle, Result,
};
use protocol::{Segment, WorkingFrame};

use super::errors::from_frame;
use super::frames::Numbering;
use super::plan::{ClipRange, Cutting};
use super::settings::PictureSettings;

/// Segment length in frames if the clip's end is unknown and the parameters ask for the whole clip.
const UNKNOWN_CLIP: i64 = 96;

/// How a host's picture is converted to a working picture; part of the key under which frames are remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Mapping between the source's size and the working size.
    pub geometry: Geometry,
    /// Colour and alpha encoding of the pixel values.
    pub encoding: Encoding,
}

/// A host's picture in floats, top row first, with its position.
pub struct Fetched {
    /// The pixels in the host's encoding.
    pub picture: Picture,
    /// Position in the coordinates of the render window.
    pub bounds: RectI,
    /// Conversion to a working picture.
    pub look: Look,
    /// Message for the user about the interpretation of the colours.
    remark: Option<String>,
}

fn layout(depth: Depth, components: Components) -> Layout {
    let depth = match depth {
        Depth::Byte => frame::Depth::U8,
        Depth::Short => frame::Depth::U16,
        Depth::Half => frame::Depth::F16,
        Depth::Float => frame::Depth::F32,
    };
    let components = match components {
        Components::Rgba => frame::Components::Rgba,
        Components::Rgb => frame::Components::Rgb,
        Components::Alpha => frame::Components::Alpha,
    };
    Layout { depth, components }
}

/// Copies an image out of the host's memory.
fn copy(image: &Image<'_>) -> Result<Picture> {
    let info = image.info();
    let bounds = info.bounds;
    let layout = layout(info.depth, info.components);
    let mut picture = Picture::new(bounds.width(), bounds.height());
    for (row, y) in (bounds.y1..bounds.y2).rev().enumerate() {
        let Some(bytes) = image.row(y) else { continue };
        frame::decode_row(bytes, layout, picture.row_mut(row)).map_err(from_frame)?;
    }
    Ok(picture)
}

/// The clip's picture at `time`; `None` if the host has none.
///
/// # Errors
/// The picture cannot be used: it has no colour or an invalid size.
pub fn fetch<'a>(
    handle: &'a RenderHandle<'_>,
    clip: &Clip<'a>,
    time: f64,
    settings: &PictureSettings,
) -> Result<Option<Fetched>> {
    let Some(image) = handle.image(clip, time)? else { return Ok(None) };
    if image.info().bounds.is_empty() {
        return Ok(None);
    }
    let picture = copy(&image)?;
    let info = image.info();
    let alpha = match info.premultiplication.or_else(|| clip.premultiplication()) {
        Some(Premultiplication::Premultiplied) => Alpha::Premultiplied,
        Some(Premultiplication::Opaque) => Alpha::Opaque,
        Some(Premultiplication::Unpremultiplied) | None => Alpha::Straight,
    };
    let host = HostColour {
        linear_host: handle.host().kind == HostKind::Natron,
        float: matches!(info.depth, Depth::Float | Depth::Half),
        colourspace: match clip.same_colourspace_as() {
            Some(other) => handle.clip(&other).colourspace(),
            None => clip.colourspace(),
        },
    };
    let (colour, remark) = host.resolve(settings.colour, settings.primaries);
    let size = Size { width: picture.width, height: picture.height };
    let geometry = Geometry::new(size, info.pixel_aspect_ratio, settings.working_size, settings.fit)
        .map_err(from_frame)?;
    let encoding = Encoding { colour, alpha };
    Ok(Some(Fetched { picture, bounds: info.bounds, look: Look { geometry, encoding }, remark }))
}

/// Threshold for black, less than half a step of 8 bits.
const BLACK: f32 = 1e-3;

/// Whether a frame is completely black.
pub fn is_black(frame: &WorkingFrame) -> bool {
    frame.picture.data.iter().all(|value| *value <= BLACK)
}

impl Fetched {
    /// Converts to a working picture and computes its digest.
    ///
    /// # Errors
    /// The picture cannot be resized.
    pub fn working(&self) -> Result<WorkingFrame> {
        let display = self.look.encoding.prepare(&self.picture);
        self.look.geometry.to_working(&display).map(|working| self.frame(working)).map_err(from_frame)
    }

    fn frame(&self, working: frame::Rgb) -> WorkingFrame {
        let mended = !self.picture.rgba.iter().all(|value| value.is_finite());
        WorkingFrame { mended, ..WorkingFrame::new(working) }
    }

    /// Like [`working`](Self::working), for a picture of the clip Hint and a source of this geometry. At the
    /// source's size it is converted like the source; otherwise its centre is cropped to cover the working
    /// picture.
    ///
    /// # Errors
    /// The picture cannot be resized.
    pub fn hint(&self, source: &Geometry) -> Result<WorkingFrame> {
        let display = self.look.encoding.prepare_hint(&self.picture);
        if self.look.geometry == *source {
            let working = self.look.geometry.to_working(&display).map_err(from_frame)?;
            return Ok(self.frame(working));
        }
        let working = frame::cover_nearest(&display, source.working()).map_err(from_frame)?;
        Ok(self.frame(working))
    }
}

/// Share of values above white from which the user is told, for encodings that normally end at white.
const CLIPPED: f64 = 0.005;

/// The same for linear and logarithmic encodings, in which highlights are normal.
const CLIPPED_LIGHT: f64 = 0.1;

impl Fetched {
    /// Messages for the user about this frame's colours.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = self.remark.iter().cloned().collect();
        let encoding = self.look.encoding;
        if encoding.hides_all(&self.picture) {
            remarks.push("the clip has frames that are completely hidden by their alpha channel, and these are passed through unchanged: if they should be visible, remove the alpha channel before the effect".to_owned());
        }
        let share = encoding.clipped(&self.picture);
        let percent = (share * 100.0).round().max(1.0);
        match encoding.colour.transfer {
            Transfer::Display | Transfer::Gamma22 | Transfer::Rec709 if share > CLIPPED => remarks.push(format!(
                "{percent} % of the clip's values lie above white and are cut off there: if the clip is in linear light, or in PQ, HLG or a log encoding, choose it as inputColour"
            )),
            Transfer::Linear | Transfer::AcesCct | Transfer::DavinciIntermediate if share > CLIPPED_LIGHT => {
                remarks.push(format!(
                    "{percent} % of the clip's values lie above white, which is where the model's pictures end: lower its exposure before the effect to keep them apart"
                ));
            }
            _ => {}
        }
        remarks
    }
}

/// The number to use when asking the host for `frame`: clamped to the clip's range, unless the range does not
/// overlap the segment and is therefore not trusted.
pub fn frame_within(clip: &Clip<'_>, segment: &Segment, frame: i64) -> i64 {
    let last = to_time(segment.frame(segment.count.saturating_sub(1)));
    match clip.frame_range() {
        Some((start, end)) if start <= end && start <= last && end >= to_time(segment.first) => {
            let first = to_frame(start.ceil());
            frame.clamp(first, to_frame(end.floor()).max(first))
        }
        _ => frame,
    }
}

/// Replaces missing frames by the nearest fetched one. `None` if no frame was fetched.
pub fn fill_gaps(frames: Vec<Option<WorkingFrame>>) -> Option<Vec<WorkingFrame>> {
    let known: Vec<usize> = frames.iter().enumerate().filter(|(_, f)| f.is_some()).map(|(i, _)| i).collect();
    let nearest = |i: usize| known.iter().min_by_key(|&&k| (k.abs_diff(i), k)).copied();
    let filled = (0..frames.len()).map(|i| frames[i].clone().or_else(|| frames[nearest(i)?].clone()));
    filled.collect()
}

/// The frame range that is divided into segments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipExtent {
    /// First and last frame.
    pub range: ClipRange,
    /// Whether this is the clip's own range. If not, the clip may start and end anywhere within it.
    pub believed: bool,
}

/// The clip's frame range, if the host's is plausible. If not, segments lie on a grid of absolute frame
/// numbers, so that every frame of the clip gets the same segments.
pub fn extent(clip: &Clip<'_>, cutting: Cutting, time: i64) -> ClipExtent {
    if let Some((first, last)) = clip.believable_frame_range(to_time(time)) {
        let range = ClipRange { first: to_frame(first.round()), last: to_frame(last.round()) };
        return ClipExtent { range, believed: true };
    }
    let length = match i64::try_from(cutting.segment_frames) {
        Ok(n) if n > 0 => n,
        _ => UNKNOWN_CLIP,
    };
    let length = length * i64::try_from(cutting.frame_step.max(1)).unwrap_or(1);
    let first = time.div_euclid(length) * length;
    ClipExtent { range: ClipRange { first, last: first + length - 1 }, believed: false }
}

/// The part of a segment from the first to the last frame that is not black; `None` if all are.
pub fn part_shown(segment: &Segment, shown: &[bool]) -> Option<Segment> {
    let first = shown.iter().position(|shown| *shown)?;
    let last = shown.iter().rposition(|shown| *shown)?;
    Some(Segment { first: segment.frame(first), count: last - first + 1, ..*segment })
}

/// How frame numbers in texts relate to the host's: they count from the start of the host's range if it is
/// plausible. Without a range, times count from the start of the effect (0) in hosts without temporal access;
/// in other hosts numbers are used unchanged.
pub fn numbering(clip: &Clip<'_>, host: &HostRecord, time: i64) -> Numbering {
    let whole = |(first, last): (f64, f64)| (to_frame(first.round()), to_frame(last.round()));
    if let Some((first, last)) = clip.believable_frame_range(to_time(time)).map(whole)
        && first < last
    {
        return Numbering::of_clip(first, last);
    }
    if let Some((first, _)) = clip.frame_range_beside(to_time(time)).map(whole) {
        return Numbering::assumed(first);
    }
    match clip.first_frame() {
        Some(first) => Numbering::assumed(to_frame(first.round())),
        None if host.temporal_access => Numbering::assumed(1),
        None => Numbering::assumed(0),
    }
}

/// The end of the clip that is nearest to a time outside of the host's range; `None` if the time is inside or
/// there is no range.
pub fn nearest_end(clip: &Clip<'_>, time: i64) -> Option<i64> {
    let (first, last) = clip.frame_range_beside(to_time(time))?;
    Some(if to_time(time) < first { to_frame(first.round()) } else { to_frame(last.round()) })
}

/// Writes `picture`, positioned at `bounds`, into the part `window` of the output. Pixels that the picture
/// does not cover become transparent black.
///
/// # Errors
/// The output's layout is not supported.
pub fn write(
    picture: Option<(&Picture, RectI)>,
    output: &mut OutputImage<'_>,
    window: Option<RectI>,
) -> Result<()> {
    let (bounds, layout) = (output.info().bounds, layout(output.info().depth, output.info().components));
    let area = window.map_or(bounds, |w| w.intersect(&bounds));
    let pixel = layout.bytes_per_pixel();
    let mut line = vec![0f32; area.width() * 4];
    for y in area.y1..area.y2 {
        line.fill(0.0);
        if let Some((picture, at)) = picture {
            let shared = at.intersect(&RectI { y1: y, y2: y + 1, ..area });
            if !shared.is_empty() {
                let row = picture.row(at.y2.abs_diff(y + 1) as usize);
                let from = shared.x1.abs_diff(at.x1) as usize * 4;
                let to = shared.x1.abs_diff(area.x1) as usize * 4;
                let count = shared.width() * 4;
                if let (Some(source), Some(target)) =
                    (row.get(from..from + count), line.get_mut(to..to + count))
                {
                    target.copy_from_slice(source);
                }
            }
        }
        let start = area.x1.abs_diff(bounds.x1) as usize * pixel;
        let Some(row) = output.row_mut(y).and_then(|r| r.get_mut(start..start + area.width() * pixel)) else {
            continue;
        };
        frame::encode_row(&line, layout, row).map_err(from_frame)?;
    }
    Ok(())
}

/// Converts a result to the source's size and the host's encoding, and mixes it with the source.
///
/// # Errors
/// The picture cannot be resized.
pub fn finish(source: &Fetched, working: &Arc<frame::Rgb>, mix: f64) -> Result<Picture> {
    let styled = source.look.geometry.from_working(working).map_err(from_frame)?;
    source.look.encoding.finish(&source.picture, &styled, to_f32(mix)).map_err(from_frame)
}
