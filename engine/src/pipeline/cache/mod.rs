//! Caches of finished stages by key: in memory for this process, on disk across processes.

mod disk;
mod memory;

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::Tensor;

pub use disk::{DiskCache, DiskUsage};
pub use memory::MemoryCache;
pub use protocol::folder::default_folder;

/// The named tensors of a cache entry, f32 on the CPU.
pub type Entry = BTreeMap<String, Tensor>;

/// Errors of reading or writing an entry. None of them fails a render.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The entry could not be written: no permission, a full disk.
    #[error("the cache folder {} could not be written to: {reason}", folder.display())]
    Write {
        /// The path of the cache folder.
        folder: PathBuf,
        /// The reason, as the end of a sentence.
        reason: String,
    },
    /// The entry that was read is damaged, or is another entry's.
    #[error("its checksum does not match")]
    Checksum,
    /// The entry that was read contains NaN or infinity: the process that wrote it kept an invalid result.
    #[error("it has NaN or infinite values")]
    NotFinite,
    /// The entry is not a valid safetensors file, or cannot be written as one.
    #[error(transparent)]
    Format(#[from] safetensors::SafeTensorError),
    /// Tensors could not be converted or copied.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}
