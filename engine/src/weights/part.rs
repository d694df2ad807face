//! An open weight file and reading its bytes.
//!
//! Values are read, not memory-mapped: if the file is truncated meanwhile (a restarted download, a copy over it), the
//! read returns an error, whereas access to a mapping would kill the process, which may be the video editor.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::{WeightsError, models_dir, numbers};

/// Block size for scans that usually stop early.
const BLOCK: usize = 1 << 16;

/// An open weight file.
pub(super) struct Part {
    file: File,
    /// Size in bytes when the file was opened.
    pub size: usize,
}

impl Part {
    /// Opens a regular file of at least 8 bytes.
    ///
    /// # Errors
    /// The file cannot be opened, is not a regular file, or is too short.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |reason: String| WeightsError::Unreadable { path: path.into(), reason };
        let failed = |error: io::Error| unreadable(error.to_string());
        // Opening a pipe would block until its other end is opened, so check the file type first.
        let meta = std::fs::metadata(path).map_err(|error| match models_dir::dead_link(path) {
            Some(reason) => WeightsError::Absent(reason),
            None => failed(error),
        })?;
        if !meta.is_file() {
            return Err(unreadable("it is not a plain file".into()));
        }
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(unreadable("it is not a plain file".into()));
        }
        if meta.len() < 8 {
            let reason = format!("the file is {} bytes long, too short for a file of weights", meta.len());
            return Err(WeightsError::Malformed { path: path.into(), reason });
        }
        let size = usize::try_from(meta.len()).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { file, size })
    }

    /// Reads a range of bytes.
    ///
    /// # Errors
    /// The file has been truncated since it was opened, or cannot be read.
    pub fn read(&self, range: Range<usize>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; range.len()];
        self.fill(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Whether a range is not empty and all of its bytes are zero. Reads up to the first byte that is not; a failed
    /// read counts as not zero, because reading the values will report it.
    pub fn is_zero(&self, range: Range<usize>) -> bool {
        let mut block = [0; BLOCK];
        let mut at = range.start;
        while at < range.end {
            let part = &mut block[..BLOCK.min(range.end - at)];
            if self.fill(part, at).is_err() || !numbers::zero(part) {
                return false;
            }
            at += part.len();
        }
        !range.is_empty()
    }

    /// Maps the whole file, while its pickle is parsed.
    ///
    /// # Errors
    /// The system cannot map it.
    pub fn map(&self) -> io::Result<memmap2::Mmap> {
        // SAFETY: the mapping is read-only, and its bytes are only read as plain numbers and text, so a concurrent
        // change cannot break a type's invariant. No system can prevent that another process truncates the file
        // meanwhile; it is only mapped while the names and shapes of a pickle, which are scattered over the file, are
        // parsed.
        unsafe { memmap2::Mmap::map(&self.file) }
    }

    fn fill(&self, bytes: &mut [u8], start: usize) -> io::Result<()> {
        let filled = read_at(&self.file, bytes, start as u64);
        filled.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "it has become shorter since it was opened")
            }
            _ => error,
        })
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                start += count as u64;
                bytes = &mut bytes[count..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
