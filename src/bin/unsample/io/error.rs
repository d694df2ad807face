//! What can go wrong with files, one kind for each sentence.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of reading or writing pictures; its display text is the sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The input does not exist.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A folder or a pattern without a picture.
    #[error("there is no picture in {}", .0.display())]
    Empty(PathBuf),
    /// The extension of an output is of no known kind.
    #[error(
        "do not know how to write {}: use a video (.mp4 .mov .mkv .webm), .gif, .apng, a still (.png .jpg .tif), \
         a pattern such as frame%04d.png, or a folder", .0.display()
    )]
    UnknownOutput(PathBuf),
    /// A video was named and there is no ffmpeg.
    #[error(
        "{} is a video, and videos go through ffmpeg, which is not installed here (neither ffmpeg nor ffprobe was \
         found in PATH): install it, or use a folder of pictures", .0.display()
    )]
    NoFfmpeg(PathBuf),
    /// The file is damaged or of another kind than its name says.
    #[error("cannot read {}: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The pictures of a sequence differ.
    #[error("{} is {found}, and the clip's first frame is {expected}: all frames must have one size", .path.display())]
    Size {
        /// The file that differs.
        path: PathBuf,
        /// Its size.
        found: String,
        /// The size of the first.
        expected: String,
    },
    /// A frame outside of the clip.
    #[error("{} has no frame {number}, it has frames 1 to {frames}", .path.display())]
    NoFrame {
        /// The clip.
        path: PathBuf,
        /// The frame that was asked for.
        number: u32,
        /// How many there are.
        frames: u32,
    },
    /// No room.
    #[error("the disk is full: {} could not be completed", .0.display())]
    Full(PathBuf),
    /// Any other failure of writing.
    #[error("cannot write {}: {why}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's or the encoder's words.
        why: String,
    },
}

impl MediaError {
    /// A failed write, told apart from a full disk.
    pub fn write(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.to_owned()),
            _ => Self::Unwritable { path: path.to_owned(), why: error.to_string() },
        }
    }

    /// A failed read.
    pub fn read(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), why: why.to_string() }
    }

    /// A failed encode: the image library wraps the system's error.
    pub fn encode(path: &Path, error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(error) => Self::write(path, &error),
            other => Self::Unwritable { path: path.to_owned(), why: other.to_string() },
        }
    }

    /// Whether the arguments were wrong, rather than the work failing.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Empty(_) | Self::UnknownOutput(_) | Self::NoFfmpeg(_))
    }
}
