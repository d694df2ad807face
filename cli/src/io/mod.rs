//! Reads and writes clips: videos (through the system's ffmpeg), folders and patterns of stills, animated GIF and
//! PNG, single images.
//!
//!
//! A [`ClipSource`] returns any frame at any time; a [`Sink`] takes the frames in order. A sink writes under a temporary
//! name until the output is complete, so that a failed render leaves no partial file behind.

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
pub use output::{OutputRequest, check as check_output};
use output_kind::{OutputKind, output_kind};
pub use profile::Profile;
pub use times::Times;
pub use tracks::Tracks;

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use frame::{Colour, HostColour, InputColour, InputPrimaries};
use openfx_sys::*;

use openfx_host::picture::{Picture, SharedPicture};

/// Properties of a clip that are known before its first frame is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Number of frames; they are numbered from 1.
    pub frames: u32,
    /// Frames per second, on average; 25 for stills, which do not specify it.
    pub fps: f64,
    /// Timestamps of the frames.
    pub times: Times,
    /// Width of a pixel divided by its height.
    pub pixel_aspect: f64,
    /// Bits per sample: 8, a video's 10 or 12, or 16, which also stands for floating point. Anything above 8 is
    /// delivered with 16.
    pub bits: u8,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// Whether the chroma resolution is full (4:4:4): in most videos four pixels share one chroma sample.
    pub full_chroma: bool,
    /// The meaning of the values of a video.
    pub colour: ColourTags,
    /// The colour profile of a sequence, if all images agree and it is not the default.
    pub profile: Option<Profile>,
    /// The sound, subtitles and other tracks of a video.
    pub tracks: Option<Tracks>,
}

/// A video's colour tags, by ffmpeg's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColourTags {
    /// The matrix between luma and chroma and RGB.
    pub matrix: String,
    /// The primaries of R, G and B.
    pub primaries: String,
    /// The transfer characteristics.
    pub transfer: String,
    /// Whether luma uses the full range (`pc`) and not only 16 to 235 of 255 (`tv`).
    pub full_range: bool,
    /// A colour space named by the user, which overrides the tags.
    pub named: Option<String>,
}

impl Default for ColourTags {
    /// High-definition video, the usual assumption for untagged images.
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
    /// The name of the colour space in the configuration of OpenFX 1.5; that of high-definition video if no name
    /// matches the tags.
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
    /// Tags of linear light, as in OpenEXR.
    pub fn light() -> Self {
        Self { transfer: "linear".into(), ..Self::default() }
    }

    /// Transfer curve and primaries of the values. Those of ordinary video are display-referred.
    pub fn meaning(&self) -> Colour {
        let host = HostColour { colourspace: Some(self.name()), ..HostColour::default() };
        host.resolve(InputColour::Auto, InputPrimaries::Auto).0
    }

    /// The name of the colour space: the user's, or as in [`ColourTags::colourspace`].
    pub fn name(&self) -> String {
        self.named.clone().unwrap_or_else(|| self.colourspace().to_string_lossy().into_owned())
    }

    /// Whether the values are linear light.
    pub fn is_light(&self) -> bool {
        self.transfer == "linear"
    }
}

/// A clip that can be read in any order and from any thread.
pub trait ClipSource: Send + Sync {
    /// The properties of the clip.
    fn info(&self) -> &Info;

    /// The files of the clip: one per frame for sequences, otherwise a single one.
    fn files(&self) -> &[PathBuf];

    /// Notices about the clip for the user, one sentence each.
    fn notices(&self) -> &[String];

    /// Reads frame `number`, counted from 1.
    ///
    /// # Errors
    /// The file is damaged or missing, its images differ in size, or there is no such frame.
    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError>;
}

/// An output file or folder, written in order.
pub trait Sink {
    /// Writes the next frame; `number` is its position in the clip, which names the file of a sequence.
    ///
    /// # Errors
    /// The disk is full, the folder is not writable, or the encoder failed.
    fn write(&mut self, number: u32, picture: &Picture) -> Result<(), MediaError>;

    /// Whether every frame has its final name as soon as it is written.
    fn keeps_frames(&self) -> bool {
        false
    }

    /// Completes the output and gives it its final name. Without this call no partial file is left.
    ///
    /// # Errors
    /// As for `write`.
    fn finish(self: Box<Self>) -> Result<(), MediaError>;
}

/// Opens an input: a video, a folder or pattern of stills, an animation, or a single image.
///
/// # Errors
/// The input does not exist, is of an unknown kind, or needs ffmpeg, which is missing.
pub fn open(input: &Path) -> Result<Box<dyn ClipSource>, MediaError> {
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
    // By the contents: extensions may be wrong.
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

/// The properties of an output.
#[derive(Clone, Debug)]
pub struct Target {
    /// Size, rate, bits, alpha, colours and tracks of the frames to write.
    pub info: Info,
    /// The number of frames that will be written.
    pub frames: u32,
    /// Whether an existing file of that name may be replaced.
    pub overwrite: bool,
}

/// Creates an output, whose kind is determined by the name.
///
/// # Errors
/// The extension is unknown, the folder is missing, or ffmpeg is needed and missing.
pub fn create(output: &Path, target: &Target) -> Result<Box<dyn Sink>, MediaError> {
    let kind = output_kind(output, target.frames)?;
    match light::conversion(&kind, &kind.extension(output), &target.info) {
        Some(conversion) => light::ConvertingSink::create(output, target, kind, conversion),
        None => create_as_is(output, target, kind),
    }
}

fn create_as_is(output: &Path, target: &Target, kind: OutputKind) -> Result<Box<dyn Sink>, MediaError> {
    Ok(match kind {
        OutputKind::Video => Box::new(encoder::VideoSink::create(output, target)?),
        OutputKind::Gif => Box::new(animated::GifSink::create(output, target)?),
        OutputKind::AnimatedPng => Box::new(animated::ApngSink::create(output, target)?),
        OutputKind::Pattern(pattern) => Box::new(stills::StillSink::create(pattern, target)?),
        OutputKind::Still(extension) => Box::new(stills::StillSink::single(output, &extension, target)?),
    })
}
