//! How the reference workflow brings a hint of another size to the working size.

use super::{FrameError, Picture, Rgb, Size};

/// A display-referred picture that covers `size`: the middle of it in the right aspect ratio, every pixel the nearest
/// one ("nearest-exact" of PyTorch). Alpha is ignored, values are clamped to 0..=1.
///
/// # Errors
/// [`FrameError::Empty`] for a picture without pixels, or with other than its size says.
pub fn cover_nearest(picture: &Picture, size: Size) -> Result<Rgb, FrameError> {
    picture.check()?;
    let aspects = (picture.width as f64 / picture.height as f64, size.width as f64 / size.height as f64);
    // What is cut off on either side; halves to even, as the reference rounds.
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

/// For each of `to` pixels the nearest of `from` ones, counted from `first`. In f32 like the original, whose rounding
/// decides where two pixels are equally near.
fn nearest(first: usize, from: usize, to: usize) -> Vec<usize> {
    let scale = from as f32 / to as f32;
    let index = |pixel: usize| {
        let place = (scale * (pixel as f32 + 0.5) - 0.5).max(0.0);
        (place + 0.5).floor() as usize
    };
    (0..to).map(|pixel| first + index(pixel).min(from - 1)).collect()
}
