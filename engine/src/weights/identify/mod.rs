//! What a file of weights is, told from the names and shapes of its tensors alone.
//!
//! The tests go from the special to the general and the first hit wins: a LoRA also has UNet names in its names, a
//! ControlNet 1.0 file also holds a whole checkpoint. Families that cannot be used are named too, so that the
//! refusal says what the file is instead of which tensor it lacks.

mod embedding;
mod foreign;
mod lora;
mod motion;
mod network;
mod report;

use std::fmt;
use std::sync::Arc;

pub use motion::MotionVersion;
pub use report::precision;

use super::TensorFile;

/// The networks that belong together: a part made for one family does not fit another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Stable Diffusion 1.x.
    Sd15,
    /// Stable Diffusion XL.
    Sdxl,
    /// The plan of Stable Diffusion 1 with other widths, as the built-in model has it.
    Small,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sd15 => "SD1.5",
            Self::Sdxl => "SDXL",
            Self::Small => "a small model",
        })
    }
}

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
        /// Channels of the latents.
        latent_channels: usize,
    },
    /// A text encoder on its own.
    TextEncoder {
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
    fn new(kind: Kind, description: impl Into<String>) -> Self {
        Self { kind, description: description.into() }
    }

    fn unsupported(description: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, description)
    }
}

/// Says what a file is. Reads names and shapes only, never the data.
pub fn identify(file: &Arc<TensorFile>) -> Identity {
    let any = |part: &str| file.names().any(|name| name.contains(part));
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let has = |name: &str| file.shape(name).is_some();

    if let Some(identity) = lora::identify(file) {
        return identity;
    }
    if let Some(identity) = embedding::identify(file) {
        return identity;
    }
    if has("lora_controlnet") {
        return Identity::unsupported("a Control-LoRA, which is not supported");
    }
    if let Some(found) = foreign::identify(file) {
        return Identity::unsupported(found);
    }
    let control_hint = "controlnet_cond_embedding";
    if any(control_hint) && any("motion_modules") {
        return motion::sparse_control(file);
    }
    if ["control_model.zero_convs.0.0.weight", "zero_convs.0.0.weight"].into_iter().any(has)
        || has("controlnet_cond_embedding.conv_in.weight")
    {
        return network::control(file);
    }
    let unet = "model.diffusion_model.";
    if (any("motion_modules.") || any("temporal_attentions.")) && !any(unet) {
        return motion::identify(file);
    }
    if starts(unet)
        || has("input_blocks.0.0.weight")
        || has("unet/conv_in.weight")
        || (has("conv_in.weight") && has("time_embedding.linear_1.weight"))
    {
        return network::checkpoint(file);
    }
    // Alone, or cut out of a checkpoint with its names.
    let first_level = ["encoder.down.0.block.0.norm1.weight", "encoder.down_blocks.0.resnets.0.norm1.weight"];
    let places = ["", "first_stage_model.", "vae/"];
    let vae = |level: &str| places.iter().any(|place| has(&format!("{place}{level}")));
    if first_level.into_iter().any(vae) {
        return network::vae(file);
    }
    let towers =
        ["text_model.encoder.layers.0.", "encoder.layers.0.self_attn.", "transformer.resblocks.0.attn."];
    let places = ["cond_stage_model.", "conditioner.embedders.", "text_encoder/", "text_encoder_2/"];
    let tower = |name: &str| {
        let inside = places.iter().any(|place| name.starts_with(place));
        towers.iter().any(|tower| name.starts_with(tower) || (inside && name.contains(tower)))
    };
    if file.names().any(tower) {
        return network::text(file);
    }
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
