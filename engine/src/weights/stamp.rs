//! Detection of changed files, and hashes of their contents.
//!
//! A [`Stamp`] is file metadata: it is available without reading the file and differs after every change, even if the
//! modification time was restored, because it includes the change time (ctime) on systems that have one. It is only
//! meaningful on the same machine. A [`hash`](Part::hash) covers every byte and is the same on every machine.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::folder;

/// File metadata of all files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    parts: Vec<Part>,
}

/// File metadata of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Path of the file.
    pub path: PathBuf,
    /// Prefix of the network in a folder with several: `unet/`.
    pub prefix: String,
    /// Size in bytes.
    pub size: u64,
    /// Timestamps in nanoseconds, and device and inode.
    facts: [i128; 4],
}

impl Stamp {
    /// The stamp of a file, or of all files of a diffusers folder; `None` if their metadata cannot be read.
    pub fn of(path: &Path) -> Option<Self> {
        let parts = match folder::meant(path) {
            Some(folder) => {
                let parts = folder::parts(folder).ok()?.into_iter();
                parts.map(|part| Part::of(part.path, part.prefix)).collect::<io::Result<_>>()
            }
            None => Part::of(path.into(), String::new()).map(|part| vec![part]),
        };
        parts.ok().map(|parts| Self { parts })
    }

    /// The metadata of each file.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Total size of all files in bytes.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// Whether the files are unchanged.
    pub fn holds(&self) -> bool {
        self.parts
            .iter()
            .all(|part| Part::of(part.path.clone(), part.prefix.clone()).is_ok_and(|now| now == *part))
    }
}

impl Part {
    fn of(path: PathBuf, prefix: String) -> io::Result<Self> {
        let meta = fs::metadata(&path)?;
        let facts = facts(&meta);
        Ok(Self { path, prefix, size: meta.len(), facts })
    }

    /// Path and metadata as one line of text.
    pub fn describe(&self) -> String {
        format!("{:?} {} {:?}", self.path, self.size, self.facts)
    }

    /// BLAKE3 hash of the file's contents, computed on all cores. The file is read, not memory-mapped: if it is
    /// truncated meanwhile, that is an error and does not kill the process.
    ///
    /// # Errors
    /// The file cannot be read.
    /// The file cannot be read.
    pub fn hash(&self) -> io::Result<[u8; 32]> {
        const BLOCK: usize = 8 << 20;
        let mut file = File::open(&self.path)?;
        let mut block = vec![0; BLOCK.min(usize::try_from(self.size).unwrap_or(BLOCK).max(1))];
        let mut hasher = blake3::Hasher::new();
        loop {
            let mut filled = 0;
            while filled < block.len() {
                match file.read(&mut block[filled..]) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if filled == 0 {
                return Ok(*hasher.finalize().as_bytes());
            }
            hasher.update_rayon(&block[..filled]);
        }
    }
}

/// Modification time, change time, device and inode.
#[cfg(unix)]
fn facts(meta: &fs::Metadata) -> [i128; 4] {
    use std::os::unix::fs::MetadataExt;
    let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    [
        time(meta.mtime(), meta.mtime_nsec()),
        time(meta.ctime(), meta.ctime_nsec()),
        i128::from(meta.dev()),
        i128::from(meta.ino()),
    ]
}

/// Modification time and creation time.
#[cfg(not(unix))]
fn facts(meta: &fs::Metadata) -> [i128; 4] {
    let time = |time: io::Result<std::time::SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or(0)
    };
    [time(meta.modified()), time(meta.created()), 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_every_byte_and_a_stamp_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut bytes = vec![7u8; 20 << 20];
        fs::write(&path, &bytes).unwrap();
        let before = Stamp::of(&path).unwrap();
        assert!(before.holds());
        assert_eq!(before.parts()[0].hash().unwrap(), *blake3::hash(&bytes).as_bytes());
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        bytes[13 << 20] ^= 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, &bytes).unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        let after = Stamp::of(&path).unwrap();
        assert_eq!(after.parts()[0].hash().unwrap(), *blake3::hash(&bytes).as_bytes());
        // Without a change time, only the hash detects the change.
        #[cfg(unix)]
        assert!(!before.holds() && before != after);
        fs::remove_file(&path).unwrap();
        assert!(!after.holds() && Stamp::of(&path).is_none());
        assert!(after.parts()[0].hash().is_err());
    }
}
