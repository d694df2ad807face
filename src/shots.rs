//! The shots of the clip, from detected cuts or from the user's list.
//!
//! A cut depends only on a few frames on either side, so overlapping segments find the same cuts, and only
//! the segments that a frame needs are analysed, with a margin.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::frames::{FrameList, Numbering};
use super::instance::Instance;
use super::render::Frames;
use super::settings::{Cuts, PictureSettings};
use super::source::{self, Fetched};
use frame::convert::{to_i64, to_time};
use frame::{CUT_REACH, Glance, cuts};
use protocol::{Key, Segment, WorkingFrame};

use super::plan::{ClipRange, Share, segments_at, shot_shares};
use openfx::{Error, Result};

/// Working frames fetched for cut detection, kept while one frame is rendered.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<i64, Option<WorkingFrame>>>);

impl Pool {
    /// A fetched frame; `Some(None)` if the host does not have it.
    pub fn get(&self, frame: i64) -> Option<Option<WorkingFrame>> {
        self.0.lock().get(&frame).cloned()
    }

    fn put(&self, frame: i64, picture: Option<WorkingFrame>) {
        self.0.lock().insert(frame, picture);
    }

    /// Drops the frames before this one.
    pub fn forget_before(&self, frame: i64) {
        self.0.lock().retain(|&known, _| known >= frame);
    }
}

/// The frames to analyse for the cuts of a segment that is shown until `end`.
fn span(range: ClipRange, segment: &Segment, end: i64) -> Segment {
    let reach = to_i64(CUT_REACH);
    let (first, last) = ((segment.first - reach).max(range.first), (end + reach).min(range.last));
    Segment { first, step: 1, count: usize::try_from(last - first + 1).unwrap_or(1).max(1) }
}

/// The user's list of the frames that start a shot.
fn list(settings: &PictureSettings) -> Result<FrameList> {
    FrameList::parse(&settings.cut_frames).map_err(|item| {
        Error::failed(format!(
            "cutFrames has `{item}`, expected the frames with which shots begin, such as 24, 61, or shots such as 1-23, 24-60"
        ))
    })
}

/// The listed frames after the segment's first and up to `end`, the last frame at which it is shown.
fn listed(list: &FrameList, numbering: &Numbering, segment: &Segment, end: i64) -> Vec<i64> {
    (segment.first + 1..=end).filter(|&frame| list.begins_shot(numbering.number(frame))).collect()
}

/// The frames of a clip that may be needed to render a frame, without asking the host for any: parts of
/// segments whose cuts are known, otherwise the segments with the margin analysed around them.
pub fn frames_wanted(
    instance: &Instance,
    settings: &PictureSettings,
    numbering: &Numbering,
    range: ClipRange,
    frame: i64,
) -> Vec<Segment> {
    let list = list(settings).ok();
    let shares = shot_shares(range, settings.cutting, frame, |segment, end| {
        match settings.cuts {
            Cuts::Off => Some(Vec::new()),
            Cuts::List => {
                Some(list.as_ref().map(|list| listed(list, numbering, &segment, end)).unwrap_or_default())
            }
            Cuts::Auto => instance.cuts_within(&span(range, &segment, end)),
        }
        .ok_or(())
    });
    match shares {
        Ok(shares) => shares.into_iter().map(|share| share.segment).collect(),
        Err(()) => {
            let spans = segments_at(range, settings.cutting, frame);
            let spans: Vec<Segment> = spans.iter().map(|(segment, end)| span(range, segment, *end)).collect();
            let first = spans.iter().map(|span| span.first).min().unwrap_or(frame);
            let last = spans.iter().map(|span| span.frame(span.count - 1)).max().unwrap_or(frame);
            vec![Segment { first, step: 1, count: usize::try_from(last - first + 1).unwrap_or(1) }]
        }
    }
}

/// The shares of a frame, and remarks about the list of cuts. Detected cuts are informational; the instance
/// keeps them.
pub struct Shots {
    /// The segments that contribute to the frame.
    pub shares: Vec<Share>,
    /// Messages for the user about the list.
    pub remarks: Vec<String>,
}

