//! The commands, one file per command.

pub mod bench;
pub mod cache;
pub mod doctor;
pub mod models;
pub mod params;
pub mod progress;
pub mod pull;
pub mod render;
pub mod sigmas;

pub use crate::words::out as print;
