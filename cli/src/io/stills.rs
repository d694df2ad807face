//! Image sequences and single images.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat,
    ImageReader, ImageResult,
};
use parking_lot::Mutex;

use super::fresh::FreshFile;
use super::names::{Pattern, extension};
use super::sequence::StillSequence;
use super::spool::Spool;
use super::times::Times;
use super::{ClipSource, ColourTags, Info, MediaError, Profile, Sink, Target, exr, jpeg, stop, tiff};
use openfx_host::picture::{Picture, SharedPicture};

/// The frame rate of stills, which do not specify one.
const STILLS_FPS: f64 = 25.0;

/// Half a gigabyte of decoded stills is kept in memory.
const KEEP_BYTES: usize = 1 << 29;

/// A clip with one file per frame.
pub struct Stills {
    files: Vec<PathBuf>,
    notices: Vec<String>,
    info: Info,
    path: PathBuf,
    spool: Mutex<Spool>,
}

impl Stills {
    /// Opens a sequence by reading every image's header: the first one determines the size, the one with the most
    /// bits the depth, and there is an alpha channel if any of them has one.
    pub fn open(path: &Path, sequence: StillSequence) -> Result<Self, MediaError> {
        let StillSequence { files, mut notices } = sequence;
        let frames = u32::try_from(files.len()).map_err(|_| MediaError::read(path, "too many files"))?;
        let mut whole: Option<StillHeader> = None;
        let mut turned = 0;
        // The distinct colour profiles, each with the first file that has it.
        let mut profiles: Vec<(Option<Profile>, &Path)> = Vec::new();
        for (nth, file) in files.iter().enumerate() {
            if stop::asked() {
                return Err(MediaError::read(path, "stopped"));
            }
            if nth > 0 && files[nth - 1] == *file {
                continue;
            }
            let (header, about) = StillHeader::read(file)?;
            if nth == 0 {
                notices.extend(about.notices);
            }
            if profiles.iter().all(|(known, _)| *known != about.profile) {
                profiles.push((about.profile, file));
            }
            turned += usize::from(header.turned);
            whole = Some(match whole {
                None => header,
                Some(first) if first.light != header.light => {
                    let why = "some of its pictures are OpenEXR, which is light, and some are not".to_owned();
                    return Err(MediaError::read(path, why));
                }
                Some(first) if first.size == header.size => StillHeader {
                    bits: first.bits.max(header.bits),
                    alpha: first.alpha || header.alpha,
                    ..first
                },
                Some(first) => return Err(size_error(file, header.size, first.size)),
            });
        }
        let whole = whole.ok_or_else(|| MediaError::Empty(path.to_owned()))?;
        if turned > 0 && turned < files.len() {
            notices.push(format!(
                "{}: {turned} of {} pictures were turned upright, as their cameras noted",
                path.display(),
                files.len()
            ));
        }
        let several = profiles.len() > 1;
        let stated =
            profiles.iter().find_map(|(profile, file)| profile.as_ref().map(|profile| (profile, file)));
        notices.extend(stated.map(|(profile, file)| profile.notice(file, several)));
        Ok(Self {
            info: Info {
                width: whole.size.0,
                height: whole.size.1,
                frames,
                fps: STILLS_FPS,
                times: Times::even(STILLS_FPS, frames),
                pixel_aspect: whole.pixel_aspect,
                bits: whole.bits,
                alpha: whole.alpha,
                full_chroma: true,
                colour: if whole.light { ColourTags::light() } else { ColourTags::default() },
                profile: profiles.pop().and_then(|(profile, _)| profile).filter(|_| !several),
                tracks: None,
            },
            files,
            notices,
            path: path.to_owned(),
            spool: Mutex::new(Spool::new(KEEP_BYTES)),
        })
    }
}

/// The header of an image file.
struct StillHeader {
    /// Width and height after rotation to upright.
    size: (u32, u32),
    bits: u8,
    alpha: bool,
    turned: bool,
    pixel_aspect: f64,
    /// Values are linear light.
    light: bool,
}

/// Further information in an image file.
struct StillDetails {
    /// Notices for the user.
    notices: Vec<String>,
    profile: Option<Profile>,
}

