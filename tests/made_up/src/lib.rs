//! A made-up family of video models, as small as possible: an autoencoder that compresses time by four, a text encoder
//! of its own, and a transformer with attention across time that predicts a flow. In the tests it represents the large
//! models of this kind. All of its code is in this folder.
//!
//! docs/new-family.md explains it step by step.

mod codec;
mod conditioner;
mod predictor;

use std::sync::Arc;

use candle_core::{DType, Device};
use engine::diffusion::{Betas, DiffusionError, NoiseSchedule, Prediction, Scheduler};
use engine::families::{
    Addition, Codec, Conditioner, Defaults, Family, Grid, Identity, Kind, ModelFamily, MotionVersion,
    NetworkPart, Predictor, Recognise, TextPart,
};
use engine::nn::{ModelError, Source};
use engine::weights::{Network, TensorFile, View};

/// The family as a registry entry.
pub const FAMILY: Family = Family::of(&Zoetrope);

/// Number of latent channels: two by two fields of a picture, in RGB.
pub const CHANNELS: usize = 12;
/// Side length in pixels of the square that a latent covers.
pub const SPACE: usize = 16;
/// Number of frames that each latent after the first covers.
pub const TIME: usize = 4;
/// Width of the text conditioning.
pub const TEXT: usize = 8;

/// The implementation of the family's traits.
pub struct Zoetrope;

const NETWORK: NetworkPart = NetworkPart {
    name: "transformer",
    view: |file| View::below(file, "zoetrope.transformer."),
    beside: None,
    build: |sources, dtype, device| predictor::Transformer::load(sources[0], dtype, device).map(drop),
    last: None,
};

const CODEC: NetworkPart = NetworkPart {
    name: "video VAE",
    view: |file| View::below(file, "zoetrope.codec."),
    beside: None,
    build: |sources, dtype, device| codec::Fields::load(sources[0], dtype, device).map(drop),
    last: None,
};

const LETTERS: TextPart = TextPart {
    part: NetworkPart {
        name: "text encoder",
        view: |file| View::below(file, "zoetrope.letters."),
        beside: None,
        build: |sources, dtype, device| conditioner::Letters::load(sources[0], dtype, device).map(drop),
        last: None,
    },
    is_in: |file| file.shape("zoetrope.letters.table").is_some(),
    which: "letters",
    network: None::<Network>,
};

impl Recognise for Zoetrope {
    fn name(&self) -> &'static str {
        "Zoetrope"
    }

    fn recognise(&self, file: &Arc<TensorFile>) -> Option<Identity> {
        let has = |name: &str| file.shape(name).is_some();
        if has("zoetrope.transformer.in") {
            let (vae, text) = (has("zoetrope.codec.mix"), (LETTERS.is_in)(file));
            let kind = Kind::Checkpoint {
                family: FAMILY,
                context_width: TEXT,
                latent_channels: CHANNELS,
                vae,
                text,
            };
            return Some(Identity::new(kind, "a Zoetrope checkpoint"));
        }
        if has("zoetrope.codec.mix") {
            let kind = Kind::Vae { family: Some(FAMILY), latent_channels: CHANNELS };
            return Some(Identity::new(kind, "a Zoetrope video VAE"));
        }
        (LETTERS.is_in)(file).then(|| {
            let kind = Kind::TextEncoder { family: Some(FAMILY), width: TEXT };
            Identity::new(kind, "a Zoetrope text encoder")
        })
    }

    fn network(&self) -> (NetworkPart, Option<Network>) {
        (NETWORK, None)
    }

    fn codec(&self) -> NetworkPart {
        CODEC
    }

    fn text_encoders(&self) -> &'static [TextPart] {
        &[LETTERS]
    }

    fn takes(&self, addition: Addition) -> String {
        match addition {
            Addition::TextEncoder => "a Zoetrope checkpoint needs the text encoder of letters".to_owned(),
            other => format!("Zoetrope checkpoints take no {}", other.plural()),
        }
    }

    fn fits(&self, kind: &Kind) -> String {
        match kind {
            Kind::Checkpoint { .. } => "the video VAE and the text encoder of Zoetrope".to_owned(),
            _ => "Zoetrope checkpoints".to_owned(),
        }
    }
}

impl Defaults for Zoetrope {
    fn grid(&self, _: &Kind) -> Grid {
        Grid { channels: CHANNELS, space: SPACE, time: TIME }
    }

    fn latent_scale(&self) -> f64 {
        1.0
    }

    fn prediction(&self, _: &TensorFile) -> (Prediction, bool) {
        (Prediction::Flow, false)
    }

    fn betas(&self, _: Option<MotionVersion>) -> Option<Betas> {
        None
    }

    fn noise_schedule(&self, _: Prediction, _: bool, _: Betas) -> Result<NoiseSchedule, DiffusionError> {
        NoiseSchedule::flow(3.0)
    }

    fn align_your_steps(&self) -> Option<Scheduler> {
        None
    }

    fn context_length(&self, _: Option<MotionVersion>) -> usize {
        17
    }

    fn is_temporal(&self) -> bool {
        true
    }

    fn has_large_text_encoders(&self) -> bool {
        true
    }
}

impl ModelFamily for Zoetrope {
    fn load_codec(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Codec>, ModelError> {
        Ok(Box::new(codec::Fields::load(source, dtype, device)?))
    }

    fn load_conditioner(
        &self,
        sources: &[&dyn Source],
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Conditioner>, ModelError> {
        Ok(Box::new(conditioner::Letters::load(sources[0], dtype, device)?))
    }

    fn load_predictor(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Predictor>, ModelError> {
        Ok(Box::new(predictor::Transformer::load(source, dtype, device)?))
    }
}

/// Reads a matrix of this shape.
fn matrix(
    source: &dyn Source,
    name: &str,
    shape: [usize; 2],
    dtype: DType,
    device: &Device,
) -> Result<candle_core::Tensor, ModelError> {
    let found = source.shape(name);
    if found.as_deref() != Some(&shape[..]) {
        return Err(ModelError::Missing {
            origin: source.origin(),
            tensor: name.to_owned(),
            expected: format!("the shape [{}, {}]", shape[0], shape[1]),
        });
    }
    source.tensor(name, dtype, device)
}
