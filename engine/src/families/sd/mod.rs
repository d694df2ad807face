//! Stable Diffusion 1.x, and small models with its architecture.

use super::Addition;
use super::unet::{CLIP_L, Claim, SMALL_TEXT, UnetFamily};
use crate::diffusion::Scheduler;

/// Width of the text conditioning: CLIP-L's.
const CONTEXT: usize = 768;
/// Width of the text conditioning of Stable Diffusion 2, which is not supported.
const CONTEXT_OF_SD2: usize = 1024;
/// Channels of the UNet's first level.
const WIDTH: usize = 320;

/// The parameters of the Stable Diffusion 1.x family.
pub static SD15: UnetFamily = UnetFamily {
    name: "SD1.5",
    small: false,
    claims: |shapes| match (shapes.pooled, shapes.context) {
        (None, Some(CONTEXT)) => Claim::Mine { context_width: CONTEXT },
        (None, Some(CONTEXT_OF_SD2)) => Claim::Relative("an SD2".into()),
        _ => Claim::No,
    },
    takes_context: |width| width == CONTEXT,
    motion: |shape| (shape.width == WIDTH).then(|| shape.animate_diff()),
    text_encoders: &[CLIP_L],
    latent_scale: 0.18215,
    align_your_steps: Scheduler::AysSd1,
    takes: |addition| match addition {
        Addition::MotionModule => {
            "an SD1.5 checkpoint needs an AnimateDiff v1, v2 or v3 or AnimateLCM motion module for SD1.5"
        }
        Addition::ControlNet => "an SD1.5 checkpoint needs a ControlNet for SD1.5",
        Addition::Lora => "an SD1.5 checkpoint takes LoRAs for SD1.5",
        Addition::TextEncoder => "an SD1.5 checkpoint needs a CLIP-L text encoder",
        Addition::Embedding => "an SD1.5 checkpoint takes textual inversion embeddings for SD1.5",
    },
    large_text_encoders: false,
};

/// The architecture of Stable Diffusion 1 with other widths. A VAE with other latents than Stable Diffusion's has its
/// scale factor folded into its weights.
pub static SMALL: UnetFamily = UnetFamily {
    name: "a small model",
    small: true,
    claims: |shapes| match (shapes.pooled, shapes.context) {
        (None, Some(_)) if shapes.linear => Claim::Relative("an SD2".into()),
        (None, Some(context_width)) => Claim::Mine { context_width },
        _ => Claim::No,
    },
    takes_context: |_| false,
    motion: |shape| Some(shape.animate_diff()),
    text_encoders: &[SMALL_TEXT],
    takes: |addition| match addition {
        Addition::MotionModule => "the checkpoint needs the motion module that was made for it",
        Addition::ControlNet => "the checkpoint needs a ControlNet that was made for it",
        Addition::Lora => "the checkpoint takes LoRAs that were made for it",
        Addition::TextEncoder => "the checkpoint needs the text encoder that it was made with",
        Addition::Embedding => "the checkpoint takes textual inversion embeddings that were made for it",
    },
    ..SD15
};
