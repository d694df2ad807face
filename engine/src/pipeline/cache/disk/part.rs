//! Partially written files, in the same folder as the entries that they become.
//!
//! The writing process holds a lock on the file, which the operating system releases when the process ends in whatever
//! way. A part file whose lock can be acquired is therefore abandoned.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::is_plain;

/// The prefix of the names of part files.
const PREFIX: &str = ".part-";
/// If locks are unavailable (as on some network folders), a part file of this age is considered abandoned: writing takes seconds.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a file is created again if another process sweeps it between its creation and its lock.
const ATTEMPTS: usize = 8;

/// Writes `bytes` to a temporary file in `folder` and renames it to `path`.
///
/// # Errors
/// If the folder cannot be written to, or the disk is full; the temporary file is deleted then.
pub fn write(folder: &Path, bytes: &[u8], path: &Path) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let mut file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?;
        // Without locks the entry is written all the same.
        let _ = file.as_file().lock();
        if !file.path().exists() {
            continue;
        }
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        return Ok(());
    }
    Err(io::Error::other("another process removes its files"))
}

/// Deletes part files of processes that ended before they finished writing.
pub fn sweep(folders: &[PathBuf]) {
    let files =
        folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flat_map(|found| found.flatten());
    for path in files.map(|file| file.path()) {
        let part = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(PREFIX));
        if !part || !is_plain(&path) {
            continue;
        }
        // On some systems locking requires write access.
        let Ok(file) = File::options().append(true).open(&path) else { continue };
        if is_abandoned(&file) {
            log::info!("{} was left by a process that ended; it is removed", path.display());
            // Deleted while the lock is held, so that a process waiting for the lock finds the file gone.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether the process that wrote the file has ended; if so, the lock is held afterwards.
fn is_abandoned(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => {
            let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            age.is_some_and(|age| age > OLD)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_writes_any_more_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let (left, other) = (dir.path().join(".part-left"), dir.path().join("other"));
        fs::write(&left, "half").unwrap();
        fs::write(&other, "mine").unwrap();
        let held = tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir.path()).unwrap();
        held.as_file().lock().unwrap();
        sweep(&[dir.path().into()]);
        assert!(!left.exists());
        assert!(other.exists() && held.path().exists());
        let path = held.path().to_owned();
        let (file, kept) = held.keep().unwrap();
        drop(file);
        sweep(&[dir.path().into()]);
        assert_eq!(kept, path);
        assert!(!path.exists(), "its lock is gone");
    }

    #[test]
    fn a_written_file_has_its_name_and_nothing_is_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entry");
        write(dir.path(), b"one", &path).unwrap();
        write(dir.path(), b"two", &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
