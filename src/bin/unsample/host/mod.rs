//! A headless OpenFX host.
pub mod picture;
