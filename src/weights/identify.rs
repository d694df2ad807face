//! What a file of weights is, told from the names and shapes of its tensors alone.
//!
//! The tests go from the special to the general and the first hit wins: a LoRA also has UNet names in its names, a
//! ControlNet 1.0 file also holds a whole checkpoint. Families that cannot be used are named too, so that the
//! refusal says what the file is instead of which tensor it lacks.

use super::{TensorFile, WeightsError};

/// Which motion module a file holds; the version decides behaviour that the tensors do not show (group norm over all
/// frames for [`V1`](Self::V1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotionVersion {
    /// AnimateDiff v1 (mm_sd_v14, mm_sd_v15): no module in the middle, usually 24 frames.
    V1,
    /// AnimateDiff v2 (mm_sd_v15_v2): a module in the middle block, 32 frames.
    V2,
    /// AnimateDiff v3 (v3_sd15_mm): no module in the middle, 32 frames.
    V3,
    /// AnimateLCM: as v2, but without position tables; they are computed for 64 frames.
    Lcm,
    /// AnimateDiff-SDXL beta.
    SdxlBeta,
    /// Hotshot-XL.
    Hotshot,
}

impl MotionVersion {
    /// A short name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::Lcm => "lcm",
            Self::SdxlBeta => "sdxl-beta",
            Self::Hotshot => "hotshot-xl",
        }
    }
}

/// The use that a file can be put to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An LDM single file with a UNet of Stable Diffusion 1's topology (the built-in model has the same, smaller).
    Sd15Checkpoint {
        /// Width of the text conditioning: 768 for SD1.x.
        context_width: usize,
        /// Channels of the latents: 4 for SD1.x.
        latent_channels: usize,
        /// Whether the file brings its VAE.
        vae: bool,
        /// Whether the file brings its text encoder.
        text: bool,
    },
    /// A motion module.
    MotionModule {
        /// Its version.
        version: MotionVersion,
        /// Frames that its position tables reach; `None` if it has no tables.
        max_len: Option<usize>,
    },
    /// A VAE file in LDM names.
    Vae {
        /// Channels of the latents.
        latent_channels: usize,
    },
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
    fn unsupported(description: impl Into<String>) -> Self {
        Self { kind: Kind::Unsupported, description: description.into() }
    }

    /// Succeeds for a checkpoint that can be loaded with its VAE and text encoder; `vae_elsewhere` says that the user
    /// chose a VAE file, so that the checkpoint may lack one.
    pub fn require_checkpoint(&self, file: &TensorFile, vae_elsewhere: bool) -> Result<(), WeightsError> {
        let wanted =
            "a checkpoint has to be an SD1.5 single file (.safetensors) with its text encoder and VAE";
        match self.kind {
            Kind::Sd15Checkpoint { text: true, vae, .. } if vae || vae_elsewhere => Ok(()),
            _ => Err(self.wrong(file, wanted)),
        }
    }

    /// Succeeds for a motion module that fits an SD1.5 checkpoint.
    pub fn require_motion_module(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.kind {
            Kind::MotionModule { version: MotionVersion::SdxlBeta | MotionVersion::Hotshot, .. } => Err(self
                .wrong(
                    file,
                    "an SD1.5 checkpoint needs an AnimateDiff v1, v2 or v3 motion module for SD1.5",
                )),
            Kind::MotionModule { .. } => Ok(()),
            _ => {
                Err(self
                    .wrong(file, "a motion module has to be an AnimateDiff v1, v2 or v3 file (.safetensors)"))
            }
        }
    }

    /// Succeeds for a VAE file and for a checkpoint that brings a VAE.
    pub fn require_vae(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.kind {
            Kind::Vae { .. } | Kind::Sd15Checkpoint { vae: true, .. } => Ok(()),
            _ => Err(self
                .wrong(file, "a VAE has to be an SD1.5 VAE file or checkpoint in LDM names (.safetensors)")),
        }
    }

    fn wrong(&self, file: &TensorFile, wanted: &str) -> WeightsError {
        WeightsError::WrongKind {
            file: file.file_name(),
            found: self.description.clone(),
            wanted: wanted.into(),
        }
    }
}

