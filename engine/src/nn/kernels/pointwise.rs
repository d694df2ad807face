//! Elementwise activations and sums.

use candle_core::{D, DType, Result, Tensor};
use rayon::prelude::*;

use super::{cpu, cpu_math, wide};

/// Values per task: large enough to hide the cost of a task.
const TASK: usize = 1 << 14;

fn map(x: &Tensor, f: impl Fn(f32) -> f32 + Sync) -> Result<Tensor> {
    let x = x.contiguous()?;
    let values = cpu::values(&x)?;
    let mut out = vec![0f32; values.len()];
    out.par_chunks_mut(TASK).zip(values.par_chunks(TASK)).for_each(|(out, x)| {
        cpu::vectorized(
            #[inline(always)]
            || {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = f(*x);
                }
            },
        );
    });
    cpu::tensor(out, x.dims())
}

/// SiLU: x * sigmoid(x).
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if cpu::is_fast(x) {
        return map(x, cpu_math::silu);
    }
    x.to_dtype(wide(x.dtype()))?.silu()?.to_dtype(x.dtype())
}

/// quick_gelu: x * sigmoid(1.702 x), the activation of CLIP-L.
pub fn quick_gelu(x: &Tensor) -> Result<Tensor> {
    if cpu::is_fast(x) {
        return map(x, cpu_math::quick_gelu);
    }
    let wide = x.to_dtype(wide(x.dtype()))?;
    let gate = ((&wide * -1.702)?.exp()? + 1.0)?;
    (wide / gate)?.to_dtype(x.dtype())
}

/// The exact GELU, x * (1 + erf(x / sqrt(2))) / 2, the activation of OpenCLIP and of vision transformers.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    if cpu::is_fast(x) {
        return map(x, cpu_math::gelu);
    }
    x.to_dtype(DType::F32)?.gelu_erf()?.to_dtype(x.dtype())
}

/// ReLU: max(x, 0).
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if cpu::is_fast(x) { map(x, |x| x.max(0.0)) } else { x.relu() }
}

/// GEGLU: the last axis holds values, then gates; the result is values * gelu(gates), with the exact (erf) GELU.
/// `[.., 2 n]` to `[.., n]`.
pub fn geglu(x: &Tensor) -> Result<Tensor> {
    let mut shape = x.dims().to_vec();
    let half = match shape.last_mut() {
        Some(last) if *last % 2 == 0 => {
            *last /= 2;
            *last
        }
        _ => candle_core::bail!("a gate needs an even number of values, not {:?}", x.dims()),
    };
    if !cpu::is_fast(x) {
        let values = x.narrow(D::Minus1, 0, half)?;
        let gates = x.narrow(D::Minus1, half, half)?.to_dtype(DType::F32)?;
        return values * gates.gelu_erf()?.to_dtype(x.dtype())?;
    }
    let x = x.contiguous()?;
    let values = cpu::values(&x)?;
    let mut out = vec![0f32; values.len() / 2];
    let rows = TASK.div_ceil(half.max(1));
    out.par_chunks_mut(rows * half).zip(values.par_chunks(rows * half * 2)).for_each(|(out, x)| {
        cpu::vectorized(
            #[inline(always)]
            || {
                for (out, x) in out.chunks_mut(half).zip(x.chunks(half * 2)) {
                    let (values, gates) = x.split_at(half);
                    for ((out, value), gate) in out.iter_mut().zip(values).zip(gates) {
                        *out = value * cpu_math::gelu(*gate);
                    }
                }
            },
        );
    });
    cpu::tensor(out, &shape)
}

/// Sum of two tensors of the same shape.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !(cpu::is_fast(a) && cpu::is_fast(b) && a.dims() == b.dims()) {
        return a + b;
    }
    let (a, b) = (a.contiguous()?, b.contiguous()?);
    let (left, right) = (cpu::values(&a)?, cpu::values(&b)?);
    let mut out = vec![0f32; left.len()];
    out.par_chunks_mut(TASK).zip(left.par_chunks(TASK)).zip(right.par_chunks(TASK)).for_each(
        |((out, a), b)| {
            cpu::vectorized(
                #[inline(always)]
                || {
                    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                        *out = a + b;
                    }
                },
            );
        },
    );
    cpu::tensor(out, a.dims())
}
