//! Context windows: overlapping windows over a clip that is longer than a motion module's context length.
//!
//! The lists are those of AnimateDiff-Evolved (uniform windows go back to AnimateDiff's "context scheduler"), identical
//! in every step. Windows are counted from the segment's first frame, never from the frame that a host requests.

mod uniform;

use super::Fuse;
pub use protocol::ContextSchedule;

/// How context windows are placed and how their predictions are fused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContextOptions {
    /// Frames in a window; a clip with no more frames than this is evaluated as a whole. 0 counts as 1.
    pub length: usize,
    /// Frames that neighbouring windows share, limited to `length - 1`.
    pub overlap: usize,
    /// For uniform schedules: windows over every 2nd, 4th, ... frame are added, up to every `2^(stride - 1)`-th, as far
    /// as the clip is long enough. 0 counts as 1.
    pub stride: usize,
    /// The rule for the positions of the windows.
    pub schedule: ContextSchedule,
    /// How a window's prediction is weighted for each of its frames.
    pub fuse: Fuse,
    /// For looped schedules: also add the window that wraps from the last frame to the first.
    pub closed: bool,
}

impl Default for ContextOptions {
    /// The reference workflow's defaults: 16 frames, 4 shared, static, pyramid.
    fn default() -> Self {
        Self {
            length: 16,
            overlap: 4,
            stride: 1,
            schedule: ContextSchedule::StandardStatic,
            fuse: Fuse::Pyramid,
            closed: false,
        }
    }
}

impl ContextOptions {
    /// The options with values out of range moved to the nearest valid ones.
    pub fn sane(self) -> Self {
        let length = self.length.max(1);
        Self { length, overlap: self.overlap.min(length - 1), stride: self.stride.max(1), ..self }
    }
}

/// The context windows for a clip of `frames` frames in step `step` (from 0), each a list of frame indices.
///
/// Every frame is in at least one window. A window of a looped schedule may wrap around, and one with a stride may hold
/// a frame twice if the clip is hardly longer than the window.
pub fn windows(options: &ContextOptions, frames: usize, step: usize) -> Vec<Vec<usize>> {
    let options = options.sane();
    if frames == 0 {
        return Vec::new();
    }
    let fits = match options.schedule {
        // A looped clip of exactly one window's length is still rotated.
        ContextSchedule::LoopedUniform => frames < options.length,
        _ => frames <= options.length,
    };
    if fits {
        return vec![(0..frames).collect()];
    }
    match options.schedule {
        ContextSchedule::StandardStatic => fixed(&options, frames),
        ContextSchedule::StandardUniform => uniform::standard(&options, frames, step),
        ContextSchedule::LoopedUniform => uniform::looped(&options, frames, step),
        ContextSchedule::Batched => (0..frames)
            .step_by(options.length)
            .map(|start| (start..frames.min(start + options.length)).collect())
            .collect(),
    }
}

fn fixed(options: &ContextOptions, frames: usize) -> Vec<Vec<usize>> {
    let mut list = Vec::new();
    for start in (0..frames).step_by(options.length - options.overlap) {
        let last = start + options.length >= frames;
        let start = if last { frames - options.length } else { start };
        list.push((start..start + options.length).collect());
        if last {
            break;
        }
    }
    list
}
