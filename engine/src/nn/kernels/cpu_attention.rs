//! Attention for f32 on the CPU.

#![expect(
    clippy::cast_precision_loss,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use rayon::prelude::*;

use super::cpu;
use super::cpu_math::softmax;
use super::cpu_small_heads;
use super::gemm::{Matrix, Product, product};

/// Dimensions of an attention; see [`super::attention`].
pub(super) struct Sizes {
    pub n: usize,
    pub m: usize,
    pub tokens: usize,
    pub keys: usize,
    pub channels: usize,
    pub heads: usize,
    pub causal: bool,
}

/// Scores per task: a quarter of a megabyte, so that they stay in cache between the two products.
const SCORES: usize = 1 << 16;

/// A block of queries of one sequence, its keys and values, and its slice of the output.
pub(super) struct Block<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub out: &'a mut [f32],
    /// Index of the block's first query in the sequence.
    pub first: usize,
    /// Number of queries in the block.
    pub rows: usize,
}

/// Runs `task` on blocks of at most `most` queries in parallel and returns the results of all queries.
pub(super) fn in_blocks(
    [q, k, v]: [&[f32]; 3],
    sizes: &Sizes,
    most: usize,
    task: impl Fn(Block<'_>) + Sync,
) -> Vec<f32> {
    let Sizes { n, m, tokens, keys, channels, .. } = *sizes;
    let mut out = vec![0f32; q.len()];
    let blocks: Vec<(usize, usize, &mut [f32])> = out
        .chunks_mut(tokens * channels)
        .enumerate()
        .flat_map(|(index, out)| {
            let blocks = out.chunks_mut(most * channels).enumerate();
            blocks.map(move |(place, out)| (index, place * most, out))
        })
        .collect();
    blocks.into_par_iter().for_each(|(index, first, out)| {
        let rows = out.len() / channels;
        let q = &q[(index * tokens + first) * channels..][..rows * channels];
        let set = index / (n / m) * keys * channels;
        let (k, v) = (&k[set..][..keys * channels], &v[set..][..keys * channels]);
        task(Block { q, k, v, out, first, rows });
    });
    out
}

/// Tasks are blocks of queries. Heads are addressed by strides, without transposing.
pub(super) fn attention(q: &[f32], k: &[f32], v: &[f32], sizes: &Sizes) -> Vec<f32> {
    let Sizes { tokens, keys, channels, heads, causal, .. } = *sizes;
    let width = channels / heads;
    if q.is_empty() || keys == 0 {
        return vec![0f32; q.len()];
    }
    if !causal && cpu_small_heads::supports(width) {
        return cpu_small_heads::attention(q, k, v, sizes);
    }
    let block = (SCORES / keys).clamp(16.min(tokens), tokens);
    let scale = 1.0 / (width as f32).sqrt();
    in_blocks([q, k, v], sizes, block, |Block { q, k, v, out, first, rows }| {
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
            cpu::vectorized(
                #[inline(always)]
                || {
                    for (row, scores) in scores.chunks_mut(keys).enumerate() {
                        if causal && first + row + 1 < keys {
                            let (seen, hidden) = scores.split_at_mut(first + row + 1);
                            softmax(seen);
                            hidden.fill(0.0);
                        } else {
                            softmax(scores);
                        }
                    }
                },
            );
            let how = Product { cols: width, depth: keys, row_step: channels, scale: 1.0, ..how };
            let left = Matrix { data: &scores, row_step: keys, col_step: 1 };
            let right = Matrix { data: &v[from..], row_step: channels, col_step: 1 };
            product(&mut out[from..], left, right, &how);
        }
    })
}
