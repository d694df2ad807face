//! The files of a models folder, each with what it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Identity, identify};
use crate::weights::{TensorFile, WeightsError, model_files};

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

impl Listed {
    /// What it is, or why it cannot be used; a look at the beginning of every tensor.
    ///
    /// # Errors
    /// As for [`TensorFile::open`] and [`Identity::require_sound`].
    pub fn into_sound(self) -> Result<Identity, WeightsError> {
        let identity = self.identity?;
        identity.require_sound(&Arc::new(TensorFile::open(&self.path)?))?;
        Ok(identity)
    }
}

/// The weight files of a folder and its folders (four levels deep), in path order, each with what it is. Links are
/// followed, and those that lead nowhere are listed as unreadable; a file or folder that is reached twice is listed once. The folder of a ComfyUI or a Stable Diffusion web
/// UI stands for the places where these keep models, and a diffusers checkpoint is listed as one.
///
/// A folder that does not exist holds no models; folders that cannot be read are passed over.
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
