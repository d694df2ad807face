//! The bundle's own models.

use std::path::PathBuf;

use parking_lot::RwLock;

/// File names of the built-in model in the bundle's resources: checkpoint, motion module, ControlNet for lines.
pub const BUILT_IN: [&str; 3] =
    ["pocket.safetensors", "pocket_motion.safetensors", "pocket_lines.safetensors"];

static RESOURCES: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Says where the bundle's resources are (`Contents/Resources`); the built-in model is in `models` below it.
pub fn set_resources(folder: PathBuf) {
    *RESOURCES.write() = Some(folder);
}

/// The folder of the bundle's models.
pub(super) fn models() -> PathBuf {
    RESOURCES.read().clone().unwrap_or_default().join("models")
}

/// Path of a file of the built-in model.
pub(super) fn built_in(name: &str) -> PathBuf {
    models().join(name)
}
