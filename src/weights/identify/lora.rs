//! LoRAs: which family the low-rank parts were made for.

use std::sync::Arc;

use super::{Family, Identity, Kind};
use crate::weights::TensorFile;

/// Parts of names that only LoRAs have.
const MARKS: [&str; 10] = [
    ".lora_down.",
    ".lora_up.",
    "_lora.down.",
    "_lora.up.",
    ".lora_A.",
    ".lora_B.",
    ".lora.down.",
    ".lora.up.",
    "lora_linear_layer",
    ".lora_mid.",
];

/// What kind of LoRA a file is; `None` if it is none.
pub fn identify(file: &Arc<TensorFile>) -> Option<Identity> {
    let any = |part: &str| file.names().any(|name| name.contains(part));
    let starts = |part: &str| file.names().any(|name| name.starts_with(part));
    for (mark, name) in [(".hada_w1_a", "a LoHa"), (".lokr_w1", "a LoKr"), (".dora_scale", "a DoRA")] {
        if any(mark) {
            return Some(Identity::unsupported(format!("{name}, a relative of LoRA")));
        }
    }
    if !MARKS.iter().any(|mark| any(mark)) {
        return None;
    }
    if any("motion_modules") {
        return Some(Identity::new(Kind::MotionLora, "an AnimateDiff motion LoRA"));
    }
    // The cross attention's keys are as wide as the text conditioning.
    let context = file.tensors().find_map(|(name, info)| {
        let down = name.ends_with("down.weight") || name.contains(".lora_A.");
        (down && name.contains("attn2") && name.contains("to_k")).then(|| info.shape.get(1).copied())?
    });
    let second_tower = starts("lora_te2_") || starts("text_encoder_2.");
    let family = match context {
        _ if second_tower => Some(Family::Sdxl),
        Some(2048) => Some(Family::Sdxl),
        Some(768) => Some(Family::Sd15),
        Some(1024) => return Some(Identity::unsupported("a LoRA for SD2")),
        Some(_) => Some(Family::Small),
        None => None,
    };
    let description = match family {
        Some(family) => format!("a LoRA for {family}"),
        None => "a LoRA".into(),
    };
    Some(Identity::new(Kind::Lora { family }, description))
}
