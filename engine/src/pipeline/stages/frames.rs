//! The pictures of a request: those sent with it, and those fetched while it runs.

use candle_core::{Device, Tensor};
use frame::Grey;
use protocol::message::{Clip, FrameWanted};
use protocol::{Key, Source, WorkingFrame};

use super::super::PipelineError;
use super::super::cache::{Entry, MemoryCache};
use super::super::pictures::to_tensor;
use super::Job;

const LUMA: &str = "luma";

fn luma_key(digest: &Key) -> Key {
    Key::of(LUMA).key("frame", digest).finish()
}

/// The luma of a frame from an earlier request, if it is still in memory.
fn known_luma(memory: &mut MemoryCache, digest: &Key) -> Option<Tensor> {
    memory.get(&luma_key(digest)).and_then(|mut entry| entry.remove(LUMA))
}

impl Job<'_> {
    fn clip(&self, clip: Clip) -> Result<&Source, PipelineError> {
        let source = match clip {
            Clip::Source => Some(&self.request.source),
            Clip::Hint => self.request.hint_clip.as_ref(),
        };
        source.ok_or_else(|| PipelineError::Internal("there is no clip Hint".to_owned()))
    }

    /// A frame of a clip by its index in the segment.
    ///
    /// # Errors
    /// [`PipelineError::NeedFrames`] if it is not available any more.
    pub(super) fn frame(&mut self, clip: Clip, index: usize) -> Result<WorkingFrame, PipelineError> {
        let source = self.clip(clip)?;
        let frame = match source.frames.get(index) {
            Some(frame) => frame.clone(),
            None => {
                let digest = *source.digests.get(index).ok_or(PipelineError::NeedFrames)?;
                self.control.pull(FrameWanted { clip, index, digest })?
            }
        };
        if clip == Clip::Source && self.request.steady_frames > 0 {
            self.remember_luma(&frame)?;
        }
        Ok(frame)
    }

    /// The first `count` frames of a clip, [frames, 3, height, width] in 0..1 on the CPU.
    ///
    /// # Errors
    /// As for [`Self::frame`].
    pub(super) fn pictures(&mut self, clip: Clip, count: usize) -> Result<Tensor, PipelineError> {
        let pictures = (0..count)
            .map(|index| to_tensor(&self.frame(clip, index)?.picture, &Device::Cpu))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::cat(&pictures, 0)?)
    }

    /// Keeps the luma of a frame in memory, as bytes: steadying needs that of the neighbours of every frame.
    fn remember_luma(&mut self, frame: &WorkingFrame) -> Result<(), PipelineError> {
        let memory = &mut self.runner.memory;
        if known_luma(memory, &frame.digest).is_none() {
            let luma = Grey::luma(&frame.picture);
            let x = Tensor::from_vec(luma.to_bytes(), (luma.height, luma.width), &Device::Cpu)?;
            memory.put(luma_key(&frame.digest), Entry::from([(LUMA.to_owned(), x)]));
        }
        Ok(())
    }

    /// The luma of a frame of the source, for steadying.
    ///
    /// # Errors
    /// As for [`Self::frame`].
    pub(super) fn luma(&mut self, index: usize) -> Result<Grey, PipelineError> {
        let digest = self.clip(Clip::Source)?.digests.get(index).copied();
        let known = digest.and_then(|digest| known_luma(&mut self.runner.memory, &digest));
        match known {
            Some(x) => {
                let (height, width) = x.dims2()?;
                let data = x.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1()?;
                Ok(Grey { width, height, data })
            }
            None => Ok(Grey::luma(&self.frame(Clip::Source, index)?.picture)),
        }
    }
}
