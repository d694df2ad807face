//! Divides a clip into segments, which are anchored to the clip's own frame numbers.
//!
//! Diffusion processes one segment at a time. If a clip is longer than a segment, neighbouring segments
//! overlap and are cross-faded there, so that a transition takes several frames. The segments of a frame
//! depend only on the clip and the parameters, not on the range that the host renders.
//!
//! If the clip has cuts, segments are split there, and every part is processed separately, as if it were a
//! clip: see [`shot_shares`].

use frame::convert::{to_f32, to_f64, to_i64, to_usize};
use protocol::Segment;

/// A range of frames, both ends included, in the host's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClipRange {
    /// Number of the first frame; may be negative.
    pub first: i64,
    /// Number of the last frame, `>= first`.
    pub last: i64,
}

/// The contribution of one segment to a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The segment to process.
    pub segment: Segment,
    /// Index of the frame in the segment.
    pub index: usize,
    /// Weight of the segment, in (0, 1].
    pub weight: f32,
}

/// Settings for dividing a clip into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cutting {
    /// Length of a segment in frames; 0 processes the whole clip at once.
    pub segment_frames: usize,
    /// Process every n-th frame; the frames in between repeat the previous one ("on twos").
    pub frame_step: usize,
}

/// Number of frames in which neighbouring segments of `length` frames overlap.
fn overlap(length: usize) -> usize {
    (length / 4).min(8)
}

/// A clip divided into segments: as few as possible, evenly distributed. Neighbours share at least `shared`
/// frames of the grid, and no segment starts within the preceding cross-fade.
struct Grid {
    range: ClipRange,
    step: i64,
    /// Number of frames taken from the whole clip.
    total: usize,
    /// Number of frames per segment.
    length: usize,
    shared: usize,
    segments: usize,
}

impl Grid {
    fn new(range: ClipRange, cutting: Cutting) -> Self {
        let range = ClipRange { first: range.first, last: range.last.max(range.first) };
        let step = to_i64(cutting.frame_step.max(1));
        let total = to_usize((range.last - range.first) / step + 1);
        let length = if cutting.segment_frames == 0 { total } else { cutting.segment_frames.min(total) };
        let shared = overlap(length);
        let segments = (total - length).div_ceil((length - shared).max(1)) + 1;
        Self { range, step, total, length, shared, segments }
    }

    /// Index of the first frame of segment `k` among the frames taken.
    fn start(&self, k: usize) -> usize {
        if k == 0 { 0 } else { k * (self.total - self.length) / (self.segments - 1) }
    }

    fn segment(&self, k: usize) -> Segment {
        let first = self.range.first + to_i64(self.start(k)) * self.step;
        Segment { first, step: self.step, count: self.length }
    }

    /// The last frame at which segment `k` is shown, including the frames that repeat its last one.
    fn end(&self, k: usize) -> i64 {
        let segment = self.segment(k);
        (segment.frame(segment.count - 1) + self.step - 1).min(self.range.last)
    }

    /// Index of the last segment that starts at or before a frame of the clip.
    fn at(&self, frame: i64) -> usize {
        (0..self.segments).rev().find(|&k| self.segment(k).first <= frame).unwrap_or(0)
    }

    /// The weight of segment `k` in its cross-fade with the previous one; `None` outside of it.
    fn weight(&self, k: usize, frame: i64) -> Option<f32> {
        let into = to_usize((frame - self.segment(k).first) / self.step);
        let share = |count: usize| to_f32(to_f64(count));
        (k > 0 && into < self.shared).then(|| share(into + 1) / share(self.shared + 1))
    }

