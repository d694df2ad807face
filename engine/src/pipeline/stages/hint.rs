//! The hints for the ControlNets of a pass.

use candle_core::{DType, Device, Tensor};

use super::super::PipelineError;
use super::super::hints::hint_source;
use super::super::networks::Use;
use super::Job;
use super::keep::Stage;
use crate::diffusion::latents::to_frames;
use frame::convert::to_f64;
use protocol::{ControlUse, Preprocessor};

impl Job<'_> {
    /// The pictures from which hints are made, [frames, 3, height, width] in 0..1 on the CPU.
    fn hint_pictures(&mut self) -> Result<Tensor, PipelineError> {
        let (clip, source) = hint_source(self.request);
        self.pictures(clip, source.digests.len())
    }

    /// The input of a ControlNet: its hint, or the hint's latents, with zeros at frames without a hint.
    pub(super) fn seen(&mut self, use_: &ControlUse, done: f64) -> Result<Tensor, PipelineError> {
        let preprocessor = self.request.hints[use_.unit];
        if !self.chosen.sees_latents(use_.unit) {
            return self.hint(preprocessor, |_| done);
        }
        self.stage(Stage::EncodedHint(use_.clone()), |job| {
            let pictures = job.hint(preprocessor, |_| done)?;
            let [rows, columns] = job.chosen.grid().size(job.request.source.size);
            let mut latents = Vec::with_capacity(use_.shown.len());
            for (i, shown) in use_.shown.iter().enumerate() {
                let encoded = shown.then(|| job.encode(&pictures.narrow(0, i, 1)?, done)).transpose()?;
                latents.push(encoded.map(|latents| to_frames(&latents)).transpose()?);
            }
            let channels = job.chosen.grid().channels;
            let blank = Tensor::zeros((1, channels, rows, columns), DType::F32, &Device::Cpu)?;
            Ok(Tensor::cat(&latents.iter().map(|l| l.as_ref().unwrap_or(&blank)).collect::<Vec<_>>(), 0)?)
        })
    }

    /// The hint for the clip, [frames, 3, height, width] in 0..1 on the CPU. `progress` maps the progress of the hint
    /// to that of the whole request.
    pub(super) fn hint(
        &mut self,
        preprocessor: Preprocessor,
        progress: impl Fn(f64) -> f64,
    ) -> Result<Tensor, PipelineError> {
        if preprocessor == Preprocessor::None {
            return self.hint_pictures();
        }
        let hint = self.stage(Stage::Hint(preprocessor), |job| {
            let pictures = job.hint_pictures()?;
            let frames = to_f64(pictures.dim(0)?);
            let hint = job.alone_if_needed(Use::Hints, |job| {
                let detector = job.runner.networks.detector(&job.chosen, preprocessor)?;
                detector.detect(&pictures, |index| {
                    job.control.report(progress(to_f64(index) / frames), "Making the hint");
                    job.control.check()
                })
            })?;
            // For a grey hint one of the three equal channels is kept.
            Ok(if preprocessor.is_grey() { hint.narrow(1, 0, 1)?.contiguous()? } else { hint })
        })?;
        let (frames, _, height, width) = hint.dims4()?;
        Ok(hint.broadcast_as((frames, 3, height, width))?.contiguous()?)
    }
}
