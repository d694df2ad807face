//! What a file report says besides the description.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::{Annotator, Family, Identity, Kind, MotionVersion, unet};
use crate::weights::TensorFile;

impl Identity {
    /// The family of the file; `None` if it is unknown or not a single one.
    pub fn family(&self) -> Option<Family> {
        match self.kind {
            Kind::Checkpoint { family, .. }
            | Kind::MotionModule { family, .. }
            | Kind::ControlNet { family, .. }
            | Kind::SparseCtrl { family, .. } => Some(family),
            Kind::Lora { family } => family,
            Kind::MotionLora => Some(Family::SD15),
            Kind::Embedding { width, second } => unet::embedding_family(width, second.is_some()),
            Kind::Vae { family, .. } | Kind::TextEncoder { family, .. } => family,
            _ => None,
        }
    }

    /// The name of the kind: `checkpoint`, `motion module`.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Checkpoint { vae: false, text: false, .. } => "UNet",
            Kind::Checkpoint { .. } => "checkpoint",
            Kind::MotionModule { .. } => "motion module",
            Kind::ControlNet { .. } => "ControlNet",
            Kind::SparseCtrl { .. } => "SparseCtrl",
            Kind::Lora { .. } => "LoRA",
            Kind::MotionLora => "motion LoRA",
            Kind::Vae { .. } => "VAE",
            Kind::TextEncoder { .. } => "text encoder",
            Kind::Embedding { .. } => "embedding",
            Kind::Annotator(_) => "hint network",
            Kind::Unsupported => "unsupported",
            Kind::Unknown => "unknown",
        }
    }

    /// The variant: a motion module's version, the type of a ControlNet, the name of a hint network.
    pub fn version(&self) -> Option<&'static str> {
        match self.kind {
            Kind::MotionModule { version, .. } => Some(version.as_str()),
            Kind::ControlNet { union: true, .. } => Some("union"),
            Kind::ControlNet { difference: true, .. } => Some("difference"),
            Kind::SparseCtrl { scribble, .. } => Some(if scribble { "scribble" } else { "rgb" }),
            Kind::Annotator(annotator) => Some(match annotator {
                Annotator::DepthAnything => "depth-anything",
                Annotator::Hed => "hed",
                Annotator::Lineart => "lineart",
                Annotator::LineartAnime => "lineart-anime",
                Annotator::Midas => "midas",
            }),
            _ => None,
        }
    }

    /// The maximum context length in frames: the length of the position tables, or 64 for AnimateLCM, which has none.
    pub fn context_length(&self) -> Option<usize> {
        match self.kind {
            Kind::MotionModule { version: MotionVersion::Lcm, max_len, .. } => Some(max_len.unwrap_or(64)),
            Kind::MotionModule { max_len, .. } | Kind::SparseCtrl { max_len, .. } => max_len,
            _ => None,
        }
    }

    /// What the file can be used with; completes "fits ...".
    pub fn fits(&self) -> String {
        match self.kind {
            Kind::Checkpoint { family, .. }
            | Kind::MotionModule { family, .. }
            | Kind::ControlNet { family, .. }
            | Kind::SparseCtrl { family, .. }
            | Kind::Lora { family: Some(family) }
            | Kind::Vae { family: Some(family), .. }
            | Kind::TextEncoder { family: Some(family), .. } => family.fits(&self.kind),
            Kind::Lora { family: None } => "the family that it was made for, which it does not tell".into(),
            Kind::MotionLora => "AnimateDiff motion modules for SD1.5".into(),
            Kind::Vae { latent_channels: 4, .. } => {
                "SD1.5 and SDXL checkpoints, each with a VAE of its own kind".into()
            }
            Kind::Vae { .. } => "the checkpoint that it was made for".into(),
            Kind::TextEncoder { .. } => "checkpoints and UNet files, as their text encoder".into(),
            Kind::Embedding { .. } => "prompts, as embedding:name, where it lies in the models folder".into(),
            Kind::Annotator(_) => "the preprocessors of ControlNets".into(),
            Kind::Unsupported | Kind::Unknown => "nothing in Unsample".into(),
        }
    }
}

/// The number format of a file's weights: `f16`, `f8_e4m3fn`, or `mixed f16 and f32` if no format has at least 95 % of
/// the values. `None` for a file without floats.
pub fn precision(file: &TensorFile) -> Option<String> {
    let mut counts: BTreeMap<&'static str, u128> = BTreeMap::new();
    for (_, info) in file.tensors() {
        let name = match info.dtype {
            Dtype::F64 => "f64",
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::BF16 => "bf16",
            Dtype::F8_E4M3 => "f8_e4m3fn",
            Dtype::F8_E5M2 => "f8_e5m2",
            _ => continue,
        };
        *counts.entry(name).or_default() += info.shape.iter().map(|dim| *dim as u128).product::<u128>();
    }
    let all: u128 = counts.values().sum();
    let mut sorted: Vec<(u128, &str)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    match sorted[..] {
        [] => None,
        [(most, name), ..] if most * 100 >= all * 95 => Some(name.into()),
        [(_, first), (_, second), ..] => Some(format!("mixed {first} and {second}")),
        [(_, only)] => Some(only.into()),
    }
}
