//! Similarity measures of working pictures.

#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use super::{FrameError, Rgb};

/// Peak signal-to-noise ratio in decibels over all channels, for a peak of 1; infinite for equal pictures.
///
/// # Errors
/// [`FrameError::Size`] if the pictures differ in size, [`FrameError::Empty`] if there are no pixels.
pub fn psnr(one: &Rgb, other: &Rgb) -> Result<f64, FrameError> {
    comparable(one, other)?;
    let square = |(a, b): (&f32, &f32)| f64::from(a - b).powi(2);
    let sum: f64 = one.data.iter().zip(&other.data).map(square).sum();
    Ok(-10.0 * (sum / one.data.len() as f64).log10())
}

/// Structural similarity of luma, 1 for equal pictures (Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window
/// of 11 pixels with sigma 1.5, K1 = 0.01, K2 = 0.03; edges are mirrored).
///
/// # Errors
/// As for [`psnr`].
pub fn ssim(one: &Rgb, other: &Rgb) -> Result<f64, FrameError> {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    comparable(one, other)?;
    let (x, y): (Vec<f64>, Vec<f64>) = (one.luma().collect(), other.luma().collect());
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<_>>();
    let smooth = |plane: &[f64]| smoothed(plane, one.width, one.height);
    let (mean_x, mean_y) = (smooth(&x), smooth(&y));
    let (xx, yy, xy) = (smooth(&product(&x, &x)), smooth(&product(&y, &y)), smooth(&product(&x, &y)));
    let mut sum = 0.0;
    for at in 0..x.len() {
        let (mx, my) = (mean_x[at], mean_y[at]);
        let (vx, vy, cov) = (xx[at] - mx * mx, yy[at] - my * my, xy[at] - mx * my);
        sum += (2.0 * mx * my + C1) * (2.0 * cov + C2) / ((mx * mx + my * my + C1) * (vx + vy + C2));
    }
    Ok(sum / x.len() as f64)
}

fn comparable(one: &Rgb, other: &Rgb) -> Result<(), FrameError> {
    one.check()?;
    other.check()?;
    if (one.width, one.height) == (other.width, other.height) {
        return Ok(());
    }
    Err(FrameError::Size {
        width: one.width,
        height: one.height,
        have_width: other.width,
        have_height: other.height,
    })
}

fn smoothed(plane: &[f64], width: usize, height: usize) -> Vec<f64> {
    const RADIUS: isize = 5;
    let weight = |offset: isize| (-(offset * offset) as f64 / (2.0 * 1.5 * 1.5)).exp();
    let total: f64 = (-RADIUS..=RADIUS).map(weight).sum();
    let weights: Vec<(isize, f64)> =
        (-RADIUS..=RADIUS).map(|offset| (offset, weight(offset) / total)).collect();
    let across: Vec<f64> = (0..plane.len())
        .map(|at| {
            let (x, row) = (at % width, at - at % width);
            weights.iter().map(|&(offset, weight)| weight * plane[row + mirrored(x, offset, width)]).sum()
        })
        .collect();
    (0..plane.len())
        .map(|at| {
            let (x, y) = (at % width, at / width);
            weights
                .iter()
                .map(|&(offset, weight)| weight * across[mirrored(y, offset, height) * width + x])
                .sum()
        })
        .collect()
}

/// `at + offset`, mirrored at both ends into `0..side`.
fn mirrored(at: usize, offset: isize, side: usize) -> usize {
    let period = 2 * side as isize;
    let folded = (at as isize + offset).rem_euclid(period);
    folded.min(period - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(width: usize, height: usize, shift: f32) -> Rgb {
        let data = (0..3 * width * height).map(|at| 0.5 + 0.4 * (at as f32 * 0.3 + shift).sin()).collect();
        Rgb { width, height, data }
    }

    #[test]
    fn equal_pictures_are_perfect_and_a_known_error_has_its_decibels() {
        let picture = waves(20, 14, 0.0);
        assert_eq!(psnr(&picture, &picture).unwrap(), f64::INFINITY);
        assert!((ssim(&picture, &picture).unwrap() - 1.0).abs() < 1e-12);
        let mut off = picture.clone();
        off.data.iter_mut().for_each(|value| *value += 0.1);
        assert!((psnr(&picture, &off).unwrap() - 20.0).abs() < 1e-4);
    }

    #[test]
    fn structure_counts_for_more_than_brightness() {
        let picture = waves(20, 14, 0.0);
        let mut brighter = picture.clone();
        brighter.data.iter_mut().for_each(|value| *value += 0.05);
        let other = waves(20, 14, 1.5);
        assert!(ssim(&picture, &brighter).unwrap() > 0.95);
        assert!(ssim(&picture, &other).unwrap() < 0.5);
    }

    #[test]
    fn tiny_pictures_can_be_compared_and_different_sizes_cannot() {
        let tiny = waves(1, 1, 0.0);
        assert!((ssim(&tiny, &tiny).unwrap() - 1.0).abs() < 1e-9);
        assert!(ssim(&tiny, &waves(2, 1, 0.0)).is_err());
        assert!(psnr(&tiny, &Rgb { width: 0, height: 0, data: Vec::new() }).is_err());
    }

    #[test]
    fn mirroring_repeats_the_edge() {
        let row = |side| (-3..side as isize + 3).map(|at| mirrored(0, at, side)).collect::<Vec<_>>();
        assert_eq!(row(3), [2, 1, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(row(1), [0; 7]);
    }
}
