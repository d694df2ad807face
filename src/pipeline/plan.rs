//! Which frames belong together: the clip cut into segments that are anchored to the clip's own frame numbers.
//!
//! Diffusion sees a segment at a time. Where a clip is longer than a segment, neighbouring segments overlap and the
//! overlap is cross-faded, so that a join is a dissolve of a few frames and not a cut. Nothing here looks at the range
//! that a host asks for: the segments of a frame follow from the clip and the parameters alone.

/// The frames of the clip, both ends included, in the host's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClipRange {
    /// Number of the first frame; may be negative.
    pub first: i64,
    /// Number of the last frame, `>= first`.
    pub last: i64,
}

/// A run of frames that goes through the sampler together: `first, first + step, ...`, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Host number of the first frame.
    pub first: i64,
    /// Distance between neighbouring frames (`frameStep`), at least 1.
    pub step: i64,
    /// How many frames, at least 1.
    pub count: usize,
}

impl Segment {
    /// Host number of frame `index`.
    pub fn frame(&self, index: usize) -> i64 {
        self.first + index as i64 * self.step
    }

    /// Host numbers of all frames.
    pub fn frames(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.count).map(|i| self.frame(i))
    }
}

/// One segment's part in the picture of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The segment.
    pub segment: Segment,
    /// Index of the wanted frame in the segment.
    pub index: usize,
    /// Its weight in the mix of shares, in (0, 1].
    pub weight: f32,
}

/// How a clip is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cutting {
    /// Frames a segment; 0 takes the whole clip at once.
    pub segment_frames: usize,
    /// Take every n-th frame; the frames in between show the one before them ("on twos").
    pub frame_step: usize,
}

/// Frames that neighbouring segments of `length` frames share and cross-fade over.
fn overlap(length: usize) -> usize {
    (length / 4).min(8)
}

/// The segments whose frames make up the picture at `time`: one, or two where segments overlap. The weights add up
/// to 1. A time outside of the clip takes the nearest frame of the clip.
pub fn shares(range: ClipRange, cutting: Cutting, time: i64) -> Vec<Share> {
    let step = cutting.frame_step.max(1) as i64;
    let last = range.last.max(range.first);
    let total = ((last - range.first) / step + 1) as usize;
    let index = ((time.clamp(range.first, last) - range.first) / step) as usize;
    let length = if cutting.segment_frames == 0 { total } else { cutting.segment_frames.min(total) };
    let shared = overlap(length);
    let stride = (length - shared).max(1);

    // As few segments as cover the clip, evenly spread: every neighbouring pair shares at least `shared` frames, and
    // no start lies inside the cross-fade before it.
    let segments = (total - length).div_ceil(stride) + 1;
    let start = |k: usize| if k == 0 { 0 } else { k * (total - length) / (segments - 1) };
    let share = |k: usize, weight: f32| Share {
        segment: Segment { first: range.first + start(k) as i64 * step, step, count: length },
        index: index - start(k),
        weight,
    };

    let k = (0..segments).rev().find(|&k| start(k) <= index).unwrap_or(0);
    let into = index - start(k);
    if k > 0 && into < shared {
        let weight = (into + 1) as f32 / (shared + 1) as f32;
        return vec![share(k - 1, 1.0 - weight), share(k, weight)];
    }
    vec![share(k, 1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_clip_is_one_segment() {
        let got =
            shares(ClipRange { first: 1001, last: 1048 }, Cutting { segment_frames: 0, frame_step: 1 }, 1010);
        let segment = Segment { first: 1001, step: 1, count: 48 };
        assert_eq!(got, [Share { segment, index: 9, weight: 1.0 }]);
    }

    #[test]
    fn frame_step_holds_the_frame_before() {
        let range = ClipRange { first: 0, last: 9 };
        let cutting = Cutting { segment_frames: 0, frame_step: 3 };
        let at = |t| shares(range, cutting, t)[0].index;
        assert_eq!([0, 1, 2, 3, 5, 6, 9, 50, -4].map(at), [0, 0, 0, 1, 1, 2, 3, 3, 0]);
        assert_eq!(shares(range, cutting, 4)[0].segment.frames().collect::<Vec<_>>(), [0, 3, 6, 9]);
    }

    proptest! {
        #[test]
        fn every_frame_is_covered(first in -50i64..50, count in 1usize..200, seg in 0usize..40, step in 1usize..4, t in -60i64..300) {
            let range = ClipRange { first, last: first + count as i64 - 1 };
            let got = shares(range, Cutting { segment_frames: seg, frame_step: step }, t);
            let sum: f32 = got.iter().map(|s| s.weight).sum();
            prop_assert!((sum - 1.0).abs() < 1e-6);
            let shown: Vec<i64> = got.iter().map(|s| s.segment.frame(s.index)).collect();
            let wanted = t.clamp(range.first, range.last);
            for frame in &shown {
                prop_assert!(*frame <= wanted && wanted - frame < step as i64);
            }
            for share in &got {
                prop_assert!(share.weight > 0.0 && share.index < share.segment.count);
                for frame in share.segment.frames() {
                    prop_assert!(frame >= range.first && frame <= range.last);
                }
            }
        }

        #[test]
        fn weights_change_in_small_steps(total in 2usize..200, seg in 8usize..40) {
            let range = ClipRange { first: 0, last: total as i64 - 1 };
            let cutting = Cutting { segment_frames: seg, frame_step: 1 };
            let limit = 1.0 / (overlap(seg.min(total)) + 1) as f32 + 1e-5;
            for t in 1..total as i64 {
                let (before, after) = (shares(range, cutting, t - 1), shares(range, cutting, t));
                let weight = |list: &[Share], first| list.iter().filter(|s| s.segment.first == first).map(|s| s.weight).sum::<f32>();
                for share in before.iter().chain(&after) {
                    let first = share.segment.first;
                    prop_assert!((weight(&before, first) - weight(&after, first)).abs() <= limit, "{t}: {before:?} {after:?}");
                }
            }
        }
    }
}
