//! Geometry: maps the source's size to a working size for the model, and back.
//!
//! The VAE halves a picture three times, so working sides are multiples of 8. The source is padded, cropped
//! or stretched to fit; the way back reverses this.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use std::str::FromStr;

use super::error::{FrameError, by_name, names};
use super::resize::{Pixel, Region, resized};
use super::{Picture, Rgb};

/// Sides of a working picture are multiples of this.
const UNIT: usize = 8;

/// Maximum side of a working picture in pixels.
pub const MAX_SIDE: usize = 16_384;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Size {
    /// Number of pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

/// How a source is fitted to sides that are multiples of 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Keep the aspect ratio; repeat the right and bottom edge up to the next multiple, and cut it off again.
    Pad,
    /// Keep the aspect ratio; use the centre of the picture, cropped to a multiple. The border keeps the
    /// source's pixels.
    Crop,
    /// Change the aspect ratio to the nearest multiples, and change it back.
    Stretch,
}

impl Fit {
    /// All options, in the order of the menu.
    pub const ALL: &'static [Self] = &[Self::Pad, Self::Crop, Self::Stretch];

    /// The stable name, used in project files and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pad => "pad",
            Self::Crop => "crop",
            Self::Stretch => "stretch",
        }
    }
}

names!(Fit);

impl FromStr for Fit {
    type Err = FrameError;

    fn from_str(name: &str) -> Result<Self, FrameError> {
        by_name("fit", Self::ALL, name, Self::as_str)
    }
}

/// Mapping between source and working pictures; the same for every frame of a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    source: Size,
    /// The region of the source that the model sees.
    seen: Region,
    /// The size of that region in the working picture, at its top left.
    content: Size,
    working: Size,
}

impl Geometry {
    /// Computes the working size. `short_side` is the short side of the working picture in pixels, before it
    /// is fitted to a multiple of 8; 0 keeps the source's resolution. `pixel_aspect` is the source's pixel
    /// aspect ratio, width over height; working pixels are square unless `short_side` is 0.
    ///
    /// # Errors
    /// [`FrameError::Empty`] for a source without pixels, [`FrameError::TooLarge`] if a side would exceed
    /// [`MAX_SIDE`].
    pub fn new(source: Size, pixel_aspect: f64, short_side: usize, fit: Fit) -> Result<Self, FrameError> {
        let Size { width, height } = source;
        if width == 0 || height == 0 {
            return Err(FrameError::Empty { width, height });
        }
        let aspect = if pixel_aspect.is_finite() && pixel_aspect > 0.0 { pixel_aspect } else { 1.0 };
        // Horizontal and vertical scale from source to working pixels.
        let scale = if short_side == 0 {
            (1.0, 1.0)
        } else {
            let down = short_side as f64 / (width as f64 * aspect).min(height as f64);
            (down * aspect, down)
        };
        let exact = (width as f64 * scale.0, height as f64 * scale.1);
        let sides = |round: fn(f64) -> f64| {
            let side = |exact: f64| (round(exact / UNIT as f64) as usize).max(1) * UNIT;
            Size { width: side(exact.0), height: side(exact.1) }
        };
        let whole = Region::whole(source);
        let (seen, content, working) = match fit {
            Fit::Stretch => (whole, sides(f64::round), sides(f64::round)),
            Fit::Pad => {
                let content = Size {
                    width: (exact.0.round() as usize).max(1),
                    height: (exact.1.round() as usize).max(1),
                };
                let up = |side: usize| side.div_ceil(UNIT) * UNIT;
                (whole, content, Size { width: up(content.width), height: up(content.height) })
            }
            Fit::Crop => {
                let working = sides(f64::floor);
                (middle(source, working, scale), working, working)
            }
        };
        if working.width > MAX_SIDE || working.height > MAX_SIDE {
            return Err(FrameError::TooLarge {
                width: working.width,
                height: working.height,
                limit: MAX_SIDE,
            });
        }
        Ok(Self { source, seen, content, working })
    }

    /// Size of the source's pictures.
    pub const fn source(&self) -> Size {
        self.source
    }

    /// Size of the working pictures; multiples of 8.
    pub const fn working(&self) -> Size {
        self.working
    }

