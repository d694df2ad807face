//! Identifies files of UNets and those used with them by names and shapes.
//!
//! The checks go from the specific to the general and the first match wins: the tensor names of a LoRA also contain
//! UNet names, and a ControlNet 1.0 file also contains a whole checkpoint.

use std::sync::Arc;

use super::{embedding, lora, motion, network};
use crate::families::{Identity, foreign};
use crate::weights::TensorFile;

/// Identifies a file that belongs to these families, or a related file that is not supported.
pub fn recognise(file: &Arc<TensorFile>) -> Option<Identity> {
    let any = |part: &str| file.names().any(|name| name.contains(part));
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    let has = |name: &str| file.shape(name).is_some();

    if let Some(identity) = lora::identify(file) {
        return Some(identity);
    }
    if let Some(identity) = embedding::identify(file) {
        return Some(identity);
    }
    if has("lora_controlnet") {
        return Some(Identity::unsupported("a Control-LoRA, which is not supported"));
    }
    if let Some(found) = foreign::identify(file) {
        return Some(Identity::unsupported(found));
    }
    let control_hint = "controlnet_cond_embedding";
    if any(control_hint) && any("motion_modules") {
        return Some(motion::sparse_control(file));
    }
    if ["control_model.zero_convs.0.0.weight", "zero_convs.0.0.weight"].into_iter().any(has)
        || has("controlnet_cond_embedding.conv_in.weight")
    {
        return Some(network::control(file));
    }
    let unet = "model.diffusion_model.";
    if (any("motion_modules.") || any("temporal_attentions.")) && !any(unet) {
        return Some(motion::identify(file));
    }
    if starts(unet)
        || has("input_blocks.0.0.weight")
        || has("unet/conv_in.weight")
        || (has("conv_in.weight") && has("time_embedding.linear_1.weight"))
    {
        return Some(network::checkpoint(file));
    }
    // A VAE file, or one extracted from a checkpoint with its prefix.
    let first_level = ["encoder.down.0.block.0.norm1.weight", "encoder.down_blocks.0.resnets.0.norm1.weight"];
    let places = ["", "first_stage_model.", "vae/"];
    let vae = |level: &str| places.iter().any(|place| has(&format!("{place}{level}")));
    if first_level.into_iter().any(vae) {
        return Some(network::vae(file));
    }
    let towers =
        ["text_model.encoder.layers.0.", "encoder.layers.0.self_attn.", "transformer.resblocks.0.attn."];
    let places = ["cond_stage_model.", "conditioner.embedders.", "text_encoder/", "text_encoder_2/"];
    let tower = |name: &str| {
        let inside = places.iter().any(|place| name.starts_with(place));
        towers.iter().any(|tower| name.starts_with(tower) || (inside && name.contains(tower)))
    };
    if file.names().any(tower) {
        return Some(network::text(file));
    }
    None
}
