//! What Stable Diffusion 1 and XL share: a UNet over single frames into which motion modules and ControlNets are
//! inserted, AutoencoderKL, and CLIP text encoders. The differences are in [`UnetFamily`], which each family fills in.

mod codec;
mod conditioner;
mod embedding;
mod lora;
mod motion;
mod network;
mod parts;
mod predictor;
mod recognise;

use std::collections::BTreeSet;
use std::sync::Arc;

use candle_core::{DType, Device};

pub use embedding::family as embedding_family;
pub use motion::{MotionShape, MotionVersion};
pub use network::{Claim, UnetShapes};
pub use parts::{AUTOENCODER, BIG_G, CLIP_L, SMALL_TEXT, TEXT_ENCODERS, added};
pub use recognise::recognise;

use super::{
    Addition, Codec, Conditioner, Defaults, Family, Grid, Identity, Kind, ModelFamily, NetworkPart,
    Predictor, Recognise, TextPart, sd, sdxl, soundness,
};
use crate::diffusion::{Betas, DiffusionError, NoiseSchedule, Prediction, Scheduler};
use crate::nn::{ModelError, Source, TextEncoder, UNet, Vae};
use crate::weights::{Network, Predicts, TensorFile, View, predicts};

/// The families with a UNet.
pub const UNETS: [&UnetFamily; 3] = [&sd::SD15, &sdxl::SDXL, &sd::SMALL];

/// The properties in which families with a UNet differ.
pub struct UnetFamily {
    /// The family's name in messages.
    pub name: &'static str,
    /// Whether its networks are made only for each other, like the built-in model's, and not published separately.
    pub small: bool,
    /// Whether a UNet, or the encoder half that a ControlNet copies, belongs to the family.
    pub claims: fn(&UnetShapes) -> Claim,
    /// Whether its text conditioning has this width.
    pub takes_context: fn(usize) -> bool,
    /// The version and name of its motion module with these temporal layers; `None` if they are for another family.
    pub motion: fn(&MotionShape) -> Option<(MotionVersion, &'static str)>,
    /// The text encoders that its checkpoints need.
    pub text_encoders: &'static [TextPart],
    /// The factor from the autoencoder's own latents to the sampler's space.
    pub latent_scale: f64,
    /// The scheduler with its Align Your Steps table.
    pub align_your_steps: Scheduler,
    /// What its checkpoints take, as sentences without their ends.
    pub takes: fn(Addition) -> &'static str,
    /// Whether the text encoders have to be unloaded before the UNet is loaded.
    pub large_text_encoders: bool,
}

impl UnetFamily {
    /// This family as a registry entry.
    pub fn entry(&'static self) -> Family {
        Family::of(self)
    }

    /// The family's name with an article, to precede a noun.
    pub fn article(&self, context_width: usize) -> String {
        if self.small { format!("a small (text width {context_width})") } else { format!("an {}", self.name) }
    }
}

/// The family whose text conditioning has this width.
pub fn by_context(width: usize) -> Family {
    let known = UNETS.into_iter().find(|unet| (unet.takes_context)(width));
    known.unwrap_or(&sd::SMALL).entry()
}

/// The family with two text encoders, SDXL.
pub fn with_two_encoders() -> Option<Family> {
    UNETS.into_iter().find(|unet| unet.text_encoders.len() == 2).map(UnetFamily::entry)
}

impl Recognise for UnetFamily {
    fn name(&self) -> &'static str {
        self.name
    }

    fn recognise(&self, file: &Arc<TensorFile>) -> Option<Identity> {
        recognise(file).filter(|identity| identity.family().is_some_and(|family| family.name() == self.name))
    }

    fn network(&self) -> (NetworkPart, Option<Network>) {
        (parts::UNET, Some(Network::Unet))
    }

    fn codec(&self) -> NetworkPart {
        AUTOENCODER
    }