impl StillHeader {
    fn read(file: &Path) -> Result<(Self, StillDetails), MediaError> {
        if is_exr(file) {
            let exr::ExrHeader { size, alpha, pixel_aspect, notice, profile } = exr::about(file)?;
            let beside = StillDetails { notices: notice.into_iter().collect(), profile };
            return Ok((Self { size, bits: 16, alpha, turned: false, pixel_aspect, light: true }, beside));
        }
        let reader = reader(file)?;
        let format = reader.format();
        let mut decoder = reader.into_decoder().map_err(|error| MediaError::decode(file, &error))?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let (width, height) = decoder.dimensions();
        let colour = decoder.color_type();
        let header = Self {
            size: if on_its_side(orientation) { (height, width) } else { (width, height) },
            bits: if sample_bytes(colour) > 1 { 16 } else { 8 },
            alpha: colour.has_alpha(),
            turned: orientation != Orientation::NoTransforms,
            pixel_aspect: 1.0,
            light: false,
        };
        let (notices, icc) = match format {
            Some(ImageFormat::Tiff) => {
                let mut about = tiff::TiffTags::read(file);
                (about.notices(file), about.take_icc())
            }
            _ => (Vec::new(), decoder.icc_profile().ok().flatten()),
        };
        Ok((header, StillDetails { notices, profile: Profile::of(file, format, icc) }))
    }
}

/// Whether an orientation swaps width and height.
fn on_its_side(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn size_error(file: &Path, found: (u32, u32), first: (u32, u32)) -> MediaError {
    MediaError::Size {
        path: file.to_owned(),
        found: format!("{}x{}", found.0, found.1),
        expected: format!("{}x{}", first.0, first.1),
    }
}

impl ClipSource for Stills {
    fn info(&self) -> &Info {
        &self.info
    }

    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn notices(&self) -> &[String] {
        &self.notices
    }

    fn frame(&self, number: u32) -> Result<SharedPicture, MediaError> {
        let file =
            number.checked_sub(1).and_then(|index| self.files.get(index as usize)).ok_or_else(|| {
                MediaError::NoFrame { path: self.path.clone(), number, frames: self.info.frames }
            })?;
        if let Some(picture) = self.spool.lock().get(number) {
            return Ok(picture);
        }
        let picture = Arc::new(read(file)?);
        // A file may have been replaced in the meantime.
        if (picture.width, picture.height) != (self.info.width, self.info.height) {
            let size = (self.info.width, self.info.height);
            return Err(size_error(file, (picture.width, picture.height), size));
        }
        self.spool.lock().put(number, picture.clone());
        Ok(picture)
    }
}

fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>, MediaError> {
    ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| MediaError::read(path, error))
}

fn is_exr(path: &Path) -> bool {
    extension(path) == "exr"
}

/// The image format of a file by its first bytes; `None` if it is not an image, or in a format without a signature.
pub fn format(path: &Path) -> Result<Option<ImageFormat>, MediaError> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|error| MediaError::read(path, error))?;
    file.take(32).read_to_end(&mut start).map_err(|error| MediaError::read(path, error))?;
    Ok(image::guess_format(&start).ok().filter(ImageFormat::reading_enabled))
}

fn sample_bytes(colour: ColorType) -> u8 {
    colour.bytes_per_pixel() / colour.channel_count()
}

/// Reads an image and rotates it upright; grey becomes RGB, otherwise depth and alpha are kept.
pub fn read(path: &Path) -> Result<Picture, MediaError> {
    if is_exr(path) {
        return exr::load(path);
    }
    let reader = reader(path)?;
    let format = reader.format();
    let (mut image, orientation) = if format == Some(ImageFormat::Jpeg) {
        let file = std::fs::read(path).map_err(|error| MediaError::read(path, error))?;
        let damaged = |_| MediaError::read(path, "it is damaged or cut off: not all of its pixels are there");
        let whole = jpeg::decode(&file).map_err(damaged)?;
        decode(path, ImageReader::with_format(Cursor::new(file), ImageFormat::Jpeg), whole)?
    } else {
        decode(path, reader, None)?
    };
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    let colour = image.color();
    let channels = if colour.has_alpha() { 4 } else { 3 };
    let picture = match (sample_bytes(colour), colour.has_alpha()) {
        (1, false) => Picture::eight(width, height, 3, image.into_rgb8().into_raw()),
        (1, true) => Picture::eight(width, height, 4, image.into_rgba8().into_raw()),
        (2, false) => Picture::sixteen(width, height, 3, image.into_rgb16().into_raw()),
        (2, true) => Picture::sixteen(width, height, 4, image.into_rgba16().into_raw()),
        (_, false) => Picture::float(width, height, 3, image.into_rgb32f().into_raw()),
        (_, true) => Picture::float(width, height, 4, image.into_rgba32f().into_raw()),
    };
    let picture =
        picture.ok_or_else(|| MediaError::read(path, format!("not a picture of {channels} channels")))?;
    Ok(if format == Some(ImageFormat::Tiff) { tiff::TiffTags::read(path).straight(picture) } else { picture })
}

