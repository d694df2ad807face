//! Conversion between a host's rows of bytes and rows of RGBA floats.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use half::f16;

use super::FrameError;

/// Bit depth of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 8-bit integers: 0..=255 is 0..=1.
    U8,
    /// 16-bit integers: 0..=65535 is 0..=1.
    U16,
    /// Half precision; values outside of 0..=1 are preserved.
    F16,
    /// Single precision; values outside of 0..=1 are preserved.
    F32,
}

impl Depth {
    /// Size of one component in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// Whether values below 0 and above 1 can be stored.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32)
    }
}

/// Components of a pixel, in their order in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Components {
    /// Red, green, blue, alpha.
    Rgba,
    /// Red, green, blue; opaque.
    Rgb,
    /// Alpha only. Not supported; listed so that an error can say so.
    Alpha,
}

impl Components {
    /// Number of components per pixel.
    pub const fn count(self) -> usize {
        match self {
            Self::Rgba => 4,
            Self::Rgb => 3,
            Self::Alpha => 1,
        }
    }
}

/// Memory layout of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Bit depth of each component.
    pub depth: Depth,
    /// Components of the pixel.
    pub components: Components,
}

impl Layout {
    /// Size of one pixel in bytes.
    pub const fn bytes_per_pixel(self) -> usize {
        self.depth.bytes() * self.components.count()
    }

    /// Checks the length of a row of bytes against a row of RGBA floats; returns the number of components.
    fn check(self, bytes: usize, floats: usize) -> Result<usize, FrameError> {
        let pixels = floats / 4;
        let need = pixels * self.bytes_per_pixel();
        if self.components == Components::Alpha {
            Err(FrameError::NoColour)
        } else if bytes < need || !floats.is_multiple_of(4) {
            Err(FrameError::RowLength { pixels, need, have: bytes })
        } else {
            Ok(self.components.count())
        }
    }
}

/// Reads a row. `out` has four floats (RGBA) per pixel; `row` has at least as many pixels, in native byte
/// order and of any alignment. Without alpha, pixels are opaque. NaN and infinities are passed on.
///
/// # Errors
/// [`FrameError::NoColour`] for alpha pictures, [`FrameError::RowLength`] if `row` is too short.
pub fn decode_row(row: &[u8], layout: Layout, out: &mut [f32]) -> Result<(), FrameError> {
    let count = layout.check(row.len(), out.len())?;
    match layout.depth {
        Depth::U8 => read(row, count, out, |[byte]| f32::from(byte) / 255.0),
        Depth::U16 => read(row, count, out, |bytes| f32::from(u16::from_ne_bytes(bytes)) / 65535.0),
        Depth::F16 => read(row, count, out, |bytes| f16::from_ne_bytes(bytes).to_f32()),
        Depth::F32 => read(row, count, out, f32::from_ne_bytes),
    }
    Ok(())
}

/// Writes a row, the inverse of [`decode_row`]. Integer depths clamp to 0..=1 and round to nearest; half
/// precision clamps to its finite range. NaN becomes 0 in all depths.
///
/// # Errors
/// As for [`decode_row`].
pub fn encode_row(pixels: &[f32], layout: Layout, row: &mut [u8]) -> Result<(), FrameError> {
    let count = layout.check(row.len(), pixels.len())?;
    match layout.depth {
        Depth::U8 => write(pixels, count, row, |value| [(value.clamp(0.0, 1.0) * 255.0).round() as u8]),
        Depth::U16 => {
            write(pixels, count, row, |value| {
                ((value.clamp(0.0, 1.0) * 65535.0).round() as u16).to_ne_bytes()
            });
        }
        Depth::F16 => {
            let limit = f16::MAX.to_f32();
            write(pixels, count, row, |value| f16::from_f32(value.clamp(-limit, limit)).to_ne_bytes());
        }
        Depth::F32 => write(pixels, count, row, f32::to_ne_bytes),
    }
    Ok(())
}

fn read<const N: usize>(row: &[u8], count: usize, out: &mut [f32], value: impl Fn([u8; N]) -> f32) {
    let (numbers, _) = row.as_chunks::<N>();
    let (pixels, _) = out.as_chunks_mut::<4>();
    for (pixel, numbers) in pixels.iter_mut().zip(numbers.chunks_exact(count)) {
        pixel[3] = 1.0;
        for (channel, &bytes) in pixel.iter_mut().zip(numbers) {
            *channel = value(bytes);
        }
    }
}

fn write<const N: usize>(pixels: &[f32], count: usize, row: &mut [u8], bytes: impl Fn(f32) -> [u8; N]) {
    let (numbers, _) = row.as_chunks_mut::<N>();
    let (pixels, _) = pixels.as_chunks::<4>();
    for (pixel, numbers) in pixels.iter().zip(numbers.chunks_exact_mut(count)) {
        for (&channel, out) in pixel.iter().zip(numbers) {
            *out = bytes(if channel.is_nan() { 0.0 } else { channel });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RGBA: Components = Components::Rgba;

    #[test]
    fn opaque_without_alpha_and_padding_is_left_alone() {
        let layout = Layout { depth: Depth::U8, components: Components::Rgb };
        let mut out = [0.0; 8];
        decode_row(&[255, 0, 51, 0, 255, 102, 9, 9], layout, &mut out).unwrap();
        assert_eq!(out, [1.0, 0.0, 0.2, 1.0, 0.0, 1.0, 0.4, 1.0]);
        let mut row = [7; 8];
        encode_row(&out, layout, &mut row).unwrap();
        assert_eq!(row, [255, 0, 51, 0, 255, 102, 7, 7]);
    }

    #[test]
    fn a_row_that_is_too_short_and_a_clip_without_colour_are_refused() {
        let layout = Layout { depth: Depth::F32, components: RGBA };
        let error = decode_row(&[0; 31], layout, &mut [0.0; 8]);
        assert_eq!(error, Err(FrameError::RowLength { pixels: 2, need: 32, have: 31 }));
        assert!(encode_row(&[0.0; 8], layout, &mut [0; 31]).is_err());
        let alpha = Layout { depth: Depth::U8, components: Components::Alpha };
        assert_eq!(decode_row(&[0; 4], alpha, &mut [0.0; 4]), Err(FrameError::NoColour));
    }

    #[test]
    fn strange_numbers_do_not_reach_the_host() {
        let pixel = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0];
        let mut bytes = [1; 4];
        encode_row(&pixel, Layout { depth: Depth::U8, components: RGBA }, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 255, 0, 255]);
        let mut halves = [1; 8];
        encode_row(&pixel, Layout { depth: Depth::F16, components: RGBA }, &mut halves).unwrap();
        let mut back = [0.0; 4];
        decode_row(&halves, Layout { depth: Depth::F16, components: RGBA }, &mut back).unwrap();
        assert_eq!(back, [0.0, 65504.0, -65504.0, 2.0]);
    }
}
