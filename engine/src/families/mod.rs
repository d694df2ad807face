//! Model families: what their files are, how pictures become latents, how prompts become conditioning, what the network
//! predicts, and the settings that go with it. One folder a family, one line in the registry each.
//!
//! The pipeline above knows a family by the traits below alone; docs/new-family.md is the recipe for another one.
//!
//! | trait | what a family says with it |
//! |---|---|
//! | [`Recognise`] | what a file is, which networks are in it, what fits it |
//! | [`Defaults`] | latents, noise levels, windows |
//! | [`Codec`] | pictures to latents and back |
//! | [`Conditioner`] | prompts to conditioning |
//! | [`Predictor`] | noisy latents to noise, velocity or flow |
//! | [`ModelFamily`] | all of these, and how its networks are loaded |

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
pub use conditioner::{Conditioner, Text};
pub use control::ActiveControl;
pub use defaults::Defaults;
pub use grid::{Grid, Group};
pub use identify::{Annotator, Identity, Kind, identify};
pub use listed::{Listed, list_models};
pub use part::{Build, Part};
pub use predictor::{Input, Predictor};
pub use recognise::{Addition, Recognise, TextPart};
pub use registry::{Family, families, register};
pub use report::precision;
pub use unet::MotionVersion;

use crate::nn::{ModelError, Source};

/// A family, whole: what is needed from a file to a picture.
pub trait ModelFamily: Recognise + Defaults + Send + Sync {
    /// Loads the codec from the tensors of [`Recognise::codec`].
    ///
    /// # Errors
    /// A tensor that is missing or of the wrong shape; no memory.
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
