//! The commands, one file each.

pub mod doctor;
pub mod params;
pub mod progress;
pub mod render;
