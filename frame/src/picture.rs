//! Pictures in memory: the host's (RGBA) and the model's (planar RGB).

#![expect(clippy::cast_precision_loss, reason = "pixel arithmetic: sides, coordinates and samples")]

use rayon::prelude::*;

use super::colour::Colour;
use super::geometry::Size;
use super::{FrameError, fill};

/// An interleaved RGBA picture, top row first.
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

/// Replaces NaN by 0 and infinities by the largest finite half.
fn harmless(value: f32) -> f32 {
    const LARGEST: f32 = 65504.0;
    if value.is_nan() { 0.0 } else { value.clamp(-LARGEST, LARGEST) }
}

/// Clamps alpha to 0..=1. NaN becomes opaque, so that a broken alpha does not hide the picture.
fn coverage(alpha: f32) -> f32 {
    if alpha.is_nan() { 1.0 } else { alpha.clamp(0.0, 1.0) }
}

impl Picture {
    /// A black, transparent picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, rgba: vec![0.0; width * height * 4] }
    }

    /// The floats of row `y`, counted from the top; empty outside of the picture.
    pub fn row(&self, y: usize) -> &[f32] {
        let stride = self.width * 4;
        self.rgba.get(y * stride..(y + 1) * stride).unwrap_or_default()
    }

    /// The floats of row `y` for writing; empty outside of the picture.
    pub fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let stride = self.width * 4;
        self.rgba.get_mut(y * stride..(y + 1) * stride).unwrap_or_default()
    }

    /// Divides colours by alpha. Where alpha is 0, colours are unchanged.
    pub fn unpremultiply(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            let alpha = coverage(*a);
            if alpha > 0.0 && alpha < 1.0 {
                (*r, *g, *b) = (*r / alpha, *g / alpha, *b / alpha);
            }
        }
    }

    /// Multiplies colours by alpha, the inverse of [`Picture::unpremultiply`].
    ///
    /// Where alpha is 0, colours are unchanged, so that additive light survives the round trip.
    pub fn premultiply(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            let alpha = coverage(*a);
            if alpha > 0.0 && alpha < 1.0 {
                (*r, *g, *b) = (*r * alpha, *g * alpha, *b * alpha);
            }
        }
    }

    /// Replaces every NaN and infinity by a finite number.
    pub fn make_harmless(&mut self) {
        for [r, g, b, a] in pixels_mut(&mut self.rgba) {
            (*r, *g, *b, *a) = (harmless(*r), harmless(*g), harmless(*b), coverage(*a));
        }
    }

    /// Checks that there are pixels, and as many values as the size requires.
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

/// How a picture's colours relate to its alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpha {
    /// Alpha is ignored; the whole picture is visible.
    Opaque,
    /// Colours are multiplied by alpha. Where alpha is 0, they are additive light.
    Premultiplied,
    /// Colours are not multiplied by alpha. Where alpha is 0, they are hidden.
    Straight,
}

/// Colour and alpha encoding of a host's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// Transfer curve and primaries of the colours.
    pub colour: Colour,
    /// How colours relate to alpha.
    pub alpha: Alpha,
}

impl Encoding {
    /// Converts a host's picture to display-referred, unpremultiplied and finite values; not clamped. Hidden
    /// colours are replaced by those of the visible border, see `fill::hidden_colours`.
    pub fn prepare(&self, host: &Picture) -> Picture {
        let mut picture = self.display(host);
        fill::hidden_colours(&mut picture, self.alpha);
        picture
    }

    /// Like [`Encoding::prepare`], for a picture of hints: hidden pixels become black, which means no hint.
    /// Lines drawn on a transparent background must not spread into it.
    pub fn prepare_hint(&self, host: &Picture) -> Picture {
        let mut picture = self.display(host);
        if self.alpha == Alpha::Straight {
            for pixel in pixels_mut(&mut picture.rgba).filter(|pixel| pixel[3] < 1.0) {
                let alpha = pixel[3];
                // Hidden values may be anything, and -0 has other bits than 0.
                pixel[..3]
                    .iter_mut()
                    .for_each(|value| *value = if alpha > 0.0 { *value * alpha } else { 0.0 });
            }
        }
        picture
    }

    fn display(&self, host: &Picture) -> Picture {
        let mut picture = host.clone();
        picture.make_harmless();
        if self.alpha == Alpha::Premultiplied {
            picture.unpremultiply();
        }
        let converter = self.colour.converter();
        if !converter.is_identity() {
            picture.rgba.as_chunks_mut::<4>().0.par_iter_mut().for_each(|[r, g, b, _]| {
                [*r, *g, *b] = converter.to_display([*r, *g, *b]);
            });
        }
        picture
    }

