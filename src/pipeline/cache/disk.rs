//! The cache on disk: one safetensors file an entry, named by its key.
//!
//! Entries are written beside and renamed into place, so a reader sees a whole entry or none. Each carries a checksum
//! over its tensors; an entry that does not match is deleted and computed again. Several processes may share a folder:
//! nothing is ever changed in place, and a file that another process evicted is simply a miss.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use candle_core::{DType, Device, Tensor};
use parking_lot::Mutex;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{CacheError, Entry};
use crate::pipeline::key::Key;

const CHECKSUM: &str = "unsample.checksum";
const STAGE: &str = "unsample.stage";

/// A folder of entries with a bound on its size.
pub struct DiskCache {
    folder: PathBuf,
    /// Upper bound in bytes; the least recently used entries go first.
    limit: u64,
    /// Bytes in the folder as far as this process knows; counted once, then kept up to date.
    known: Mutex<Option<u64>>,
}

/// What `cache info` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Number of entries.
    pub entries: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

impl DiskCache {
    /// A cache in `folder`, which is made when the first entry is written.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, known: Mutex::new(None) }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an entry lives. Two levels keep folders small.
    pub fn path(&self, key: &Key) -> PathBuf {
        let hex = key.hex();
        self.folder.join(&hex[..2]).join(format!("{hex}.safetensors"))
    }

    /// Reads an entry. `None` where there is none, or where it was damaged, in which case it is removed.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        match decode(&bytes) {
            Ok(entry) => {
                // The modification time is the time of last use; a failure only makes eviction less clever.
                if let Ok(file) = fs::File::options().append(true).open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                Some(entry)
            }
            Err(error) => {
                log::warn!("cache entry {} is damaged ({error}); it is computed again", path.display());
                let _ = fs::remove_file(&path);
                *self.known.lock() = None;
                None
            }
        }
    }

    /// Writes an entry and evicts what no longer fits.
    ///
    /// # Errors
    /// When the folder cannot be written; the caller goes on without the entry.
    pub fn put(&self, key: &Key, stage: &str, entry: &Entry) -> Result<(), CacheError> {
        let path = self.path(key);
        if path.exists() {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&self.folder);
        let fail = |source: std::io::Error| CacheError::Write { path: path.clone(), source };
        fs::create_dir_all(parent).map_err(fail)?;
        let bytes = encode(stage, entry)?;
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(parent).map_err(fail)?;
        file.write_all(&bytes).and_then(|()| file.as_file().sync_data()).map_err(fail)?;
        file.persist(&path).map_err(|e| fail(e.error))?;
        self.account(bytes.len() as u64);
        Ok(())
    }

    fn account(&self, added: u64) {
        let mut known = self.known.lock();
        let total = match *known {
            Some(total) => total + added,
            None => self.entries().iter().map(|e| e.bytes).sum(),
        };
        *known = Some(if total > self.limit { self.evict() } else { total });
    }

    /// Removes the least recently used entries until nine tenths of the limit are kept; returns what is left. The
    /// folder is read anew, since other processes write to it too.
    fn evict(&self) -> u64 {
        let mut entries = self.entries();
        entries.sort_by_key(|e| e.used);
        let mut total: u64 = entries.iter().map(|e| e.bytes).sum();
        let goal = self.limit / 10 * 9;
        for entry in entries {
            if total <= goal {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
            }
        }
        total
    }

    fn entries(&self) -> Vec<Found> {
        let Ok(folders) = fs::read_dir(&self.folder) else { return Vec::new() };
        let files = folders.flatten().filter_map(|d| fs::read_dir(d.path()).ok()).flat_map(|d| d.flatten());
        files
            .filter(|f| f.path().extension().is_some_and(|e| e == "safetensors"))
            .filter_map(|f| {
                let meta = f.metadata().ok()?;
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                Some(Found { path: f.path(), bytes: meta.len(), used })
            })
            .collect()
    }

    /// Counts the entries.
    pub fn usage(&self) -> DiskUsage {
        let entries = self.entries();
        DiskUsage { entries: entries.len(), bytes: entries.iter().map(|e| e.bytes).sum() }
    }

    /// Removes every entry; returns what was there.
    pub fn clear(&self) -> DiskUsage {
        let mut removed = DiskUsage::default();
        for entry in self.entries() {
            if fs::remove_file(&entry.path).is_ok() {
                removed.entries += 1;
                removed.bytes += entry.bytes;
            }
        }
        *self.known.lock() = None;
        removed
    }
}

