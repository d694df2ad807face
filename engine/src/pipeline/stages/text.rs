//! Encodes prompts to conditioning.

use candle_core::Tensor;

use super::super::PipelineError;
use super::super::cache::Entry;
use super::super::network::Conditioning;
use super::super::networks::Use;
use super::Job;
use crate::families::TextConditioning;
use protocol::key::Key;
use protocol::request::{Pass, PromptTrack};

const CONTEXT: &str = "context";
const POOLED: &str = "pooled";

impl Job<'_> {
    /// The conditioning of a pass.
    pub(super) fn conditioning(&mut self, pass: &Pass) -> Result<Conditioning, PipelineError> {
        Ok(Conditioning { positive: self.track(&pass.positive)?, negative: self.track(&pass.negative)? })
    }

    /// The conditioning from a prompt track.
    fn track(&mut self, track: &PromptTrack) -> Result<TextConditioning, PipelineError> {
        let texts = track.texts.iter().map(|t| self.text(t)).collect::<Result<Vec<_>, _>>()?;
        let contexts = texts.iter().map(|text| text.context.clone()).collect();
        let contexts = self.fill_up(contexts)?;
        let frames: Vec<_> = if track.is_constant() {
            track.mix.iter().take(1).collect()
        } else {
            // A latent in time takes the mix of the first frame that it covers.
            let (grid, count) = (self.chosen.grid(), track.mix.len());
            (0..grid.latents(count)).map(|latent| &track.mix[grid.frames(latent, count).start]).collect()
        };
        if frames.iter().any(|m| m.is_empty() || m.iter().any(|(i, _)| *i >= texts.len()))
            || frames.is_empty()
        {
            return Err(PipelineError::Internal("a prompt track without prompts".to_owned()));
        }
        let mixed = |parts: &[Tensor]| -> Result<Tensor, PipelineError> {
            let frames = frames.iter().map(|mix| blend(parts, mix)).collect::<Result<Vec<_>, _>>()?;
            Ok(Tensor::cat(&frames, 0)?)
        };
        let pooled: Option<Vec<Tensor>> = texts.iter().map(|text| text.pooled.clone()).collect();
        Ok(TextConditioning {
            context: mixed(&contexts)?,
            pooled: pooled.map(|pooled| mixed(&pooled)).transpose()?,
        })
    }

    /// Pads prompts of different lengths with the empty prompt, chunk by chunk.
    fn fill_up(&mut self, texts: Vec<Tensor>) -> Result<Vec<Tensor>, PipelineError> {
        let lengths = texts.iter().map(|text| text.dim(1)).collect::<Result<Vec<_>, _>>()?;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        if lengths.iter().all(|length| *length == longest) {
            return Ok(texts);
        }
        let empty = self.text("")?.context;
        let chunk = empty.dim(1)?.max(1);
        let filled = texts.into_iter().zip(lengths).map(|(text, length)| {
            let mut parts = vec![text];
            parts.extend(std::iter::repeat_n(empty.clone(), (longest - length) / chunk));
            Ok(Tensor::cat(&parts, 1)?)
        });
        filled.collect()
    }

    /// Encodes one prompt.
    fn text(&mut self, text: &str) -> Result<TextConditioning, PipelineError> {
        let skip = self.request.clip_skip;
        let key = Key::of("text")
            .key("model", &self.chosen.checkpoint_id())
            .text("device", self.chosen.device)
            .count("skip", skip)
            .keys("embeddings", &self.chosen.embeddings.ids(text))
            .text("text", text)
            .finish();
        if let Some(mut known) = self.runner.texts.get(&key)
            && let Some(context) = known.remove(CONTEXT)
        {
            return Ok(TextConditioning { context, pooled: known.remove(POOLED) });
        }
        self.control.report(self.part(1, 0.0), "Reading the prompt");
        let encoded = self.alone_if_needed(Use::Text, |job| {
            let encoder = job.measured("weights", |job| job.runner.networks.conditioner(&job.chosen))?;
            let embeddings = job.chosen.embeddings.read(text, job.runner.networks.device())?;
            job.measured("text", |_| Ok(encoder.encode(text, skip, &embeddings)?))
        })?;
        let mut entry = Entry::from([(CONTEXT.to_owned(), encoded.context.clone())]);
        entry.extend(encoded.pooled.clone().map(|pooled| (POOLED.to_owned(), pooled)));
        for x in entry.values() {
            self.look_at(
                x,
                "the encoded prompt",
                &excerpt(text),
                self.chosen.files(Use::Text, std::iter::empty()),
            )?;
        }
        self.runner.texts.put(key, entry);
        Ok(encoded)
    }
}

/// The beginning of a prompt, to follow its name in a message.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    if text.trim().is_empty() {
        return " for the empty prompt".into();
    }
    let mut start: String = text.chars().take(LENGTH).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LENGTH).is_some() {
        start.push_str("...");
    }
    format!(" for \"{start}\"")
}

/// The weighted sum of the encoded prompts of a frame.
fn blend(parts: &[Tensor], mix: &[(usize, f32)]) -> Result<Tensor, PipelineError> {
    if let [(only, _)] = mix {
        return Ok(parts[*only].clone());
    }
    let mut sum: Option<Tensor> = None;
    for (index, weight) in mix {
        let part = parts[*index].affine(f64::from(*weight), 0.0)?;
        sum = Some(match sum {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    sum.ok_or_else(|| PipelineError::Internal("a frame without prompts".to_owned()))
}
