//! How frames and pixels map to latents.

use std::ops::Range;

use frame::Size;

/// How many pixels and frames a latent stands for, and of how many channels latents are.
///
/// In time the first frame has a latent of its own and every further latent stands for [`time`](Self::time) frames, as the
/// causal autoencoders of video models have it (Wan, CogVideoX, LTX-Video). With a `time` of 1 that is a latent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Channels of the latents.
    pub channels: usize,
    /// Pixels on a side of the square that a latent stands for.
    pub space: usize,
    /// Frames that a latent after the first stands for.
    pub time: usize,
}

/// Frames that are coded together, and their latents; indices in the segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The frames.
    pub frames: Range<usize>,
    /// The latents.
    pub latents: Range<usize>,
}

impl Grid {
    /// Latents in time for so many frames.
    pub fn latents(&self, frames: usize) -> usize {
        frames.min(1) + frames.saturating_sub(1).div_ceil(self.time.max(1))
    }

    /// The frames that a latent stands for, in a segment of `frames` frames.
    pub fn frames(&self, latent: usize, frames: usize) -> Range<usize> {
        let first = |latent: usize| latent.checked_sub(1).map_or(0, |rest| 1 + rest * self.time.max(1));
        first(latent).min(frames)..first(latent + 1).min(frames)
    }

    /// Frames to append to a segment so that its last latent is whole.
    pub fn missing(&self, frames: usize) -> usize {
        match self.latents(frames) {
            0 => 0,
            latents => 1 + (latents - 1) * self.time.max(1) - frames,
        }
    }

    /// Latents, [height, width], for a picture; one that is no multiple of [`space`](Self::space) is padded.
    pub fn size(&self, picture: Size) -> [usize; 2] {
        [picture.height, picture.width].map(|side| side.div_ceil(self.space))
    }

    /// The group of a frame in a segment: itself alone where every frame has a latent, else the whole segment, since the
    /// codec of a compressed clip looks from frame to frame.
    pub fn group(&self, frame: usize, frames: usize) -> Group {
        if self.time <= 1 {
            return Group { frames: frame..frame + 1, latents: frame..frame + 1 };
        }
        Group { frames: 0..frames, latents: 0..self.latents(frames) }
    }

    /// All groups of a segment, in order.
    pub fn groups(&self, frames: usize) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut next = 0;
        while next < frames {
            let group = self.group(next, frames);
            next = group.frames.end;
            groups.push(group);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latent_a_frame_is_the_identity() {
        let grid = Grid { channels: 4, space: 8, time: 1 };
        for frames in [0, 1, 2, 17] {
            assert_eq!(grid.latents(frames), frames);
            assert_eq!(grid.missing(frames), 0);
            assert_eq!(grid.groups(frames).len(), frames);
        }
        assert_eq!(grid.frames(5, 17), 5..6);
        assert_eq!(grid.group(3, 17), Group { frames: 3..4, latents: 3..4 });
    }

    #[test]
    fn compressed_time_keeps_the_first_frame_apart() {
        let grid = Grid { channels: 16, space: 8, time: 4 };
        let latents: Vec<_> = (0..11).map(|frames| grid.latents(frames)).collect();
        assert_eq!(latents, [0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]);
        let missing: Vec<_> = (0..7).map(|frames| grid.missing(frames)).collect();
        assert_eq!(missing, [0, 0, 3, 2, 1, 0, 3]);
        let ranges: Vec<_> = (0..3).map(|latent| grid.frames(latent, 8)).collect();
        assert_eq!(ranges, [0..1, 1..5, 5..8]);
        assert_eq!(grid.groups(8), [Group { frames: 0..8, latents: 0..3 }]);
    }

    #[test]
    fn pictures_are_padded_to_whole_latents() {
        let grid = Grid { channels: 4, space: 16, time: 1 };
        assert_eq!(grid.size(Size { width: 40, height: 32 }), [2, 3]);
    }
}
