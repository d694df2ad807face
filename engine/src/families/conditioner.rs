//! The interface of text encoders: prompts to conditioning.

use std::fmt;

use candle_core::{Device, Tensor};

use crate::diffusion::latents::index_tensor;
use crate::nn::{Embeddings, ModelError};

/// The conditioning from a prompt, or from one prompt for every latent in time.
#[derive(Debug, Clone)]
pub struct TextConditioning {
    /// Token embeddings `[1, tokens, width]`, or `[time, tokens, width]` with a prompt for every latent in time;
    /// several branches are concatenated along the first axis.
    pub context: Tensor,
    /// The pooled vector of the prompt, `[as above, width]`, for families that have one.
    pub pooled: Option<Tensor>,
}

impl TextConditioning {
    /// Copies the conditioning to another device.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn to_device(&self, device: &Device) -> Result<Self, candle_core::Error> {
        self.map(|x| x.to_device(device))
    }

    /// Selects the conditioning of the latents in time with these indices; unchanged if there is one for all of them.
    ///
    /// # Errors
    /// If an index is out of range, or the device fails.
    pub fn select(&self, latents: &[usize]) -> Result<Self, candle_core::Error> {
        if self.context.dim(0)? == 1 {
            return Ok(self.clone());
        }
        let index = index_tensor(latents.iter().copied(), self.context.device())?;
        self.map(|x| x.index_select(&index, 0))
    }

    /// Concatenates conditionings with the same number of tokens along the first axis.
    ///
    /// # Errors
    /// If the numbers of tokens differ, or the device fails.
    pub fn stack(texts: &[Self]) -> Result<Self, candle_core::Error> {
        let contexts: Vec<&Tensor> = texts.iter().map(|text| &text.context).collect();
        let pooled: Option<Vec<&Tensor>> = texts.iter().map(|text| text.pooled.as_ref()).collect();
        Ok(Self {
            context: Tensor::cat(&contexts, 0)?,
            pooled: pooled.map(|pooled| Tensor::cat(&pooled, 0)).transpose()?,
        })
    }

    fn map(
        &self,
        change: impl Fn(&Tensor) -> Result<Tensor, candle_core::Error>,
    ) -> Result<Self, candle_core::Error> {
        Ok(Self { context: change(&self.context)?, pooled: self.pooled.as_ref().map(change).transpose()? })
    }
}

/// The text encoders of a family.
pub trait Conditioner: fmt::Debug + Send + Sync {
    /// Encodes one prompt, with weights and the rest of the prompt syntax (docs/prompts.md). The prompts of a request
    /// may have different numbers of tokens; shorter ones are padded with the tokens of the empty prompt, so the number
    /// of tokens has to be a multiple of the empty prompt's.
    ///
    /// `clip_skip` is the layer whose output is used, counted from the last; 0: the one that the network was trained with.
    /// `embeddings` holds the vectors for the embedding names in the prompt; empty for a family without embeddings.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a prompt or a setting that is not supported; out of memory.
    fn encode(
        &self,
        prompt: &str,
        clip_skip: usize,
        embeddings: &Embeddings,
    ) -> Result<TextConditioning, ModelError>;
}
