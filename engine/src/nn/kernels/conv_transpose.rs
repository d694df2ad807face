//! Transposed convolution, for learned upsampling.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::cpu;
use super::gemm::{Matrix, Product, product};

/// Output channels per task: enough rows for the matrix product, few enough for the results to fit in memory.
const CHANNELS: usize = 4;

/// Transposed convolution of `[n, in, height, width]` with weights `[in, out, k, k]` and a bias `[out]`: every input
/// pixel adds its k x k kernel at `stride` times its position. `padding` rows and columns are then cropped on every
/// side, `extra` fewer below and on the right (PyTorch's `output_padding`), so that the length of an output side is
/// (size - 1) * stride + k - 2 * padding + extra.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: usize,
    [padding, extra]: [usize; 2],
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (n, c, h, w) = x.dims4()?;
    let (in_channels, out_channels, kernel, kernel_w) = weight.dims4()?;
    let side = |size: usize| ((size - 1) * stride + kernel + extra).checked_sub(2 * padding);
    let fits = c == in_channels && kernel == kernel_w && stride > 0 && extra <= padding && h > 0 && w > 0;
    let (true, Some(out_h), Some(out_w)) = (fits, side(h.max(1)), side(w.max(1))) else {
        candle_core::bail!("a transposed convolution {:?} does not fit {:?}", weight.dims(), x.dims());
    };
    if !cpu::is_fast(&x) {
        let out = x.conv_transpose2d(weight, padding, extra, stride, 1)?;
        return out.broadcast_add(&bias.reshape((1, out_channels, 1, 1))?);
    }
    let weight = weight.contiguous()?;
    let (values, weight, bias) = (cpu::values(&x)?, cpu::values(&weight)?, cpu::values(bias)?);
    let (weight, bias): (&[f32], &[f32]) = (&weight, &bias);
    let (stamp, pixels, plane) = (kernel * kernel, h * w, out_h * out_w);
    let mut out = vec![0f32; n * out_channels * plane];
    for (x, out) in values.chunks(c * pixels).zip(out.chunks_mut(out_channels * plane)) {
        out.par_chunks_mut(CHANNELS * plane).enumerate().for_each(|(task, out)| {
            let (first, count) = (task * CHANNELS, out.len() / plane);
            // Rows are (channel, position in the kernel), columns are input pixels.
            let mut stamps = vec![0f32; count * stamp * pixels];
            let how = Product {
                rows: count * stamp,
                cols: pixels,
                depth: c,
                row_step: pixels,
                scale: 1.0,
                accumulate: false,
                parallel: false,
            };
            let left = Matrix { data: &weight[first * stamp..], row_step: 1, col_step: out_channels * stamp };
            product(&mut stamps, left, Matrix { data: x, row_step: pixels, col_step: 1 }, &how);
            for ((out, stamps), bias) in
                out.chunks_mut(plane).zip(stamps.chunks(stamp * pixels)).zip(&bias[first..])
            {
                out.fill(*bias);
                for (place, values) in stamps.chunks(pixels).enumerate() {
                    let (down, right) = (place / kernel, place % kernel);
                    for (row, values) in values.chunks(w).enumerate() {
                        let Some(row) = (row * stride + down).checked_sub(padding).filter(|r| *r < out_h)
                        else {
                            continue;
                        };
                        let out = &mut out[row * out_w..][..out_w];
                        for (column, value) in values.iter().enumerate() {
                            // Columns cropped on the left wrap around to values beyond the length of any row.
                            let column = (column * stride + right).wrapping_sub(padding);
                            if let Some(out) = out.get_mut(column) {
                                *out += value;
                            }
                        }
                    }
                }
            }
        });
    }
    cpu::tensor(out, &[n, out_channels, out_h, out_w])
}
