//! Fills the colours hidden by a matte.
//!
//! Where alpha is 0, a picture may contain anything: leftovers of the shot, garbage, black. It is invisible,
//! so it must not influence the model. It is replaced by the visible picture, extended from its border; black
//! would create an edge that the picture does not have. The method is push-pull (Gortler et al., "The
//! Lumigraph", 1996): alpha-weighted means of ever larger squares, interpolated back down.

use super::{Alpha, Picture};

/// Alpha from which a pixel keeps its colour and contributes to the fill. Below it, colours become unreliable
/// (in 8 bits, an unpremultiplied colour at an alpha of 1/255 has one of two values; a compressed or keyed
/// matte is rarely exactly 0 outside), so they fade into the fill.
const TRUSTED: f32 = 0.125;
/// By how much a premultiplied colour may exceed its alpha before it counts as light: rounding in 8 bits.
const ROUNDING: f32 = 2.0 / 255.0;

/// Whether an unpremultiplied pixel is additive light, which only premultiplied pictures can contain: it is
/// visible however small its alpha.
fn is_light(&[r, g, b, alpha]: &[f32; 4]) -> bool {
    let most = r.max(g).max(b);
    if alpha > 0.0 { (most - 1.0) * alpha > ROUNDING } else { most > ROUNDING }
}

/// One level of the pyramid: `[height, width, 4]`, red, green, blue and their weight, 0..=1.
struct FillLevel {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 4]>,
}

/// Replaces colours under an alpha of 0 by those of the visible border, and fades those of low alpha into
/// them. Alpha is unchanged. A picture without visible pixels becomes black. Colours are display-referred and
/// unpremultiplied; the means are clamped to 0..=1, the model's range. `alpha` is the mode before
/// unpremultiplying: additive light of a premultiplied picture is kept.
///
/// Returns whether anything is visible.
pub(super) fn hidden_colours(picture: &mut Picture, alpha: Alpha) -> bool {
    let pixels = picture.rgba.as_chunks_mut::<4>().0;
    if alpha == Alpha::Opaque || pixels.iter().all(|pixel| pixel[3] >= TRUSTED) {
        return true;
    }
    let light = |pixel: &[f32; 4]| alpha == Alpha::Premultiplied && is_light(pixel);
    let most = pixels.iter().map(|pixel| pixel[3]).fold(0.0, f32::max);
    // If the whole picture is faded out, its largest alpha counts as fully visible.
    let trusted = most.min(TRUSTED);
    if most <= 0.0 {
        let mut visible = false;
        for pixel in pixels {
            if light(pixel) {
                visible = true;
            } else {
                pixel[..3].fill(0.0);
            }
        }
        return visible;
    }
    let filled = filled(pixels, trusted, picture.width, picture.height);
    for (pixel, fill) in pixels.iter_mut().zip(&filled) {
        if light(pixel) {
            continue;
        }
        // Squared, so that barely visible colours contribute almost nothing.
        let share = (pixel[3] / trusted).min(1.0).powi(2);
        for (value, &fill) in pixel[..3].iter_mut().zip(fill) {
            if share <= 0.0 {
                *value = fill;
            } else if share < 1.0 {
                *value = value.clamp(0.0, 1.0) * share + fill * (1.0 - share);
            }
        }
    }
    true
}