/// Says what a file is. Reads names and shapes only, never the data.
pub fn identify(file: &TensorFile) -> Identity {
    let any = |part: &str| file.names().any(|name| name.contains(part));
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let has = |name: &str| file.shape(name).is_some();

    const LORA: [&str; 9] = [
        ".lora_down.",
        ".lora_up.",
        "_lora.down.",
        ".lora_A.",
        ".lora_B.",
        ".lora.down.",
        "lora_linear_layer",
        ".hada_w1_a",
        ".lokr_w1",
    ];
    if LORA.iter().any(|mark| any(mark)) {
        return Identity::unsupported(if any("motion_modules") { "a motion LoRA" } else { "a LoRA" });
    }
    if has("lora_controlnet") {
        return Identity::unsupported("a Control-LoRA");
    }
    if any("controlnet_cond_embedding") && any("motion_modules") {
        return Identity::unsupported("an AnimateDiff SparseCtrl file");
    }
    if has("control_model.zero_convs.0.0.weight") || has("zero_convs.0.0.weight") {
        return Identity::unsupported("a ControlNet");
    }
    if any("controlnet_cond_embedding.conv_in.weight") {
        return Identity::unsupported("a ControlNet in diffusers names");
    }
    let unet = "model.diffusion_model.";
    if (any("motion_modules.") || any("temporal_attentions.")) && !any(unet) {
        return motion(file);
    }
    if starts(unet) {
        return checkpoint(file, unet);
    }
    if has("input_blocks.0.0.weight") {
        return checkpoint(file, "");
    }
    if has("conv_in.weight") && has("time_embedding.linear_1.weight") {
        return Identity::unsupported("a UNet in diffusers names");
    }
    if has("encoder.down.0.block.0.norm1.weight") {
        return vae(file);
    }
    if has("encoder.down_blocks.0.resnets.0.norm1.weight") {
        return Identity::unsupported("a VAE in diffusers names");
    }
    if starts("text_model.encoder.layers.0.") || starts("encoder.layers.0.self_attn.") {
        return Identity::unsupported("a text encoder in Hugging Face names");
    }
    if has("transformer.resblocks.0.attn.in_proj_weight") {
        return Identity::unsupported("an OpenCLIP text encoder");
    }
    const ANNOTATORS: [(&str, &str); 5] = [
        ("depth_head.scratch.output_conv1.weight", "a Depth-Anything model"),
        ("block1.convs.0.weight", "a HED edge detector"),
        ("model0.1.weight", "a line-art detector"),
        ("model.model.1.model.1.weight", "an anime line-art detector"),
        ("pretrained.model.patch_embed.backbone.stem.conv.weight", "a MiDaS depth model"),
    ];
    if let Some((_, found)) = ANNOTATORS.iter().find(|(name, _)| has(name)) {
        return Identity::unsupported(*found);
    }
    let found = match file.names().next() {
        Some(first) => format!("not a model that Unsample knows (its first tensor is `{first}`)"),
        None => "empty".into(),
    };
    Identity { kind: Kind::Unknown, description: found }
}

/// A checkpoint or a bare UNet in LDM names below `prefix`.
fn checkpoint(file: &TensorFile, prefix: &str) -> Identity {
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let dim = |name: &str, axis: usize| file.shape(&format!("{prefix}{name}"))?.get(axis).copied();
    let context_width = file
        .tensors()
        .find(|(name, _)| name.starts_with(prefix) && name.ends_with("attn2.to_k.weight"))
        .and_then(|(_, info)| info.shape.get(1).copied())
        .unwrap_or(0);
    let linear_projection = file
        .tensors()
        .find(|(name, _)| name.starts_with(prefix) && name.ends_with(".1.proj_in.weight"))
        .is_some_and(|(_, info)| info.shape.len() == 2);
    let pooled = dim("label_emb.0.0.weight", 1);
    let channels_in = dim("input_blocks.0.0.weight", 1).unwrap_or(0);
    let channels_out = dim("out.2.weight", 0).unwrap_or(0);

    let what = if prefix.is_empty() { "UNet file" } else { "checkpoint" };
    if context_width == 0 || channels_in == 0 || channels_out == 0 {
        return Identity::unsupported(format!("an incomplete {what}"));
    }
    if let Some(width) = pooled {
        let family = if width == 2560 { "an SDXL refiner" } else { "an SDXL" };
        return Identity::unsupported(format!("{family} {what}"));
    }
    if context_width == 1024 || linear_projection {
        return Identity::unsupported(format!("an SD2 {what}"));
    }
    if channels_in != channels_out {
        let special = if channels_in == 9 { "inpainting " } else { "" };
        return Identity::unsupported(format!("an SD1.5 {special}{what} with {channels_in} input channels"));
    }
    let vae = starts("first_stage_model.");
    let text = starts("cond_stage_model.transformer.");
    let family = match context_width {
        768 => "an SD1.5".to_owned(),
        width => format!("a small (text width {width})"),
    };
    let lacks = match (vae, text) {
        (true, true) => "",
        (false, true) => " without a VAE",
        (true, false) => " without a text encoder",
        (false, false) => " without VAE and text encoder",
    };
    Identity {
        kind: Kind::Sd15Checkpoint { context_width, latent_channels: channels_in, vae, text },
        description: format!("{family} {what}{lacks}"),
    }
}

