//! Resizes a hint to the working size as the reference workflow does.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use super::{FrameError, Picture, Rgb, Size};

/// Crops the centre of a display-referred picture to the aspect ratio of `size` and resizes it with
/// nearest-neighbour sampling (PyTorch's "nearest-exact"). Alpha is ignored, values are clamped to 0..=1.
///
/// # Errors
/// [`FrameError::Empty`] for a picture without pixels, or if the number of values does not match its size.
pub fn cover_nearest(picture: &Picture, size: Size) -> Result<Rgb, FrameError> {
    picture.check()?;
    let aspects = (picture.width as f64 / picture.height as f64, size.width as f64 / size.height as f64);
    // Number of pixels cropped on either side; rounds half to even, as the reference does.
    let cut = |side: usize, kept: f64| {
        let side = side as f64;
        (((side - side * kept) / 2.0).round_ties_even()) as usize
    };
    let (left, top) = if aspects.0 > aspects.1 {
        (cut(picture.width, aspects.1 / aspects.0), 0)
    } else if aspects.0 < aspects.1 {
        (0, cut(picture.height, aspects.0 / aspects.1))
    } else {
        (0, 0)
    };
    let columns = nearest(left, picture.width - 2 * left, size.width);
    let rows = nearest(top, picture.height - 2 * top, size.height);
    let mut data = Vec::with_capacity(3 * size.width * size.height);
    for channel in 0..3 {
        for &y in &rows {
            let row = picture.row(y);
            data.extend(columns.iter().map(|x| {
                let value = row[4 * x + channel];
                if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
            }));
        }
    }
    Ok(Rgb { width: size.width, height: size.height, data })
}

/// Index of the nearest of `from` pixels, starting at `first`, for each of `to` pixels. In f32 like the
/// original, whose rounding decides ties.
fn nearest(first: usize, from: usize, to: usize) -> Vec<usize> {
    let scale = from as f32 / to as f32;
    let index = |pixel: usize| {
        let place = (scale * (pixel as f32 + 0.5) - 0.5).max(0.0);
        (place + 0.5).floor() as usize
    };
    (0..to).map(|pixel| first + index(pixel).min(from - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns and rows that PyTorch 2 selects with `interpolate(mode="nearest-exact")` after the reference
    /// workflow's crop.
    #[test]
    fn the_same_pixels_as_the_original() {
        let covered = |width: usize, height: usize, size: Size| {
            let mut picture = Picture::new(width, height);
            for y in 0..height {
                for (x, pixel) in picture.row_mut(y).chunks_exact_mut(4).enumerate() {
                    pixel.copy_from_slice(&[x as f32 / 255.0, y as f32 / 255.0, f32::NAN, 1.0]);
                }
            }
            let got = cover_nearest(&picture, size).unwrap();
            let byte = |index: usize| (got.data[index] * 255.0).round() as usize;
            let plane = size.width * size.height;
            assert!(got.data[2 * plane..].iter().all(|value| *value == 0.0), "no number is black");
            let columns: Vec<usize> = (0..size.width).map(byte).collect();
            let rows: Vec<usize> = (0..size.height).map(|y| byte(plane + y * size.width)).collect();
            (columns, rows)
        };
        let (columns, rows) = covered(33, 47, Size { width: 8, height: 16 });
        assert_eq!(columns, [6, 9, 12, 15, 17, 20, 23, 26]);
        assert_eq!(rows, [1, 4, 7, 10, 13, 16, 19, 22, 24, 27, 30, 33, 36, 39, 42, 45]);
        let (columns, rows) = covered(100, 30, Size { width: 72, height: 56 });
        assert_eq!(columns[..12], [31, 31, 32, 32, 33, 33, 34, 34, 35, 36, 36, 37]);
        assert_eq!(columns[60..], [62, 63, 63, 64, 65, 65, 66, 66, 67, 67, 68, 68]);
        assert_eq!(rows[..12], [0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6]);
        assert_eq!(rows[44..], [23, 24, 24, 25, 25, 26, 27, 27, 28, 28, 29, 29]);
        let (columns, rows) = covered(64, 64, Size { width: 64, height: 64 });
        assert!((0..64).all(|index| columns[index] == index && rows[index] == index));
    }
}
