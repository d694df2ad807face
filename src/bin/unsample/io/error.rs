//! What can go wrong with files, one kind for each sentence.

use std::io;
use std::path::{Path, PathBuf};

use super::ffmpeg::Unusable;

/// A failure of reading or writing pictures; its display text is the sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The input does not exist.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A folder or a pattern without a picture.
    #[error("there is no picture in {}", .0.display())]
    Empty(PathBuf),
    /// A folder with more than one sequence.
    #[error(
        "{} holds several sequences: {found}; name one of them, or take all in the order of their names with '{}'",
        .folder.display(), .folder.join("*").display()
    )]
    Several {
        /// The folder.
        folder: PathBuf,
        /// The sequences.
        found: String,
    },
    /// A kind of picture that people have and that is not read here.
    #[error("{} is {kind}, which is not read here: convert it to OpenEXR, TIFF or PNG first", .path.display())]
    Picture {
        /// The file, or a folder of such files.
        path: PathBuf,
        /// The name of the kind.
        kind: &'static str,
    },
    /// An address, or a stream.
    #[error("'{}' is not the name of a file: clips are read from files and written to files", .0.display())]
    NoFile(PathBuf),
    /// There is a file already.
    #[error("{} exists{}: choose another name, or replace it with --overwrite", .path.display(), and_more(*.more))]
    Exists {
        /// The first of the files.
        path: PathBuf,
        /// How many more there are.
        more: usize,
    },
    /// The output would replace what it is made from.
    #[error("{} is what the clip is read from: choose another output", .0.display())]
    Input(PathBuf),
    /// Somebody else wrote a file of the output's name meanwhile.
    #[error("{} has appeared during the render and was left alone: the result is {}", .path.display(), .kept.display())]
    Taken {
        /// The output.
        path: PathBuf,
        /// Where the result is.
        kept: PathBuf,
    },
    /// The extension of an output is of no known kind.
    #[error(
        "do not know how to write {}: use a video (.mp4 .mov .mkv .webm), .gif, .apng, a still (.png .jpg .tif .exr), \
         a pattern such as frame%04d.png, or a folder", .0.display()
    )]
    UnknownOutput(PathBuf),
    /// A video was named and ffmpeg cannot be used.
    #[error("{} is a video, and {why}: install it, or use a folder of pictures", .path.display())]
    NoFfmpeg {
        /// The video.
        path: PathBuf,
        /// What is wrong with ffmpeg.
        why: Unusable,
    },
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
        let why = error.to_string();
        let kind = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        // The encoder of single PNGs hands the system's words on, and nothing else.
        if kind || why.contains(&io::Error::from_raw_os_error(NO_SPACE).to_string()) {
            return Self::Full(path.to_owned());
        }
        Self::Unwritable { path: path.to_owned(), why }
    }

    /// A failed read.
    pub fn read(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), why: why.to_string() }
    }

    /// A failed encode. The image libraries wrap the system's error, some of them twice.
    pub fn encode(path: &Path, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = system_error(error) {
                return Self::write(path, error);
            }
            cause = error.source();
        }
        Self::write(path, &io::Error::other(error.to_string()))
    }

    /// Whether the arguments were wrong, rather than the work failing.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Missing(_)
                | Self::Empty(_)
                | Self::Several { .. }
                | Self::Picture { .. }
                | Self::NoFile(_)
                | Self::Exists { .. }
                | Self::Input(_)
                | Self::UnknownOutput(_)
                | Self::NoFfmpeg { .. }
        )
    }
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        1 => ", and one more picture of the sequence".to_owned(),
        more => format!(", and {more} more pictures of the sequence"),
    }
}

/// The system's number for a full disk.
const NO_SPACE: i32 = if cfg!(windows) { 112 } else { 28 };

/// The system's error inside of a library's, which do not all count it among their sources.
fn system_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    if let Some(image::ImageError::IoError(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(png::EncodingError::IoError(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_in_any_wrapping() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = Path::new("a.png");
        let plain = MediaError::encode(path, &full());
        let image = MediaError::encode(path, &image::ImageError::IoError(full()));
        let png = MediaError::encode(path, &png::EncodingError::IoError(full()));
        for error in [plain, image, png] {
            assert!(matches!(error, MediaError::Full(_)), "{error}");
        }
        let other = MediaError::encode(path, &io::Error::other("something else"));
        assert_eq!(other.to_string(), "cannot write a.png: something else");
    }
}
