//! Convolution and the resizing that goes with it.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{cpu, cpu_conv};

/// Zeros around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// Above and on the left.
    pub before: usize,
    /// Below and on the right.
    pub after: usize,
}

impl Padding {
    /// As many on every side.
    pub const fn even(size: usize) -> Self {
        Self { before: size, after: size }
    }
}

/// Convolution of `[n, in, height, width]` with weights `[out, in, k, k]` and a bias `[out]`.
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    padding: Padding,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let (n, c, h, w) = x.dims4()?;
    let (out_channels, in_channels, kernel, kernel_w) = weight.dims4()?;
    let reach = |size: usize| size + padding.before + padding.after;
    if c != in_channels || kernel != kernel_w || stride == 0 || reach(h.min(w)) < kernel {
        candle_core::bail!("a convolution {:?} does not fit {:?}", weight.dims(), x.dims());
    }
    if cpu::is_fast(&x) {
        let bias = bias.map(cpu::values).transpose()?;
        let geometry = cpu_conv::Geometry {
            frames: n,
            channels: c,
            height: h,
            width: w,
            out_channels,
            kernel,
            stride,
            before: padding.before,
            out_height: (reach(h) - kernel) / stride + 1,
            out_width: (reach(w) - kernel) / stride + 1,
        };
        let out = cpu_conv::conv2d(&cpu::values(&x)?, &cpu::values(weight)?, bias.as_deref(), &geometry);
        return cpu::tensor(out, &[n, out_channels, geometry.out_height, geometry.out_width]);
    }
    let out = if padding.before == padding.after {
        x.conv2d(weight, padding.before, stride, 1, 1)?
    } else {
        x.pad_with_zeros(2, padding.before, padding.after)?
            .pad_with_zeros(3, padding.before, padding.after)?
            .conv2d(weight, 0, stride, 1, 1)?
    };
    match bias {
        Some(bias) => out.broadcast_add(&bias.reshape((1, out_channels, 1, 1))?),
        None => Ok(out),
    }
}

/// Nearest-neighbour resize of `[n, channels, h, w]` to the given size: source pixel = floor(pixel * h / height).
pub fn upsample_nearest(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    if !cpu::is_fast(x) {
        return x.upsample_nearest2d(height, width);
    }
    let (n, c, h, w) = x.dims4()?;
    let x = x.contiguous()?;
    let values = cpu::values(&x)?;
    let mut out = vec![0f32; n * c * height * width];
    if !out.is_empty() {
        let columns: Vec<usize> = (0..width).map(|column| column * w / width).collect();
        out.par_chunks_mut(height * width).zip(values.par_chunks(h * w)).for_each(|(out, x)| {
            for (row, out) in out.chunks_mut(width).enumerate() {
                let x = &x[row * h / height * w..][..w];
                for (out, column) in out.iter_mut().zip(&columns) {
                    *out = x[*column];
                }
            }
        });
    }
    cpu::tensor(out, &[n, c, height, width])
}
