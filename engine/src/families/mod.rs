//! Model families: identification of their files, conversion of pictures to latents and of prompts to conditioning,
//! their networks and default settings. Each family has a folder and a line in the registry.
//!
//! The pipeline uses families only through the traits below; docs/new-family.md explains how to add one.
//!
//! | trait | what a family implements |
//! |---|---|
//! | [`Recognise`] | which files belong to it, which networks they contain, what fits them |
//! | [`Defaults`] | latents, noise levels, context windows |
//! | [`Codec`] | pictures to latents and back |
//! | [`Conditioner`] | prompts to conditioning |
//! | [`Predictor`] | noisy latents to noise, velocity or flow |
//! | [`ModelFamily`] | all of these, and loading the networks |

mod codec;
mod conditioner;
mod control;
mod defaults;
mod fits;
mod foreign;
mod grid;
mod identify;
mod listed;
mod part;
mod predictor;
mod recognise;
mod registry;
mod report;
mod sd;
mod sdxl;
mod soundness;
mod unet;

use candle_core::{DType, Device};

pub use codec::Codec;
pub use conditioner::{Conditioner, TextConditioning};
pub use control::ActiveControl;
pub use defaults::Defaults;
pub use grid::{Grid, Group};
pub use identify::{Annotator, Identity, Kind, identify};
pub use listed::{Listed, list_models};
pub use part::{NetworkPart, TrialBuild};
pub use predictor::{Input, Predictor};
pub use recognise::{Addition, Recognise, TextPart};
pub use registry::{Family, families, register};
pub use report::precision;
pub use unet::MotionVersion;

use crate::nn::{ModelError, Source};

/// A complete model family: identification, settings and loading of its networks.
pub trait ModelFamily: Recognise + Defaults + Send + Sync {
    /// Loads the codec from the tensors of [`Recognise::codec`].
    ///
    /// # Errors
    /// If a tensor is missing or has the wrong shape; out of memory.
    fn load_codec(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Codec>, ModelError>;

    /// Loads the conditioner from the tensors of each of [`Recognise::text_encoders`], in their order.
    ///
    /// # Errors
    /// As for [`load_codec`](Self::load_codec).
    fn load_conditioner(
        &self,
        sources: &[&dyn Source],
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Conditioner>, ModelError>;

    /// Loads the network from the tensors of [`Recognise::network`].
    ///
    /// # Errors
    /// As for [`load_codec`](Self::load_codec).
    fn load_predictor(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Predictor>, ModelError>;
}
