//! Pictures in memory: the host's, and the one that the model works on.

use super::geometry::Size;
use super::{FrameError, Transfer};

/// An RGBA picture, interleaved, top row first.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `[height, width, 4]` floats: red, green, blue, alpha.
    pub rgba: Vec<f32>,
}

/// A working picture: planar, display-referred, opaque, top row first.
#[derive(Debug, Clone, PartialEq)]
pub struct Rgb {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `[3, height, width]` floats in 0..=1.
    pub data: Vec<f32>,
}

/// A finite number in place of NaN (0) and infinities (the largest a half can hold), whatever comes next.
fn harmless(value: f32) -> f32 {
    const LARGEST: f32 = 65504.0;
    if value.is_nan() { 0.0 } else { value.clamp(-LARGEST, LARGEST) }
}

/// A coverage in 0..=1; NaN counts as opaque, so that a broken alpha does not hide a picture.
fn coverage(alpha: f32) -> f32 {
    if alpha.is_nan() { 1.0 } else { alpha.clamp(0.0, 1.0) }
}

impl Picture {
    /// A black, transparent picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, rgba: vec![0.0; width * height * 4] }
    }

    /// The floats of row `y`, from the top; empty outside of the picture.
    pub fn row(&self, y: usize) -> &[f32] {
        let stride = self.width * 4;
        self.rgba.get(y * stride..(y + 1) * stride).unwrap_or_default()
    }

    /// As [`Picture::row`], to be written.
    pub fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let stride = self.width * 4;
        self.rgba.get_mut(y * stride..(y + 1) * stride).unwrap_or_default()
    }

    /// Divides colours by their alpha. Where alpha is 0, colours stay as they are.
    pub fn unpremultiply(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            let alpha = coverage(*a);
            if alpha > 0.0 && alpha < 1.0 {
                (*r, *g, *b) = (*r / alpha, *g / alpha, *b / alpha);
            }
        }
    }

    /// Multiplies colours by their alpha, the reverse of [`Picture::unpremultiply`].
    ///
    /// Where alpha is 0, colours stay, so that light that was added without covering survives the round trip.
    pub fn premultiply(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            let alpha = coverage(*a);
            if alpha > 0.0 && alpha < 1.0 {
                (*r, *g, *b) = (*r * alpha, *g * alpha, *b * alpha);
            }
        }
    }

    /// Replaces every NaN and infinity by a number that can be reckoned with.
    pub fn make_harmless(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            (*r, *g, *b, *a) = (harmless(*r), harmless(*g), harmless(*b), coverage(*a));
        }
    }

    /// Checks that there are pixels, as many as the size says.
    pub(super) fn check(&self) -> Result<(), FrameError> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 || self.rgba.len() != width * height * 4 {
            return Err(FrameError::Empty { width, height });
        }
        Ok(())
    }
}

fn pixels_mut(rgba: &mut [f32]) -> std::slice::IterMut<'_, [f32; 4]> {
    rgba.as_chunks_mut::<4>().0.iter_mut()
}

/// How a host's pictures encode colour and coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// The transfer curve of the colours.
    pub transfer: Transfer,
    /// Whether colours are multiplied by alpha.
    pub premultiplied: bool,
}

impl Encoding {
    /// A host's picture as a display-referred, unpremultiplied one of finite numbers; not clamped.
    pub fn prepare(&self, host: &Picture) -> Picture {
        let mut picture = host.clone();
        picture.make_harmless();
        if self.premultiplied {
            picture.unpremultiply();
        }
        if self.transfer != Transfer::Display {
            for [r, g, b, _] in pixels_mut(&mut picture.rgba) {
                let convert = |value| self.transfer.to_display(value);
                (*r, *g, *b) = (convert(*r), convert(*g), convert(*b));
            }
        }
        picture
    }

    /// A styled picture (from [`super::Geometry::from_working`]) over the host's picture that it was made
    /// from, in the host's encoding and with the host's alpha. `mix` is as in [`compose`].
    ///
    /// # Errors
    /// [`FrameError::Size`] if the pictures differ in size.
    pub fn finish(&self, host: &Picture, styled: &Picture, mix: f32) -> Result<Picture, FrameError> {
        let mut styled = styled.clone();
        same_size(host, &styled)?;
        let sources = host.rgba.as_chunks::<4>().0;
        for ([r, g, b, shown], source) in pixels_mut(&mut styled.rgba).zip(sources) {
            let alpha = if self.premultiplied { coverage(source[3]) } else { 1.0 };
            if alpha == 0.0 {
                // Nothing covers here; light that was added without covering stays the source's.
                *shown = 0.0;
            }
            let convert = |value| self.transfer.from_display(value) * alpha;
            (*r, *g, *b) = (convert(*r), convert(*g), convert(*b));
        }
        compose(host, &styled, mix)
    }
}

