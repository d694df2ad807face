//! VAE: diffusers names, old and new, to LDM names.
//!
//! The decoder's levels are in reverse order: LDM numbers them by resolution, diffusers in the order of execution.

use super::unet::{number, replaced};

/// Layers of the middle attention: LDM, diffusers, diffusers before 0.17.
const ATTENTION: [(&str, &str, &str); 5] = [
    ("norm", "group_norm", "group_norm"),
    ("q", "to_q", "query"),
    ("k", "to_k", "key"),
    ("v", "to_v", "value"),
    ("proj_out", "to_out.0", "proj_attn"),
];

/// Number of levels of a decoder in diffusers naming.
pub fn levels<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let level = |name: &str| number(name.strip_prefix("decoder.up_blocks.")?.split('.').next()?);
    names.filter_map(level).max().map_or(0, |highest| highest + 1)
}

/// The LDM name of a tensor in diffusers naming; `levels` is the number of the decoder's levels.
pub fn to_ldm(name: &str, levels: usize) -> Option<String> {
    let (side, rest) = name.split_once('.')?;
    if side == "quant_conv" || side == "post_quant_conv" {
        return Some(name.to_owned());
    }
    if side != "encoder" && side != "decoder" {
        return None;
    }
    let fixed = [("conv_in", "conv_in"), ("conv_out", "conv_out"), ("conv_norm_out", "norm_out")];
    if let Some(rest) = replaced(rest, fixed) {
        return Some(format!("{side}.{rest}"));
    }
    if let Some(rest) = rest.strip_prefix("mid_block.") {
        return Some(format!("{side}.mid.{}", middle(rest)?));
    }
    let (blocks, rest) = rest.split_once('.')?;
    let (level, rest) = rest.split_once('.')?;
    let level = number(level)?;
    let (blocks, level) = match (side, blocks) {
        ("encoder", "down_blocks") => ("down", level),
        ("decoder", "up_blocks") => ("up", levels.checked_sub(level + 1)?),
        _ => return None,
    };
    let samplers = [("downsamplers.0.conv", "downsample.conv"), ("upsamplers.0.conv", "upsample.conv")];
    let rest = match replaced(rest, samplers) {
        Some(rest) => rest,
        None => {
            let (place, rest) = rest.strip_prefix("resnets.")?.split_once('.')?;
            format!("block.{}.{}", number(place)?, resnet(rest)?)
        }
    };
    Some(format!("{side}.{blocks}.{level}.{rest}"))
}

fn middle(rest: &str) -> Option<String> {
    if let Some(rest) = rest.strip_prefix("attentions.0.") {
        let new = ATTENTION.map(|(ldm, new, _)| (new, ldm));
        let old = ATTENTION.map(|(ldm, _, old)| (old, ldm));
        return Some(format!("attn_1.{}", replaced(rest, new.into_iter().chain(old))?));
    }
    let (place, rest) = rest.strip_prefix("resnets.")?.split_once('.')?;
    Some(format!("block_{}.{}", number(place)? + 1, resnet(rest)?))
}

fn resnet(rest: &str) -> Option<String> {
    let same = ["norm1", "conv1", "norm2", "conv2"].map(|name| (name, name));
    replaced(rest, same.into_iter().chain([("conv_shortcut", "nin_shortcut")]))
}
