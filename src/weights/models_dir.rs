//! The folder where models are looked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Identity, TensorFile, WeightsError, identify};

/// The folder of this user's models, where the platform keeps an application's data:
/// `$XDG_DATA_HOME/unsample/models` or `~/.local/share/unsample/models`, on macOS
/// `~/Library/Application Support/Unsample/models`, on Windows `%LOCALAPPDATA%\Unsample\models`.
///
/// `None` if the system does not say where that is. The folder need not exist.
pub fn models_dir() -> Option<PathBuf> {
    let folder = |variable: &str| {
        let path = PathBuf::from(std::env::var_os(variable)?);
        path.is_absolute().then_some(path)
    };
    let base = if cfg!(target_os = "windows") {
        folder("LOCALAPPDATA")?.join("Unsample")
    } else if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library/Application Support/Unsample")
    } else {
        folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?.join("unsample")
    };
    Some(base.join("models"))
}

/// One file of a models folder.
#[derive(Debug)]
pub struct Listed {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// What it is, or why it cannot be read.
    pub identity: Result<Identity, WeightsError>,
}

/// The weight files of a folder and its folders (three levels deep), in path order, each with what it is.
///
/// A folder that does not exist holds no models; folders that cannot be read are passed over.
pub fn list_models(folder: &Path) -> Vec<Listed> {
    let mut found = Vec::new();
    collect(folder, 3, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
            let identity = TensorFile::open(&path).map(|file| identify(&Arc::new(file)));
            Listed { path, size, identity }
        })
        .collect()
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, found);
            }
        } else if extension.is_some_and(|extension| extension == "safetensors") {
            found.push(path);
        }
    }
}
