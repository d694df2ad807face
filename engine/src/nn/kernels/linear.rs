//! Linear layers, and conversion between images and tokens.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::gemm::{Matrix, Product, product};
use super::{cpu, cpu_tokens};

/// Rows per task when adding a bias.
const ROWS: usize = 1024;

/// `[.., in]` times weights `[out, in]`, plus an optional bias `[out]`, plus an optional `residual` `[.., out]`.
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
            let bias: &[f32] = &bias;
            out.par_chunks_mut(ROWS * out_width).for_each(|rows| {
                for row in rows.chunks_mut(out_width) {
                    for (value, bias) in row.iter_mut().zip(bias) {
                        *value += bias;
                    }
                }
            });
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
    let x = x.contiguous()?;
    if cpu::is_fast(&x) {
        return cpu::tensor(cpu_tokens::transpose(&cpu::values(&x)?, c, h * w, None), &[n, h * w, c]);
    }
    x.reshape((n, c, h * w))?.transpose(1, 2)?.contiguous()
}

/// Features `[n, channels, height, width]` plus tokens `[n, height * width, channels]`.
pub fn add_tokens(picture: &Tensor, tokens: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = picture.dims4()?;
    if tokens.dims3()? != (n, h * w, c) {
        candle_core::bail!("tokens {:?} do not fit the picture {:?}", tokens.dims(), picture.dims());
    }
    if cpu::is_fast(picture) && cpu::is_fast(tokens) {
        let (picture, tokens) = (picture.contiguous()?, tokens.contiguous()?);
        let out = cpu_tokens::transpose(&cpu::values(&tokens)?, h * w, c, Some(&cpu::values(&picture)?));
        return cpu::tensor(out, picture.dims());
    }
    picture + tokens.transpose(1, 2)?.reshape((n, c, h, w))?
}