/// The fill colour of every pixel, made from the pixels with an alpha of at least `trusted`.
fn filled(pixels: &[[f32; 4]], trusted: f32, width: usize, height: usize) -> Vec<[f32; 3]> {
    let weighted = |&[r, g, b, alpha]: &[f32; 4]| {
        // Hidden pixels are excluded rather than weighted with 0, because they may be NaN.
        if alpha >= trusted {
            [r.clamp(0.0, 1.0), g.clamp(0.0, 1.0), b.clamp(0.0, 1.0), alpha]
        } else {
            [0.0; 4]
        }
    };
    let mut levels = vec![FillLevel { width, height, pixels: pixels.iter().map(weighted).collect() }];
    while let Some(last) = levels.last()
        && last.width.max(last.height) > 1
    {
        levels.push(halved(last));
    }
    let mut below: Option<(usize, usize, Vec<[f32; 3]>)> = None;
    while let Some(level) = levels.pop() {
        let FillLevel { width, height, pixels } = &level;
        let mut colours = Vec::with_capacity(pixels.len());
        for (at, &[r, g, b, weight]) in pixels.iter().enumerate() {
            let coarse = match &below {
                Some(below) if weight < 1.0 => between(below, at % width, at / width),
                _ => [r, g, b],
            };
            let mix = |own: f32, coarse: f32| own * weight + coarse * (1.0 - weight);
            colours.push([mix(r, coarse[0]), mix(g, coarse[1]), mix(b, coarse[2])]);
        }
        below = Some((*width, *height, colours));
    }
    below.map(|(_, _, colours)| colours).unwrap_or_default()
}

/// Halves the size: weighted means of four pixels, fewer at odd edges. Weights add up, to at most 1.
fn halved(level: &FillLevel) -> FillLevel {
    let (width, height) = (level.width.div_ceil(2), level.height.div_ceil(2));
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0f32; 4];
            for row in 2 * y..(2 * y + 2).min(level.height) {
                for column in 2 * x..(2 * x + 2).min(level.width) {
                    let [r, g, b, weight] = level.pixels[row * level.width + column];
                    sum = [sum[0] + r * weight, sum[1] + g * weight, sum[2] + b * weight, sum[3] + weight];
                }
            }
            let [r, g, b, weight] = sum;
            pixels.push(if weight > 0.0 {
                [r / weight, g / weight, b / weight, weight.min(1.0)]
            } else {
                [0.0; 4]
            });
        }
    }
    FillLevel { width, height, pixels }
}