/// The pixels, which are `done` if they were decoded already, and the orientation of the image.
fn decode<R: BufRead + Seek>(
    path: &Path,
    reader: ImageReader<R>,
    done: Option<DynamicImage>,
) -> Result<(DynamicImage, Orientation), MediaError> {
    let failed = |error| MediaError::decode(path, &error);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = done.map_or_else(|| DynamicImage::from_decoder(decoder).map_err(failed), Ok)?;
    Ok((image, orientation))
}

/// What an image format can hold; OpenEXR is handled separately.
struct Capabilities {
    format: ImageFormat,
    sixteen: bool,
    alpha: bool,
}

fn ability(extension: &str) -> Option<Capabilities> {
    let (format, sixteen, alpha) = match extension {
        "png" => (ImageFormat::Png, true, true),
        "tif" | "tiff" => (ImageFormat::Tiff, true, true),
        "jpg" | "jpeg" => (ImageFormat::Jpeg, false, false),
        "bmp" => (ImageFormat::Bmp, false, true),
        "webp" => (ImageFormat::WebP, false, true),
        "ppm" => (ImageFormat::Pnm, false, false),
        "exr" => (ImageFormat::OpenExr, true, true),
        _ => return None,
    };
    Some(Capabilities { format, sixteen, alpha })
}

/// Whether the still format of this extension has an alpha channel.
pub fn holds_alpha(extension: &str) -> bool {
    ability(extension).is_some_and(|ability| ability.alpha)
}

/// Writes one file per frame, or a single image.
pub struct StillSink {
    destination: Destination,
    ability: Capabilities,
    sixteen: bool,
    alpha: bool,
    overwrite: bool,
    /// The clip has linear values, with alpha as in OpenEXR.
    light: bool,
    pixel_aspect: f64,
    /// The clip's colour profile, if this file format can hold it.
    profile: Option<Profile>,
    /// A folder that this sink created and that is still empty.
    made: Option<PathBuf>,
}

enum Destination {
    Pattern(Pattern),
    Single(PathBuf),
}

impl StillSink {
    /// Creates a sink for files named by a pattern, and their folder if it is missing.
    pub fn create(pattern: Pattern, target: &Target) -> Result<Self, MediaError> {
        let folder = pattern.folder().to_owned();
        let missing = !folder.is_dir();
        if missing {
            std::fs::create_dir_all(&folder).map_err(|error| MediaError::write(&folder, &error))?;
        }
        let extension = extension(&pattern.file(1));
        Self::new(Destination::Pattern(pattern), &extension, target, missing.then_some(folder))
    }

    /// Creates a sink for a single image.
    pub fn single(output: &Path, extension: &str, target: &Target) -> Result<Self, MediaError> {
        Self::new(Destination::Single(output.to_owned()), extension, target, None)
    }

    fn new(
        destination: Destination,
        extension: &str,
        target: &Target,
        made: Option<PathBuf>,
    ) -> Result<Self, MediaError> {
        let ability = ability(extension).ok_or_else(|| {
            MediaError::UnknownOutput(match &destination {
                Destination::Pattern(pattern) => pattern.file(1),
                Destination::Single(path) => path.clone(),
            })
        })?;
        Ok(Self {
            sixteen: ability.sixteen && target.info.bits > 8,
            alpha: ability.alpha && target.info.alpha,
            overwrite: target.overwrite,
            light: target.info.colour.is_light(),
            pixel_aspect: target.info.pixel_aspect,
            profile: target.info.profile.clone().filter(|profile| profile.holders().contains(&extension)),
            destination,
            ability,
            made,
        })
    }
}

