//! Unsample: AI video restyling as an OpenFX effect.

/// The networks: text encoder, VAE, UNet, motion module, and the operations under them.
pub mod model;
/// Files with weights: reading, recognising, naming.
pub mod weights;