/// The coarser level at the position of a finer pixel, bilinear.
fn between((width, height, colours): &(usize, usize, Vec<[f32; 3]>), x: usize, y: usize) -> [f32; 3] {
    // The centre of a finer pixel is a quarter of a coarse pixel away from the centre of the coarse pixel
    // around it.
    let neighbours = |at: usize, side: usize| {
        let near = at / 2;
        let far = if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(side - 1) };
        (near, far)
    };
    let ((x0, x1), (y0, y1)) = (neighbours(x, *width), neighbours(y, *height));
    let at = |x: usize, y: usize| colours[y * width + x];
    let (a, b, c, d) = (at(x0, y0), at(x1, y0), at(x0, y1), at(x1, y1));
    [0, 1, 2].map(|k| (a[k] * 0.75 + b[k] * 0.25) * 0.75 + (c[k] * 0.75 + d[k] * 0.25) * 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc with a gradient, a soft edge and the colour `hidden` outside of its matte.
    fn disc(hidden: [f32; 3]) -> Picture {
        let (width, height) = (37, 23);
        let mut picture = Picture::new(width, height);
        for y in 0..height {
            for (x, pixel) in picture.row_mut(y).as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let far = ((x as f32 - 15.0).powi(2) + (y as f32 - 11.0).powi(2)).sqrt();
                let alpha = (9.5 - far).clamp(0.0, 1.0);
                let [r, g, b] = if alpha > 0.0 { [0.5 + x as f32 * 0.01, 0.3, 0.2] } else { hidden };
                *pixel = [r, g, b, alpha];
            }
        }
        picture
    }

    #[test]
    fn what_is_hidden_does_not_matter_to_the_last_bit() {
        let bits = |picture: &Picture| picture.rgba.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let mut one = disc([0.0; 3]);
        assert!(hidden_colours(&mut one, Alpha::Straight));
        for hidden in [[1.0, 0.0, 1.0], [9e4, -3.0, f32::NAN], [-0.0, f32::INFINITY, 0.5]] {
            let mut other = disc(hidden);
            hidden_colours(&mut other, Alpha::Straight);
            assert_eq!(bits(&one), bits(&other), "{hidden:?}");
        }
        // The border's colour is extended, near the disc and far from it.
        for (x, y) in [(0, 0), (27, 11), (36, 22), (15, 0)] {
            let pixel = &one.row(y)[x * 4..];
            assert!((0.5..0.9).contains(&pixel[0]) && (pixel[1] - 0.3).abs() < 1e-5, "{pixel:?}");
            assert_eq!(pixel[3], 0.0);
        }
    }

    #[test]
    fn what_is_visible_stays_and_little_alpha_fades() {
        let before = disc([1.0; 3]);
        let mut after = before.clone();
        hidden_colours(&mut after, Alpha::Straight);
        for (before, after) in before.rgba.chunks_exact(4).zip(after.rgba.chunks_exact(4)) {
            if before[3] >= TRUSTED {
                assert_eq!(before, after);
            }
        }
        let mut speck =
            Picture { width: 2, height: 1, rgba: vec![0.5, 0.5, 0.5, 1.0, 1.0, 0.0, 0.0, 1.0 / 255.0] };
        hidden_colours(&mut speck, Alpha::Straight);
        assert!((speck.rgba[4] - 0.5).abs() < 0.001 && speck.rgba[5] > 0.499, "{:?}", speck.rgba);
    }

    #[test]
    fn a_matte_that_is_not_quite_black_outside_hides_as_well() {
        let clean = {
            let mut picture = disc([0.0; 3]);
            hidden_colours(&mut picture, Alpha::Straight);
            picture
        };
        for hidden in [[0.0, 1.0, 0.0], [0.0; 3]] {
            let mut noisy = disc(hidden);
            for (at, pixel) in noisy.rgba.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                if pixel[3] == 0.0 && at % 3 != 0 {
                    pixel[3] = 1.0 / 255.0;
                }
            }
            hidden_colours(&mut noisy, Alpha::Straight);
            let far = |(a, b): (&f32, &f32)| (a - b).abs();
            let worst = clean
                .rgba
                .chunks_exact(4)
                .zip(noisy.rgba.chunks_exact(4))
                .flat_map(|(a, b)| a[..3].iter().zip(&b[..3]).map(far).collect::<Vec<_>>())
                .fold(0.0, f32::max);
            assert!(worst < 0.5 / 255.0, "{hidden:?}: {worst}");
        }
    }

    #[test]
    fn a_picture_that_is_faded_out_as_a_whole_keeps_its_colours() {
        let rgba = [[0.2, 0.4, 0.6, 0.02], [0.9, 0.1, 0.3, 0.02]].concat();
        let mut picture = Picture { width: 2, height: 1, rgba: rgba.clone() };
        assert!(hidden_colours(&mut picture, Alpha::Straight));
        assert_eq!(picture.rgba, rgba);
    }

    #[test]
    fn black_around_a_premultiplied_picture_is_filled_and_light_stays() {
        let pixels =
            [[0.5, 0.3, 0.2, 1.0], [0.0, 0.0, 0.0, 0.0], [0.8, 0.6, 0.1, 0.0], [900.0, 1.0, 0.2, 1e-3]];
        let mut picture = Picture { width: 4, height: 1, rgba: pixels.concat() };
        assert!(hidden_colours(&mut picture, Alpha::Premultiplied));
        let after = picture.rgba.as_chunks::<4>().0;
        assert_eq!((after[0], after[2], after[3]), (pixels[0], pixels[2], pixels[3]));
        assert_eq!(after[1], [0.5, 0.3, 0.2, 0.0]);
        // Without any alpha, as in a clip that lost its alpha, everything is light.
        let lost = [[0.0, 0.0, 0.0, 0.0], [0.8, 0.6, 0.1, 0.0]].concat();
        let mut picture = Picture { width: 2, height: 1, rgba: lost.clone() };
        assert!(hidden_colours(&mut picture, Alpha::Premultiplied));
        assert_eq!(picture.rgba, lost);
    }

    #[test]
    fn nothing_visible_is_black() {
        let mut picture =
            Picture { width: 2, height: 1, rgba: vec![0.5, 0.7, 0.5, 0.0, 1.0, 0.0, f32::NAN, 0.0] };
        assert!(!hidden_colours(&mut picture, Alpha::Straight));
        assert_eq!(picture.rgba, [0.0; 8]);
    }
}