    /// The part of segment `k` that belongs to the same shot as `frame`, and the index of `frame` in it. A
    /// shot that starts within the segment is taken from its first frame, every `step`-th frame.
    fn part(&self, k: usize, frame: i64, cuts: &[i64]) -> (Segment, usize) {
        let segment = self.segment(k);
        let first = cuts.iter().copied().filter(|&cut| cut <= frame).fold(segment.first, i64::max);
        let end = cuts.iter().map(|cut| cut - 1).filter(|&end| end >= frame).fold(self.end(k), i64::min);
        let count = to_usize((end - first).max(0) / self.step + 1);
        (Segment { first, step: self.step, count }, to_usize((frame - first) / self.step))
    }
}

/// The segments that contribute to the frame at `time`: one, or two where segments overlap. The weights add
/// up to 1. For a time outside of the clip, the nearest frame of the clip is used.
///
/// Segments are split at cuts, so that no share contains frames of two shots. `cuts` returns the frames of a
/// segment that start a shot, after its first frame and up to its second argument: the last frame at which
/// the segment is shown, including repetitions.
///
/// A shot that is completely in one segment is taken from that one only, even if another segment contains a
/// part of it: a shot is cross-faded only where each segment has frames that the other one lacks.
///
/// # Errors
/// Those of `cuts`.
pub fn shot_shares<E>(
    range: ClipRange,
    cutting: Cutting,
    time: i64,
    mut cuts: impl FnMut(Segment, i64) -> Result<Vec<i64>, E>,
) -> Result<Vec<Share>, E> {
    let grid = Grid::new(range, cutting);
    let frame = time.clamp(grid.range.first, grid.range.last);
    let mut ask = |k: usize| {
        let segment = grid.segment(k);
        let mut list = cuts(segment, grid.end(k))?;
        list.retain(|cut| (segment.first + 1..=grid.end(k)).contains(cut));
        Ok(list)
    };
    let last = grid.at(frame);
    let list = ask(last)?;
    // The earliest segment that contains the end of the shot.
    let end = list.iter().map(|cut| cut - 1).find(|&end| end >= frame);
    let k = (0..last).find(|&k| end.is_some_and(|end| grid.end(k) >= end)).unwrap_or(last);
    let list = if k == last { list } else { ask(k)? };
    let (own, index) = grid.part(k, frame, &list);
    if let Some(weight) = grid.weight(k, frame)
        && own.first == grid.segment(k).first
    {
        let (before, index_before) = grid.part(k - 1, frame, &ask(k - 1)?);
        if before.first < own.first {
            return Ok(vec![
                Share { segment: before, index: index_before, weight: 1.0 - weight },
                Share { segment: own, index, weight },
            ]);
        }
    }
    Ok(vec![Share { segment: own, index, weight: 1.0 }])
}

