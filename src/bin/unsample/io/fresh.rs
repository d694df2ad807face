//! A file that gets its name when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use super::MediaError;

/// A file beside its final place. Dropped without [`FreshFile::publish`], it removes itself.
#[derive(Debug)]
pub struct FreshFile {
    target: PathBuf,
    beside: Option<PathBuf>,
}

impl FreshFile {
    /// Chooses the name beside `target`, with the same extension (encoders go by it).
    ///
    /// # Errors
    /// The folder does not exist or the target is a folder.
    pub fn new(target: &Path) -> Result<Self, MediaError> {
        let unwritable = |why: &str| MediaError::Unwritable { path: target.to_owned(), why: why.to_owned() };
        if target.is_dir() {
            return Err(unwritable("it is a folder"));
        }
        let name = target.file_name().ok_or_else(|| unwritable("it has no file name"))?;
        if target.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(unwritable("its folder does not exist"));
        }
        let beside =
            target.with_file_name(format!(".partial-{}-{}", std::process::id(), name.to_string_lossy()));
        Ok(Self { target: target.to_owned(), beside: Some(beside) })
    }

    /// Where to write for now.
    pub fn path(&self) -> &Path {
        self.beside.as_deref().unwrap_or(&self.target)
    }

    /// The final place, for messages.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the file its name, over an older one.
    ///
    /// # Errors
    /// The file cannot be renamed.
    pub fn publish(mut self) -> Result<(), MediaError> {
        fs::rename(self.path(), &self.target).map_err(|error| MediaError::write(&self.target, &error))?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for FreshFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // There may be nothing to remove, and nobody left to tell.
            let _ = fs::remove_file(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_the_old_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.txt");
        fs::write(&target, "old").unwrap();
        let fresh = FreshFile::new(&target).unwrap();
        fs::write(fresh.path(), "half").unwrap();
        drop(fresh);
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        let fresh = FreshFile::new(&target).unwrap();
        fs::write(fresh.path(), "new").unwrap();
        fresh.publish().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
