//! Output files that get their final name only when they are complete.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::MediaError;
use super::partial::{self, PartialLock};
use super::stop::{self, RegisteredHook, When};

/// A temporary file beside its target. It is removed when dropped without [`FreshFile::publish`].
#[derive(Debug)]
pub struct FreshFile {
    target: PathBuf,
    beside: PathBuf,
    held: Option<PartialLock>,
    overwrite: bool,
    published: bool,
    _ending: RegisteredHook,
}

impl FreshFile {
    /// Creates an empty file with a temporary name beside `target`, with the same extension (encoders choose the
    /// format by it). If `target` is a symbolic link, the file it points to is written and the link stays.
    ///
    /// # Errors
    /// The folder does not exist or is not writable, or the target cannot be a file.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self, MediaError> {
        let unwritable = |why: &str| MediaError::OutputName { path: target.to_owned(), why: why.to_owned() };
        let target = follow(target);
        if target.is_dir() {
            return Err(unwritable("it is a folder"));
        }
        if target.exists() && !target.is_file() {
            return Err(unwritable("it is not an ordinary file"));
        }
        if target.file_name().is_none() {
            return Err(unwritable("it has no file name"));
        }
        if target.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(unwritable("its folder does not exist"));
        }
        // Short, since the target's name may already be as long as the system allows, and ASCII, whatever the
        // target's name contains.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut beside = target.with_file_name(format!("{}{}-{number}", partial::PREFIX, std::process::id()));
        if let Some(extension) = target.extension() {
            beside.as_mut_os_string().push(".");
            beside.as_mut_os_string().push(extension);
        }
        let doomed = beside.clone();
        let _ending = stop::register(When::Ending, move || {
            let _ = fs::remove_file(&doomed);
        });
        partial::sweep_beside(&target);
        let held = PartialLock::create(&beside).map_err(|error| MediaError::write(&target, &error))?;
        Ok(Self { target, beside, held: Some(held), overwrite, published: false, _ending })
    }

    /// The temporary path to write to.
    pub fn path(&self) -> &Path {
        &self.beside
    }

    /// The final path, for messages.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Renames the file to its target, replacing an existing file only if that was allowed.
    ///
    /// # Errors
    /// The file cannot be renamed, or another file has appeared under the target's name.
    pub fn publish(mut self) -> Result<(), MediaError> {
        let failed = |error| MediaError::write(&self.target, &error);
        self.held = None;
        if self.overwrite {
            fs::rename(&self.beside, &self.target).map_err(failed)?;
            self.published = true;
            return Ok(());
        }
        // Creating a hard link fails if the target exists; not all file systems support hard links.
        match fs::hard_link(&self.beside, &self.target) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(_) if !self.target.exists() => {
                fs::rename(&self.beside, &self.target).map_err(failed)?;
                self.published = true;
                return Ok(());
            }
            Err(_) => {}
        }
        let kept = self.spare();
        fs::rename(&self.beside, &kept).map_err(failed)?;
        self.published = true;
        Err(MediaError::Taken { path: self.target.clone(), kept })
    }

    /// An unused name beside the target.
    fn spare(&self) -> PathBuf {
        let stem = self.target.file_stem().unwrap_or_default();
        let names = (2..).map(|number| {
            let mut name = stem.to_owned();
            name.push(format!("-{number}"));
            if let Some(extension) = self.target.extension() {
                name.push(".");
                name.push(extension);
            }
            self.target.with_file_name(name)
        });
        names.into_iter().find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| self.target.clone())
    }
}

impl Drop for FreshFile {
    fn drop(&mut self) {
        self.held = None;
        if !self.published {
            // The file may not exist, and an error cannot be reported from here.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// The path that a chain of symbolic links leads to, whether it exists or not.
pub fn follow(path: &Path) -> PathBuf {
    let mut place = path.to_owned();
    // The same limit as Linux.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&place) else { break };
        place = place.parent().unwrap_or(Path::new("")).join(next);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_the_old_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        fs::write(&target, "old").unwrap();
        let fresh = FreshFile::new(&target, true).unwrap();
        fs::write(fresh.path(), "half").unwrap();
        drop(fresh);
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        let fresh = FreshFile::new(&target, true).unwrap();
        fs::write(fresh.path(), "new").unwrap();
        fresh.publish().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_taken_meanwhile_loses_neither_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        let fresh = FreshFile::new(&target, false).unwrap();
        fs::write(fresh.path(), "ours").unwrap();
        fs::write(&target, "theirs").unwrap();
        let error = fresh.publish().unwrap_err().to_string();
        assert!(error.contains("a-2.txt"), "{error}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(folder.path().join("a-2.txt")).unwrap(), "ours");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_leads_to_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (link, real) = (folder.path().join("link.txt"), folder.path().join("real.txt"));
        std::os::unix::fs::symlink("real.txt", &link).unwrap();
        let fresh = FreshFile::new(&link, false).unwrap();
        fs::write(fresh.path(), "new").unwrap();
        fresh.publish().unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("real.txt"));
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }
}
