//! Identifies files of weights by the names and shapes of their tensors.
//!
//! The checks go from the specific to the general and the first match wins: the tensor names of a LoRA also contain
//! UNet names, and a ControlNet 1.0 file also contains a whole checkpoint. Unsupported models are identified too, so
//! that the error says what the file is instead of which tensor is missing.

use std::sync::Arc;

use super::{Family, MotionVersion, families, unet};
use crate::weights::TensorFile;

/// Networks that compute hints from pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotator {
    /// Depth Anything V2 (`depth_anything_v2_vits.pth` and larger variants).
    DepthAnything,
    /// HED, which detects soft edges (`ControlNetHED.pth`).
    Hed,
    /// A line art detector (`sk_model.pth`, `sk_model2.pth`).
    Lineart,
    /// A line art detector for anime (`netG.pth`).
    LineartAnime,
    /// MiDaS, which estimates depth (`dpt_hybrid`).
    Midas,
}

/// What a file can be used as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A UNet with or without VAE and text encoders, as an LDM single file or a diffusers folder.
    Checkpoint {
        /// The model family of the UNet.
        family: Family,
        /// Width of the text conditioning: 768 for SD1.x, 2048 for SDXL.
        context_width: usize,
        /// Channels of the latents: 4 for SD1.x and SDXL.
        latent_channels: usize,
        /// Whether the file contains a VAE.
        vae: bool,
        /// Whether the file contains its text encoder (SDXL: both).
        text: bool,
    },
    /// An AnimateDiff or Hotshot-XL motion module.
    MotionModule {
        /// The model family that it was trained for.
        family: Family,
        /// The version, which determines the architecture.
        version: MotionVersion,
        /// Number of frames in its position tables; `None` if it has no tables.
        max_len: Option<usize>,
    },
    /// A ControlNet, without temporal layers.
    ControlNet {
        /// The model family that it was trained for.
        family: Family,
        /// Whether it is a union ControlNet: several in one, selected by a control type (`task_embedding`).
        union: bool,
        /// Whether the file stores the difference from the base network's weights.
        difference: bool,
    },
    /// An AnimateDiff SparseCtrl: a ControlNet with temporal layers, for SD1.5 or a small model.
    SparseCtrl {
        /// The model family that it was trained for.
        family: Family,
        /// Whether its hints are scribbles (three channels and a mask); otherwise latents and a mask.
        scribble: bool,
        /// Number of frames in its position tables.
        max_len: Option<usize>,
    },
    /// A LoRA for the UNet, text encoders or both.
    Lora {
        /// The model family that it was trained for, if its shapes determine it.
        family: Option<Family>,
    },
    /// A LoRA for the temporal layers of a motion module.
    MotionLora,
    /// A VAE in a file of its own.
    Vae {
        /// The only family that uses this VAE; `None` for AutoencoderKL, which several families share.
        family: Option<Family>,
        /// Number of latent channels.
        latent_channels: usize,
    },
    /// A text encoder in a file of its own.
    TextEncoder {
        /// The only family that uses this encoder; `None` for CLIP, which several families share.
        family: Option<Family>,
        /// Embedding width: 768 for CLIP-L, 1280 for OpenCLIP bigG.
        width: usize,
    },
    /// A textual inversion embedding, which prompts refer to by name.
    Embedding {
        /// Width of its vectors for the first text encoder.
        width: usize,
        /// Width of the vectors for the second encoder; if present, the embedding is for SDXL.
        second: Option<usize>,
    },
    /// A network that computes hints.
    Annotator(Annotator),
    /// A file that is recognised but not supported.
    Unsupported,
    /// A file that is not recognised.
    Unknown,
}

/// The result of [`identify`]: the kind of a file and its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What the file can be used as.
    pub kind: Kind,
    /// A description that completes "is ...": `an AnimateDiff v3 motion module for SD1.5 (32 frames)`.
    pub description: String,
}

impl Identity {
    /// A file of this kind, with a description that completes "is ...".
    pub fn new(kind: Kind, description: impl Into<String>) -> Self {
        Self { kind, description: description.into() }
    }

    /// A file that is recognised but not supported.
    pub fn unsupported(description: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, description)
    }
}

/// Identifies a file. Reads tensor names and shapes only, never the data.
pub fn identify(file: &Arc<TensorFile>) -> Identity {
    if let Some(identity) = families().iter().find_map(|family| family.recognise(file)) {
        return identity;
    }
    // Files that no family claims: those that several families share, and unsupported ones.
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