impl Frames<'_, '_> {
    /// The shares of a frame, with segments split at cuts. `current` is the frame being rendered.
    ///
    /// # Errors
    /// The list cannot be parsed, or a frame cannot be fetched.
    pub fn shots(
        &self,
        range: ClipRange,
        numbering: &Numbering,
        frame: i64,
        source: &Fetched,
        current: (i64, &WorkingFrame),
    ) -> Result<Shots> {
        let settings = self.settings;
        let list = if settings.cuts == Cuts::List { list(settings)? } else { FrameList::default() };
        let mut found: Vec<i64> = Vec::new();
        let shares = shot_shares(range, settings.cutting, frame, |segment, end| match settings.cuts {
            Cuts::Off => Ok::<_, Error>(Vec::new()),
            Cuts::List => Ok(listed(&list, numbering, &segment, end)),
            Cuts::Auto => {
                let mut cuts = self.cuts(range, &segment, end, source, current)?;
                cuts.retain(|cut| (segment.first + 1..=end).contains(cut));
                found.extend(&cuts);
                Ok(cuts)
            }
        })?;
        self.instance.learn_cuts(found.into_iter().map(|cut| numbering.number(cut)));
        let mut remarks = Vec::new();
        match settings.cuts {
            Cuts::List if list.is_empty() => {
                remarks.push("cuts is list and cutFrames is empty, so the clip is one shot".to_owned());
            }
            Cuts::List => {
                remarks.extend(list.remarks("cutFrames", numbering, 1));
                remarks.extend(list.shot_remarks("cutFrames"));
            }
            Cuts::Auto | Cuts::Off if !settings.cut_frames.trim().is_empty() => {
                remarks.push("cutFrames is not used, since cuts is not list".to_owned());
            }
            Cuts::Auto | Cuts::Off => {}
        }
        Ok(Shots { shares, remarks })
    }

    /// The cuts around a segment that is shown until `end`, remembered or detected.
    fn cuts(
        &self,
        range: ClipRange,
        segment: &Segment,
        end: i64,
        source: &Fetched,
        current: (i64, &WorkingFrame),
    ) -> Result<Vec<i64>> {
        let span = span(range, segment, end);
        let origin = self.origin("Source", &span, source, source);
        let at = usize::try_from(current.0 - span.first).ok();
        if let Some((digests, cuts)) = self.instance.cuts(&origin)
            // As for remembered segments: the digest of the frame being rendered must be unchanged.
            && at.and_then(|at| digests.get(at)).is_none_or(|seen| *seen == Some(current.1.digest))
        {
            return Ok(cuts);
        }
        let mut glances: Vec<Option<Glance>> = Vec::with_capacity(span.count);
        let mut digests: Vec<Option<Key>> = Vec::with_capacity(span.count);
        for frame in span.frames() {
            if self.handle.abort() {
                return Err(Error::Aborted);
            }
            let picture = self.working(frame, source, current)?;
            digests.push(picture.as_ref().map(|picture| picture.digest));
            glances.push(picture.as_ref().map(|picture| Glance::new(&picture.picture)));
            // With a frame step, most of these frames are not needed again, and there are many.
            if self.settings.cutting.frame_step <= 1 {
                self.pool.put(frame, picture);
            }
        }
        // A missing frame is replaced by the previous one.
        let mut last = glances.iter().flatten().next().cloned();
        let held: Vec<Glance> = glances
            .into_iter()
            .filter_map(|glance| {
                if glance.is_some() {
                    last = glance;
                }
                last.clone()
            })
            .collect();
        let cuts: Vec<i64> = cuts(&held).into_iter().map(|index| span.frame(index)).collect();
        self.instance.remember_cuts(origin, digests, cuts.clone());
        Ok(cuts)
    }

    /// A frame of the clip at the working size; `None` if the host does not have it at the source's size.
    pub(super) fn working(
        &self,
        frame: i64,
        source: &Fetched,
        current: (i64, &WorkingFrame),
    ) -> Result<Option<WorkingFrame>> {
        if frame == current.0 {
            return Ok(Some(current.1.clone()));
        }
        if let Some(known) = self.pool.get(frame) {
            return Ok(known);
        }
        match source::fetch(self.handle, &self.clip, to_time(frame), self.settings)? {
            Some(fetched) if fetched.look.geometry == source.look.geometry => fetched.working().map(Some),
            // A frame of another size cannot be combined with the others.
            _ => Ok(None),
        }
    }
}
