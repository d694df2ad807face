//! Prompts to what a network is steered by.

use std::fmt;

use candle_core::{Device, Tensor};

use crate::diffusion::latents::index_tensor;
use crate::nn::{Embeddings, ModelError};

/// What a prompt, or a prompt for every latent in time, steers by.
#[derive(Debug, Clone)]
pub struct Text {
    /// `[1, tokens, width]`; one for each latent in time: `[time, tokens, width]`; several branches of these after each
    /// other.
    pub context: Tensor,
    /// A vector for the whole prompt, where the family has one, `[as many, width]`.
    pub pooled: Option<Tensor>,
}

impl Text {
    /// On another device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn to_device(&self, device: &Device) -> Result<Self, candle_core::Error> {
        self.map(|x| x.to_device(device))
    }

    /// Those of some latents in time, by their indices; the same where all have one.
    ///
    /// # Errors
    /// When an index is out of range, or the device fails.
    pub fn select(&self, latents: &[usize]) -> Result<Self, candle_core::Error> {
        if self.context.dim(0)? == 1 {
            return Ok(self.clone());
        }
        let index = index_tensor(latents.iter().copied(), self.context.device())?;
        self.map(|x| x.index_select(&index, 0))
    }

    /// Several of the same length, one after the other.
    ///
    /// # Errors
    /// When the lengths differ, or the device fails.
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
    /// Encodes one prompt, with the weights and marks that prompts may have (docs/prompts.md). Prompts of a request may
    /// come to different numbers of tokens; shorter ones are filled up with the empty prompt's, so lengths have to be
    /// multiples of its length.
    ///
    /// `clip_skip` is the layer to take the result from, counted from the last; 0: what the network was trained with.
    /// `embeddings` has the vectors of the names in the prompt, empty for a family that takes none.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for a prompt or a setting that cannot be used; no memory.
    fn encode(&self, prompt: &str, clip_skip: usize, embeddings: &Embeddings) -> Result<Text, ModelError>;
}
