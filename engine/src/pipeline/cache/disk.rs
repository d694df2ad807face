//! The cache on disk: one safetensors file per entry, named by its key.
//!
//! Entries are written to a temporary file in the same folder and renamed, so a reader sees either a complete entry or
//! none. Each has a checksum over its tensors; an entry that does not match is deleted and computed again. Several
//! processes may share a folder: files are never modified in place, and a file that another process evicted is simply a
//! miss. Anything else in the place of an entry (a link, a pipe, a device) is a miss, too, and is never opened, since
//! reading it could block forever.

mod entry;
mod part;
mod trouble;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::{CacheError, Entry};
use entry::{decode, encode};
use protocol::key::Key;

/// A cache folder with a size limit.
pub struct DiskCache {
    folder: PathBuf,
    /// Size limit in bytes; the least recently used entries are evicted first.
    limit: u64,
    /// Bytes in the folder, as far as this process knows; counted once, then updated.
    known: Mutex<Option<u64>>,
}

/// The contents of a cache folder, for `cache info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Number of entries, damaged ones included.
    pub entries: usize,
    /// Total size of the entries in bytes.
    pub bytes: u64,
}

impl DiskCache {
    /// A cache in `folder`, which is created when the first entry is written.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, known: Mutex::new(None) }
    }

    /// The path of the cache folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of an entry. Two levels keep the folders small.
    pub fn path(&self, key: &Key) -> PathBuf {
        let hex = key.hex();
        self.folder.join(&hex[..2]).join(format!("{hex}.safetensors"))
    }

    /// Reads an entry. `None` if there is none, or if it is damaged, in which case it is deleted.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let path = self.path(key);
        let bytes = read_plain(&path).ok()?;
        match decode(key, &bytes) {
            Ok(entry) => {
                // The modification time is the time of last use; if it cannot be set, eviction is only less accurate.
                if let Ok(file) = fs::File::options().append(true).open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                Some(entry)
            }
            Err(error) => {
                self.reject(key, &error.to_string());
                None
            }
        }
    }

    /// Deletes an entry whose contents cannot be right for its key.
    pub fn reject(&self, key: &Key, reason: &str) {
        let path = self.path(key);
        log::warn!("cache entry {} is damaged ({reason}); it is computed again", path.display());
        let _ = fs::remove_file(&path);
        *self.known.lock() = None;
    }

    /// Writes an entry and evicts others to stay within the limit.
    ///
    /// # Errors
    /// If the folder cannot be written to; the caller continues without the entry.
    pub fn put(&self, key: &Key, stage: &str, entry: &Entry) -> Result<(), CacheError> {
        let path = self.path(key);
        if is_plain(&path) {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&self.folder);
        let fail = |error: io::Error| CacheError::Write {
            folder: self.folder.clone(),
            reason: trouble::reason(&self.folder, &error),
        };
        fs::create_dir_all(parent).map_err(fail)?;
        let bytes = encode(key, stage, entry)?;
        if bytes.len() as u64 > self.limit {
            return Ok(());
        }
        // Whatever has this name is replaced; the target of a link is not touched.
        part::write(parent, &bytes, &path).map_err(fail)?;
        self.account(bytes.len() as u64);
        Ok(())
    }

    /// Removes what goes beyond the limit, and what processes that ended left half written; done once, later writes keep to it.
    pub fn trim(&self) {
        if self.folder.is_dir() {
            self.account(0);
        }
    }

    fn account(&self, added: u64) {
        let mut known = self.known.lock();
        let total = match *known {
            Some(total) => total + added,
            None => {
                part::sweep(&self.folders());
                self.entries().iter().map(|e| e.bytes).sum()
            }
        };
        *known = Some(if total > self.limit { self.evict() } else { total });
    }

    /// Deletes the least recently used entries until nine tenths of the limit remain; returns the remaining bytes. The
    /// folder is listed again, since other processes write to it too.
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

    /// The folders that contain entries.
    fn folders(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(&self.folder).into_iter().flat_map(|folders| folders.flatten());
        let found = found.filter(|folder| is_hex(&folder.file_name(), 2));
        found.map(|folder| folder.path()).filter(|path| path.is_dir()).collect()
    }

    fn entries(&self) -> Vec<EntryFile> {
        let files = self.folders().into_iter().filter_map(|d| fs::read_dir(d).ok()).flat_map(|d| d.flatten());
        files
            .filter(|f| {
                let path = f.path();
                // The folder may have files of somebody else.
                path.extension().is_some_and(|extension| extension == "safetensors")
                    && path.file_stem().is_some_and(|stem| is_hex(stem, 64))
            })
            .filter_map(|f| {
                let meta = f.metadata().ok().filter(fs::Metadata::is_file)?;
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                Some(EntryFile { path: f.path(), bytes: meta.len(), used })
            })
            .collect()
    }

    /// Counts the entries and their size.
    pub fn usage(&self) -> DiskUsage {
        let entries = self.entries();
        DiskUsage { entries: entries.len(), bytes: entries.iter().map(|e| e.bytes).sum() }
    }

    /// Deletes all entries; returns what was deleted.
    pub fn clear(&self) -> DiskUsage {
        let mut removed = DiskUsage::default();
        for entry in self.entries() {
            if fs::remove_file(&entry.path).is_ok() {
                removed.entries += 1;
                removed.bytes += entry.bytes;
            }
        }
        part::sweep(&self.folders());
        *self.known.lock() = None;
        removed
    }
}

