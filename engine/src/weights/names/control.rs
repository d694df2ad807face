//! ControlNet: diffusers names to LDM names.
//!
//! The encoder half has the names of the UNet. Additional are the zero convolutions, one for every block of the down
//! path and one for the middle block, and the small network that embeds the hint at the resolution of the latents.

use super::unet::{self, Plan, number, replaced};

/// The LDM name of a tensor in diffusers naming. The layers that only union ControlNets have (`task_embedding`,
/// `control_add_embedding`, `transformer_layes`, `spatial_ch_projs`) have no LDM name and are not renamed.
pub fn to_ldm(name: &str, plan: &Plan) -> Option<String> {
    let rules = [
        ("controlnet_mid_block", "middle_block_out.0"),
        ("controlnet_cond_embedding.conv_in", "input_hint_block.0"),
        ("controlnet_cond_embedding.conv_out", "input_hint_block.14"),
        // SparseCtrl on RGB images has a single layer here.
        ("controlnet_cond_embedding.weight", "input_hint_block.0.weight"),
        ("controlnet_cond_embedding.bias", "input_hint_block.0.bias"),
    ];
    if let Some(fixed) = replaced(name, rules) {
        return Some(fixed);
    }
    if let Some(rest) = name.strip_prefix("controlnet_down_blocks.") {
        let (block, rest) = rest.split_once('.')?;
        return Some(format!("zero_convs.{}.0.{rest}", number(block)?));
    }
    if let Some(rest) = name.strip_prefix("controlnet_cond_embedding.blocks.") {
        let (block, rest) = rest.split_once('.')?;
        return Some(format!("input_hint_block.{}.{rest}", 2 * (number(block)? + 1)));
    }
    if union_layer(name) { Some(name.to_owned()) } else { unet::to_ldm(name, plan) }
}

/// Whether a tensor belongs to a layer that only union ControlNets have.
pub fn union_layer(name: &str) -> bool {
    let starts = ["control_add_embedding.", "transformer_layes.", "spatial_ch_projs."];
    name == "task_embedding" || starts.iter().any(|start| name.starts_with(start))
}

/// Whether an LDM name is one of a ControlNet.
pub fn is_ldm(name: &str) -> bool {
    let starts = [
        "input_blocks.",
        "middle_block.",
        "middle_block_out.",
        "zero_convs.",
        "input_hint_block.",
        "time_embed.",
        "label_emb.",
    ];
    starts.iter().any(|start| name.starts_with(start)) || union_layer(name)
}
