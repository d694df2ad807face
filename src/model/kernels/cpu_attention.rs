//! Attention for f32 on the processor.

use rayon::prelude::*;

use super::cpu_math::softmax;
use super::gemm::{Matrix, Product, product};

/// Sizes of an attention; see [`super::attention`].
pub(super) struct Sizes {
    pub n: usize,
    pub m: usize,
    pub tokens: usize,
    pub keys: usize,
    pub channels: usize,
    pub heads: usize,
    pub causal: bool,
}

/// Scores that one task holds: a quarter of a megabyte, so that they stay in its cache between the two products.
const SCORES: usize = 1 << 16;

/// Tasks are blocks of queries. Heads are strides: nothing is transposed.
pub(super) fn attention(q: &[f32], k: &[f32], v: &[f32], sizes: &Sizes) -> Vec<f32> {
    let Sizes { n, m, tokens, keys, channels, heads, causal } = *sizes;
    let width = channels / heads;
    let mut out = vec![0f32; q.len()];
    if out.is_empty() || keys == 0 {
        return out;
    }
    let arch = pulp::Arch::new();
    let block = (SCORES / keys).clamp(16.min(tokens), tokens);
    let scale = 1.0 / (width as f32).sqrt();
    let tasks: Vec<(usize, usize, &mut [f32])> = out
        .chunks_mut(tokens * channels)
        .enumerate()
        .flat_map(|(index, out)| {
            let blocks = out.chunks_mut(block * channels).enumerate();
            blocks.map(move |(place, out)| (index, place * block, out))
        })
        .collect();
    tasks.into_par_iter().for_each(|(index, first, out)| {
        let rows = out.len() / channels;
        let q = &q[(index * tokens + first) * channels..][..rows * channels];
        let set = index / (n / m) * keys * channels;
        let (k, v) = (&k[set..][..keys * channels], &v[set..][..keys * channels]);
        let mut scores = vec![0f32; rows * keys];
        for head in 0..heads {
            let from = head * width;
            let how = Product {
                rows,
                cols: keys,
                depth: width,
                row_step: keys,
                scale,
                accumulate: false,
                parallel: false,
            };
            let left = Matrix { data: &q[from..], row_step: channels, col_step: 1 };
            let right = Matrix { data: &k[from..], row_step: 1, col_step: channels };
            product(&mut scores, left, right, &how);
            arch.dispatch(|| {
                for (row, scores) in scores.chunks_mut(keys).enumerate() {
                    if causal && first + row + 1 < keys {
                        let (seen, hidden) = scores.split_at_mut(first + row + 1);
                        softmax(seen);
                        hidden.fill(0.0);
                    } else {
                        softmax(scores);
                    }
                }
            });
            let how = Product { cols: width, depth: keys, row_step: channels, scale: 1.0, ..how };
            let left = Matrix { data: &scores, row_step: keys, col_step: 1 };
            let right = Matrix { data: &v[from..], row_step: channels, col_step: 1 };
            product(&mut out[from..], left, right, &how);
        }
    });
    out
}

/// Attention over frames; see [`super::temporal_attention`]. `[q, k, v]`, `[videos, frames, pixels, channels]`.
///
/// A task takes a run of pixels of one video, gathers each pixel's keys (transposed, so that the frames lie side by
/// side for the scores) and values, and writes the results into its own buffer; the frames of a pixel lie far apart
/// in the result, so a second pass puts the buffers in place.
pub(super) fn temporal(
    [q, k, v]: [&[f32]; 3],
    [videos, frames, pixels, channels]: [usize; 4],
    heads: usize,
    key_scale: &[f32],
) -> Vec<f32> {
    const RUN: usize = 32;
    let width = channels / heads;
    let frame = pixels * channels;
    let scale = 1.0 / (width as f32).sqrt();
    let arch = pulp::Arch::new();
    let factors: Vec<f32> = (0..frames).map(|t| scale * key_scale[t % key_scale.len()]).collect();
    let runs: Vec<(usize, usize)> =
        (0..videos).flat_map(|video| (0..pixels).step_by(RUN).map(move |first| (video, first))).collect();
    let results: Vec<Vec<f32>> = runs
        .par_iter()
        .map(|&(video, first)| {
            let count = RUN.min(pixels - first);
            let mut result = vec![0f32; frames * count * channels];
            let mut keys = vec![0f32; channels * frames];
            let mut weights = vec![0f32; frames];
            arch.dispatch(|| {
                for pixel in 0..count {
                    let at = |t: usize| (video * frames + t) * frame + (first + pixel) * channels;
                    for t in 0..frames {
                        for (c, key) in k[at(t)..][..channels].iter().enumerate() {
                            keys[c * frames + t] = key * factors[t];
                        }
                    }
                    for t in 0..frames {
                        let query = &q[at(t)..][..channels];
                        let out = &mut result[(t * count + pixel) * channels..][..channels];
                        for head in 0..heads {
                            let from = head * width;
                            weights.fill(0.0);
                            for (c, query) in query[from..from + width].iter().enumerate() {
                                let keys = &keys[(from + c) * frames..][..frames];
                                for (weight, key) in weights.iter_mut().zip(keys) {
                                    *weight += query * key;
                                }
                            }
                            softmax(&mut weights);
                            let out = &mut out[from..from + width];
                            for (s, weight) in weights.iter().enumerate() {
                                let value = &v[at(s) + from..][..width];
                                for (out, value) in out.iter_mut().zip(value) {
                                    *out += weight * value;
                                }
                            }
                        }
                    }
                }
            });
            result
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
