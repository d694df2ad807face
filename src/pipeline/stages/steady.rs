//! The styled frame made steady along the motion of the source.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};

use super::super::PipelineError;
use super::super::cache::{Entry, MemoryCache};
use super::super::key::Key;
use super::super::pictures::{from_tensor, to_tensor};
use super::super::report::Origin;
use super::Job;
use crate::frame::{Grey, Rgb, steady};

const NAME: &str = "steadied";
const LUMA: &str = "luma";

impl Job<'_> {
    /// Frame `index` of the styled clip, averaged with its neighbours in the segment along the motion of the source.
    pub(super) fn steadied(&mut self, index: usize) -> Result<Arc<Rgb>, PipelineError> {
        let (reach, count) = (self.request.steady_frames, self.request.source.digests.len());
        let near = index.saturating_sub(reach)..(index + reach + 1).min(count);
        if near.len() < 2 {
            return self.decoded(index);
        }
        let key = Key::of(NAME)
            .key("of", &self.keys.resampled)
            .key("vae", &self.chosen.vae_id())
            .text("device", self.chosen.device)
            .keys("sources", &self.request.source.digests[near.clone()])
            .number("index", index as i64)
            .number("reach", reach as i64)
            .finish();
        if let Some(x) = self.runner.memory.get(&key).and_then(|mut e| e.remove(NAME)) {
            self.report.stage(NAME, Origin::Memory);
            return Ok(Arc::new(from_tensor(&x)?));
        }
        let sources = self.lumas(near.clone())?;
        let styled = near.clone().map(|i| self.decoded(i)).collect::<Result<Vec<_>, _>>()?;
        self.control.check()?;
        self.control.report(1.0, "Steadying");
        let started = Instant::now();
        let picture = self.measured(NAME, |_| {
            let styled: Vec<&Rgb> = styled.iter().map(Arc::as_ref).collect();
            steady(&sources, &styled, index - near.start, reach + 1)
                .ok_or_else(|| PipelineError::Internal("no frame to steady".to_owned()))
        })?;
        self.report.stage(NAME, Origin::Computed(started.elapsed()));
        self.runner.memory.put(key, Entry::from([(NAME.to_owned(), to_tensor(&picture, &Device::Cpu)?)]));
        Ok(Arc::new(picture))
    }

    /// The lumas of the source in these frames of the segment. Those of the whole segment are kept in memory, as bytes, since
    /// later requests come without the pictures.
    fn lumas(&mut self, near: Range<usize>) -> Result<Vec<Grey>, PipelineError> {
        let source = &self.request.source;
        let key = |index: usize| Key::of(LUMA).key("frame", &source.digests[index]).finish();
        let memory = &mut self.runner.memory;
        let known =
            |memory: &mut MemoryCache, index| memory.get(&key(index)).and_then(|mut e| e.remove(LUMA));
        for (index, frame) in source.frames.iter().flatten().enumerate() {
            if known(memory, index).is_none() {
                let luma = Grey::luma(&frame.picture);
                let levels: Vec<u8> = luma.data.iter().map(|level| level.clamp(0.0, 255.0) as u8).collect();
                let x = Tensor::from_vec(levels, (luma.height, luma.width), &Device::Cpu)?;
                memory.put(key(index), Entry::from([(LUMA.to_owned(), x)]));
            }
        }
        near.map(|index| {
            if let Some(frame) = source.frames.as_ref().and_then(|frames| frames.get(index)) {
                return Ok(Grey::luma(&frame.picture));
            }
            let x = known(memory, index).ok_or(PipelineError::NeedFrames)?;
            let (height, width) = x.dims2()?;
            Ok(Grey { width, height, data: x.to_dtype(DType::F32)?.flatten_all()?.to_vec1()? })
        })
        .collect()
    }
}
