//! Errors of reading and writing files, one variant per message.

use std::io;
use std::path::{Path, PathBuf};

use image::ImageError;
use image::error::ImageFormatHint;

use super::ffmpeg::Unusable;

/// An error of reading or writing clips; its display text is the message for the user.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The input does not exist.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A folder or a pattern without any image.
    #[error("there is no picture in {}", .0.display())]
    Empty(PathBuf),
    /// A folder with more than one sequence.
    #[error(
        "{} holds several sequences: {found}; name one of them, or take all in the order of their names with '{}'",
        .folder.display(), .folder.join("*").display()
    )]
    Several {
        folder: PathBuf,
        /// A list of the sequences for the message.
        found: String,
    },
    /// A common image format that is not supported.
    #[error("{} is {kind}, which is not read here: convert it to OpenEXR, TIFF or PNG first", .path.display())]
    Picture {
        /// The file, or a folder of such files.
        path: PathBuf,
        /// The name of the format.
        kind: &'static str,
    },
    /// A URL, or the name of a stream.
    #[error("'{}' is not the name of a file: clips are read from files and written to files", .0.display())]
    NoFile(PathBuf),
    /// A name that no clip can be read from.
    #[error("cannot read {}: {why}", .path.display())]
    InputName {
        path: PathBuf,
        /// The reason, as the end of the message.
        why: String,
    },
    /// A name that cannot be written to.
    #[error("cannot write {}: {why}", .path.display())]
    OutputName {
        path: PathBuf,
        /// The reason, as the end of the message.
        why: String,
    },
    /// The output exists already.
    #[error(
        "{}{}: choose another name, or replace {} with --overwrite",
        .path.display(), and_more(*.more), if *.more == 0 { "it" } else { "them" }
    )]
    Exists {
        /// The first of the existing files.
        path: PathBuf,
        /// How many more of its files exist.
        more: usize,
    },
    /// The output would replace a file that the clip is read from.
    #[error("{} is what the clip is read from: choose another output", .0.display())]
    Input(PathBuf),
    /// The output images would be added to the folder that the clip is read from.
    #[error(
        "the clip is read from the folder {}, and pictures written there would become a part of it: choose another folder",
        .0.display()
    )]
    InputFolder(PathBuf),
    /// Another process created a file with the output's name during the render.
    #[error("{} has appeared during the render and was left alone: the result is {}", .path.display(), .kept.display())]
    Taken {
        path: PathBuf,
        /// The path of the result.
        kept: PathBuf,
    },
    /// The extension of an output is unknown.
    #[error(
        "do not know how to write {}: use a video (.mp4 .mov .mkv .webm), .gif, .apng, a still (.png .jpg .tif .exr), \
         a pattern such as frame%04d.png, or a folder", .0.display()
    )]
    UnknownOutput(PathBuf),
    /// An input or output is a video, and ffmpeg cannot be used.
    #[error("{} is a video, and {why}: install it, or use a folder of pictures", .path.display())]
    NoFfmpeg {
        path: PathBuf,
        /// Why ffmpeg cannot be used.
        why: Unusable,
    },
    /// An input or output is a video, and ffmpeg was killed before it started to work.
    #[error("{} is a video, and {why}", .path.display())]
    Video {
        path: PathBuf,
        /// The description of how ffmpeg ended.
        why: String,
    },
    /// The file is damaged or not of the kind that its name suggests.
    #[error("cannot read {}: {why}", .path.display())]
    Unreadable {
        path: PathBuf,
        /// The description of the damage.
        why: String,
    },
    /// The images of a sequence differ in size.
    #[error("{} is {found}, and the clip's first frame is {expected}: all frames must have one size", .path.display())]
    Size {
        /// The file that differs.
        path: PathBuf,
        /// The size of that file.
        found: String,
        /// The size of the first image.
        expected: String,
    },
    /// A frame number outside the clip.
    #[error("{} has no frame {number}, it has frames 1 to {frames}", .path.display())]
    NoFrame {
        path: PathBuf,
        /// The frame that was requested.
        number: u32,
        /// The number of frames of the clip.
        frames: u32,
    },
    /// The disk is full.
    #[error("the disk is full: {} could not be completed", .0.display())]
    Full(PathBuf),
    /// Any other error of writing.
    #[error("cannot write {}: {why}", .path.display())]
    Unwritable {
        path: PathBuf,
        /// The message of the system or of the encoder.
        why: String,
    },
}