/// The source with the styled picture over it: `mix` 0 is the source, 1 the styled picture. The styled
/// picture's alpha says where there is one (1) and where the source stays (0); the result's alpha is the
/// source's. Both pictures are in the same encoding. Where nothing is mixed in, the source stays bit for
/// bit; where nothing of it remains, its NaN and infinities do not remain either.
///
/// # Errors
/// [`FrameError::Size`] if the pictures differ in size.
pub fn compose(source: &Picture, styled: &Picture, mix: f32) -> Result<Picture, FrameError> {
    same_size(source, styled)?;
    let mix = if mix.is_nan() { 1.0 } else { mix.clamp(0.0, 1.0) };
    let mut result = source.clone();
    for (pixel, styled) in pixels_mut(&mut result.rgba).zip(styled.rgba.as_chunks::<4>().0) {
        let share = mix * styled[3];
        for (value, &style) in pixel.iter_mut().zip(&styled[..3]) {
            *value = if share >= 1.0 || (share > 0.0 && !value.is_finite()) {
                style
            } else if share > 0.0 {
                *value * (1.0 - share) + style * share
            } else {
                *value
            };
        }
    }
    Ok(result)
}

fn same_size(one: &Picture, other: &Picture) -> Result<(), FrameError> {
    if (one.width, one.height, one.rgba.len()) == (other.width, other.height, other.rgba.len()) {
        return Ok(());
    }
    Err(FrameError::Size {
        width: one.width,
        height: one.height,
        have_width: other.width,
        have_height: other.height,
    })
}

impl Rgb {
    /// Width and height.
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// Checks that there are pixels, as many as the size says.
    pub(super) fn check(&self) -> Result<(), FrameError> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 || self.data.len() != 3 * width * height {
            return Err(FrameError::Empty { width, height });
        }
        Ok(())
    }

    /// Rec. 601 luma of every pixel, 0..=1.
    pub(super) fn luma(&self) -> impl Iterator<Item = f64> {
        let (red, rest) = self.data.split_at((self.width * self.height).min(self.data.len()));
        let (green, blue) = rest.split_at(red.len().min(rest.len()));
        let mix = |((r, g), b): ((&f32, &f32), &f32)| {
            0.299 * f64::from(*r) + 0.587 * f64::from(*g) + 0.114 * f64::from(*b)
        };
        red.iter().zip(green).zip(blue).map(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(pixel: [f32; 4]) -> Picture {
        Picture { width: 1, height: 1, rgba: pixel.to_vec() }
    }

    #[test]
    fn premultiplication_goes_and_comes_back() {
        let mut picture = one([0.25, 0.5, 0.0, 0.5]);
        picture.unpremultiply();
        assert_eq!(picture.rgba, [0.5, 1.0, 0.0, 0.5]);
        picture.premultiply();
        assert_eq!(picture.rgba, [0.25, 0.5, 0.0, 0.5]);
        let mut glow = one([0.25, 0.5, 0.0, 0.0]);
        glow.unpremultiply();
        glow.premultiply();
        assert_eq!(glow.rgba, [0.25, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn nothing_infinite_gets_in() {
        let mut picture = one([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]);
        picture.make_harmless();
        assert_eq!(picture.rgba, [0.0, 65504.0, -65504.0, 1.0]);
    }

    #[test]
    fn mixing_keeps_alpha_and_meets_its_ends_exactly() {
        let source = one([0.1, 0.2, 7.5, 0.3]);
        let styled = one([0.9, 0.8, 0.7, 1.0]);
        assert_eq!(compose(&source, &styled, 0.0).unwrap(), source);
        assert_eq!(compose(&source, &styled, 1.0).unwrap().rgba, [0.9, 0.8, 0.7, 0.3]);
        assert_eq!(compose(&source, &one([0.9, 0.8, 0.7, 0.0]), 1.0).unwrap(), source);
        let half = compose(&source, &styled, 0.5).unwrap().rgba;
        assert!((half[0] - 0.5).abs() < 1e-6 && (half[2] - 4.1).abs() < 1e-6);
        assert!(compose(&source, &Picture::new(2, 1), 0.5).is_err());
        let broken = one([f32::NAN, 0.0, 0.0, 1.0]);
        assert_eq!(compose(&broken, &styled, 0.5).unwrap().rgba[0], 0.9);
    }

    #[test]
    fn a_linear_premultiplied_picture_comes_back_as_it_went() {
        let encoding = Encoding { transfer: Transfer::Linear, premultiplied: true };
        let host = one([0.05, 0.2, 0.4, 0.5]);
        let mut display = encoding.prepare(&host);
        assert!((display.rgba[1] - Transfer::Linear.to_display(0.4)).abs() < 1e-6);
        display.rgba[3] = 1.0;
        let back = encoding.finish(&host, &display, 1.0).unwrap();
        for (back, host) in back.rgba.iter().zip(&host.rgba) {
            assert!((back - host).abs() < 1e-6);
        }
        let clear = encoding.finish(&one([0.0; 4]), &one([1.0; 4]), 1.0).unwrap();
        assert_eq!(clear.rgba, [0.0; 4]);
    }
}
