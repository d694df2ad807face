//! Conversion between images and tokens for f32 on the CPU: cache-blocked transposition.

use rayon::prelude::*;

const BLOCK: usize = 16;

/// Transposes `[n, rows, cols]` to `[n, cols, rows]` and adds `added`, if any.
pub(super) fn transpose(x: &[f32], rows: usize, cols: usize, added: Option<&[f32]>) -> Vec<f32> {
    let mut out = vec![0f32; x.len()];
    if out.is_empty() {
        return out;
    }
    // A task computes several rows of the result.
    let lines = BLOCK * 8;
    let tasks: Vec<_> = out
        .chunks_mut(rows * cols)
        .enumerate()
        .flat_map(|(index, out)| {
            out.chunks_mut(lines * rows).enumerate().map(move |(part, out)| (index, part * lines, out))
        })
        .collect();
    tasks.into_par_iter().for_each(|(index, first, out)| {
        let x = &x[index * rows * cols..][..rows * cols];
        let count = out.len() / rows;
        for row in (0..rows).step_by(BLOCK) {
            let row_end = (row + BLOCK).min(rows);
            for line in (0..count).step_by(BLOCK) {
                let line_end = (line + BLOCK).min(count);
                for line in line..line_end {
                    let column = first + line;
                    for (row, out) in (row..row_end).zip(&mut out[line * rows + row..line * rows + row_end]) {
                        *out = x[row * cols + column];
                    }
                }
            }
        }
        if let Some(added) = added {
            let added = &added[index * rows * cols + first * rows..][..out.len()];
            for (out, added) in out.iter_mut().zip(added) {
                *out += added;
            }
        }
    });
    out
}
