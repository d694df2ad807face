//! Frames that are worked on together.

/// A run of frames that goes through the sampler together: `first, first + step, ...`, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
