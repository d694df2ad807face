//! Files by their names: the bundle's own models, and those of the models folders.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::RwLock;

use crate::weights::{find_model, models_dirs};

/// File names of the built-in model in the bundle's resources: checkpoint, motion module, ControlNet for lines.
pub const BUILT_IN: [&str; 3] =
    ["pocket.safetensors", "pocket_motion.safetensors", "pocket_lines.safetensors"];

static RESOURCES: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Says where the bundle's resources are (`Contents/Resources`); the built-in model is in `models` below it.
pub fn set_resources(folder: PathBuf) {
    *RESOURCES.write() = Some(folder);
}

fn models() -> PathBuf {
    RESOURCES.read().clone().unwrap_or_default().join("models")
}

/// Path of a file of the built-in model.
pub(super) fn built_in(name: &str) -> PathBuf {
    models().join(name)
}

/// The file that a parameter means. What is a path stays one; a name alone, with its extension or without, means the
/// file of that name in the models folders or in the bundle, unless there is such a file right here.
pub(super) fn located(path: &Path) -> Cow<'_, Path> {
    let alone = path.parent().is_some_and(|parent| parent.as_os_str().is_empty());
    let name = path.to_str().filter(|_| alone && !path.exists());
    let folders = || models_dirs().into_iter().chain([models()]).collect::<Vec<_>>();
    match name.and_then(|name| find_model(name, &folders())) {
        Some(found) => Cow::Owned(found),
        None => Cow::Borrowed(path),
    }
}

/// Size and time of the last change of the file that a parameter means; nothing where there is none.
pub fn file_state(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let meta = std::fs::metadata(located(path)).ok()?;
    Some((meta.len(), meta.modified().ok()))
}

/// A sentence for a path that leads to no file; for a name alone it says where was searched.
pub(super) fn nowhere(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    let alone = path.parent().is_some_and(|parent| parent.as_os_str().is_empty());
    let name = path.display();
    if !alone {
        let folder = path.parent().filter(|folder| !folder.is_dir());
        return Some(match folder {
            Some(folder) => format!("{name} does not exist, nor does the folder {}", folder.display()),
            None => format!("{name} does not exist"),
        });
    }
    let folders = models_dirs().into_iter().chain([models()]);
    let folders: Vec<String> = folders.map(|folder| folder.display().to_string()).collect();
    Some(format!("there is no model called {name}; these folders were searched: {}", folders.join(", ")))
}