impl MediaError {
    /// The error of a failed write, distinguishing a full disk.
    pub fn write(path: &Path, error: &io::Error) -> Self {
        let why = error.to_string();
        let kind = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        // The encoder of single PNGs passes only the text of the system's error on.
        if kind || why.contains(&io::Error::from_raw_os_error(NO_SPACE).to_string()) {
            return Self::Full(path.to_owned());
        }
        Self::Unwritable { path: path.to_owned(), why }
    }

    /// The error of a failed read, for any reason.
    pub fn read(path: &Path, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { path: path.to_owned(), why: why.to_string() }
    }

    /// The error of a failed read of bytes; the end of the file gets a message of its own.
    pub fn ended(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::read(path, "it is cut off"),
            _ => Self::read(path, error),
        }
    }

    /// The error of a failed decode, without details that only developers of the image library understand.
    pub fn decode(path: &Path, error: &ImageError) -> Self {
        let kind = |hint: ImageFormatHint| match hint {
            ImageFormatHint::Exact(format) => format!("{format:?}").to_uppercase(),
            _ => "picture".to_owned(),
        };
        match (in_chain(error, |cause| system_error(cause)), error) {
            (Some(error), _) => Self::ended(path, error),
            (None, ImageError::Decoding(error)) => {
                Self::read(path, format!("it is damaged, or no {}", kind(error.format_hint())))
            }
            (None, ImageError::Unsupported(error)) => {
                let kind = kind(error.format_hint());
                Self::read(
                    path,
                    format!("this kind of {kind} is not read here: convert it to an ordinary PNG or TIFF"),
                )
            }
            (None, ImageError::Limits(_)) => Self::read(path, "it is too large"),
            (None, error) => Self::read(path, error),
        }
    }

    /// The error of a failed encode. The image libraries wrap the system's error, some of them twice.
    pub fn encode(path: &Path, error: &(dyn std::error::Error + 'static)) -> Self {
        match in_chain(error, |cause| system_error(cause)) {
            Some(error) => Self::write(path, error),
            None => Self::write(path, &io::Error::other(error.to_string())),
        }
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
                | Self::InputName { .. }
                | Self::OutputName { .. }
                | Self::Input(_)
                | Self::InputFolder(_)
                | Self::UnknownOutput(_)
                | Self::NoFfmpeg { .. }
        )
    }
}

fn and_more(more: usize) -> String {
    match more {
        0 => " exists".to_owned(),
        1 => " and one more picture of the sequence exist".to_owned(),
        more => format!(" and {more} more pictures of the sequence exist"),
    }
}

/// The system's error code for a full disk.
const NO_SPACE: i32 = if cfg!(windows) { 112 } else { 28 };

/// The first match in an error and its causes.
fn in_chain<'a, T>(
    error: &'a (dyn std::error::Error + 'static),
    find: impl Fn(&'a (dyn std::error::Error + 'static)) -> Option<T>,
) -> Option<T> {
    std::iter::successors(Some(error), |error| error.source()).find_map(find)
}

/// The system's error inside a library's error; not all libraries return it from `source`.
fn system_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    if let Some(image::ImageError::IoError(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(png::EncodingError::IoError(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(png::DecodingError::IoError(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(tiff::TiffError::IoError(error)) = error.downcast_ref() {
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
        let tiff = MediaError::encode(path, &tiff::TiffError::IoError(full()));
        for error in [plain, image, png, tiff] {
            assert!(matches!(error, MediaError::Full(_)), "{error}");
        }
        let other = MediaError::encode(path, &io::Error::other("something else"));
        assert_eq!(other.to_string(), "cannot write a.png: something else");
    }

    #[test]
    fn damage_is_told_in_plain_words() {
        let path = Path::new("a.png");
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(40, 40).write_to(&mut file, image::ImageFormat::Png).unwrap();
        let file = file.into_inner();
        let said = |bytes: &[u8]| {
            let error = image::load_from_memory_with_format(bytes, image::ImageFormat::Png).unwrap_err();
            MediaError::decode(path, &error).to_string()
        };
        assert_eq!(said(&file[..file.len() / 2]), "cannot read a.png: it is cut off");
        assert_eq!(said(b"no picture at all"), "cannot read a.png: it is damaged, or no PNG");
        let mut broken = file.clone();
        broken[50] ^= 0x55;
        assert_eq!(said(&broken), "cannot read a.png: it is damaged, or no PNG");
    }

    #[test]
    fn what_exists_is_counted() {
        let said = |more| MediaError::Exists { path: "1.png".into(), more }.to_string();
        assert_eq!(said(0), "1.png exists: choose another name, or replace it with --overwrite");
        assert_eq!(
            said(2),
            "1.png and 2 more pictures of the sequence exist: choose another name, or replace them with --overwrite"
        );
    }
}
