//! Unsample: AI video restyling as an OpenFX effect.

pub mod ofx;
