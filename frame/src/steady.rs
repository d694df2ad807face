//! Temporal smoothing: averages each frame with its neighbours along the motion of the source.
//!
//! A network's results for neighbouring frames differ by more than the frames do, which is seen as flicker.
//! The motion of the source shows where each point is in the neighbouring frames, so they can be aligned and
//! averaged (Bonneel et al. 2015 and Lai et al. 2018 use the same idea in an optimisation and in a network).
//! A neighbour's weight decreases with its distance, and with the difference between its motion-compensated
//! source and the frame's own source: areas that were occluded, entered the frame or follow a cut are not
//! averaged.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use rayon::prelude::*;

use super::Rgb;
use super::flow::flow;
use super::grey::{Grey, Pyramid};
use super::resize::catmull_rom;

/// Difference between the sources at which a neighbour's weight falls to 1 / e, in grey levels.
const TOLERANCE: f32 = 16.0;
/// Half the side of the square over which differences are averaged, in pixels.
const AROUND: usize = 2;

/// Averages the styled picture `at` with the others, each weighted by its share (0..=1; that of `at` counts
/// as 1). `sources` has the lumas of their sources in the same order. A neighbour is left out if it or its
/// source differs in size from the picture `at`.
///
/// `None` if there is no picture `at`.
pub fn steady(sources: &[Grey], styled: &[&Rgb], shares: &[f32], at: usize) -> Option<Rgb> {
    let (own, from) = (*styled.get(at)?, Pyramid::new(sources.get(at)?.clone()));
    let size = (own.width, own.height);
    let fits = |source: &Grey, picture: &Rgb| {
        (source.width, source.height) == size && (picture.width, picture.height) == size
    };
    let others = sources.iter().zip(styled).zip(shares).enumerate();
    let others: Vec<_> = others
        .filter(|(index, ((source, picture), _))| {
            *index != at && fits(&sources[at], own) && fits(source, picture)
        })
        .collect();
    let plane = own.width * own.height;
    let mut result = own.clone();
    let mut totals = vec![1.0; plane];
    // In chunks of as many as there are threads, to limit memory; summed in a fixed order, so that the result
    // is deterministic.
    for some in others.chunks(rayon::current_num_threads()) {
        let carried: Vec<Carried> = some
            .par_iter()
            .map(|(_, ((source, picture), share))| carry(&from, source, picture, **share))
            .collect();
        for other in carried {
            for (pixel, (value, carried)) in result.data.iter_mut().zip(other.picture).enumerate() {
                *value += other.weights[pixel % plane] * carried;
            }
            for (total, weight) in totals.iter_mut().zip(other.weights) {
                *total += weight;
            }
        }
    }
    for (pixel, value) in result.data.iter_mut().enumerate() {
        *value = (*value / totals[pixel % plane]).clamp(0.0, 1.0);
    }
    Some(result)
}

/// A neighbour aligned to the frame, with its weight at every pixel.
struct Carried {
    picture: Vec<f32>,
    weights: Vec<f32>,
}

fn carry(from: &Pyramid, source: &Grey, picture: &Rgb, share: f32) -> Carried {
    let (width, height) = (source.width, source.height);
    let plane = width * height;
    let to = Pyramid::new(source.clone());
    let flow = flow(from, &to);
    let own = from.finest().map_or(&[][..], |grey| &grey.data);
    let mut result = Carried { picture: vec![0.0; 3 * plane], weights: vec![0.0; plane] };
    let mut inside = vec![false; plane];
    for pixel in 0..plane.min(own.len()) {
        let (column, row) = (pixel % width, pixel / width);
        let way = flow.way(column, row);
        let (x, y) = (column as f32 + way[0], row as f32 + way[1]);
        inside[pixel] = x >= 0.0 && y >= 0.0 && x <= (width - 1) as f32 && y <= (height - 1) as f32;
        result.weights[pixel] = (source.at(x, y) - own[pixel]).abs();
        let taps = CubicTaps::new(x, y, width, height);
        for channel in 0..3 {
            result.picture[channel * plane + pixel] =
                taps.of(&picture.data[channel * plane..][..plane], width);
        }
    }
    let differences = means(&result.weights, width, height);
    for ((weight, difference), inside) in result.weights.iter_mut().zip(differences).zip(inside) {
        let off = difference / TOLERANCE;
        *weight = if inside { share * (-off * off).exp() } else { 0.0 };
    }
    result
}

/// Catmull-Rom weights at a position between pixels, which keep a picture sharper than bilinear ones.
struct CubicTaps {
    columns: [usize; 4],
    rows: [usize; 4],
    across: [f32; 4],
    down: [f32; 4],
}

impl CubicTaps {
    fn new(x: f32, y: f32, width: usize, height: usize) -> Self {
        let places = |place: f32, side: usize| -> [usize; 4] {
            std::array::from_fn(|i| (place.floor() + i as f32 - 1.0).clamp(0.0, (side - 1) as f32) as usize)
        };
        let weights = |place: f32| -> [f32; 4] {
            let into = f64::from(place - place.floor());
            std::array::from_fn(|i| catmull_rom(into + 1.0 - i as f64) as f32)
        };
        Self { columns: places(x, width), rows: places(y, height), across: weights(x), down: weights(y) }
    }

