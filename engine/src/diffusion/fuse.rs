//! Fuses the predictions of overlapping context windows: a weighted mean for every frame.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounds to f32 where the reference does"
)]

use candle_core::Tensor;

use super::DiffusionError;
use super::latents::TIME;
pub use protocol::Fuse;

/// Used instead of 0 so that a sum of weights never becomes 0.
const NEXT_TO_NOTHING: f32 = 1e-37;

/// The weights of a window's frames: one for each entry of `window` (indices into a clip of `total` frames).
pub fn weights(fuse: Fuse, window: &[usize], total: usize, overlap: usize) -> Vec<f32> {
    let length = window.len();
    match fuse {
        Fuse::Flat => vec![1.0; length],
        Fuse::Pyramid => (0..length).map(|at| (at + 1).min(length - at) as f32).collect(),
        Fuse::OverlapLinear => fading(window, total, overlap.min(length)),
        Fuse::Relative => window.iter().map(|&index| relative(window, index) as f32).collect(),
    }
}

fn fading(window: &[usize], total: usize, overlap: usize) -> Vec<f32> {
    let mut weights = vec![1.0; window.len()];
    let ramp = |at: usize| {
        let last = overlap.saturating_sub(1);
        if last == 0 {
            return NEXT_TO_NOTHING;
        }
        let step = (1.0 - NEXT_TO_NOTHING) / last as f32;
        if at < overlap / 2 { NEXT_TO_NOTHING + step * at as f32 } else { 1.0 - step * (last - at) as f32 }
    };
    if !window.contains(&0) {
        for (at, weight) in weights.iter_mut().take(overlap).enumerate() {
            *weight = ramp(at);
        }
    }
    if !window.contains(&(total - 1)) {
        for (at, weight) in weights.iter_mut().rev().take(overlap).enumerate() {
            *weight = ramp(at);
        }
    }
    weights
}

/// The weight of frame `index` in a window, computed from frame indices. For windows that wrap around, the values are
/// not meaningful; the reference offers this fuse for static windows only.
fn relative(window: &[usize], index: usize) -> f64 {
    let (Some(&first), Some(&last)) = (window.first(), window.last()) else {
        return 1.0;
    };
    let (first, last) = (first as f64, last as f64);
    let distance = (index as f64 - (first + last) / 2.0).abs();
    (1.0 - distance / ((last - first + 1e-2) / 2.0)).max(1e-2)
}

/// Accumulates the predictions of context windows frame by frame.
#[derive(Debug)]
pub struct Merge {
    fuse: Fuse,
    overlap: usize,
    frames: Vec<Option<(Tensor, Weight)>>,
}

/// The accumulated weight of a frame: f32 for sums, f64 for the running mean of [`Fuse::Relative`], as in the reference.
#[derive(Debug, Clone, Copy)]
enum Weight {
    Sum(f32),
    Mean(f64),
}

impl Merge {
    /// An empty accumulator for `total` frames.
    pub fn new(fuse: Fuse, overlap: usize, total: usize) -> Self {
        Self { fuse, overlap, frames: vec![None; total] }
    }

    /// Adds a window's predictions, `[batch, channels, window, height, width]`, f32.
    ///
    /// # Errors
    /// If a tensor operation fails or a frame index is not below `total`.
    pub fn add(&mut self, window: &[usize], prediction: &Tensor) -> Result<(), DiffusionError> {
        let total = self.frames.len();
        let weights = weights(self.fuse, window, total, self.overlap);
        for (at, (&index, weight)) in window.iter().zip(weights).enumerate() {
            let Some(slot) = self.frames.get_mut(index) else {
                return Err(DiffusionError::invalid(format!("a window reaches frame {index} of {total}")));
            };
            let row = prediction.narrow(TIME, at, 1)?;
            if self.fuse == Fuse::Relative {
                let bias = relative(window, index);
                *slot = Some(match slot.take() {
                    Some((mean, Weight::Mean(seen))) => {
                        let all = seen + bias;
                        let mean = ((mean * (seen / all))? + (row * (bias / all))?)?;
                        (mean, Weight::Mean(all))
                    }
                    _ => (row, Weight::Mean(bias)),
                });
            } else if !window[at + 1..].contains(&index) {
                // If a strided window holds a frame twice, only the last occurrence counts.
                let row = (row * f64::from(weight))?;
                *slot = Some(match slot.take() {
                    Some((sum, Weight::Sum(seen))) => ((sum + row)?, Weight::Sum(seen + weight)),
                    _ => (row, Weight::Sum(weight)),
                });
            }
        }
        Ok(())
    }

