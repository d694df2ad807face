//! Attention with narrow heads (4 to 16 channels) for f32 on the CPU.
//!
//! With so few channels per head, recomputing scores is cheaper than storing them, so nothing is stored: SIMD lanes
//! are queries, and the loop over keys accumulates weights and weighted values. The maximum score of each query is
//! subtracted only if the exponentials could overflow, which takes an extra pass; a bound on the scores follows from
//! the norms of queries and keys.

#![expect(
    clippy::cast_precision_loss,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::cpu_attention::{Block, Sizes, in_blocks};
use super::cpu_math::exp2;

/// Queries per task; a multiple of the lanes of every SIMD register.
const QUERIES: usize = 64;

/// Maximum score (in units of log 2) whose exponential, and sums of it, are safe in f32.
const HARMLESS: f32 = 60.0;

/// Whether there is a kernel for this head width.
pub(super) fn supports(width: usize) -> bool {
    matches!(width, 4 | 5 | 6 | 8 | 10 | 12 | 16)
}

/// See [`super::attention`]; without a causal mask.
pub(super) fn attention(q: &[f32], k: &[f32], v: &[f32], sizes: &Sizes) -> Vec<f32> {
    let Sizes { keys, channels, heads, .. } = *sizes;
    let (k, v) = (by_head(k, keys, channels, heads), by_head(v, keys, channels, heads));
    let arch = pulp::Arch::new();
    in_blocks([q, &k, &v], sizes, QUERIES, |block| arch.dispatch(Task { block, keys, channels, heads }))
}

/// `[m, keys, heads, width]` to `[m, heads, keys, width]`.
fn by_head(x: &[f32], keys: usize, channels: usize, heads: usize) -> Vec<f32> {
    let width = channels / heads;
    let mut out = vec![0f32; x.len()];
    out.par_chunks_mut(keys * channels).zip(x.par_chunks(keys * channels)).for_each(|(out, x)| {
        for (head, out) in out.chunks_mut(keys * width).enumerate() {
            for (out, x) in out.chunks_mut(width).zip(x.chunks(channels)) {
                out.copy_from_slice(&x[head * width..][..width]);
            }
        }
    });
    out
}

struct Task<'a> {
    block: Block<'a>,
    keys: usize,
    channels: usize,
    heads: usize,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.channels / self.heads {
            4 => self.run::<S, 4, 2>(simd),
            5 => self.run::<S, 5, 2>(simd),
            6 => self.run::<S, 6, 2>(simd),
            8 => self.run::<S, 8, 1>(simd),
            10 => self.run::<S, 10, 1>(simd),
            12 => self.run::<S, 12, 1>(simd),
            16 => self.run::<S, 16, 1>(simd),
            // `supports` rejects every other width.
            _ => {}
        }
    }
}

impl Task<'_> {
    /// Heads of `WIDTH` channels, `VECTORS` registers of queries at a time.
    #[inline(always)]
    fn run<S: Simd, const WIDTH: usize, const VECTORS: usize>(self, simd: S) {
        let Self { block: Block { q, k, v, out, rows, .. }, keys, channels, heads } = self;
        // Scores in units of log 2, so that weights are powers of two.
        let scale = std::f32::consts::LOG2_E / (WIDTH as f32).sqrt();
        let lanes = VECTORS * S::F32_LANES;
        let mut turned = [[0f32; QUERIES]; WIDTH];
        for head in 0..heads {
            let (k, _) = k[head * keys * WIDTH..][..keys * WIDTH].as_chunks::<WIDTH>();
            let (v, _) = v[head * keys * WIDTH..][..keys * WIDTH].as_chunks::<WIDTH>();
            for (row, q) in q.chunks_exact(channels).enumerate() {
                for (turned, q) in turned.iter_mut().zip(&q[head * WIDTH..][..WIDTH]) {
                    turned[row] = q * scale;
                }
            }
            let bounded = longest(k.iter().map(|key| key.as_slice()))
                * longest(q.chunks_exact(channels).map(|q| &q[head * WIDTH..][..WIDTH]))
                * scale
                <= HARMLESS;
            for first in (0..rows).step_by(lanes) {
                let mut queries = [[simd.splat_f32s(0.0); VECTORS]; WIDTH];
                for (queries, turned) in queries.iter_mut().zip(&turned) {
                    let (turned, _) = S::as_simd_f32s(&turned[first..first + lanes]);
                    for (query, turned) in queries.iter_mut().zip(turned) {
                        *query = *turned;
                    }
                }
                let zero = [simd.splat_f32s(0.0); VECTORS];
                let mut start = zero;
                if !bounded {
                    let mut highest = [simd.splat_f32s(f32::MIN); VECTORS];
                    for key in k {
                        for (highest, score) in highest.iter_mut().zip(scores(simd, &queries, key, zero)) {
                            *highest = simd.max_f32s(*highest, score);
                        }
                    }
                    for (start, highest) in start.iter_mut().zip(highest) {
                        *start = simd.neg_f32s(highest);
                    }
                }
                let mut total = [simd.splat_f32s(0.0); VECTORS];
                let mut sums = [[simd.splat_f32s(0.0); VECTORS]; WIDTH];
                for (key, value) in k.iter().zip(v) {
                    let mut weights = scores(simd, &queries, key, start);
                    for (weight, total) in weights.iter_mut().zip(&mut total) {
                        *weight = exp2(simd, *weight);
                        *total = simd.add_f32s(*total, *weight);
                    }
                    for (sums, value) in sums.iter_mut().zip(value) {
                        let value = simd.splat_f32s(*value);
                        for (sum, weight) in sums.iter_mut().zip(&weights) {
                            *sum = simd.mul_add_e_f32s(*weight, value, *sum);
                        }
                    }
                }
                // The queries are no longer needed: reuse their buffer for the results.
                for (turned, sums) in turned.iter_mut().zip(&sums) {
                    let (turned, _) = S::as_mut_simd_f32s(&mut turned[first..first + lanes]);
                    for ((turned, sum), total) in turned.iter_mut().zip(sums).zip(&total) {
                        *turned = simd.div_f32s(*sum, *total);
                    }
                }
            }
            for (row, out) in out.chunks_exact_mut(channels).enumerate() {
                for (out, turned) in out[head * WIDTH..][..WIDTH].iter_mut().zip(&turned) {
                    *out = turned[row];
                }
            }
        }
    }
}

/// The largest Euclidean norm of some vectors.
#[inline(always)]
fn longest<'a>(vectors: impl Iterator<Item = &'a [f32]>) -> f32 {
    let mut longest = 0f32;
    for vector in vectors {
        let square: f32 = vector.iter().map(|value| value * value).sum();
        longest = longest.max(square);
    }
    longest.sqrt()
}

/// Dot products of some queries with one key, plus `start`.
#[inline(always)]
fn scores<S: Simd, const WIDTH: usize, const VECTORS: usize>(
    simd: S,
    queries: &[[S::f32s; VECTORS]; WIDTH],
    key: &[f32; WIDTH],
    start: [S::f32s; VECTORS],
) -> [S::f32s; VECTORS] {
    let mut scores = start;
    for (queries, key) in queries.iter().zip(key) {
        let key = simd.splat_f32s(*key);
        for (score, query) in scores.iter_mut().zip(queries) {
            *score = simd.mul_add_e_f32s(*query, key, *score);
        }
    }
    scores
}
