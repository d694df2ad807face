//! Hints by plain image processing: scribble, tile, blur, luminance.

#![expect(clippy::cast_possible_truncation, reason = "pixel arithmetic: sides, coordinates and samples")]

use candle_core::{Device, Tensor};

use super::filter::{Taps, filter};
use crate::nn::source::ModelError;

/// Side in pixels of the blocks that a tile hint averages: the same as a latent's.
const BLOCK: usize = 8;

/// Standard deviation of the blur in pixels.
const BLUR: f64 = 9.0;

fn gaussian(picture: &Tensor, sigma: f64) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    Ok(filter(picture, [&Taps::gaussian(height, sigma), &Taps::gaussian(width, sigma)])?)
}

/// White where, in all channels, the image blurred by 0.5 pixels is darker by more than 16/255 than the image blurred
/// by 5 pixels: the difference of Gaussians of controlnet_aux's scribble.
pub(super) fn scribble(picture: &Tensor) -> Result<Tensor, ModelError> {
    let darker = (gaussian(picture, 5.0)? - gaussian(picture, 0.5)?)?.min_keepdim(1)?;
    Ok(darker.gt(16.0 / 255.0)?.to_dtype(picture.dtype())?)
}

/// Means of 8 x 8 pixel blocks, interpolated smoothly: colour and brightness without detail.
pub(super) fn tile(picture: &Tensor) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    Ok(filter(picture, [&Taps::block_spline(height, BLOCK), &Taps::block_spline(width, BLOCK)])?)
}

/// Gaussian blur with standard deviation [`BLUR`].
pub(super) fn blur(picture: &Tensor) -> Result<Tensor, ModelError> {
    gaussian(picture, BLUR)
}

/// CIE 1976 L* / 100 of an sRGB image: `[1, 3, h, w]` to `[1, 1, h, w]`.
pub(super) fn luminance(picture: &Tensor) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    let planes = picture.flatten_all()?.to_vec1::<f32>()?;
    let pixels = height * width;
    let lightness: Vec<f32> = (0..pixels)
        .map(|pixel| {
            let linear = |channel: usize| {
                let value = f64::from(planes[channel * pixels + pixel]);
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            let y = 0.2126 * linear(0) + 0.7152 * linear(1) + 0.0722 * linear(2);
            let root = if y > (6.0f64 / 29.0).powi(3) {
                y.cbrt()
            } else {
                y / 3.0 * (29.0f64 / 6.0).powi(2) + 4.0 / 29.0
            };
            (1.16 * root - 0.16) as f32
        })
        .collect();
    Ok(Tensor::from_vec(lightness, (1, 1, height, width), &Device::Cpu)?)
}
