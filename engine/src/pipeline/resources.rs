//! The models in the plugin's bundle.

use std::path::PathBuf;

use parking_lot::RwLock;

/// File names of the built-in model in the bundle's resources: checkpoint, motion module, line ControlNet.
pub const BUILT_IN: [&str; 3] =
    ["pocket.safetensors", "pocket_motion.safetensors", "pocket_lines.safetensors"];

static RESOURCES: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Sets the folder of the bundle's resources (`Contents/Resources`); the built-in model is in its subfolder `models`.
pub fn set_resources(folder: PathBuf) {
    *RESOURCES.write() = Some(folder);
}

/// The folder of the bundle's models.
pub(super) fn models() -> PathBuf {
    RESOURCES.read().clone().unwrap_or_default().join("models")
}

/// The path of a file of the built-in model.
pub(super) fn built_in(name: &str) -> PathBuf {
    models().join(name)
}