/// The segments that contain a frame, not split at cuts, each with the last frame at which it is shown.
pub fn segments_at(range: ClipRange, cutting: Cutting, time: i64) -> Vec<(Segment, i64)> {
    let grid = Grid::new(range, cutting);
    let frame = time.clamp(grid.range.first, grid.range.last);
    let holds = |&k: &usize| grid.segment(k).first <= frame && frame <= grid.end(k);
    (0..grid.segments).filter(holds).map(|k| (grid.segment(k), grid.end(k))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The shares of a frame in a clip without cuts.
    fn shares(range: ClipRange, cutting: Cutting, time: i64) -> Vec<Share> {
        shot_shares(range, cutting, time, |_, _| Ok::<_, ()>(Vec::new())).unwrap()
    }

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

    /// The shares of every frame of a clip whose shots start at these frames.
    fn cut_shares(range: ClipRange, cutting: Cutting, cuts: &[i64]) -> Vec<Vec<Share>> {
        let known = |segment: Segment, end: i64| {
            Ok::<_, ()>(cuts.iter().copied().filter(|&cut| segment.first < cut && cut <= end).collect())
        };
        (range.first..=range.last).map(|t| shot_shares(range, cutting, t, known).unwrap()).collect()
    }

    #[test]
    fn a_shot_is_a_clip_of_its_own() {
        // 97 frames make two segments that share all but one frame; with two shots they do not overlap.
        let range = ClipRange { first: 1, last: 97 };
        let cutting = Cutting { segment_frames: 96, frame_step: 1 };
        let got = cut_shares(range, cutting, &[49]);
        for (index, shares) in got.iter().enumerate() {
            let first = if index < 48 { 1 } else { 49 };
            let segment = Segment { first, step: 1, count: if index < 48 { 48 } else { 49 } };
            let share = Share { segment, index: index + 1 - first as usize, weight: 1.0 };
            assert_eq!(*shares, [share], "frame {}", index + 1);
        }
        // A shot of one frame, and one that starts with the last frame.
        let counts = |cuts: &[i64]| -> Vec<usize> {
            cut_shares(ClipRange { first: 1, last: 6 }, cutting, cuts)
                .iter()
                .map(|s| s[0].segment.count)
                .collect()
        };
        assert_eq!(counts(&[3, 4]), [2, 2, 1, 3, 3, 3]);
        assert_eq!(counts(&[6]), [5, 5, 5, 5, 5, 1]);
    }

    #[test]
    fn the_frame_step_counts_from_the_first_frame_of_a_shot() {
        let range = ClipRange { first: 1, last: 12 };
        let got = cut_shares(range, Cutting { segment_frames: 0, frame_step: 3 }, &[6]);
        let shown: Vec<i64> = got.iter().map(|s| s[0].segment.frame(s[0].index)).collect();
        assert_eq!(shown, [1, 1, 1, 4, 4, 6, 6, 6, 9, 9, 9, 12]);
        assert_eq!(got[0][0].segment.frames().collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn a_cut_in_an_overlap_leaves_either_shot_to_the_segment_that_has_more_of_it() {
        // Segments 0..=15 and 12..=27, cross-faded over 12..=15.
        let (range, cutting) =
            (ClipRange { first: 0, last: 27 }, Cutting { segment_frames: 16, frame_step: 1 });
        let got = cut_shares(range, cutting, &[14]);
        for (frame, shares) in got.iter().enumerate() {
            let (first, count) = if frame < 14 { (0, 14) } else { (14, 14) };
            assert_eq!(shares.len(), 1, "frame {frame}");
            assert_eq!(shares[0].segment, Segment { first, step: 1, count }, "frame {frame}");
        }
        // Without a cut nearby, and with one elsewhere, the cross-fade is unchanged.
        assert_eq!(cut_shares(range, cutting, &[5, 20])[13].len(), 2);
    }

    proptest! {
        #[test]
        fn no_share_crosses_a_cut(count in 1i64..120, seg in 0usize..40, step in 1usize..4, cuts in prop::collection::btree_set(2i64..120, 0..9)) {
            let range = ClipRange { first: 1, last: count };
            let cuts: Vec<i64> = cuts.into_iter().filter(|&cut| cut <= count).collect();
            let shot = |frame: i64| cuts.iter().filter(|&&cut| cut <= frame).count();
            for (index, shares) in cut_shares(range, Cutting { segment_frames: seg, frame_step: step }, &cuts).iter().enumerate() {
                let frame = index as i64 + 1;
                prop_assert!((shares.iter().map(|s| s.weight).sum::<f32>() - 1.0).abs() < 1e-6);
                for share in shares {
                    let shown = share.segment.frame(share.index);
                    prop_assert!(shown <= frame && frame - shown < step as i64, "{frame}: {share:?}");
                    prop_assert!(share.index < share.segment.count);
                    prop_assert!(share.segment.frames().all(|f| f <= count && shot(f) == shot(frame)), "{frame}: {share:?}, {cuts:?}");
                }
                // Neither of two shares contains all frames of the other.
                if let [a, b] = shares.as_slice() {
                    let last = |s: &Segment| s.frame(s.count - 1);
                    prop_assert!(a.segment.first < b.segment.first && last(&a.segment) < last(&b.segment));
                }
            }
        }

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
