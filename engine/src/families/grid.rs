//! The mapping of frames and pixels to latents.

use std::ops::Range;

use frame::Size;

/// The size of a latent in pixels and frames, and the number of latent channels.
///
/// In time the first frame has a latent of its own and every further latent covers [`time`](Self::time) frames, as in
/// the causal autoencoders of video models (Wan, CogVideoX, LTX-Video). With a `time` of 1 every frame has one latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Number of latent channels.
    pub channels: usize,
    /// Side length in pixels of the square that a latent covers.
    pub space: usize,
    /// Number of frames that each latent after the first covers.
    pub time: usize,
}

/// Frames that are encoded together, and their latents; indices in the segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Indices of the frames in the segment.
    pub frames: Range<usize>,
    /// Indices of their latents in time.
    pub latents: Range<usize>,
}

impl Grid {
    /// Number of latents in time for this many frames.
    pub fn latents(&self, frames: usize) -> usize {
        frames.min(1) + frames.saturating_sub(1).div_ceil(self.time.max(1))
    }

    /// The frames that a latent covers, in a segment of `frames` frames.
    pub fn frames(&self, latent: usize, frames: usize) -> Range<usize> {
        let first = |latent: usize| latent.checked_sub(1).map_or(0, |rest| 1 + rest * self.time.max(1));
        first(latent).min(frames)..first(latent + 1).min(frames)
    }

    /// Number of frames to append to a segment so that the last latent is complete.
    pub fn missing(&self, frames: usize) -> usize {
        match self.latents(frames) {
            0 => 0,
            latents => 1 + (latents - 1) * self.time.max(1) - frames,
        }
    }

    /// Size in latents, [height, width], of a picture, which is padded to a multiple of [`space`](Self::space).
    pub fn size(&self, picture: Size) -> [usize; 2] {
        [picture.height, picture.width].map(|side| side.div_ceil(self.space))
    }

    /// The group of a frame: only the frame itself if every frame has a latent of its own, otherwise the whole segment,
    /// since a codec that compresses time works across frames.
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
