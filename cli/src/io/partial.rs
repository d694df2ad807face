//! Temporary files: tells those that are being written from those that a killed process left behind.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How the names of temporary files begin.
pub const PREFIX: &str = ".partial-";
/// How often a file is created again after it was removed between its creation and its lock.
const ATTEMPTS: usize = 8;

/// Marks a file as being written, until the process ends in whatever way: on Unix an advisory lock; on Windows, where
/// a lock would keep the encoder from writing, an open handle that prevents deletion.
#[derive(Debug)]
pub struct PartialLock {
    _file: File,
}

impl PartialLock {
    /// Creates an empty file.
    ///
    /// # Errors
    /// The folder is not writable.
    pub fn create(path: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let file = open(File::options().write(true).create(true).truncate(true), path)?;
            if cfg!(unix) {
                // Some network file systems have no locks; files are not removed there either.
                let _ = file.lock();
            }
            if path.exists() {
                return Ok(Self { _file: file });
            }
        }
        Err(io::Error::other("another process removes its files"))
    }
}

fn open(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        // FILE_SHARE_READ and FILE_SHARE_WRITE, without FILE_SHARE_DELETE.
        options.share_mode(3);
    }
    options.open(path)
}

/// Removes the half-written files of killed processes from the folder of an output; once per folder.
pub fn sweep_beside(target: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let mut swept = SWEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if swept.insert(folder.clone()) {
        sweep(&folder);
    }
}

fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(is_partial);
        // A link or a pipe of this name is not ours, and opening a pipe would block.
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        if cfg!(windows) {
            // This fails while another process has the file open.
            let _ = fs::remove_file(&path);
        } else if let Ok(file) = File::options().append(true).open(&path)
            && file.try_lock().is_ok()
        {
            // The lock is held during removal: another process that waits for it finds the file gone.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether a name has the form of our temporary files: `.partial-PROCESS-NUMBER` and an extension.
fn is_partial(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix(PREFIX)
        .map(|rest| rest.split_once('.').map_or(rest, |(numbers, _)| numbers))
        .and_then(|numbers| numbers.split_once('-'))
        .is_some_and(|(process, count)| number(process) && number(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        for name in [".partial-1-0.mp4", ".partial-99-12", ".partial-mine.png", ".partial-1-a.png", "1.png"] {
            fs::write(file(name), "half").unwrap();
        }
        fs::create_dir(file(".partial-3-3")).unwrap();
        let held = PartialLock::create(&file(".partial-2-0.mp4")).unwrap();
        sweep(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let kept = [".partial-1-a.png", ".partial-2-0.mp4", ".partial-3-3", ".partial-mine.png", "1.png"];
        assert_eq!(left, kept);
        drop(held);
        sweep(folder.path());
        assert!(!file(".partial-2-0.mp4").exists());
    }
}