    fn of(&self, plane: &[f32], width: usize) -> f32 {
        let row = |row: usize| -> f32 {
            let line = &plane[row * width..][..width];
            self.columns.iter().zip(self.across).map(|(&column, weight)| weight * line[column]).sum()
        };
        self.rows.iter().zip(self.down).map(|(&line, weight)| weight * row(line)).sum()
    }
}

/// Means over squares of `2 AROUND + 1` pixels, limited to the picture at its edges.
fn means(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mean = |at: usize, side: usize, value: &dyn Fn(usize) -> f32| {
        let (first, last) = (at.saturating_sub(AROUND), (at + AROUND).min(side - 1));
        (first..=last).map(value).sum::<f32>() / (last - first + 1) as f32
    };
    let across: Vec<f32> =
        (0..plane.len()).map(|at| mean(at % width, width, &|x| plane[at - at % width + x])).collect();
    (0..plane.len()).map(|at| mean(at / width, height, &|y| across[y * width + at % width])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (64, 48);

    /// A pattern that moves right by one and a half pixels per frame, with new grain in every frame.
    fn frame(index: usize, grain: f32, scale: f32) -> Rgb {
        let (width, height) = SIZE;
        let mut state = 7919 * (index as u32 + 1);
        let value = |at: usize| {
            let (x, y) = ((at % width) as f32 - 1.5 * index as f32, (at / width % height) as f32);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
            (0.5 + scale * ((0.4 * x + 0.13 * y).sin() + (0.1 * x - 0.3 * y).sin()) + grain * noise)
                .clamp(0.0, 1.0)
        };
        Rgb { width, height, data: (0..3 * width * height).map(value).collect() }
    }

    fn steadied(sources: &[Rgb], styled: &[Rgb], at: usize) -> Rgb {
        let lumas: Vec<Grey> = sources.iter().map(Grey::luma).collect();
        let shares: Vec<f32> = (0..5).map(|i: usize| [1.0, 0.9, 0.6, 0.0, 0.0][i.abs_diff(at)]).collect();
        steady(&lumas, &styled.iter().collect::<Vec<_>>(), &shares, at).unwrap()
    }

    /// Root mean square difference of two pictures.
    fn off(one: &Rgb, other: &Rgb) -> f32 {
        let square: f32 = one.data.iter().zip(&other.data).map(|(a, b)| (a - b) * (a - b)).sum();
        (square / one.data.len() as f32).sqrt()
    }

    #[test]
    fn what_is_new_in_every_frame_goes_and_what_moves_with_the_source_stays() {
        let sources: Vec<Rgb> = (0..5).map(|i| frame(i, 0.0, 0.2)).collect();
        let clean: Vec<Rgb> = (0..5).map(|i| frame(i, 0.0, -0.15)).collect();
        let grainy: Vec<Rgb> = (0..5).map(|i| frame(i, 0.4, -0.15)).collect();
        for at in [0, 2, 4] {
            let (before, after) =
                (off(&grainy[at], &clean[at]), off(&steadied(&sources, &grainy, at), &clean[at]));
            assert!(after < 0.65 * before, "frame {at}: {before} before, {after} after");
            let blurred = off(&steadied(&sources, &clean, at), &clean[at]);
            assert!(blurred < 0.01, "frame {at}: a clean one changed by {blurred}");
        }
    }

    #[test]
    fn a_cut_is_left_alone() {
        let flat = |level: f32| Rgb { data: vec![level; 3 * 64 * 48], ..frame(0, 0.0, 0.1) };
        let (one, other) = (frame(0, 0.0, 0.1), flat(0.95));
        let styled = [frame(0, 0.0, -0.1), flat(0.1)];
        let sources = [one, other];
        for at in [0, 1] {
            let changed = off(&steadied(&sources, &styled, at), &styled[at]);
            assert!(changed < 0.005, "frame {at} changed by {changed}");
        }
    }

    #[test]
    fn pictures_that_do_not_belong_together_are_left_out() {
        let source = frame(0, 0.0, 0.2);
        let small_source = || Rgb { width: 2, height: 2, data: vec![0.5; 12] };
        let small = small_source();
        let styled = frame(1, 0.3, 0.1);
        assert_eq!(steadied(&[source.clone(), source.clone()], &[styled.clone(), small.clone()], 0), styled);
        assert_eq!(steadied(&[source.clone(), small], &[styled.clone(), styled.clone()], 0), styled);
        // The frame's own source can also differ in size, for example with latents from a file.
        assert_eq!(steadied(&[small_source(), source.clone()], &[styled.clone(), styled.clone()], 0), styled);
        assert!(steady(&[Grey::luma(&source)], &[&styled], &[1.0], 1).is_none());
        assert_eq!(steadied(&[source], std::slice::from_ref(&styled), 0), styled);
    }

    #[test]
    fn the_result_is_a_picture() {
        let sources: Vec<Rgb> = (0..3).map(|i| frame(i, 0.0, 0.2)).collect();
        // At hard edges Catmull-Rom overshoots.
        let styled: Vec<Rgb> = (0..3).map(|i| frame(i, 0.0, 9.0)).collect();
        let result = steadied(&sources, &styled, 1);
        assert!(result.data.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
