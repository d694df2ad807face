//! Pictures from files and into files: videos (through the system's ffmpeg), folders and patterns of stills,
//! animated GIF and PNG, single pictures.
//!
//! A [`Source`] answers for any frame at any time; a [`Sink`] takes the frames in order. What a sink writes
//! stands under another name until it is complete, so that a failed render leaves no half file behind.

mod animated;
mod apng;
mod decoder;
mod encoder;
mod error;
mod exr;
mod ffmpeg;
mod fresh;
mod ivf;
mod jpeg;
mod light;
mod list;
mod names;
mod output;
mod output_kind;
mod partial;
mod profile;
mod sequence;
mod spool;
mod stills;
pub mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod tiff;
mod timeline;
mod times;
mod tracks;

pub use error::MediaError;
pub use ffmpeg::version as ffmpeg_version;
pub use output::{Wish, check as check_output};
use output_kind::{OutputKind, output_kind};
pub use profile::Profile;
pub use times::Times;
pub use tracks::Tracks;

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use frame::{Colour, HostColour, InputColour, InputPrimaries};
use openfx_sys::*;

use openfx_host::picture::{Picture, SharedPicture};

/// What is known of a clip before its first frame is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Number of frames; they are numbered from 1.
    pub frames: u32,
    /// Frames a second, on average; 25 for stills, which do not say.
    pub fps: f64,
    /// When the frames are shown.
    pub times: Times,
    /// Width of a pixel by its height.
    pub pixel_aspect: f64,
    /// Bits of a sample: 8, a video's 10 or 12, or 16, which is also what floats count as. Whatever has more than 8
    /// is handed over in 16.
    pub bits: u8,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// Whether every pixel has a colour of its own: in most videos four share one.
    pub full_chroma: bool,
    /// How a video's numbers mean colours.
    pub colour: ColourTags,
    /// What all pictures of a sequence say of their colours, where it is not the usual.
    pub profile: Option<Profile>,
    /// What a video has beside its pictures.
    pub tracks: Option<Tracks>,
}

/// The names by which ffmpeg knows the meaning of a video's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourTags {
    /// From luma and chroma to RGB.
    pub matrix: String,
    /// The colours of R, G and B.
    pub primaries: String,
    /// The transfer curve.
    pub transfer: String,
    /// Whether luma uses all numbers (`pc`) and not only those from 16 to 235 of 255 (`tv`).
    pub full_range: bool,
    /// The colour space that the user names, in place of what the tags say.
    pub named: Option<String>,
}

impl Default for ColourTags {
    /// High-definition video, the common case for pictures that do not say.
    fn default() -> Self {
        Self {
            matrix: "bt709".into(),
            primaries: "bt709".into(),
            transfer: "bt709".into(),
            full_range: false,
            named: None,
        }
    }
}

impl ColourTags {
    /// The colour space by its name in the configuration of OpenFX 1.5; that of high-definition video where there is
    /// none for the tags.
    pub fn colourspace(&self) -> &'static CStr {
        match (self.transfer.as_str(), self.primaries.as_str()) {
            ("smpte2084", "smpte432" | "smpte431") => kOfxColourspaceSt2084P3d65Display,
            ("smpte2084", _) => kOfxColourspaceRec2100PqDisplay,
            ("arib-std-b67", _) => kOfxColourspaceRec2100HlgDisplay,
            ("linear", "bt2020") => kOfxColourspaceLinRec2020,
            ("linear", "smpte432") => kOfxColourspaceLinP3d65,
            ("linear", _) => kOfxColourspaceLinRec709Srgb,
            (_, "bt2020") => kOfxColourspaceRec1886Rec2020Display,
            (_, "smpte432") => kOfxColourspaceDisplayp3Display,
            (_, "smpte431") => kOfxColourspaceP3DciDisplay,
            _ => kOfxColourspaceRec1886Rec709Display,
        }
    }
}

impl ColourTags {
    /// Numbers that are light itself, as OpenEXR has them.
    pub fn light() -> Self {
        Self { transfer: "linear".into(), ..Self::default() }
    }

    /// What the numbers mean. Those of ordinary video are what a display shows.
    pub fn meaning(&self) -> Colour {
        let host = HostColour { colourspace: Some(self.name()), ..HostColour::default() };
        host.resolve(InputColour::Auto, InputPrimaries::Auto).0
    }

