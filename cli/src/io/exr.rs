//! OpenEXR: linear light in half floats, without clipping at white.
//!
//!
//! A file's colours are premultiplied by alpha, those of a [`Picture`] are not. Where alpha is 0 and there is colour
//! all the same (a flame, a reflection), the colour is used unchanged, and written back unchanged.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use exr::meta::MetaData;
use exr::meta::attribute::IntegerBounds;
use exr::meta::header::{Header, ImageAttributes};
use exr::prelude::{
    Encoding, Image, Layer, LayerAttributes, ReadChannels, ReadLayers, SpecificChannels, Text, Vec2,
    WritableImage, f16, read,
};

use super::fresh::FreshFile;
use super::{MediaError, Profile};
use frame::convert::to_f32;
use openfx_host::picture::Picture;

/// The header of a file.
pub struct ExrHeader {
    /// The size of the display window, which is the visible image.
    pub size: (u32, u32),
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// Width of a pixel divided by its height.
    pub pixel_aspect: f64,
    /// The notice about parts of the file that are not used.
    pub notice: Option<String>,
    /// Primaries, if they differ from those of Rec. 709.
    pub profile: Option<Profile>,
}

/// Reads the headers of all parts.
pub fn about(path: &Path) -> Result<ExrHeader, MediaError> {
    let meta = MetaData::read_from_file(path, false).map_err(|error| failed(path, error))?;
    let header = meta.headers.iter().find(|header| has_colours(header)).ok_or_else(|| {
        let names: Vec<String> = meta.headers.iter().flat_map(channels).collect();
        let deep = if meta.headers.iter().any(|header| header.deep) { ", some of them deep" } else { "" };
        MediaError::read(path, format!("it has no channels R, G and B, but {}{deep}", names.join(", ")))
    })?;
    let size = header.shared_attributes.display_window.size;
    let side = |side: usize| u32::try_from(side).map_err(|_| MediaError::read(path, "it is too large"));
    let unused: Vec<String> = meta
        .headers
        .iter()
        .flat_map(channels)
        .filter(|name| !["R", "G", "B", "A"].contains(&name.as_str()))
        .collect();
    Ok(ExrHeader {
        size: (side(size.width())?, side(size.height())?),
        alpha: has(header, "A"),
        pixel_aspect: f64::from(header.shared_attributes.pixel_aspect),
        profile: Profile::of_light(header.shared_attributes.chromaticities),
        notice: (!unused.is_empty()).then(|| {
            format!(
                "{}: of its channels R, G, B and A are used, {} are not",
                path.display(),
                unused.join(", ")
            )
        }),
    })
}

/// The error of a failed read in plain words.
fn failed(path: &Path, error: exr::error::Error) -> MediaError {
    match error {
        exr::error::Error::Io(error) => MediaError::ended(path, &error),
        exr::error::Error::NotSupported(what) => {
            MediaError::read(path, format!("this kind of OpenEXR is not read here ({what})"))
        }
        _ => MediaError::read(path, "it is damaged, or no OpenEXR"),
    }
}

fn has(header: &Header, channel: &str) -> bool {
    header.channels.find_index_of_channel(&Text::from(channel)).is_some()
}

fn has_colours(header: &Header) -> bool {
    !header.deep && ["R", "G", "B"].iter().all(|channel| has(header, channel))
}

/// The channel names of a part. Those of a part without colours are prefixed by its name, if it has one.
fn channels(header: &Header) -> Vec<String> {
    let part = header.own_attributes.layer_name.as_ref().filter(|_| !has_colours(header));
    let named = |channel: &str| part.map_or_else(|| channel.to_owned(), |part| format!("{part}.{channel}"));
    header.channels.list.iter().map(|channel| named(&channel.name.to_string())).collect()
}

