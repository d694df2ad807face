//! How a clip longer than a motion module's reach is cut into overlapping context windows.
//!
//! The lists are those of AnimateDiff-Evolved (uniform windows go back to AnimateDiff's "context
//! scheduler"), step for step. Windows count from the segment's first frame, never from the frame
//! that a host happens to ask for.

mod uniform;

use super::Fuse;
pub use protocol::ContextSchedule;

/// How windows are laid and how their predictions are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContextOptions {
    /// Frames in a window; a clip of no more frames is taken in one piece. 0 counts as 1.
    pub length: usize,
    /// Frames that neighbouring windows share; at most `length - 1` of them count.
    pub overlap: usize,
    /// For uniform schedules: windows of every 2nd, 4th, ... frame are added up to the power
    /// `stride - 1` of two, as far as the clip is long enough. 0 counts as 1.
    pub stride: usize,
    /// Where the windows lie.
    pub schedule: ContextSchedule,
    /// How much a window's prediction counts for each of its frames.
    pub fuse: Fuse,
    /// For looped windows: also lay the window that crosses from the last frame to the first.
    pub closed: bool,
}

impl Default for ContextOptions {
    /// The workflow's defaults: 16 frames, 4 shared, static, pyramid.
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
    /// The options with impossible numbers moved to the nearest possible ones.
    pub fn sane(self) -> Self {
        let length = self.length.max(1);
        Self { length, overlap: self.overlap.min(length - 1), stride: self.stride.max(1), ..self }
    }
}

/// The windows over `frames` frames in step `step` (from 0), each a list of frame indices.
///
/// Every frame is in at least one window. A window of a looped schedule may wrap around, and one with
/// a stride may, in a clip hardly longer than itself, hold a frame twice.
pub fn windows(options: &ContextOptions, frames: usize, step: usize) -> Vec<Vec<usize>> {
    let options = options.sane();
    if frames == 0 {
        return Vec::new();
    }
    let fits = match options.schedule {
        // A loop of exactly one window's length still rotates.
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