struct Found {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Checksum over names, shapes and values, in the order of the names.
fn checksum<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut list: Vec<_> = tensors.collect();
    list.sort_by_key(|t| t.0);
    let mut key = Key::of("entry");
    for (name, shape, data) in list {
        let shape: Vec<f64> = shape.iter().map(|&d| d as f64).collect();
        key = key.text("name", name).floats("shape", &shape).key("data", &Key::of_bytes(data));
    }
    key.finish().hex()
}

fn encode(stage: &str, entry: &Entry) -> Result<Vec<u8>, CacheError> {
    let mut parts = Vec::with_capacity(entry.len());
    for (name, tensor) in entry {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        parts.push((name.as_str(), tensor.dims().to_vec(), bytes));
    }
    let sum = checksum(parts.iter().map(|(n, s, b)| (*n, s.as_slice(), b.as_slice())));
    let meta = HashMap::from([(CHECKSUM.to_owned(), sum), (STAGE.to_owned(), stage.to_owned())]);
    let views = parts
        .iter()
        .map(|(n, s, b)| Ok((*n, TensorView::new(Dtype::F32, s.clone(), b)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    Ok(safetensors::serialize(views, Some(meta))?)
}

fn decode(bytes: &[u8]) -> Result<Entry, CacheError> {
    let (_, meta) = SafeTensors::read_metadata(bytes)?;
    let expected = meta.metadata().as_ref().and_then(|m| m.get(CHECKSUM).cloned());
    let file = SafeTensors::deserialize(bytes)?;
    let tensors = file.tensors();
    let sum = checksum(tensors.iter().map(|(n, v)| (n.as_str(), v.shape(), v.data())));
    if expected.as_deref() != Some(sum.as_str()) {
        return Err(CacheError::Checksum);
    }
    let mut entry = Entry::new();
    for (name, view) in &tensors {
        if view.dtype() != Dtype::F32 {
            return Err(CacheError::Checksum);
        }
        let tensor = Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), &Device::Cpu)?;
        entry.insert(name.clone(), tensor);
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fill: f32) -> Entry {
        let x = Tensor::full(fill, (2, 3), &Device::Cpu).unwrap();
        Entry::from([("x".to_owned(), x)])
    }

    fn first(entry: &Entry) -> f32 {
        entry["x"].flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
    }

    #[test]
    fn what_was_put_is_found_by_another_instance() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::of_bytes(b"a");
        DiskCache::new(dir.path().into(), 1 << 20).put(&key, "test", &entry(0.5)).unwrap();
        let other = DiskCache::new(dir.path().into(), 1 << 20);
        assert_eq!(first(&other.get(&key).unwrap()), 0.5);
        assert!(other.get(&Key::of_bytes(b"b")).is_none());
    }

    #[test]
    fn a_damaged_entry_is_a_miss_and_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(dir.path().into(), 1 << 20);
        let key = Key::of_bytes(b"a");
        cache.put(&key, "test", &entry(0.5)).unwrap();
        let whole = fs::read(cache.path(&key)).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for bad in [&flipped[..], &whole[..whole.len() - 3], b"garbage", b""] {
            fs::write(cache.path(&key), bad).unwrap();
            assert!(cache.get(&key).is_none());
            assert!(!cache.path(&key).exists());
        }
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let size = encode("test", &entry(0.0)).unwrap().len() as u64;
        let cache = DiskCache::new(dir.path().into(), size * 4);
        let keys: Vec<Key> = (0u8..5).map(|i| Key::of_bytes(&[i])).collect();
        for (i, key) in keys.iter().take(4).enumerate() {
            cache.put(key, "test", &entry(i as f32)).unwrap();
            let file = fs::File::options().append(true).open(cache.path(key)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(i as u64)).unwrap();
        }
        cache.get(&keys[0]).unwrap();
        cache.put(&keys[4], "test", &entry(4.0)).unwrap();
        let kept: Vec<bool> = keys.iter().map(|k| cache.path(k).exists()).collect();
        assert_eq!(kept, [true, false, false, true, true]);
    }
}
