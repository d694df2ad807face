//! Segments: frames that are processed together.

use frame::convert::to_i64;

/// A run of frames that are sampled together: `first, first + step, ...`, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Segment {
    /// Number of the first frame, in the host's numbering.
    pub first: i64,
    /// Distance between consecutive frames (`frameStep`), at least 1.
    pub step: i64,
    /// Number of frames, at least 1.
    pub count: usize,
}

impl Segment {
    /// Number of frame `index`, in the host's numbering.
    pub fn frame(&self, index: usize) -> i64 {
        self.first + to_i64(index) * self.step
    }

    /// Numbers of all frames, in the host's numbering.
    pub fn frames(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.count).map(|i| self.frame(i))
    }
}
