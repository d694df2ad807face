//! What a file of weights is, told from the names and shapes of its tensors alone.
//!
//! The tests go from the special to the general and the first hit wins: a LoRA also has UNet names in its names, a
//! ControlNet 1.0 file also holds a whole checkpoint. Families that cannot be used are named too, so that the
//! refusal says what the file is instead of which tensor it lacks.

use std::sync::Arc;

use super::{Family, MotionVersion, families, unet};
use crate::weights::TensorFile;

/// A network that draws hints from pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotator {
    /// Depth Anything V2 (`depth_anything_v2_vits.pth` and larger).
    DepthAnything,
    /// Soft edges (`ControlNetHED.pth`).
    Hed,
    /// Line art (`sk_model.pth`, `sk_model2.pth`).
    Lineart,
    /// Anime line art (`netG.pth`).
    LineartAnime,
    /// MiDaS depth (`dpt_hybrid`).
    Midas,
}

/// The use that a file can be put to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A UNet with or without the networks around it, as an LDM single file or a diffusers folder.
    Checkpoint {
        /// What it belongs to.
        family: Family,
        /// Width of the text conditioning: 768 for SD1.x, 2048 for SDXL.
        context_width: usize,
        /// Channels of the latents: 4 for SD1.x and SDXL.
        latent_channels: usize,
        /// Whether the file brings its VAE.
        vae: bool,
        /// Whether the file brings its text encoder (SDXL: both).
        text: bool,
    },
    /// A motion module.
    MotionModule {
        /// What it belongs to.
        family: Family,
        /// Its version.
        version: MotionVersion,
        /// Frames that its position tables reach; `None` if it has no tables.
        max_len: Option<usize>,
    },
    /// A ControlNet.
    ControlNet {
        /// What it belongs to.
        family: Family,
        /// Several ControlNets in one, told apart by a control type (`task_embedding`).
        union: bool,
        /// Whether the file holds the difference from its base network.
        difference: bool,
    },
    /// An AnimateDiff SparseCtrl: a ControlNet with temporal layers, for SD1.5 unless it is a small one.
    SparseCtrl {
        /// What it belongs to.
        family: Family,
        /// Takes drawings (three channels and a mask); otherwise latents and a mask.
        scribble: bool,
        /// Frames that its position tables reach.
        max_len: Option<usize>,
    },
    /// A LoRA for UNet, text encoders or both.
    Lora {
        /// What it belongs to, if its shapes tell.
        family: Option<Family>,
    },
    /// A LoRA for the temporal layers of a motion module.
    MotionLora,
    /// A VAE on its own.
    Vae {
        /// What it belongs to alone; `None` for AutoencoderKL, which several families have.
        family: Option<Family>,
        /// Channels of the latents.
        latent_channels: usize,
    },
    /// A text encoder on its own.
    TextEncoder {
        /// What it belongs to alone; `None` for CLIP, which several families have.
        family: Option<Family>,
        /// Its width: 768 for CLIP-L, 1280 for OpenCLIP bigG.
        width: usize,
    },
    /// A textual inversion embedding.
    Embedding {
        /// Width of its vectors for the first text encoder.
        width: usize,
        /// Width of those for the second; with them it is for SDXL.
        second: Option<usize>,
    },
    /// A network that draws hints.
    Annotator(Annotator),
    /// Recognised, but nothing that can be used here.
    Unsupported,
    /// Not recognised.
    Unknown,
}

/// What [`identify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The use that the file can be put to.
    pub kind: Kind,
    /// What it is, to stand after "is": `an AnimateDiff v3 motion module for SD1.5 (32 frames)`.
    pub description: String,
}

impl Identity {
    /// What a file is, with a description to stand after "is".
    pub fn new(kind: Kind, description: impl Into<String>) -> Self {
        Self { kind, description: description.into() }
    }

    /// A file that is recognised and cannot be used.
    pub fn unsupported(description: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, description)
    }
}

/// Says what a file is. Reads names and shapes only, never the data.
pub fn identify(file: &Arc<TensorFile>) -> Identity {
    if let Some(identity) = families().iter().find_map(|family| family.recognise(file)) {
        return identity;
    }
    // What no family claims for itself: what several of them share, and what cannot be used.
    if let Some(identity) = unet::recognise(file) {
        return identity;
    }
    let has = |name: &str| file.shape(name).is_some();
    const ANNOTATORS: [(&str, Annotator, &str); 5] = [
        ("depth_head.scratch.output_conv1.weight", Annotator::DepthAnything, "a Depth-Anything model"),
        ("block1.convs.0.weight", Annotator::Hed, "a HED edge detector"),
        ("model0.1.weight", Annotator::Lineart, "a line-art detector"),
        ("model.model.1.model.1.weight", Annotator::LineartAnime, "an anime line-art detector"),
        ("pretrained.model.patch_embed.backbone.stem.conv.weight", Annotator::Midas, "a MiDaS depth model"),
    ];
    let marked = |mark: &str| has(mark) || has(&format!("module.{mark}"));
    if let Some((_, annotator, found)) = ANNOTATORS.into_iter().find(|(mark, ..)| marked(mark)) {
        return Identity::new(Kind::Annotator(annotator), found);
    }
    let found = match file.names().next() {
        Some(first) => format!("not a model that Unsample knows (its first tensor is `{first}`)"),
        None => "empty".into(),
    };
    Identity::new(Kind::Unknown, found)
}
