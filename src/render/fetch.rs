//! Fetches frames from the host: those of a segment, of the clip Hint, and single ones that the engine needs.

use frame::convert::to_time;
use openfx::{Clip, Error, Result};
use protocol::message::{self, FrameWanted};
use protocol::{Request, Segment, Source, WorkingFrame};

use super::Frames;
use crate::instance::Seen;
use crate::settings::Pictures;
use crate::source::{self, Fetched, is_black};

/// Converts frames to a source, replacing missing ones by the nearest; `None` if all are missing.
fn filled(frames: Vec<Option<WorkingFrame>>) -> Option<Source> {
    source::fill_gaps(frames).map(Source::of)
}

/// The context in which frames are fetched.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// The source's picture of the frame being rendered.
    pub source: &'a Fetched,
    /// Number and working picture of that frame.
    pub current: (i64, &'a WorkingFrame),
    /// All frames of the clip.
    pub whole: Segment,
}

impl Frames<'_, '_> {
    /// Whether frames of other times can be fetched. A host that returns the same picture in memory for every
    /// time does not have them, whatever it reports.
    pub fn has_temporal_access(&self, frame: i64) -> bool {
        if !self.handle.host().temporal_access {
            return false;
        }
        if self.instance.has_temporal_access() {
            return true;
        }
        let range = source::extent(&self.clip, self.settings.cutting, frame).range;
        let other = if frame < range.last { frame + 1 } else { frame - 1 };
        if other < range.first {
            return true;
        }
        let image = |t: i64| self.handle.image(&self.clip, to_time(t)).ok().flatten();
        match (image(frame), image(other)) {
            (Some(a), Some(b)) => {
                let differ = a.address() != b.address();
                if differ {
                    self.instance.saw_temporal_access();
                }
                differ
            }
            _ => true,
        }
    }

    /// The number of the frame that `current` shows: `frame`, unless that is outside of the clip and the host
    /// repeats the clip's end there. If the picture differs from the end, the host numbers times and ranges
    /// differently.
    pub(super) fn frame_shown(&self, frame: i64, current: &WorkingFrame) -> Result<i64> {
        let Some(end) = source::nearest_end(&self.clip, frame) else { return Ok(frame) };
        let there = source::fetch(self.handle, &self.clip, to_time(end), self.settings)?;
        let same = match there {
            Some(there) => there.working()?.digest == current.digest,
            None => false,
        };
        Ok(if same { end } else { frame })
    }

    /// The frames of the clip, if the host's range is plausible; otherwise those of the grid (see
    /// [`source::extent`]).
    pub fn whole(&self, frame: i64) -> Segment {
        let range = source::extent(&self.clip, self.settings.cutting, frame).range;
        let count = range.last.saturating_sub(range.first).saturating_add(1);
        Segment { first: range.first, step: 1, count: usize::try_from(count).unwrap_or(1) }
    }

    /// Fetches all frames of a segment from the host, one at a time. If the range is not `believed` to be the
    /// clip's, black or missing frames at either end are outside of the clip and are cut off. That depends on
    /// the whole segment only, so it is the same for each of its frames. `None` if no frame is left.
    pub fn fetch_all(
        &self,
        segment: &Segment,
        source: &Fetched,
        current: (i64, &WorkingFrame),
        believed: bool,
    ) -> Result<Option<(Segment, Pictures)>> {
        let mut frames = self.gather(segment, |frame| self.working(frame, source, current))?;
        let shows =
            |frame: &Option<WorkingFrame>| believed || frame.as_ref().is_some_and(|frame| !is_black(frame));
        let shown: Vec<bool> = frames.iter().map(shows).collect();
        let part = source::part_shown(segment, &shown);
        let origin = self.origin("Source", segment, source, source);
        let Some(part) = part else {
            self.instance.remember(origin, Seen { part, digests: Vec::new() });
            return Ok(None);
        };
        let skipped = shown.iter().take_while(|shown| !**shown).count();
        let frames = frames.drain(skipped..skipped + part.count).collect();
        let frames = filled(frames).ok_or_else(|| Error::failed("the host gave no picture of the clip"))?;
        self.instance.remember(origin, Seen { part: Some(part), digests: frames.digests.clone() });
        let hint = self.hint(&part, &self.whole(current.0), source, current.0, true)?;
        Ok(Some((part, Pictures { source: frames, hint })))
    }

