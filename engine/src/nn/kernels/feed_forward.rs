//! The GEGLU feed-forward layer: linear, gate, linear.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::gemm::{Matrix, Product, product};
use super::{WORKSPACE, cpu, cpu_math, geglu, linear};

/// Token rows that a task takes through both layers; the hidden activations stay in its cache.
const ROWS: usize = 128;

/// `residual + out(values * gelu(gates))`, where the first layer `[2 inner, width]` computes values, then gates, and
/// the second is `[width, inner]`. `x` and `residual` are `[.., width]`.
///
/// The hidden activations are eight times as wide as the input; they are never in memory all at once.
pub fn feed_forward(
    x: &Tensor,
    (gate_weight, gate_bias): (&Tensor, &Tensor),
    (out_weight, out_bias): (&Tensor, &Tensor),
    residual: &Tensor,
) -> Result<Tensor> {
    let (width, inner) = out_weight.dims2()?;
    if gate_weight.dims2()? != (2 * inner, width)
        || x.dims() != residual.dims()
        || x.dims().last() != Some(&width)
    {
        candle_core::bail!(
            "a feed-forward layer {:?}, {:?} of {:?}",
            gate_weight.dims(),
            out_weight.dims(),
            x.dims()
        );
    }
    if !(cpu::is_fast(x) && cpu::is_fast(residual)) {
        let (gate, out) = ((gate_weight, gate_bias), (out_weight, out_bias));
        return feed_forward_in_parts(x, gate, out, residual, WORKSPACE);
    }
    let (x, residual) = (x.contiguous()?, residual.contiguous()?);
    let mut out = cpu::values(&residual)?.to_vec();
    let input = cpu::values(&x)?;
    let (gate_weight, gate_bias) = (cpu::values(gate_weight)?, cpu::values(gate_bias)?);
    let (out_weight, out_bias) = (cpu::values(out_weight)?, cpu::values(out_bias)?);
    let (gate_weight, gate_bias, out_weight, out_bias): (&[f32], &[f32], &[f32], &[f32]) =
        (&gate_weight, &gate_bias, &out_weight, &out_bias);
    let how = |rows, cols, depth, accumulate| Product {
        rows,
        cols,
        depth,
        row_step: cols,
        scale: 1.0,
        accumulate,
        parallel: false,
    };
    out.par_chunks_mut(ROWS * width).zip(input.par_chunks(ROWS * width)).for_each(|(out, x)| {
        let rows = x.len() / width;
        let mut hidden = vec![0f32; rows * 2 * inner];
        let left = Matrix { data: x, row_step: width, col_step: 1 };
        let right = Matrix { data: gate_weight, row_step: 1, col_step: width };
        product(&mut hidden, left, right, &how(rows, 2 * inner, width, false));
        let mut gated = vec![0f32; rows * inner];
        let (value_bias, gate_bias) = gate_bias.split_at(inner);
        cpu::vectorized(
            #[inline(always)]
            || {
                for (gated, hidden) in gated.chunks_mut(inner).zip(hidden.chunks(2 * inner)) {
                    let (values, gates) = hidden.split_at(inner);
                    let both = values.iter().zip(value_bias).zip(gates.iter().zip(gate_bias));
                    for (gated, ((value, value_bias), (gate, gate_bias))) in gated.iter_mut().zip(both) {
                        *gated = (value + value_bias) * cpu_math::gelu(gate + gate_bias);
                    }
                }
                for out in out.chunks_mut(width) {
                    for (out, bias) in out.iter_mut().zip(out_bias) {
                        *out += bias;
                    }
                }
            },
        );
        let left = Matrix { data: &gated, row_step: inner, col_step: 1 };
        let right = Matrix { data: out_weight, row_step: 1, col_step: inner };
        product(out, left, right, &how(rows, width, inner, true));
    });
    cpu::tensor(out, x.dims())
}

/// Feed-forward with candle's operations, in blocks of rows so that the hidden activations have at most `workspace`
/// values.
fn feed_forward_in_parts(
    x: &Tensor,
    (gate_weight, gate_bias): (&Tensor, &Tensor),
    (out_weight, out_bias): (&Tensor, &Tensor),
    residual: &Tensor,
    workspace: usize,
) -> Result<Tensor> {
    let (width, inner) = out_weight.dims2()?;
    let rows = x.elem_count() / width.max(1);
    let (tokens, residual) = (x.reshape((rows, width))?, residual.reshape((rows, width))?);
    let block = (workspace / (2 * inner).max(1)).clamp(1, rows.max(1));
    let parts = (0..rows).step_by(block).map(|first| {
        let count = block.min(rows - first);
        let hidden = geglu(&linear(&tokens.narrow(0, first, count)?, gate_weight, Some(gate_bias), None)?)?;
        linear(&hidden, out_weight, Some(out_bias), Some(&residual.narrow(0, first, count)?))
    });
    Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?.reshape(x.dims())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn parts_are_the_whole() {
        let random = |shape: &[usize]| Tensor::randn(0f64, 1.0, shape, &Device::Cpu).unwrap();
        let (x, residual) = (random(&[2, 7, 6]), random(&[2, 7, 6]));
        let (gate, gate_bias, out, out_bias) =
            (random(&[16, 6]), random(&[16]), random(&[6, 8]), random(&[6]));
        let make = |workspace| {
            feed_forward_in_parts(&x, (&gate, &gate_bias), (&out, &out_bias), &residual, workspace).unwrap()
        };
        let whole = make(usize::MAX);
        for workspace in [100, 16, 1] {
            let off = (make(workspace) - &whole).unwrap().abs().unwrap().max_all().unwrap();
            assert!(off.to_scalar::<f64>().unwrap() < 1e-5, "in {workspace}: {off}");
        }
    }
}
