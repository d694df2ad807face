//! One open file of weights, and its bytes.
//!
//! Values are read and not mapped: a file that somebody cuts short meanwhile (a download that starts again, a copy over it)
//! is an error of the read then, where a mapping would end the process, and in an editor that is the user's project.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::{WeightsError, models_dir, numbers};

/// Bytes that are looked at in one go where most of them need not be looked at.
const BLOCK: usize = 1 << 16;

/// An open file.
pub(super) struct Part {
    file: File,
    /// Its size in bytes when it was opened.
    pub size: usize,
}

impl Part {
    /// Opens a plain file of a size that one of weights can have.
    ///
    /// # Errors
    /// It cannot be opened, is no plain file, or is too short.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let unreadable = |reason: String| WeightsError::Unreadable { path: path.into(), reason };
        let failed = |error: io::Error| unreadable(error.to_string());
        // To open a pipe would be to wait for its other end, so what it is has to be known before.
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

    /// The bytes of a range within the file.
    ///
    /// # Errors
    /// The file has been cut short since it was opened, or cannot be read.
    pub fn read(&self, range: Range<usize>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; range.len()];
        self.fill(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// Whether there are bytes in a range and all of them are zero. Reads up to the first that is not; what cannot be
    /// read is not zero, and whoever reads the values says so.
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

    /// The whole file, for as long as what it says of itself is read.
    ///
    /// # Errors
    /// The system cannot map it.
    pub fn map(&self) -> io::Result<memmap2::Mmap> {
        // SAFETY: the mapping is read-only, and its bytes are only read as plain numbers and text, so that a change cannot
        // break a type's invariant. That nobody shortens the file meanwhile cannot be had of any system; it is mapped
        // for the moments in which the names and shapes of a pickle are read, which lie all over it.
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