    /// The colour space by its name: the user's, else as [`ColourTags::colourspace`].
    pub fn name(&self) -> String {
        self.named.clone().unwrap_or_else(|| self.colourspace().to_string_lossy().into_owned())
    }

    /// Whether the numbers are light itself.
    pub fn is_light(&self) -> bool {
        self.transfer == "linear"
    }
}

/// A clip to read from, in any order and from any thread.
pub trait Source: Send + Sync {
    /// What the clip is.
    fn info(&self) -> &Info;

    /// The files that it reads, by frame where there is one a frame.
    fn files(&self) -> &[PathBuf];

    /// What the user should know of the clip, a sentence each.
    fn notices(&self) -> &[String];

    /// Frame `number`, counted from 1.
    ///
    /// # Errors
    /// The file is damaged or gone, its pictures differ in size, or there is no such frame.
    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError>;
}

/// A file or a folder to write to, in order.
pub trait Sink {
    /// Takes the next frame; `number` is its place in the clip and names the file of a sequence.
    ///
    /// # Errors
    /// The disk is full, the folder cannot be written, or the encoder gave up.
    fn write(&mut self, number: u32, picture: &Picture) -> Result<(), MediaError>;

    /// Whether every frame has its name as soon as it is written.
    fn keeps_frames(&self) -> bool {
        false
    }

    /// Completes what was written and gives it its name. Without this call nothing half-written stays.
    ///
    /// # Errors
    /// As for `write`.
    fn finish(self: Box<Self>) -> Result<(), MediaError>;
}

/// Opens an input: a video, a folder or pattern of stills, an animation, or a single picture.
///
/// # Errors
/// Nothing is there, it is of no known kind, or ffmpeg is needed and absent.
pub fn open(input: &Path) -> Result<Box<dyn Source>, MediaError> {
    names::check_is_file(input)?;
    if let Some(sequence) = sequence::find(input)? {
        return Ok(Box::new(stills::Stills::open(input, sequence)?));
    }
    if !input.exists() {
        return Err(MediaError::Missing(input.to_owned()));
    }
    let extension = names::extension(input);
    if let Some(kind) = names::other_picture(&extension) {
        return Err(MediaError::Picture { path: input.to_owned(), kind });
    }
    // By what is in it: names err.
    let format = stills::format(input)?;
    if let Some(format) = format
        && let Some(clip) = animated::Animation::open(input, format)?
    {
        return Ok(Box::new(clip));
    }
    if format.is_some() || names::is_still(&extension) {
        return Ok(Box::new(stills::Stills::open(input, sequence::single(input))?));
    }
    Ok(Box::new(decoder::Video::open(input)?))
}

/// What an output has to be like.
#[derive(Clone, Debug)]
pub struct Target {
    /// What the frames have in common: size, rate, bits, alpha, colours, sound.
    pub info: Info,
    /// How many frames will be written.
    pub frames: u32,
    /// Whether a file of that name may be replaced.
    pub overwrite: bool,
}

/// Makes an output; its kind comes from the name.
///
/// # Errors
/// The name says no known kind, the folder is missing, or ffmpeg is needed and absent.
pub fn create(output: &Path, target: &Target) -> Result<Box<dyn Sink>, MediaError> {
    let kind = output_kind(output, target.frames)?;
    match light::conversion(&kind, &kind.extension(output), &target.info) {
        Some(conversion) => light::Converter::create(output, target, kind, conversion),
        None => create_as_is(output, target, kind),
    }
}

fn create_as_is(output: &Path, target: &Target, kind: OutputKind) -> Result<Box<dyn Sink>, MediaError> {
    Ok(match kind {
        OutputKind::Video => Box::new(encoder::Encoder::create(output, target)?),
        OutputKind::Gif => Box::new(animated::GifSink::create(output, target)?),
        OutputKind::AnimatedPng => Box::new(animated::ApngSink::create(output, target)?),
        OutputKind::Pattern(pattern) => Box::new(stills::StillSink::create(pattern, target)?),
        OutputKind::Still(extension) => Box::new(stills::StillSink::single(output, &extension, target)?),
    })
}
