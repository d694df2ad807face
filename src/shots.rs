//! The shots of the clip: where the host's frames, or the user's list, say that one ends and the next begins.
//!
//! A cut is decided from a few frames on either side of it alone, so two segments that overlap find the same ones, and
//! no more of the clip is looked at than the segments that a frame needs, with a margin.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::frames::{FrameList, Numbering};
use super::instance::Instance;
use super::render::Frames;
use super::settings::{Cuts, PictureSettings};
use super::source::{self, Fetched};
use frame::{CUT_REACH, Glance, cuts};
use protocol::{Key, Segment, WorkingFrame};

use super::plan::{ClipRange, Share, segments_at, shot_shares};
use openfx::{Error, Result};

/// Working frames that were fetched while cuts were looked for, for as long as one frame is rendered.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<i64, Option<WorkingFrame>>>);

impl Pool {
    /// A frame that was fetched: `Some(None)` where the host has none.
    pub fn get(&self, frame: i64) -> Option<Option<WorkingFrame>> {
        self.0.lock().get(&frame).cloned()
    }

    fn put(&self, frame: i64, picture: Option<WorkingFrame>) {
        self.0.lock().insert(frame, picture);
    }

    /// Forgets the frames before this one.
    pub fn forget_before(&self, frame: i64) {
        self.0.lock().retain(|&known, _| known >= frame);
    }
}

/// The frames that are looked at for the cuts of a segment which is shown up to `end`.
fn span(range: ClipRange, segment: &Segment, end: i64) -> Segment {
    let reach = CUT_REACH as i64;
    let (first, last) = ((segment.first - reach).max(range.first), (end + reach).min(range.last));
    Segment { first, step: 1, count: usize::try_from(last - first + 1).unwrap_or(1).max(1) }
}

/// The list of frames with which shots begin, as the user gave it.
fn list(settings: &PictureSettings) -> Result<FrameList> {
    FrameList::parse(&settings.cut_frames).map_err(|item| {
        Error::failed(format!(
            "cutFrames has `{item}`, expected the frames with which shots begin, such as 24, 61, or shots such as 1-23, 24-60"
        ))
    })
}

/// The frames of the list after the first and up to the last that a segment is shown at.
fn listed(list: &FrameList, numbering: &Numbering, segment: &Segment, end: i64) -> Vec<i64> {
    (segment.first + 1..=end).filter(|&frame| list.begins_shot(numbering.number(frame))).collect()
}

/// Which frames the shares of a frame may take from a clip, as far as is known before a host is asked for any: the parts
/// of segments where their cuts are known, else the segments with what is looked at around them.
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

/// The shares of a frame, and what the user should know of the list of cuts. Cuts that were found are information, which the
/// instance keeps.
pub struct Shots {
    /// What the picture is made of.
    pub shares: Vec<Share>,
    /// A sentence each.
    pub remarks: Vec<String>,
}

impl Frames<'_, '_> {
    /// What a frame is made of, in shots. `current` is the frame that is being rendered.
    ///
    /// # Errors
    /// A list that cannot be read, and what the host says of the clip's frames.
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

    /// The cuts around a segment that is shown up to `end`, from memory or looked for.
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
            // As with a segment's digests: the one frame that is at hand has to be what it was.
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
            // With a frame step, most of these frames are not used again, and there are many.
            if self.settings.cutting.frame_step <= 1 {
                self.pool.put(frame, picture);
            }
        }
        // A frame that the host does not have repeats the one before it.
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

    /// A frame of the clip at the working size; nothing where the host has none of the source's size.
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
        match source::fetch(self.handle, &self.clip, frame as f64, self.settings)? {
            Some(fetched) if fetched.look.geometry == source.look.geometry => fetched.working().map(Some),
            // A frame of another size cannot stand beside the others.
            _ => Ok(None),
        }
    }
}
