//! Identifies motion modules and other files with temporal layers.

use std::sync::Arc;

use super::UnetFamily;
use crate::families::{Family, Identity, Kind, sd, sdxl};
use crate::weights::{TensorFile, View};

/// The version of a motion module; it determines behaviour that the tensors do not show (group norm over all frames for
/// [`V1`](Self::V1)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotionVersion {
    /// AnimateDiff v1 (mm_sd_v14, mm_sd_v15): no module in the middle block, usually 24 frames.
    V1,
    /// AnimateDiff v2 (mm_sd_v15_v2): a module in the middle block, 32 frames.
    V2,
    /// AnimateDiff v3 (v3_sd15_mm): no module in the middle block, 32 frames.
    V3,
    /// AnimateLCM: like v2, but without position tables, which are computed for 64 frames instead.
    Lcm,
    /// AnimateDiff-SDXL beta, a motion module for SDXL.
    SdxlBeta,
    /// Hotshot-XL, a motion module for SDXL.
    Hotshot,
}

impl MotionVersion {
    /// The version's short name in reports.
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

/// The properties that distinguish motion modules.
pub struct MotionShape {
    /// Number of levels of the UNet that it is for.
    pub levels: usize,
    /// Channels of the first level.
    pub width: usize,
    /// Whether it has a module in the middle block.
    pub mid: bool,
    /// Number of frames in its position tables; `None` if it has no tables.
    pub max_len: Option<usize>,
    /// Whether its tensors have Hotshot-XL's naming.
    pub hotshot: bool,
}

impl MotionShape {
    /// The version of AnimateDiff for Stable Diffusion 1 with these properties.
    pub fn animate_diff(&self) -> (MotionVersion, &'static str) {
        match (self.mid, self.max_len) {
            (true, None) => (MotionVersion::Lcm, "an AnimateLCM"),
            (true, Some(_)) => (MotionVersion::V2, "an AnimateDiff v2"),
            (false, Some(32)) => (MotionVersion::V3, "an AnimateDiff v3"),
            (false, _) => (MotionVersion::V1, "an AnimateDiff v1"),
        }
    }
}

/// SDXL before SD1.5: both start with 320 channels, and SDXL has three levels. The built-in model may have three narrower ones.
const UNETS_BY_MOTION: [&UnetFamily; 3] = [&sdxl::SDXL, &sd::SD15, &sd::SMALL];

/// Number of frames in the position tables of temporal layers.
fn max_len(view: &View) -> Option<usize> {
    let table = view.shapes().find(|(name, _)| name.ends_with("pos_encoder.pe"));
    table.and_then(|(_, shape)| shape.get(1).copied())
}

fn frames(max_len: Option<usize>) -> String {
    max_len.map(|frames| format!(" ({frames} frames)")).unwrap_or_default()
}

/// Channels of the first level.
fn first_width(view: &View) -> usize {
    let norm = "temporal_transformer.norm.weight";
    let first = view.shapes().find(|(name, _)| name.starts_with("down_blocks.0.") && name.ends_with(norm));
    first.and_then(|(_, shape)| shape.first().copied()).unwrap_or(0)
}

/// Identifies a file with temporal layers.
pub fn identify(file: &Arc<TensorFile>) -> Identity {
    let names = || file.names().map(|name| name.strip_prefix("module.").unwrap_or(name));
    let any = |part: &str| names().any(|name| name.contains(part));
    if any("img_encoder.") {
        return Identity::unsupported("an AnimateLCM image-to-video module, which is not supported");
    }
    if any("FancyVideo") {
        return Identity::unsupported("a FancyVideo motion module, which is not supported");
    }
    if file.shape("conv_in.weight").is_some_and(|shape| shape.get(1) == Some(&9)) {
        return Identity::unsupported("a PIA motion module, which is not supported");
    }
    let view = View::motion(file.clone());
    let width = first_width(&view);
    let levels = view
        .names()
        .filter_map(|name| name.strip_prefix("down_blocks.")?.split('.').next()?.parse::<usize>().ok())
        .max()
        .map_or(0, |highest| highest.saturating_add(1));
    let max_len = max_len(&view);
    let mid = view.names().any(|name| name.starts_with("mid_block."));

    let hotshot = any("temporal_attentions.") || any("positional_encoding");
    let shape = MotionShape { levels, width, mid, max_len, hotshot };
    let found = UNETS_BY_MOTION.into_iter().find_map(|unet| Some((unet, (unet.motion)(&shape)?)));
    let Some((unet, (version, name))) = found else {
        return Identity::unsupported("a motion module of no known kind");
    };
    let family = unet.entry();
    Identity::new(
        Kind::MotionModule { family, version, max_len },
        format!("{name} motion module for {family}{}", frames(max_len)),
    )
}

/// Identifies a ControlNet with temporal layers.
pub fn sparse_control(file: &Arc<TensorFile>) -> Identity {
    let has = |name: &str| file.names().any(|stored| stored.ends_with(name));
    let scribble = has("controlnet_cond_embedding.conv_in.weight");
    if !scribble && !has("controlnet_cond_embedding.weight") {
        return Identity::unsupported("an incomplete SparseCtrl");
    }
    let view = View::motion(file.clone());
    let max_len = max_len(&view);
    let family = if first_width(&view) == 320 { Family::SD15 } else { Family::SMALL };
    let takes = if scribble { "scribble" } else { "RGB" };
    Identity::new(
        Kind::SparseCtrl { family, scribble, max_len },
        format!("an AnimateDiff SparseCtrl ({takes}) for {family}{}", frames(max_len)),
    )
}