/// Reads the first part with R, G and B as floats with straight alpha. Pixels outside the data window are empty.
pub fn load(path: &Path) -> Result<Picture, MediaError> {
    let ExrHeader { size: (width, height), alpha, .. } = about(path)?;
    let count: u8 = if alpha { 4 } else { 3 };
    let channels = usize::from(count);
    type Pixels = (Vec<f32>, Vec2<usize>);
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .rgba_channels(
            |size, _| -> Pixels { (vec![0.0; size.area() * 4], size) },
            |(data, size): &mut Pixels, at, (r, g, b, a): (f32, f32, f32, f32)| {
                let from = (at.y() * size.width() + at.x()) * 4;
                data[from..from + 4].copy_from_slice(&[r, g, b, a]);
            },
        )
        .first_valid_layer()
        .all_attributes()
        .from_file(path)
        .map_err(|error| failed(path, error))?;
    let layer = &image.layer_data;
    let data = IntegerBounds::new(layer.attributes.layer_position, layer.size);
    let corner = image.attributes.display_window.position;
    let pixels = &layer.channel_data.pixels.0;
    let mut samples = vec![0.0; width as usize * height as usize * channels];
    for y in 0..data.size.height() {
        let Some(row) = inside(data.position.y(), y, corner.y(), height) else { continue };
        for x in 0..data.size.width() {
            let Some(column) = inside(data.position.x(), x, corner.x(), width) else { continue };
            let from = (y * data.size.width() + x) * 4;
            let to = (row * width as usize + column) * channels;
            samples[to..to + channels].copy_from_slice(&pixels[from..from + channels]);
            if channels == 4 {
                divide(&mut samples[to..to + 4]);
            }
        }
    }
    Picture::float(width, height, count, samples).ok_or_else(|| MediaError::read(path, "it has no pixels"))
}

/// The position in the display window of a pixel of the data window; `None` if it is outside.
fn inside(position: i32, offset: usize, corner: i32, side: u32) -> Option<usize> {
    let place = i64::from(position) + i64::try_from(offset).ok()? - i64::from(corner);
    usize::try_from(place).ok().filter(|place| *place < side as usize)
}

fn divide(pixel: &mut [f32]) {
    let alpha = pixel[3];
    if alpha != 0.0 {
        pixel[..3].iter_mut().for_each(|sample| *sample /= alpha);
    }
}

/// Writes an image of linear light in half floats with lossless compression. If `glows`, colours under an alpha of 0
/// are light and not leftovers.
pub fn save(
    fresh: &FreshFile,
    picture: &Picture,
    pixel_aspect: f64,
    glows: bool,
    profile: Option<&Profile>,
) -> Result<(), MediaError> {
    let target = fresh.target();
    let (width, channels) = (picture.width as usize, usize::from(picture.channels));
    let pixel = |at: Vec2<usize>| {
        let from = (at.y() * width + at.x()) * channels;
        let alpha = if channels == 4 { picture.sample(from + 3) } else { 1.0 };
        let factor = if alpha == 0.0 && glows { 1.0 } else { alpha };
        let half = |channel: usize| f16::from_f32(finite(picture.sample(from + channel) * factor));
        (half(0), half(1), half(2), f16::from_f32(alpha))
    };
    let size = (width, picture.height as usize);
    let attributes = LayerAttributes::default();
    let mut about = ImageAttributes::new(IntegerBounds::from_dimensions(size));
    about.pixel_aspect = to_f32(pixel_aspect);
    about.chromaticities = profile.and_then(|profile| match profile {
        Profile::Primaries(primaries) => Some(*primaries),
        _ => None,
    });
    let file = File::create(fresh.path()).map_err(|error| MediaError::write(target, &error))?;
    let file = BufWriter::new(file);
    let written = if channels == 4 {
        let channels = SpecificChannels::rgba(pixel);
        Image::new(about, Layer::new(size, attributes, encoding(), channels)).write().to_buffered(file)
    } else {
        let channels = SpecificChannels::rgb(|at| {
            let (r, g, b, _) = pixel(at);
            (r, g, b)
        });
        Image::new(about, Layer::new(size, attributes, encoding(), channels)).write().to_buffered(file)
    };
    written.map_err(|error| match error {
        exr::error::Error::Io(error) => MediaError::write(target, &error),
        other => MediaError::write(target, &std::io::Error::other(other.to_string())),
    })
}

/// The compression that is customary for film and rendered images.
fn encoding() -> Encoding {
    Encoding {
        compression: exr::prelude::Compression::ZIP16,
        blocks: exr::prelude::Blocks::ScanLines,
        line_order: exr::prelude::LineOrder::Increasing,
    }
}

/// Clamps a value to the largest that a half float can represent.
fn finite(value: f32) -> f32 {
    const MOST: f32 = 65_504.0;
    if value.is_nan() { 0.0 } else { value.clamp(-MOST, MOST) }
}