    /// Converts a display-referred, unpremultiplied picture to a working picture. Alpha is ignored, values
    /// are clamped to 0..=1. If the size does not change, values in that range are unchanged.
    ///
    /// # Errors
    /// [`FrameError::Size`] if the picture is not of the source's size.
    pub fn to_working(&self, picture: &Picture) -> Result<Rgb, FrameError> {
        picture.check()?;
        expect(self.source, picture.width, picture.height)?;
        let clamped = |value: f32| {
            if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
        };
        let pixels: Vec<Pixel> = picture
            .rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&[r, g, b, _]| [clamped(r), clamped(g), clamped(b)])
            .collect();
        let content = resized(&pixels, self.source, self.seen, self.content);
        let Size { width, height } = self.working;
        let mut data = Vec::with_capacity(3 * width * height);
        for channel in [0, 1, 2] {
            for y in 0..height {
                let row = y.min(self.content.height - 1) * self.content.width;
                // The edge of the content is repeated as padding.
                data.extend((0..width).map(|x| content[row + x.min(self.content.width - 1)][channel]));
            }
        }
        Ok(Rgb { width, height, data })
    }

    /// Converts a working picture to the source's size; it stays display-referred. Alpha is 1 where the model
    /// saw the source, and 0 in the border that a crop left out, where colours are black.
    ///
    /// # Errors
    /// [`FrameError::Size`] if the picture is not of the working size.
    pub fn from_working(&self, picture: &Rgb) -> Result<Picture, FrameError> {
        picture.check()?;
        expect(self.working, picture.width, picture.height)?;
        let plane = picture.width * picture.height;
        let value = |at: usize| {
            if picture.data[at].is_nan() { 0.0 } else { picture.data[at] }
        };
        let pixels: Vec<Pixel> =
            (0..plane).map(|at| [value(at), value(at + plane), value(at + 2 * plane)]).collect();
        let inner = self.covered();
        let content = resized(&pixels, self.working, self.shown(inner), inner.size());
        let mut result = Picture::new(self.source.width, self.source.height);
        for (row, pixels) in content.chunks_exact(inner.width).enumerate() {
            let target = &mut result.row_mut(inner.top + row)[inner.left * 4..];
            for (target, pixel) in target.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
                let [r, g, b] = *pixel;
                *target = [r, g, b, 1.0];
            }
        }
        Ok(result)
    }

    /// The whole source pixels inside of the region that the model saw.
    fn covered(&self) -> Rect {
        let span = |from: f64, length: f64, side: usize| {
            // The tolerance keeps whole numbers that result from a division whole.
            let first = ((from - 1e-6).ceil().max(0.0) as usize).min(side - 1);
            let end = ((from + length + 1e-6).floor() as usize).clamp(first + 1, side);
            (first, end - first)
        };
        let (left, width) = span(self.seen.left, self.seen.width, self.source.width);
        let (top, height) = span(self.seen.top, self.seen.height, self.source.height);
        Rect { left, top, width, height }
    }

    /// The position of a source rectangle in the working picture.
    fn shown(&self, rect: Rect) -> Region {
        let span = |from: usize, length: usize, seen_from: f64, seen_length: f64, content: usize| {
            let scale = content as f64 / seen_length;
            let start = ((from as f64 - seen_from) * scale).clamp(0.0, content as f64 * 0.5);
            (start, (length as f64 * scale).min(content as f64 - start))
        };
        let (left, width) = span(rect.left, rect.width, self.seen.left, self.seen.width, self.content.width);
        let (top, height) = span(rect.top, rect.height, self.seen.top, self.seen.height, self.content.height);
        Region { left, top, width, height }
    }
}

#[derive(Debug, Clone, Copy)]
struct Rect {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Rect {
    const fn size(self) -> Size {
        Size { width: self.width, height: self.height }
    }
}

/// The central region of the source that fills a working picture at a scale.
fn middle(source: Size, working: Size, scale: (f64, f64)) -> Region {
    let span = |side: usize, working: usize, scale: f64| {
        // A source with fewer than 8 working pixels is used completely and enlarged.
        let length = (working as f64 / scale).min(side as f64);
        let start = (side as f64 - length) / 2.0;
        // At scale 1, whole pixels stay whole.
        (if scale == 1.0 { start.floor() } else { start }, length)
    };
    let (left, width) = span(source.width, working.width, scale.0);
    let (top, height) = span(source.height, working.height, scale.1);
    Region { left, top, width, height }
}

fn expect(want: Size, have_width: usize, have_height: usize) -> Result<(), FrameError> {
    let Size { width, height } = want;
    if (width, height) == (have_width, have_height) {
        return Ok(());
    }
    Err(FrameError::Size { width, height, have_width, have_height })
}