    /// The weighted mean of everything added, `[batch, channels, total, height, width]`, contiguous.
    ///
    /// # Errors
    /// [`DiffusionError::Invalid`] if no window covered a frame.
    pub fn finish(self) -> Result<Tensor, DiffusionError> {
        let mut rows = Vec::with_capacity(self.frames.len());
        for (index, frame) in self.frames.into_iter().enumerate() {
            rows.push(match frame {
                Some((sum, Weight::Sum(weight))) => sum.broadcast_div(&Tensor::new(weight, sum.device())?)?,
                Some((mean, Weight::Mean(_))) => mean,
                None => {
                    return Err(DiffusionError::invalid(format!("frame {index} is in no context window")));
                }
            });
        }
        Ok(Tensor::cat(&rows, TIME)?.contiguous()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::latents::along_time;
    use super::*;
    use candle_core::Device;

    #[test]
    fn weights_have_the_reference_s_shapes() {
        let window: Vec<usize> = (4..12).collect();
        assert_eq!(weights(Fuse::Flat, &window, 20, 4), [1.0; 8]);
        assert_eq!(weights(Fuse::Pyramid, &window, 20, 4), [1., 2., 3., 4., 4., 3., 2., 1.]);
        assert_eq!(weights(Fuse::Pyramid, &window[..5], 20, 4), [1., 2., 3., 2., 1.]);
        let fading = weights(Fuse::OverlapLinear, &window, 20, 4);
        assert_eq!(fading[0], 1e-37);
        assert_eq!(fading[7], 1e-37);
        assert!((fading[1] - 1.0 / 3.0).abs() < 1e-6 && (fading[5] - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(&fading[3..5], [1.0, 1.0]);
        // A window at an end of the clip does not fade there.
        assert_eq!(weights(Fuse::OverlapLinear, &[0, 1, 2, 3], 8, 2), [1., 1., 1., 1e-37]);
        assert_eq!(weights(Fuse::OverlapLinear, &[4, 5, 6, 7], 8, 1), [1e-37, 1., 1., 1.]);
    }

    /// One value for every frame of a window, `[1, 1, window, 1, 1]`.
    fn predicted(values: &[f32]) -> Tensor {
        along_time(values, &Device::Cpu).unwrap()
    }

    fn list(merge: Merge) -> Vec<f32> {
        merge.finish().unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn every_fuse_returns_what_all_windows_agree_on() {
        for &fuse in Fuse::ALL {
            let mut merge = Merge::new(fuse, 2, 6);
            for window in [[0, 1, 2, 3], [2, 3, 4, 5]] {
                let rows: Vec<f32> = window.iter().map(|&index| index as f32 * 10.0).collect();
                merge.add(&window, &predicted(&rows)).unwrap();
            }
            let got = list(merge);
            assert_eq!(got.len(), 6);
            for (index, row) in got.iter().enumerate() {
                assert!((row - index as f32 * 10.0).abs() < 1e-5, "{fuse} {index}: {row:?}");
            }
        }
    }

    #[test]
    fn windows_that_disagree_meet_in_the_weighted_mean() {
        let rows = |value: f32| predicted(&[value; 4]);
        let mut merge = Merge::new(Fuse::Pyramid, 2, 6);
        merge.add(&[0, 1, 2, 3], &rows(0.0)).unwrap();
        merge.add(&[2, 3, 4, 5], &rows(3.0)).unwrap();
        assert_eq!(list(merge), [0.0, 0.0, 1.0, 2.0, 3.0, 3.0]);
    }

    #[test]
    fn a_frame_without_a_window_is_an_error() {
        let merge = Merge::new(Fuse::Flat, 0, 2);
        assert!(merge.finish().is_err());
    }
}
