//! The feed-forward layer: linear, gate, linear.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::gemm::{Matrix, Product, product};
use super::{cpu, cpu_math, geglu, linear};

/// Rows of tokens that a task takes through both layers; what lies between them stays in its cache.
const ROWS: usize = 128;

/// `residual + out(values * gelu(gates))`, where the first layer `[2 inner, width]` makes values, then gates, and the
/// second is `[width, inner]`. `x` and `residual` are `[.., width]`.
///
/// What lies between the layers is eight times as wide as the input; on the processor it is never whole in memory.
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
        let hidden = geglu(&linear(x, gate_weight, Some(gate_bias), None)?)?;
        return linear(&hidden, out_weight, Some(out_bias), Some(residual));
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
