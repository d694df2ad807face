//! Writes the diagnostics of a request, and reads latents from a file.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::super::PipelineError;
use super::super::cache::Entry;
use super::super::chain::second_pass;
use super::super::diagnostics::{self, SuppliedLatents};
use super::super::pictures::to_tensor;
use super::Job;
use crate::diffusion::latents::to_frames;
use protocol::message::Clip;
use protocol::request::Goal;

impl Job<'_> {
    /// The result of a stage, [1, channels, time, height, width], if the latents file contains it.
    pub(super) fn given(&self, stage: SuppliedLatents) -> Result<Option<Tensor>, PipelineError> {
        let Some(path) = self.request.latents.as_ref().filter(|_| self.keys.given == Some(stage)) else {
            return Ok(None);
        };
        let (source, grid) = (&self.request.source, self.chosen.grid());
        diagnostics::read_latents(path, grid, source.digests.len(), source.size).map(Some)
    }

    /// Writes the diagnostics file, once per result.
    pub(super) fn write_diagnostics(&mut self, path: &Path) -> Result<(), PipelineError> {
        let mark = (path.to_path_buf(), self.keys.resampled);
        if self.runner.written.as_ref() == Some(&mark) && path.is_file() {
            return Ok(());
        }
        let request = self.request;
        let count = request.source.digests.len();
        let mut entry = Entry::new();
        entry.insert("frames.working".to_owned(), self.pictures(Clip::Source, count)?);
        let second = second_pass(self.request);
        for (prefix, pass) in [("text", &second), ("text.unsample", &request.unsample)] {
            let conditioning = self.conditioning(pass)?;
            for (name, text) in [("positive", conditioning.positive), ("negative", conditioning.negative)] {
                entry.insert(format!("{prefix}.{name}"), text.context);
                entry.extend(text.pooled.map(|pooled| (format!("{prefix}.{name}.pooled"), pooled)));
            }
        }
        for (unit, preprocessor) in request.hints.iter().enumerate() {
            entry.insert(format!("hint.{}", unit + 1), self.hint(*preprocessor, |_| 1.0)?);
        }
        for (name, list) in [("sigmas.unsample", &self.up), ("sigmas.resample", &self.down)] {
            entry.insert(name.to_owned(), Tensor::new(list.as_slice(), &Device::Cpu)?);
        }
        // Latents are written frame by frame, as in other systems.
        entry.insert("latents.source".to_owned(), to_frames(&self.latents()?)?);
        entry.insert("latents.unsampled".to_owned(), to_frames(&self.unsampled()?)?);
        if request.goal != Goal::Analyse {
            entry.insert("latents.resampled".to_owned(), to_frames(&self.resampled()?)?);
            let styled = (0..count)
                .map(|i| self.decoded(i).and_then(|p| to_tensor(&p, &Device::Cpu)))
                .collect::<Result<Vec<_>, _>>()?;
            entry.insert("frames.styled".to_owned(), Tensor::cat(&styled, 0)?);
        }
        diagnostics::write(path, &entry, self.report.costs_json())?;
        self.runner.written = Some(mark);
        Ok(())
    }
}
