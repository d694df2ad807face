//! Temporal attention for f32 on the CPU.
//!
//! Every pixel attends to few frames, and there are thousands of pixels: SIMD lanes are pixels.

#![expect(
    clippy::cast_precision_loss,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::cpu_math::exp2;

/// Pixels per task; a multiple of the lanes of every SIMD register.
const RUN: usize = 32;

/// See [`super::temporal_attention`]. `[q, k, v]` are `[videos, frames, pixels, channels]`.
///
/// A task writes the results of a run of pixels into its own buffer; the frames of a pixel are far apart in the
/// result, so a second pass copies the buffers into place.
pub(super) fn attention(
    [q, k, v]: [&[f32]; 3],
    [videos, frames, pixels, channels]: [usize; 4],
    heads: usize,
    key_scale: &[f32],
) -> Vec<f32> {
    let arch = pulp::Arch::new();
    let width = channels / heads;
    let frame = pixels * channels;
    // Scores in units of log 2, so that weights are powers of two.
    let scale = std::f32::consts::LOG2_E / (width as f32).sqrt();
    let scales: Vec<f32> = (0..frames).map(|t| scale * key_scale[t % key_scale.len()]).collect();
    let runs: Vec<(usize, usize)> =
        (0..videos).flat_map(|video| (0..pixels).step_by(RUN).map(move |first| (video, first))).collect();
    let results: Vec<Vec<f32>> = runs
        .par_iter()
        .map(|&(video, first)| {
            let count = RUN.min(pixels - first);
            let mut out = vec![0f32; frames * count * channels];
            let video =
                |x| Pixels { values: x, start: video * frames * frame + first * channels, frame, channels };
            let task =
                Task { q: video(q), k: video(k), v: video(v), scales: &scales, count, heads, out: &mut out };
            arch.dispatch(task);
            out
        })
        .collect();
    let mut out = vec![0f32; q.len()];
    let per_video = pixels.div_ceil(RUN);
    out.par_chunks_mut(frame.max(1)).enumerate().for_each(|(index, out)| {
        let (video, t) = (index / frames, index % frames);
        for (run, out) in out.chunks_mut(RUN * channels).enumerate() {
            out.copy_from_slice(&results[video * per_video + run][t * out.len()..][..out.len()]);
        }
    });
    out
}

/// A run of pixels in all frames of one video.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    values: &'a [f32],
    start: usize,
    frame: usize,
    channels: usize,
}

impl Pixels<'_> {
    /// Transposes one head of one frame into `[channel of the head, pixel]`, each channel one register wide. Lanes
    /// beyond the run are left unchanged.
    #[inline(always)]
    fn turn(
        &self,
        t: usize,
        pixels: std::ops::Range<usize>,
        from: usize,
        lanes: usize,
        turned: &mut [f32],
        scale: f32,
    ) {
        let width = turned.len() / lanes;
        for (lane, pixel) in pixels.enumerate() {
            let at = self.start + t * self.frame + pixel * self.channels + from;
            for (turned, value) in turned[lane..].iter_mut().step_by(lanes).zip(&self.values[at..at + width])
            {
                *turned = value * scale;
            }
        }
    }
}

struct Task<'a> {
    q: Pixels<'a>,
    k: Pixels<'a>,
    v: Pixels<'a>,
    scales: &'a [f32],
    count: usize,
    heads: usize,
    /// `[frames, count, channels]`
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { q, k, v, scales, count, heads, out } = self;
        let lanes = S::F32_LANES;
        let frames = scales.len();
        let channels = q.channels;
        let width = channels / heads;
        let block = width * lanes;
        let zero = simd.splat_f32s(0.0);
        let mut turned = vec![0f32; 3 * frames * block];
        let (turned_q, rest) = turned.split_at_mut(frames * block);
        let (turned_k, turned_v) = rest.split_at_mut(frames * block);
        let mut weights = vec![zero; frames];
        let mut sums = vec![0f32; block];
        for first in (0..count).step_by(lanes) {
            let pixels = first..(first + lanes).min(count);
            for from in (0..heads).map(|head| head * width) {
                for (t, scale) in scales.iter().enumerate() {
                    let part = t * block..(t + 1) * block;
                    q.turn(t, pixels.clone(), from, lanes, &mut turned_q[part.clone()], 1.0);
                    k.turn(t, pixels.clone(), from, lanes, &mut turned_k[part.clone()], *scale);
                    v.turn(t, pixels.clone(), from, lanes, &mut turned_v[part], 1.0);
                }
                let (queries, keys) = (S::as_simd_f32s(turned_q).0, S::as_simd_f32s(turned_k).0);
                let values = S::as_simd_f32s(turned_v).0;
                for (t, query) in queries.chunks_exact(width).enumerate() {
                    let mut highest = simd.splat_f32s(f32::MIN);
                    for (weight, key) in weights.iter_mut().zip(keys.chunks_exact(width)) {
                        let mut score = zero;
                        for (query, key) in query.iter().zip(key) {
                            score = simd.mul_add_e_f32s(*query, *key, score);
                        }
                        highest = simd.max_f32s(highest, score);
                        *weight = score;
                    }
                    let mut total = zero;
                    for weight in &mut weights {
                        *weight = exp2(simd, simd.sub_f32s(*weight, highest));
                        total = simd.add_f32s(total, *weight);
                    }
                    let factor = simd.div_f32s(simd.splat_f32s(1.0), total);
                    for (channel, sum) in S::as_mut_simd_f32s(&mut sums).0.iter_mut().enumerate() {
                        let mut mixed = zero;
                        for (weight, value) in weights.iter().zip(values.chunks_exact(width)) {
                            mixed = simd.mul_add_e_f32s(*weight, value[channel], mixed);
                        }
                        *sum = simd.mul_f32s(mixed, factor);
                    }
                    for (lane, pixel) in pixels.clone().enumerate() {
                        let out = &mut out[(t * count + pixel) * channels + from..][..width];
                        for (out, sum) in out.iter_mut().zip(sums[lane..].iter().step_by(lanes)) {
                            *out = *sum;
                        }
                    }
                }
            }
        }
    }
}
