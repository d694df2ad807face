//! Lists the model files in a folder and identifies them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Identity, identify};
use crate::weights::{TensorFile, WeightsError, model_files};

/// One file in a models folder.
#[derive(Debug)]
pub struct Listed {
    /// The path of the file.
    pub path: PathBuf,
    /// Size of the file in bytes; 0 if it cannot be determined.
    pub size: u64,
    /// The result of identifying the file, or why it cannot be read.
    pub identity: Result<Identity, WeightsError>,
}

impl Listed {
    /// The file's identity, or an error if it cannot be used; reads the beginning of every tensor to detect damage.
    ///
    /// # Errors
    /// As for [`TensorFile::open`] and [`Identity::require_sound`].
    pub fn into_sound(self) -> Result<Identity, WeightsError> {
        let identity = self.identity?;
        identity.require_sound(&Arc::new(TensorFile::open(&self.path)?))?;
        Ok(identity)
    }
}

/// Lists the weight files in a folder and its subfolders (four levels deep), sorted by path, and identifies each of
/// them. Symbolic links are followed, and broken ones are listed as unreadable; a file or folder reached twice is
/// listed once. If the folder is that of ComfyUI or a Stable Diffusion web UI, the folders where these keep models are
/// listed instead. A diffusers checkpoint is listed as one file.
///
/// A folder that does not exist contains no models; folders that cannot be read are skipped.
pub fn list_models(folder: &Path) -> Vec<Listed> {
    model_files(folder)
        .into_iter()
        .map(|path| match TensorFile::open(&path) {
            Ok(file) => {
                let file = Arc::new(file);
                Listed { path, size: file.size(), identity: Ok(identify(&file)) }
            }
            Err(error) => {
                let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
                Listed { path, size, identity: Err(error) }
            }
        })
        .collect()
}