/// A file with temporal layers.
fn motion(file: &TensorFile) -> Identity {
    let names = || file.names().map(|name| name.strip_prefix("module.").unwrap_or(name));
    let any = |part: &str| names().any(|name| name.contains(part));
    if any("img_encoder.") {
        return Identity::unsupported("an AnimateLCM image-to-video module");
    }
    if any("FancyVideo") {
        return Identity::unsupported("a FancyVideo motion module");
    }
    if file.shape("conv_in.weight").is_some_and(|shape| shape.get(1) == Some(&9)) {
        return Identity::unsupported("a PIA motion module");
    }
    if any(".attn1.") || any("pos_embed.pe") {
        return Identity::unsupported("a motion adapter in diffusers names");
    }
    let levels = names()
        .filter_map(|name| name.strip_prefix("down_blocks.")?.split('.').next()?.parse::<usize>().ok())
        .max()
        .map_or(0, |highest| highest + 1);
    let first = file.tensors().find(|(name, _)| {
        name.contains("down_blocks.0.") && name.ends_with("norm.weight") && !name.contains("ff_norm")
    });
    let width = first.and_then(|(_, info)| info.shape.first().copied()).unwrap_or(0);
    let table = file.tensors().find(|(name, _)| {
        name.ends_with("pos_encoder.pe") || name.ends_with("pos_encoder.positional_encoding")
    });
    let max_len = table.and_then(|(_, info)| info.shape.get(1).copied());
    let mid = names().any(|name| name.starts_with("mid_block."));

    // Three levels that begin at 320 channels are SDXL's; the built-in model may have three narrower ones.
    let (version, name, host) = if any("temporal_attentions.") || any("positional_encoding") {
        (MotionVersion::Hotshot, "a Hotshot-XL", "SDXL")
    } else if levels == 3 && width == 320 {
        (MotionVersion::SdxlBeta, "an AnimateDiff-SDXL", "SDXL")
    } else {
        let host = if width == 320 { "SD1.5" } else { "a small model" };
        match (mid, max_len) {
            (true, None) => (MotionVersion::Lcm, "an AnimateLCM", host),
            (true, Some(_)) => (MotionVersion::V2, "an AnimateDiff v2", host),
            (false, Some(32)) => (MotionVersion::V3, "an AnimateDiff v3", host),
            (false, _) => (MotionVersion::V1, "an AnimateDiff v1", host),
        }
    };
    let frames = max_len.map(|frames| format!(" ({frames} frames)")).unwrap_or_default();
    Identity {
        kind: Kind::MotionModule { version, max_len },
        description: format!("{name} motion module for {host}{frames}"),
    }
}

/// A VAE in LDM names without a prefix.
fn vae(file: &TensorFile) -> Identity {
    let latent_channels = file.shape("decoder.conv_in.weight").and_then(|shape| shape.get(1).copied());
    match latent_channels {
        Some(latent_channels) => Identity {
            kind: Kind::Vae { latent_channels },
            description: format!("a VAE with {latent_channels} latent channels"),
        },
        None => Identity::unsupported("a VAE without its decoder"),
    }
}
