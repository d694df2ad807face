//! Resampling of interleaved RGB floats, one axis at a time.
//!
//! Implemented here for two reasons: a crop rarely starts on a whole pixel, where the usual library
//! (fast_image_resize 6.1) darkens the last rows, and plain sums give the same result on every processor.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use std::f64::consts::PI;

use super::Size;

/// Red, green and blue of a pixel.
pub(super) type Pixel = [f32; 3];

/// A rectangle of a picture, in pixels with fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Region {
    pub(super) fn whole(size: Size) -> Self {
        Self { left: 0.0, top: 0.0, width: size.width as f64, height: size.height as f64 }
    }
}

/// Resamples the rectangle `region` of a picture to another size and clamps to 0..=1.
///
/// An axis that shrinks uses a Lanczos filter widened to average areas; one that grows uses Catmull-Rom,
/// which rings less. Both overshoot at hard edges; values out of range are clamped. Pixels outside of the
/// region are used, pixels outside of the picture are not. At the same size and whole pixel positions, pixels
/// are copied.
pub(super) fn resized(pixels: &[Pixel], from: Size, region: Region, to: Size) -> Vec<Pixel> {
    let across = axis(from.width, region.left, region.width, to.width);
    let down = axis(from.height, region.top, region.height, to.height);
    let mut narrow = Vec::with_capacity(to.width * from.height);
    for row in pixels.chunks_exact(from.width) {
        narrow.extend(across.iter().map(|taps| taps.sum(row)));
    }
    let mut result = Vec::with_capacity(to.width * to.height);
    let mut sums = vec![[0f32; 3]; to.width];
    for taps in &down {
        sums.fill([0.0; 3]);
        let rows = narrow.chunks_exact(to.width).skip(taps.first);
        for (&weight, row) in taps.weights.iter().zip(rows) {
            for (sum, pixel) in sums.as_flattened_mut().iter_mut().zip(row.as_flattened()) {
                *sum += weight * pixel;
            }
        }
        result.extend(sums.iter().map(|pixel| pixel.map(|value| value.clamp(0.0, 1.0))));
    }
    result
}

/// The source pixels that contribute to one target pixel, with their weights.
struct FilterTaps {
    first: usize,
    weights: Vec<f32>,
}

impl FilterTaps {
    fn sum(&self, row: &[Pixel]) -> Pixel {
        let mut sum = [0f32; 3];
        for (&weight, pixel) in self.weights.iter().zip(&row[self.first..]) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += weight * value;
            }
        }
        sum
    }
}

/// The filter weights of `to` target pixels that cover `length` source pixels from `start`, in a row of
/// `from` pixels.
fn axis(from: usize, start: f64, length: f64, to: usize) -> Vec<FilterTaps> {
    let scale = length / to as f64;
    if scale == 1.0 && start.fract() == 0.0 {
        let copied =
            |at: usize| FilterTaps { first: (start as usize + at).min(from - 1), weights: vec![1.0] };
        return (0..to).map(copied).collect();
    }
    let (filter, radius, widened): (fn(f64) -> f64, _, _) =
        if scale > 1.0 { (lanczos3, 3.0, scale) } else { (catmull_rom, 2.0, 1.0) };
    (0..to)
        .map(|at| {
            let centre = start + (at as f64 + 0.5) * scale;
            let reach = radius * widened;
            let first = ((centre - reach).floor().max(0.0) as usize).min(from - 1);
            let end = ((centre + reach).ceil() as usize).clamp(first + 1, from);
            let weights: Vec<f64> =
                (first..end).map(|pixel| filter((pixel as f64 + 0.5 - centre) / widened)).collect();
            let total: f64 = weights.iter().sum();
            FilterTaps { first, weights: weights.into_iter().map(|weight| (weight / total) as f32).collect() }
        })
        .collect()
}

/// The Lanczos kernel with three lobes: a sinc windowed by a wider sinc, over six pixels.
fn lanczos3(x: f64) -> f64 {
    if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Catmull-Rom cubic (1974), which interpolates over four pixels.
pub(super) fn catmull_rom(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        1.0 + x * x * (1.5 * x - 2.5)
    } else if x < 2.0 {
        2.0 - x * (4.0 - x * (2.5 - 0.5 * x))
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Vec<Pixel> {
        (0..width * height)
            .map(|at| [(at % width) as f32 / 100.0, (at / width) as f32 / 100.0, 0.5])
            .collect()
    }

    #[test]
    fn a_slope_is_kept_at_any_scale_and_offset() {
        let from = Size { width: 40, height: 30 };
        let region = Region { left: 10.3, top: 8.7, width: 15.6, height: 11.9 };
        for to in [Size { width: 33, height: 41 }, Size { width: 7, height: 5 }] {
            for (at, pixel) in resized(&ramp(40, 30), from, region, to).iter().enumerate() {
                let x = region.left + ((at % to.width) as f64 + 0.5) * region.width / to.width as f64 - 0.5;
                let y = region.top + ((at / to.width) as f64 + 0.5) * region.height / to.height as f64 - 0.5;
                assert!((f64::from(pixel[0]) - x / 100.0).abs() < 2e-3, "{pixel:?} {x}");
                assert!((f64::from(pixel[1]) - y / 100.0).abs() < 2e-3, "{pixel:?} {y}");
                assert!((pixel[2] - 0.5).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn whole_pixels_are_copied() {
        let from = Size { width: 9, height: 7 };
        let region = Region { left: 2.0, top: 1.0, width: 5.0, height: 4.0 };
        let part = resized(&ramp(9, 7), from, region, Size { width: 5, height: 4 });
        for (at, pixel) in part.iter().enumerate() {
            assert_eq!(*pixel, ramp(9, 7)[(at / 5 + 1) * 9 + at % 5 + 2]);
        }
    }

    #[test]
    fn shrinking_averages_a_fine_pattern_instead_of_sampling_it() {
        let pixels: Vec<Pixel> = (0..64 * 64).map(|at| [(at % 2) as f32; 3]).collect();
        let from = Size { width: 64, height: 64 };
        for pixel in resized(&pixels, from, Region::whole(from), Size { width: 13, height: 13 }) {
            assert!((pixel[0] - 0.5).abs() < 0.04, "{pixel:?}");
        }
    }
}
