//! Separable linear filters and resizing.
//!
//! The filters along rows and columns are one matrix each; row i has the weights of output pixel i, so that a filter
//! is two matrix products on the image's device. Weights are computed in f64.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use candle_core::{Result, Tensor};

use crate::nn::kernels;

/// Filter weights along one side: `lines[i]` are the (input pixel, weight) pairs of output pixel i.
pub(super) struct Taps {
    size: usize,
    lines: Vec<Vec<(usize, f64)>>,
}

impl Taps {
    /// A Gaussian with standard deviation `sigma` pixels, truncated at 4 sigma; the image is reflected at its border
    /// pixels (OpenCV's BORDER_REFLECT_101).
    pub fn gaussian(size: usize, sigma: f64) -> Self {
        let radius = (4.0 * sigma).round() as isize;
        let weight = |offset: isize| (-0.5 * (offset as f64 / sigma).powi(2)).exp();
        let total: f64 = (-radius..=radius).map(weight).sum();
        let line = |pixel: usize| {
            (-radius..=radius)
                .map(|offset| (mirrored(pixel as isize + offset, size), weight(offset) / total))
                .collect()
        };
        Self { size, lines: (0..size).map(line).collect() }
    }

    /// Means of blocks of `block` pixels as control points of a uniform cubic B-spline, which approximates them
    /// smoothly. (OpenCV's pyrUp is one subdivision step of the same spline.)
    pub fn block_spline(size: usize, block: usize) -> Self {
        let blocks = size.div_ceil(block);
        let line = |pixel: usize| {
            let place = (pixel as f64 + 0.5) / block as f64 - 0.5;
            let (first, t) = (place.floor() as isize - 1, place - place.floor());
            let weights = [
                (1.0 - t).powi(3),
                3.0 * t.powi(3) - 6.0 * t.powi(2) + 4.0,
                -3.0 * t.powi(3) + 3.0 * t.powi(2) + 3.0 * t + 1.0,
                t.powi(3),
            ];
            let mut line = Vec::new();
            for (index, weight) in (first..).zip(weights) {
                let start = clamped(index, blocks) * block;
                let end = (start + block).min(size);
                line.extend((start..end).map(|pixel| (pixel, weight / 6.0 / (end - start) as f64)));
            }
            line
        };
        Self { size, lines: (0..size).map(line).collect() }
    }

    /// Cubic interpolation with a = -0.75, pixel centres at half-integers, border pixels replicated: output pixel i
    /// samples (i + 1/2) / `scale` - 1/2. The same as OpenCV's INTER_CUBIC and PyTorch's bicubic, without
    /// antialiasing.
    pub fn cubic(size: usize, out: usize, scale: f64) -> Self {
        const A: f64 = -0.75;
        let weight = |distance: f64| {
            let d = distance.abs();
            if d <= 1.0 {
                ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
            } else if d < 2.0 {
                ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A
            } else {
                0.0
            }
        };
        let line = |pixel: usize| {
            let place = (pixel as f64 + 0.5) / scale - 0.5;
            let first = place.floor() as isize - 1;
            (first..first + 4).map(|at| (clamped(at, size), weight(place - at as f64))).collect()
        };
        Self { size, lines: (0..out).map(line).collect() }
    }

    /// Linear interpolation, pixel centres at half-integers, border pixels replicated.
    pub fn linear(size: usize, out: usize) -> Self {
        let scale = size as f64 / out as f64;
        Self::between(size, out, |pixel| (pixel as f64 + 0.5) * scale - 0.5)
    }

    /// Linear interpolation in which the corner pixels of input and output coincide (PyTorch's align_corners).
    pub fn linear_aligned(size: usize, out: usize) -> Self {
        let scale = if out > 1 { (size - 1) as f64 / (out - 1) as f64 } else { 0.0 };
        Self::between(size, out, |pixel| pixel as f64 * scale)
    }

    fn between(size: usize, out: usize, place: impl Fn(usize) -> f64) -> Self {
        let line = |pixel: usize| {
            let place = place(pixel);
            let (first, t) = (place.floor() as isize, place - place.floor());
            vec![(clamped(first, size), 1.0 - t), (clamped(first + 1, size), t)]
        };
        Self { size, lines: (0..out).map(line).collect() }
    }

    /// The matrix [out, size], with the dtype and on the device of `like`.
    fn matrix(&self, like: &Tensor) -> Result<Tensor> {
        let mut values = vec![0f32; self.lines.len() * self.size];
        for (row, line) in values.chunks_mut(self.size.max(1)).zip(&self.lines) {
            for (pixel, weight) in line {
                row[*pixel] += *weight as f32;
            }
        }
        Tensor::from_vec(values, (self.lines.len(), self.size), like.device())?.to_dtype(like.dtype())
    }
}

/// Filters `[n, channels, height, width]` along rows and columns.
pub(super) fn filter(x: &Tensor, [rows, columns]: [&Taps; 2]) -> Result<Tensor> {
    let across = kernels::linear(x, &columns.matrix(x)?, None, None)?;
    let down = kernels::linear(&across.transpose(2, 3)?, &rows.matrix(x)?, None, None)?;
    down.transpose(2, 3)?.contiguous()
}

/// Resizes `[n, channels, height, width]` with linear interpolation and aligned corners.
pub(super) fn resize_aligned(x: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    filter(x, [&Taps::linear_aligned(h, height), &Taps::linear_aligned(w, width)])
}

fn clamped(pixel: isize, size: usize) -> usize {
    usize::try_from(pixel).unwrap_or(0).min(size.saturating_sub(1))
}

/// Index of a pixel after reflecting the image at its border pixels.
fn mirrored(pixel: isize, size: usize) -> usize {
    let period = 2 * (size as isize - 1);
    if period <= 0 {
        return 0;
    }
    let place = pixel.rem_euclid(period);
    place.min(period - place) as usize
}