    /// Composites a styled picture (from [`super::Geometry::from_working`]) over its host picture, in the
    /// host's encoding and with the host's alpha. `mix` is as in [`compose`]. Under an alpha of 0, the
    /// source's values are kept: they were not shown to the model.
    ///
    /// # Errors
    /// [`FrameError::Size`] if the pictures differ in size.
    pub fn finish(&self, host: &Picture, styled: &Picture, mix: f32) -> Result<Picture, FrameError> {
        let mut styled = styled.clone();
        same_size(host, &styled)?;
        let converter = self.colour.converter();
        let sources = host.rgba.as_chunks::<4>().0;
        let finish = |([r, g, b, shown], source): (&mut [f32; 4], &[f32; 4])| {
            let alpha = if self.alpha == Alpha::Opaque { 1.0 } else { coverage(source[3]) };
            if alpha == 0.0 {
                *shown = 0.0;
            }
            let factor = if self.alpha == Alpha::Premultiplied { alpha } else { 1.0 };
            let excess = if self.colour.transfer.is_hdr() {
                let own = |value| harmless(value) / if factor > 0.0 { factor } else { 1.0 };
                converter.excess([own(source[0]), own(source[1]), own(source[2])])
            } else {
                1.0
            };
            [*r, *g, *b] = converter.clip_colour([*r, *g, *b], excess).map(|value| value * factor);
        };
        styled.rgba.as_chunks_mut::<4>().0.par_iter_mut().zip(sources).for_each(finish);
        compose(host, &styled, mix)
    }

    /// The share of a host picture's visible values that are above white and that the model sees as white,
    /// 0..=1. It is 0 for encodings whose highlights are restored.
    pub fn clipped(&self, host: &Picture) -> f64 {
        if self.colour.transfer.is_hdr() || host.rgba.is_empty() {
            return 0.0;
        }
        // Ignores rounding above 1.
        const WHITE: f32 = 1.0 + 1.0 / 255.0;
        let display = self.display(host);
        let seen = |pixel: &&[f32; 4]| self.alpha == Alpha::Opaque || pixel[3] > 0.0;
        let pixels = display.rgba.as_chunks::<4>().0.iter().filter(seen);
        let (above, all) = pixels.fold((0usize, 0usize), |(above, all), pixel| {
            (above + pixel[..3].iter().filter(|value| **value > WHITE).count(), all + 3)
        });
        above as f64 / all.max(1) as f64
    }

    /// Whether a host's picture has colours, all of them hidden under an alpha of 0.
    pub fn hides_all(&self, host: &Picture) -> bool {
        let pixels = host.rgba.as_chunks::<4>().0;
        self.alpha == Alpha::Straight
            && pixels.iter().all(|pixel| coverage(pixel[3]) == 0.0)
            && pixels.iter().any(|pixel| pixel[..3].iter().any(|value| *value != 0.0))
    }
}

/// Mixes the styled picture over the source: `mix` 0 is the source, 1 the styled picture. The styled
/// picture's alpha is 1 where there is a result and 0 where the source is kept; the output's alpha is the
/// source's. Both pictures have the same encoding. Where nothing is mixed in, the source is kept bit for bit;
/// where the source is fully replaced, so are its NaN and infinities.
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
    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// Checks that there are pixels, and as many values as the size requires.
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
    use crate::{Primaries, Transfer};

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
        let colour = Colour { transfer: Transfer::Linear, primaries: Primaries::Rec709 };
        let encoding = Encoding { colour, alpha: Alpha::Premultiplied };
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

    #[test]
    fn hidden_colours_do_not_reach_the_model_and_come_back_as_they_were() {
        let encoding = Encoding { colour: Colour::DISPLAY, alpha: Alpha::Straight };
        let seen = [0.25, 0.5, 0.75, 1.0];
        let two = |hidden: [f32; 4]| Picture { width: 2, height: 1, rgba: [seen, hidden].concat() };
        for hidden in [[0.9, 0.1, 0.4, 0.0], [f32::NAN, -1.0, 70.0, 0.0]] {
            let host = two(hidden);
            assert_eq!(encoding.prepare(&host).rgba, [0.25, 0.5, 0.75, 1.0, 0.25, 0.5, 0.75, 0.0]);
            assert_eq!(encoding.prepare_hint(&host).rgba, [0.25, 0.5, 0.75, 1.0, 0.0, 0.0, 0.0, 0.0]);
            let styled = two([0.6, 0.6, 0.6, 1.0]);
            let back = encoding.finish(&host, &styled, 1.0).unwrap();
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&back.rgba[4..]), bits(&hidden));
        }
        // If the host says opaque, the fourth channel is ignored.
        let opaque = Encoding { alpha: Alpha::Opaque, ..encoding };
        let host = two([0.9, 0.1, 0.4, 0.0]);
        assert_eq!(opaque.prepare(&host), host);
        assert_eq!(
            opaque.finish(&host, &two([0.6, 0.6, 0.6, 1.0]), 1.0).unwrap().rgba[4..],
            [0.6, 0.6, 0.6, 0.0]
        );
        assert!(
            encoding.hides_all(&one([0.5, 0.0, 0.0, 0.0])) && !opaque.hides_all(&one([0.5, 0.0, 0.0, 0.0]))
        );
        assert!(!encoding.hides_all(&host) && !encoding.hides_all(&one([0.0; 4])));
    }

    #[test]
    fn values_above_white_are_counted_where_they_are_lost() {
        let of =
            |transfer, alpha| Encoding { colour: Colour { transfer, primaries: Primaries::Rec709 }, alpha };
        let host = Picture { width: 2, height: 1, rgba: vec![4.0, 0.5, 2.0, 1.0, 9.0, 0.2, 1.001, 0.0] };
        assert_eq!(of(Transfer::Display, Alpha::Opaque).clipped(&host), 0.5);
        assert_eq!(of(Transfer::Linear, Alpha::Straight).clipped(&host), 2.0 / 3.0);
        assert_eq!(of(Transfer::Pq, Alpha::Opaque).clipped(&host), 0.0);
    }
}
