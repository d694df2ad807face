//! The networks of Stable Diffusion 1.5 and SDXL, AnimateDiff and Hotshot-XL: text encoders, VAE, UNet, motion module,
//! ControlNet.
//!
//! Every network is loaded from a [`Source`] of named tensors and derives its topology from their shapes: widths,
//! depths, which levels have attention, the length of the position tables. This module does not handle files, prompt
//! schedules, noise or samplers; a network is a function of tensors. The networks use the operations in [`kernels`]
//! and candle's plain tensor arithmetic, so faster kernels can be swapped in without touching a network.
//!
//! Shapes: images `[frames, 3, height, width]` in -1..1, latents `[frames, channels, height / 8, width / 8]`, text
//! embeddings `[1, 77 n, width]`.

mod blocks;
mod clip;
mod control;
mod encoder;
pub mod hints;
pub mod kernels;
mod layers;
mod memory;
mod motion;
pub mod prompt;
mod resnet;
mod source;
mod text;
mod tiles;
pub mod tokenizer;
mod transformer;
mod unet;
mod vae;

pub use clip::ClipText;
pub use control::{ControlNet, Hint, Residuals};
pub use memory::is_out_of_memory;
pub use motion::{MotionControls, MotionKind, MotionModule};
pub use source::{ModelError, Source, Tensors};
pub use text::{Embedding, Embeddings, Text, TextEncoder, size_vector};
pub use tokenizer::Tokens;
pub use unet::{Given, Probe, UNet};
pub use vae::Vae;
