//! Explains in plain words why nothing can be written to the cache folder.
//!
//! The message mentions only the folder and its parents, not the entry or the random name of a part file, so that it is
//! the same for all frames of a film.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::weights::dead_link;

/// What is wrong with the folder, as the end of a sentence. Where this text is less specific than the operating
/// system's message, that follows in brackets.
pub fn reason(folder: &Path, error: &io::Error) -> String {
    match error.kind() {
        // An error from a library: its message is a sentence already.
        ErrorKind::Other if error.raw_os_error().is_none() => error.to_string(),
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::NotFound => in_the_way(folder),
        ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
            "a folder stands in it where a file should be".to_owned()
        }
        ErrorKind::PermissionDenied => match first(folder) {
            Some(path) if path == folder => "this user has no right to write there".to_owned(),
            Some(path) => {
                format!("it is not there, and this user has no right to make it in {}", path.display())
            }
            None => "this user has no right to make it".to_owned(),
        },
        ErrorKind::ReadOnlyFilesystem => "it is on a disk that can only be read".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "this user's share of the disk is full".to_owned(),
        ErrorKind::FileTooLarge => "a file would be larger than the system allows".to_owned(),
        ErrorKind::InvalidFilename => "the system does not allow such a name".to_owned(),
        kind => {
            // The error of the library for temporary files mentions a file name that means nothing to the user.
            let said = if error.raw_os_error().is_some() { error.to_string() } else { kind.to_string() };
            let said = said.split(" (os error").next().unwrap_or_default();
            format!("the system refuses ({said})")
        }
    }
}

/// The nearest existing path to a folder that cannot be created: itself, or a parent; a broken link counts as existing.
fn first(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|path| path.symlink_metadata().is_ok())
}

/// What exists in the place of a folder.
fn in_the_way(folder: &Path) -> String {
    match first(folder) {
        Some(path) if path.is_dir() && path == folder => {
            "a file stands in it where a folder should be".to_owned()
        }
        Some(path) if path.is_dir() => format!("it is not there and cannot be made in {}", path.display()),
        Some(path) => dead_link(path).unwrap_or_else(|| {
            let path = if path == folder { "it".to_owned() } else { path.display().to_string() };
            format!("{path} is a file and no folder")
        }),
        None => "it is not there and cannot be made".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Entry;
    use super::super::{DiskCache, Key};
    use super::*;
    use candle_core::{DType, Device, Tensor};
    use std::fs;

    /// The message when an entry is written to a folder.
    fn said(folder: &Path) -> String {
        let x = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
        let entry = Entry::from([("x".to_owned(), x)]);
        let cache = DiskCache::new(folder.into(), 1 << 20);
        cache.put(&Key::of_bytes(b"a"), "test", &entry).unwrap_err().to_string()
    }

    #[test]
    fn a_file_in_the_way_of_a_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let name = file.display();
        let start =
            |folder: &Path| format!("the cache folder {} could not be written to: ", folder.display());
        assert_eq!(said(&file), format!("{}it is a file and no folder", start(&file)));
        let below = file.join("cache");
        assert_eq!(said(&below), format!("{}{name} is a file and no folder", start(&below)));
        // In the place of the entry's folder, and in the place of the entry.
        let cache = DiskCache::new(dir.path().join("cache"), 1 << 20);
        let path = cache.path(&Key::of_bytes(b"a"));
        fs::create_dir_all(&path).unwrap();
        let want = format!("{}a folder stands in it where a file should be", start(cache.folder()));
        assert_eq!(said(cache.folder()), want);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path.parent().unwrap(), "").unwrap();
        let want = format!("{}a file stands in it where a folder should be", start(cache.folder()));
        assert_eq!(said(cache.folder()), want);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).unwrap();
        let said = said(&link);
        assert!(said.contains("is a link to") && said.ends_with("which is not there"), "{said}");
    }

    /// Errors that a test cannot cause on every system.
    #[test]
    fn the_usual_errors_are_said_in_plain_words() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("a/b");
        let reason = |folder: &Path, kind: ErrorKind| reason(folder, &kind.into());
        for (kind, want) in [
            (ErrorKind::PermissionDenied, "this user has no right to write there"),
            (ErrorKind::ReadOnlyFilesystem, "it is on a disk that can only be read"),
            (ErrorKind::StorageFull, "the disk is full"),
            (ErrorKind::QuotaExceeded, "this user's share of the disk is full"),
        ] {
            assert_eq!(reason(dir.path(), kind), want);
        }
        let made = reason(&missing, ErrorKind::PermissionDenied);
        assert_eq!(
            made,
            format!("it is not there, and this user has no right to make it in {}", dir.path().display())
        );
        let other = super::reason(dir.path(), &io::Error::other("another process removes its files"));
        assert_eq!(other, "another process removes its files");
        #[cfg(target_os = "linux")]
        assert_eq!(
            super::reason(dir.path(), &io::Error::from_raw_os_error(5)),
            "the system refuses (Input/output error)"
        );
    }
}
