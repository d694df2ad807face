//! The Stable Diffusion XL family.

use std::collections::BTreeMap;

use super::Addition;
use super::unet::{BIG_G, CLIP_L, Claim, MotionVersion, UnetFamily};
use crate::diffusion::Scheduler;

/// Width of the text conditioning: CLIP-L's and OpenCLIP bigG's concatenated.
const CONTEXT: usize = 2048;
/// Width of the added conditioning: pooled text embedding and sizes.
const VECTOR: usize = 2816;
/// The same for the refiner, which is not supported.
const VECTOR_OF_REFINER: usize = 2560;
/// Channels of the UNet's first level, and the number of levels.
const WIDTH: usize = 320;
const LEVELS: usize = 3;
/// Transformer blocks per input block.
const DEPTHS: [(usize, usize); 4] = [(4, 2), (5, 2), (7, 10), (8, 10)];

/// The parameters of the Stable Diffusion XL family.
pub static SDXL: UnetFamily = UnetFamily {
    name: "SDXL",
    small: false,
    claims: |shapes| match shapes.pooled {
        Some(VECTOR_OF_REFINER) => Claim::Relative("an SDXL refiner".into()),
        Some(VECTOR) if shapes.whole && shapes.depths != BTreeMap::from(DEPTHS) => {
            Claim::Relative("an SDXL variant of another depth (SSD-1B, Vega or KOALA)".into())
        }
        Some(VECTOR) => Claim::Mine { context_width: shapes.context.unwrap_or(CONTEXT) },
        Some(width) => Claim::Relative(format!("a network with {width} added conditions")),
        None => Claim::No,
    },
    takes_context: |width| width == CONTEXT,
    motion: |shape| match shape {
        _ if shape.hotshot => Some((MotionVersion::Hotshot, "a Hotshot-XL")),
        _ if shape.levels == LEVELS && shape.width == WIDTH => {
            Some((MotionVersion::SdxlBeta, "an AnimateDiff-SDXL"))
        }
        _ => None,
    },
    text_encoders: &[CLIP_L, BIG_G],
    latent_scale: 0.13025,
    align_your_steps: Scheduler::AysSdxl,
    takes: |addition| match addition {
        Addition::MotionModule => "an SDXL checkpoint needs a Hotshot-XL or AnimateDiff-SDXL motion module",
        Addition::ControlNet => "an SDXL checkpoint needs a ControlNet for SDXL",
        Addition::Lora => "an SDXL checkpoint takes LoRAs for SDXL",
        Addition::TextEncoder => "an SDXL checkpoint needs a CLIP-L and an OpenCLIP bigG text encoder",
        Addition::Embedding => "an SDXL checkpoint takes textual inversion embeddings for SDXL",
    },
    large_text_encoders: true,
};
