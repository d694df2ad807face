//! Files that are being written, told from those that a process left behind when it was killed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How the name of a file begins that has not got its own name yet.
pub const PREFIX: &str = ".partial-";
/// Times that a file is made anew after it was swept between its making and its lock.
const ATTEMPTS: usize = 8;

/// A sign on a file that somebody is writing it, which the system takes away when the process ends, however it ends: on
/// Unix a lock, which binds only those who ask for it; on Windows, where a lock would keep the encoder out, an open file
/// that cannot be removed meanwhile.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

impl Held {
    /// Makes an empty file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let file = open(File::options().write(true).create(true).truncate(true), path)?;
            if cfg!(unix) {
                // Some network folders have no locks, and then nothing is swept there either.
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

/// Removes what killed processes left half written in the folder of an output; once for every folder.
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
        // A link or a pipe of this name is not ours, and to open a pipe would be to wait.
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        if cfg!(windows) {
            // Refused while somebody holds it.
            let _ = fs::remove_file(&path);
        } else if let Ok(file) = File::options().append(true).open(&path)
            && file.try_lock().is_ok()
        {
            // While the lock is held: who waits for it finds the file gone.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Whether a name is one that we give: `.partial-PROCESS-NUMBER` and an extension.
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
        let held = Held::create(&file(".partial-2-0.mp4")).unwrap();
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