    fn text_encoders(&self) -> &'static [TextPart] {
        self.text_encoders
    }

    fn takes(&self, addition: Addition) -> String {
        (self.takes)(addition).to_owned()
    }

    fn fits(&self, kind: &Kind) -> String {
        match (kind, self.small) {
            (Kind::Checkpoint { .. }, true) => "the motion module that was made for it".into(),
            (Kind::Checkpoint { .. }, false) => {
                format!("motion modules, ControlNets and LoRAs for {}", self.name)
            }
            (_, true) => "the small checkpoint that it was made for".into(),
            (_, false) => format!("{} checkpoints", self.name),
        }
    }

    fn trained(&self, file: &Arc<TensorFile>, kind: &Kind) -> Vec<String> {
        soundness::trained_of_unet(file, kind, self.small)
    }

    fn zero_by_design(&self, file: &Arc<TensorFile>, kind: &Kind) -> BTreeSet<String> {
        match kind {
            Kind::Checkpoint { vae: true, .. } if self.small => soundness::all_of_autoencoder(file),
            _ => BTreeSet::new(),
        }
    }

    /// The width of the motion module's first level must be the UNet's.
    fn motion_misfit(&self, checkpoint: &Arc<TensorFile>, motion: &Arc<TensorFile>) -> Option<String> {
        let width = |view: View, name: &str| view.shape(name).and_then(|s| s.first().copied());
        let unet = width(View::unet(checkpoint.clone()), "input_blocks.0.0.weight");
        let first = "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight";
        let module = width(View::motion(motion.clone()), first);
        if module.is_none() || unet == module {
            return None;
        }
        Some(format!(
            "{} was made for a network {} channels wide and {} is {} wide; choose a motion module made for this checkpoint",
            motion.file_name(),
            module.unwrap_or(0),
            checkpoint.file_name(),
            unet.unwrap_or(0)
        ))
    }

    fn embedding_widths(&self, encoders: &[View]) -> Vec<usize> {
        let width = |view: &View| {
            view.shape("embeddings.token_embedding.weight").and_then(|shape| shape.get(1)).copied()
        };
        encoders.iter().map(|view| width(view).unwrap_or(0)).collect()
    }
}

impl Defaults for UnetFamily {
    fn grid(&self, checkpoint: &Kind) -> Grid {
        let channels = match checkpoint {
            Kind::Checkpoint { latent_channels, .. } => *latent_channels,
            _ => 0,
        };
        Grid { channels, space: 8, time: 1 }
    }

    fn latent_scale(&self) -> f64 {
        self.latent_scale
    }

    fn prediction(&self, checkpoint: &TensorFile) -> (Prediction, bool) {
        match predicts(checkpoint) {
            Predicts::Velocity { zero_terminal } => (Prediction::Velocity, zero_terminal),
            Predicts::Noise | Predicts::Other(_) => (Prediction::Noise, false),
        }
    }

    /// AnimateLCM has the schedule that its authors give; without a motion module, the checkpoint's own is used.
    fn betas(&self, motion: Option<MotionVersion>) -> Option<Betas> {
        Some(match motion {
            None | Some(MotionVersion::Hotshot) => Betas::Linear,
            Some(MotionVersion::SdxlBeta) => Betas::LinearSdxl,
            Some(MotionVersion::V1 | MotionVersion::V2 | MotionVersion::V3 | MotionVersion::Lcm) => {
                Betas::SqrtLinear
            }
        })
    }

    fn noise_schedule(
        &self,
        _: Prediction,
        zero_terminal: bool,
        betas: Betas,
    ) -> Result<NoiseSchedule, DiffusionError> {
        Ok(match zero_terminal {
            true => NoiseSchedule::with_zero_terminal(betas),
            false => NoiseSchedule::new(betas),
        })
    }

    fn align_your_steps(&self) -> Option<Scheduler> {
        Some(self.align_your_steps)
    }

    /// The number of frames that the motion module was trained with.
    fn context_length(&self, motion: Option<MotionVersion>) -> usize {
        if motion == Some(MotionVersion::Hotshot) { 8 } else { 16 }
    }

    fn has_large_text_encoders(&self) -> bool {
        self.large_text_encoders
    }
}

impl ModelFamily for UnetFamily {
    fn load_codec(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Codec>, ModelError> {
        let vae = Vae::load(source, dtype, device)?;
        Ok(Box::new(codec::Autoencoder { vae, scale: self.latent_scale }))
    }

    fn load_conditioner(
        &self,
        sources: &[&dyn Source],
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Conditioner>, ModelError> {
        let Some((first, others)) = sources.split_first() else {
            return Err(ModelError::Invalid("no text encoder was chosen".to_owned()));
        };
        Ok(Box::new(TextEncoder::load(*first, others.first().copied(), dtype, device)?))
    }

    fn load_predictor(
        &self,
        source: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Box<dyn Predictor>, ModelError> {
        Ok(Box::new(UNet::load(source, dtype, device)?))
    }
}
