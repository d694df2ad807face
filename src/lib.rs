//! Unsample: AI video restyling as an OpenFX effect.

pub mod diffusion;
pub mod frame;