/// Whether a name is a hexadecimal number of so many digits.
fn is_hex(name: &OsStr, digits: usize) -> bool {
    name.len() == digits && name.to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a path itself is a regular file, not a link to one.
fn is_plain(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

/// Reads a regular file. Anything else is an error, and the call never blocks on another program.
fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let other = || io::Error::other("it is not a plain file");
    if !is_plain(path) {
        return Err(other());
    }
    let mut options = fs::File::options();
    options.read(true);
    // The file may have been replaced since the check.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let mut file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(other());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct EntryFile {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

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
        let size = encode(&Key::of_bytes(b"a"), "test", &entry(0.0)).unwrap().len() as u64;
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

    #[test]
    fn a_smaller_limit_holds_at_once_and_for_own_entries_alone() {
        let dir = tempfile::tempdir().unwrap();
        let size = encode(&Key::of_bytes(b"a"), "test", &entry(0.0)).unwrap().len() as u64;
        let cache = DiskCache::new(dir.path().into(), size * 4);
        let keys: Vec<Key> = (0u8..4).map(|i| Key::of_bytes(&[i])).collect();
        keys.iter().for_each(|key| cache.put(key, "test", &entry(0.5)).unwrap());
        // Somebody else's files, one of them in a folder of the cache.
        let folder = cache.path(&keys[0]).parent().unwrap().to_path_buf();
        fs::create_dir(dir.path().join("mine")).unwrap();
        let others = [folder.join("abcdef.safetensors"), dir.path().join("mine/model.safetensors")];
        others.iter().for_each(|path| fs::write(path, vec![0; 1 << 16]).unwrap());
        let smaller = DiskCache::new(dir.path().into(), size);
        smaller.trim();
        assert!(smaller.usage().bytes <= size);
        smaller.clear();
        assert_eq!(smaller.usage(), DiskUsage::default());
        assert!(others.iter().all(|path| path.is_file()));
    }

    #[test]
    fn an_entry_under_another_name_is_a_miss() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(dir.path().into(), 1 << 20);
        let (a, b) = (Key::of_bytes(b"a"), Key::of_bytes(b"b"));
        cache.put(&a, "test", &entry(0.5)).unwrap();
        fs::create_dir_all(cache.path(&b).parent().unwrap()).unwrap();
        fs::copy(cache.path(&a), cache.path(&b)).unwrap();
        assert!(cache.get(&b).is_none());
        cache.put(&b, "test", &entry(0.25)).unwrap();
        assert_eq!([&a, &b].map(|key| first(&cache.get(key).unwrap())), [0.5, 0.25]);
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_folders_are_misses_that_the_next_entry_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::new(dir.path().into(), 1 << 20);
        let key = Key::of_bytes(b"a");
        cache.put(&key, "test", &entry(0.5)).unwrap();
        let path = cache.path(&key);
        let target = dir.path().join("target");
        fs::rename(&path, &target).unwrap();
        let whole = fs::read(&target).unwrap();
        let stand_ins: [&dyn Fn(); 4] = [
            &|| std::os::unix::fs::symlink(&target, &path).unwrap(),
            &|| std::os::unix::fs::symlink(dir.path().join("nowhere"), &path).unwrap(),
            &|| std::os::unix::fs::symlink("/dev/zero", &path).unwrap(),
            &|| assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
        ];
        for stand_in in stand_ins {
            stand_in();
            assert!(cache.get(&key).is_none());
            assert_eq!(cache.usage(), DiskUsage::default());
            cache.put(&key, "test", &entry(0.25)).unwrap();
            assert_eq!(first(&cache.get(&key).unwrap()), 0.25);
            assert_eq!(fs::read(&target).unwrap(), whole, "written through a link");
            fs::remove_file(&path).unwrap();
        }
        fs::create_dir(&path).unwrap();
        assert!(cache.get(&key).is_none());
        assert!(cache.put(&key, "test", &entry(0.25)).is_err());
        assert_eq!(cache.clear(), DiskUsage::default());
    }
}