    /// The clip Hint over a segment of `whole`; `None` if no hints are made or the host has no picture of it.
    /// With `all`, the frames are fetched; otherwise known digests are sufficient.
    pub(super) fn hint(
        &self,
        segment: &Segment,
        whole: &Segment,
        source: &Fetched,
        frame: i64,
        all: bool,
    ) -> Result<Option<Source>> {
        let clip = self.handle.clip("Hint");
        if !self.settings.hints || !clip.connected() {
            return Ok(None);
        }
        let fetch = |frame: i64| self.hint_picture(&clip, whole, frame);
        let index = segment.frames().position(|f| f == frame).unwrap_or(0);
        let now = fetch(segment.frame(index))?;
        let origin = now.as_ref().map(|now| self.origin("Hint", segment, now, source));
        if let (Some(now), Some(origin), false) = (&now, &origin, all)
            && let Some(Seen { digests, .. }) = self.instance.seen(origin)
            && digests.get(index) == Some(&now.hint(&source.look.geometry)?.digest)
        {
            return Ok(Some(Source::known(source.look.geometry.working(), digests)));
        }
        let frames = filled(self.gather(segment, |frame| {
            fetch(frame)?.map(|fetched| fetched.hint(&source.look.geometry)).transpose()
        })?);
        if let (Some(frames), Some(origin)) = (&frames, origin) {
            self.instance.remember(origin, Seen { part: Some(*segment), digests: frames.digests.clone() });
        }
        Ok(frames)
    }

    /// A message about a clip Hint that has no effect, or that has only some of the frames of `whole`.
    pub(super) fn hint_remark(&self, whole: &Segment) -> Option<String> {
        let clip = self.handle.clip("Hint");
        if !clip.connected() {
            return None;
        }
        if !self.settings.hints {
            return Some("the clip Hint has no effect without a ControlNet".to_owned());
        }
        let (first, last) = clip.frame_range()?;
        let shown = |frame: &i64| (first..=last).contains(&to_time(*frame));
        let (count, covered) = (whole.count, whole.frames().filter(shown).count());
        (0 < covered && covered < count).then(|| {
            let frames = if covered == 1 { "one".to_owned() } else { covered.to_string() };
            format!("the clip Hint has {frames} of the clip's {count} frames; for the others its nearest frame is used")
        })
    }

    /// The picture of the clip Hint for a frame of `whole`.
    fn hint_picture(&self, clip: &Clip<'_>, whole: &Segment, frame: i64) -> Result<Option<Fetched>> {
        let frame = source::frame_within(clip, whole, frame);
        source::fetch(self.handle, clip, to_time(frame), self.settings)
    }

    /// A frame that the engine needs for a request; `None` if the host no longer has it.
    ///
    /// # Errors
    /// The picture cannot be used, or [`Error::Aborted`].
    pub(super) fn wanted(
        &self,
        request: &Request,
        wanted: FrameWanted,
        beside: Beside<'_>,
    ) -> Result<Option<WorkingFrame>> {
        if self.handle.abort() {
            return Err(Error::Aborted);
        }
        let clip = match wanted.clip {
            message::Clip::Source => Some(&request.source),
            message::Clip::Hint => request.hint_clip.as_ref(),
        };
        if let Some(known) = clip.and_then(|source| source.frames.get(wanted.index)) {
            return Ok(Some(known.clone()));
        }
        let frame = request.segment.frame(wanted.index);
        let Beside { source, current, whole } = beside;
        match wanted.clip {
            message::Clip::Source => self.working(frame, source, current),
            message::Clip::Hint => {
                let picture = self.hint_picture(&self.handle.clip("Hint"), &whole, frame)?;
                picture.map(|fetched| fetched.hint(&source.look.geometry)).transpose()
            }
        }
    }

    /// The working frames of a segment; `None` for missing ones.
    fn gather(
        &self,
        segment: &Segment,
        mut fetch: impl FnMut(i64) -> Result<Option<WorkingFrame>>,
    ) -> Result<Vec<Option<WorkingFrame>>> {
        let mut frames = Vec::with_capacity(segment.count);
        for frame in segment.frames() {
            if self.handle.abort() {
                return Err(Error::Aborted);
            }
            frames.push(fetch(frame)?);
        }
        Ok(frames)
    }
}
