//! Linear layers, and the way between pictures and tokens.

use candle_core::{Result, Tensor};

use super::cpu;
use super::gemm::{Matrix, Product, product};

/// `[.., in]` times weights `[out, in]`, plus a bias `[out]`, plus `residual` `[.., out]` where given.
pub fn linear(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
) -> Result<Tensor> {
    let (out_width, in_width) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    match shape.last_mut() {
        Some(last) if *last == in_width => *last = out_width,
        _ => candle_core::bail!("a linear layer {:?} does not fit {:?}", weight.dims(), x.dims()),
    }
    let x = x.contiguous()?;
    let rows = x.elem_count() / in_width;
    if cpu::is_fast(&x) {
        let mut out = match residual {
            Some(residual) => cpu::values(&residual.contiguous()?)?.to_vec(),
            None => vec![0f32; rows * out_width],
        };
        if out.len() != rows * out_width {
            candle_core::bail!("a residual of {} values for {:?}", out.len(), shape);
        }
        if let Some(bias) = bias {
            let bias = cpu::values(bias)?;
            for row in out.chunks_mut(out_width) {
                for (value, bias) in row.iter_mut().zip(bias.iter()) {
                    *value += bias;
                }
            }
        }
        let how = Product {
            rows,
            cols: out_width,
            depth: in_width,
            row_step: out_width,
            scale: 1.0,
            accumulate: bias.is_some() || residual.is_some(),
            parallel: true,
        };
        let left = Matrix { data: &cpu::values(&x)?, row_step: in_width, col_step: 1 };
        let right = Matrix { data: &cpu::values(weight)?, row_step: 1, col_step: in_width };
        product(&mut out, left, right, &how);
        return cpu::tensor(out, &shape);
    }
    let mut out = x.reshape((rows, in_width))?.matmul(&weight.t()?)?.reshape(shape)?;
    if let Some(bias) = bias {
        out = out.broadcast_add(bias)?;
    }
    match residual {
        Some(residual) => out + residual,
        None => Ok(out),
    }
}

/// `[n, channels, height, width]` to `[n, height * width, channels]`.
pub fn to_tokens(x: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    x.reshape((n, c, h * w))?.transpose(1, 2)?.contiguous()
}

/// `[n, height * width, channels]` to `[n, channels, height, width]`.
pub fn from_tokens(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (n, _, c) = x.dims3()?;
    x.transpose(1, 2)?.reshape((n, c, height, width))?.contiguous()
}
