//! Group norm and layer norm for f32 on the CPU: one pass for the mean, one for the variance, one to write the
//! result.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use rayon::prelude::*;

use super::cpu_math::{silu, sum_of};
use super::{Statistics, cpu};

/// `x` is `[n, channels, pixels]`; see [`super::group_norm`].
pub(super) fn group_norm(
    x: &[f32],
    gain: &[f32],
    bias: &[f32],
    [n, c, pixels]: [usize; 3],
    how: Statistics,
) -> Vec<f32> {
    let per_group = c / how.groups;
    let frame = c * pixels;
    let group = per_group * pixels;
    let videos = n / how.span;
    let count = (group * how.span) as f64;
    // The slices of one group in all frames that share its statistics.
    let parts = |index: usize| {
        let (video, in_group) = (index / how.groups, index % how.groups);
        (0..how.span).map(move |t| &x[(video * how.span + t) * frame + in_group * group..][..group])
    };
    let statistics: Vec<(f32, f32)> = (0..videos * how.groups)
        .into_par_iter()
        .map(|index| {
            cpu::vectorized(
                #[inline(always)]
                || {
                    let mut sum = 0.0;
                    for part in parts(index) {
                        sum += sum_of(part, |v| v);
                    }
                    let mean = (sum / count) as f32;
                    let mut squares = 0.0;
                    for part in parts(index) {
                        squares += sum_of(part, |v| (v - mean) * (v - mean));
                    }
                    (mean, (squares / count + how.eps).sqrt().recip() as f32)
                },
            )
        })
        .collect();
    let mut out = vec![0f32; x.len()];
    out.par_chunks_mut(group).zip(x.par_chunks(group)).enumerate().for_each(|(index, (out, x))| {
        let (t, in_group) = (index / how.groups, index % how.groups);
        let (mean, inverse) = statistics[t / how.span * how.groups + in_group];
        cpu::vectorized(
            #[inline(always)]
            || {
                for (channel, (out, x)) in out.chunks_mut(pixels).zip(x.chunks(pixels)).enumerate() {
                    let channel = in_group * per_group + channel;
                    let scale = inverse * gain[channel];
                    let shift = bias[channel] - mean * scale;
                    if how.silu {
                        for (out, x) in out.iter_mut().zip(x) {
                            *out = silu(*x * scale + shift);
                        }
                    } else {
                        for (out, x) in out.iter_mut().zip(x) {
                            *out = *x * scale + shift;
                        }
                    }
                }
            },
        );
    });
    out
}

/// `x` has rows of `gain.len()` values; see [`super::layer_norm`]. `shifts` are the position embeddings of the frames
/// and the number of rows per frame.
pub(super) fn layer_norm(
    x: &[f32],
    gain: &[f32],
    bias: &[f32],
    eps: f32,
    shifts: Option<(&[f32], usize)>,
) -> Vec<f32> {
    const ROWS: usize = 64;
    let width = gain.len();
    let mut out = vec![0f32; x.len()];
    let tasks = out.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * width)).enumerate();
    tasks.for_each(|(task, (out, x))| {
        cpu::vectorized(
            #[inline(always)]
            || {
                for (row, (out, x)) in out.chunks_mut(width).zip(x.chunks(width)).enumerate() {
                    let mean = (sum_of(x, |v| v) / width as f64) as f32;
                    let variance = (sum_of(x, |v| (v - mean) * (v - mean)) / width as f64) as f32;
                    let inverse = (variance + eps).sqrt().recip();
                    for (((out, x), gain), bias) in out.iter_mut().zip(x).zip(gain).zip(bias) {
                        *out = (*x - mean) * inverse * gain + bias;
                    }
                    if let Some((positions, rows)) = shifts {
                        let frame = (task * ROWS + row) / rows * width % positions.len();
                        for (out, position) in out.iter_mut().zip(&positions[frame..frame + width]) {
                            *out += position;
                        }
                    }
                }
            },
        );
    });
    out
}
