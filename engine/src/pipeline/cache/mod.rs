//! Finished stages, remembered under their keys: in memory for the session, on disk across sessions.

mod disk;
mod memory;

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::Tensor;

pub use disk::{DiskCache, DiskUsage};
pub use memory::MemoryCache;
pub use protocol::folder::default_folder;

/// Named tensors, f32 on the CPU.
pub type Entry = BTreeMap<String, Tensor>;

/// What can go wrong with an entry. None of it fails a render.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// While an entry is written: no permission, a full disk.
    #[error("the cache folder {} could not be written to: {reason}", folder.display())]
    Write {
        /// The cache's folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// While an entry is read.
    #[error("its checksum does not match")]
    Checksum,
    /// While an entry is read: whoever wrote it kept what was no result.
    #[error("it has NaN or infinite values")]
    NotFinite,
    /// While an entry is read or written.
    #[error(transparent)]
    Format(#[from] safetensors::SafeTensorError),
    /// While tensors are moved.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