impl Sink for StillSink {
    fn write(&mut self, number: u32, picture: &Picture) -> Result<(), MediaError> {
        let path = match &self.destination {
            Destination::Pattern(pattern) => pattern.file(number),
            Destination::Single(path) => path.clone(),
        };
        let fresh = FreshFile::new(&path, self.overwrite)?;
        let picture = picture.with_channels(if self.alpha { 4 } else { 3 });
        if self.ability.format == ImageFormat::OpenExr {
            exr::save(&fresh, &picture, self.pixel_aspect, self.light, self.profile.as_ref())?;
        } else {
            save(&fresh, &picture, &self.ability, self.sixteen, self.profile.as_ref())?;
        }
        fresh.publish()?;
        self.made = None;
        Ok(())
    }

    fn keeps_frames(&self) -> bool {
        true
    }

    fn finish(self: Box<Self>) -> Result<(), MediaError> {
        Ok(())
    }
}

impl Drop for StillSink {
    fn drop(&mut self) {
        if let Some(folder) = &self.made {
            // A render that failed at its first frame should not leave an empty folder; if it is not empty, it stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

fn save(
    fresh: &FreshFile,
    picture: &Picture,
    ability: &Capabilities,
    sixteen: bool,
    profile: Option<&Profile>,
) -> Result<(), MediaError> {
    let target = fresh.target();
    let failed = |error| MediaError::write(target, &error);
    let mut file = BufWriter::new(File::create(fresh.path()).map_err(failed)?);
    let icc = profile.and_then(Profile::icc);
    if ability.format == ImageFormat::Tiff {
        tiff::write(&mut file, picture, sixteen, icc.as_deref())
            .map_err(|error| MediaError::encode(target, &error))?;
    } else {
        encode(&mut file, picture, ability.format, sixteen, icc)
            .map_err(|error| MediaError::encode(target, &error))?;
    }
    file.flush().map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    // Some file systems report a full disk only here.
    file.sync_all().map_err(failed)
}

fn encode(
    file: &mut BufWriter<File>,
    picture: &Picture,
    format: ImageFormat,
    sixteen: bool,
    icc: Option<Vec<u8>>,
) -> ImageResult<()> {
    let colour = match (sixteen, picture.channels) {
        (false, 3) => ExtendedColorType::Rgb8,
        (false, _) => ExtendedColorType::Rgba8,
        (true, 3) => ExtendedColorType::Rgb16,
        (true, _) => ExtendedColorType::Rgba16,
    };
    let bytes: Vec<u8> = if sixteen {
        // The image library takes 16-bit samples as bytes in native byte order.
        picture.to_sixteen().into_iter().flat_map(u16::to_ne_bytes).collect()
    } else {
        picture.to_eight()
    };
    let (width, height) = (picture.width, picture.height);
    match format {
        ImageFormat::Jpeg => with_profile(JpegEncoder::new_with_quality(file, 95), icc)?
            .write_image(&bytes, width, height, colour),
        ImageFormat::Png => {
            with_profile(PngEncoder::new(file), icc)?.write_image(&bytes, width, height, colour)
        }
        ImageFormat::WebP => {
            with_profile(WebPEncoder::new_lossless(file), icc)?.write_image(&bytes, width, height, colour)
        }
        other => image::write_buffer_with_format(file, &bytes, width, height, colour, other),
    }
}

fn with_profile<E: ImageEncoder>(mut encoder: E, icc: Option<Vec<u8>>) -> ImageResult<E> {
    icc.map_or(Ok(()), |icc| encoder.set_icc_profile(icc)).map_err(ImageError::Unsupported)?;
    Ok(encoder)
}

/// The pixels as an image of the image library, in 8-bit RGBA, for the animated formats.
pub fn to_rgba8(picture: &Picture) -> Option<image::RgbaImage> {
    let picture = picture.with_channels(4);
    image::RgbaImage::from_raw(picture.width, picture.height, picture.to_eight())
}
