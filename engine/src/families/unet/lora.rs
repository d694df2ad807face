//! Identifies LoRAs, and the family that they were trained for.

use std::sync::Arc;

use crate::families::{Identity, Kind};
use crate::weights::{TensorFile, changes_second_tower, is_down, is_lora_name, plain_layer};

/// Identifies a LoRA; `None` for other files.
pub fn identify(file: &Arc<TensorFile>) -> Option<Identity> {
    let any = |part: &str| file.names().any(|name| name.contains(part));
    if !file.names().any(is_lora_name) {
        return None;
    }
    // Variants of LoRA, unless some layers are plain LoRA: then those are used, and the others are counted as unsupported.
    let relatives = [
        (".hada_w1_a", "a LoHa"),
        (".lokr_w1", "a LoKr"),
        (".dora_scale", "a DoRA"),
        (".lora_magnitude_vector", "a DoRA"),
        (".oft_blocks", "an OFT"),
        (".oft_diag", "an OFT"),
    ];
    if let Some((mark, name)) = relatives.into_iter().find(|(mark, _)| any(mark)) {
        let layer = |name: &str| name.rsplit_once(mark).map(|(layer, _)| layer.to_owned());
        let marked: std::collections::BTreeSet<String> = file.names().filter_map(layer).collect();
        let plain = |name: &str| plain_layer(name).is_some_and(|layer| !marked.contains(layer));
        if !file.names().any(plain) {
            return Some(Identity::unsupported(format!("{name}, a relative of LoRA that is not supported")));
        }
    }
    if any("motion_modules") {
        return Some(Identity::new(Kind::MotionLora, "an AnimateDiff motion LoRA"));
    }
    // The input width of the cross-attention's keys is the width of the text conditioning.
    let context = file.tensors().find_map(|(name, info)| {
        (is_down(name) && name.contains("attn2") && name.contains("to_k"))
            .then(|| info.shape.get(1).copied())?
    });
    let second_tower = file.names().any(changes_second_tower);
    let flux = ["double_blocks", "single_transformer_blocks", "joint_blocks", "joint_transformer_blocks"];
    if flux.into_iter().any(any) {
        return Some(Identity::unsupported("a LoRA for Flux or SD3, which are not supported"));
    }
    let family = match context {
        _ if second_tower => super::with_two_encoders(),
        Some(1024) => return Some(Identity::unsupported("a LoRA for SD2, which is not supported")),
        Some(width) => Some(super::by_context(width)),
        None => None,
    };
    let description = match family {
        Some(family) => format!("a LoRA for {family}"),
        None => "a LoRA".into(),
    };
    Some(Identity::new(Kind::Lora { family }, description))
}
