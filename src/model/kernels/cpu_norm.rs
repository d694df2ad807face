//! Norms for f32 on the processor: one pass for the mean, one for the variance, one that writes.

use rayon::prelude::*;

use super::Statistics;
use super::cpu_math::{silu, sum_of};

/// `[n, channels, pixels]`; see [`super::group_norm`].
pub(super) fn group_norm(
    x: &[f32],
    gain: &[f32],
    bias: &[f32],
    [n, c, pixels]: [usize; 3],
    how: Statistics,
) -> Vec<f32> {
    let arch = pulp::Arch::new();
    let per_group = c / how.groups;
    let frame = c * pixels;
    let group = per_group * pixels;
    let videos = n / how.span;
    let count = (group * how.span) as f64;
    // The parts of one group in the frames that share its statistics.
    let parts = |index: usize| {
        let (video, in_group) = (index / how.groups, index % how.groups);
        (0..how.span).map(move |t| &x[(video * how.span + t) * frame + in_group * group..][..group])
    };
    let statistics: Vec<(f32, f32)> = (0..videos * how.groups)
        .into_par_iter()
        .map(|index| {
            arch.dispatch(|| {
                let mean = (parts(index).map(|part| sum_of(part, |v| v)).sum::<f64>() / count) as f32;
                let square = |v: f32| (v - mean) * (v - mean);
                let variance = parts(index).map(|part| sum_of(part, square)).sum::<f64>() / count;
                (mean, ((variance + how.eps).sqrt().recip()) as f32)
            })
        })
        .collect();
    let mut out = vec![0f32; x.len()];
    out.par_chunks_mut(group).zip(x.par_chunks(group)).enumerate().for_each(|(index, (out, x))| {
        let (t, in_group) = (index / how.groups, index % how.groups);
        let (mean, inverse) = statistics[t / how.span * how.groups + in_group];
        arch.dispatch(|| {
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
        });
    });
    out
}

/// Rows of `gain.len()` values; see [`super::layer_norm`].
pub(super) fn layer_norm(x: &[f32], gain: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    const ROWS: usize = 64;
    let arch = pulp::Arch::new();
    let width = gain.len();
    let mut out = vec![0f32; x.len()];
    out.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * width)).for_each(|(out, x)| {
        arch.dispatch(|| {
            for (out, x) in out.chunks_mut(width).zip(x.chunks(width)) {
                let mean = (sum_of(x, |v| v) / width as f64) as f32;
                let variance = (sum_of(x, |v| (v - mean) * (v - mean)) / width as f64) as f32;
                let inverse = (variance + eps).sqrt().recip();
                for (((out, x), gain), bias) in out.iter_mut().zip(x).zip(gain).zip(bias) {
                    *out = (*x - mean) * inverse * gain + bias;
                }
            }
        });
    });
    out
}
