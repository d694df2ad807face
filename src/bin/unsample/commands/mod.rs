//! The commands, one file each.

pub mod bench;
pub mod cache;
pub mod doctor;
pub mod models;
pub mod params;
pub mod progress;
pub mod pull;
pub mod render;
pub mod sigmas;

use std::io::Write;

/// Prints to standard output. A reader that has seen enough, such as `head`, is no failure.
pub fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
