//! Convolution and nearest-neighbour resizing.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{WORKSPACE, cpu, cpu_conv};

/// Zero padding of an image; the same for rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// Above and on the left, in pixels.
    pub before: usize,
    /// Below and on the right, in pixels.
    pub after: usize,
}

impl Padding {
    /// The same padding on every side, in pixels.
    pub const fn even(size: usize) -> Self {
        Self { before: size, after: size }
    }
}

/// Convolution of `[n, in, height, width]` with weights `[out, in, k, k]` and an optional bias `[out]`.
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
    let out = conv2d_in_parts(&x, weight, stride, padding, WORKSPACE)?;
    match bias {
        Some(bias) => out.broadcast_add(&bias.reshape((1, out_channels, 1, 1))?),
        None => Ok(out),
    }
}

/// Convolution with candle's operations, which use im2col. Processes a few frames at a time, or bands of rows if a
/// single frame is still too large, to keep the im2col matrix within `workspace` values.
fn conv2d_in_parts(
    x: &Tensor,
    weight: &Tensor,
    stride: usize,
    padding: Padding,
    workspace: usize,
) -> Result<Tensor> {
    let (n, channels, h, w) = x.dims4()?;
    let kernel = weight.dim(2)?;
    let side = |size: usize| (size + padding.before + padding.after - kernel) / stride + 1;
    let (rows, columns) = (side(h), side(w));
    let row = (channels * kernel * kernel * columns).max(1);
    let (frames, band) = ((workspace / (row * rows)).max(1), (workspace / row).clamp(1, rows));
    if frames >= n && padding.before == padding.after {
        return x.conv2d(weight, padding.before, stride, 1, 1);
    }
    let mut parts = Vec::new();
    for first in (0..n).step_by(frames) {
        let part = x.narrow(0, first, frames.min(n - first))?;
        let part = part.pad_with_zeros(2, padding.before, padding.after)?;
        let part = part.pad_with_zeros(3, padding.before, padding.after)?;
        let bands = (0..rows).step_by(band).map(|top| {
            let count = band.min(rows - top);
            let seen = part.narrow(2, top * stride, (count - 1) * stride + kernel)?.contiguous()?;
            seen.conv2d(weight, 0, stride, 1, 1)
        });
        parts.push(Tensor::cat(&bands.collect::<Result<Vec<_>>>()?, 2)?);
    }
    Tensor::cat(&parts, 0)
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

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn parts_are_the_whole() {
        let x = Tensor::randn(0f64, 1.0, (3, 5, 9, 7), &Device::Cpu).unwrap();
        for (kernel, stride, padding) in [
            (3, 1, Padding::even(1)),
            (3, 2, Padding::even(1)),
            (3, 2, Padding { before: 0, after: 1 }),
            (1, 1, Padding::even(0)),
        ] {
            let weight = Tensor::randn(0f64, 1.0, (4, 5, kernel, kernel), &Device::Cpu).unwrap();
            let make = |workspace| conv2d_in_parts(&x, &weight, stride, padding, workspace).unwrap();
            let whole = make(usize::MAX);
            // Two frames, one frame, some rows, one row.
            for workspace in [6000, 2900, 1000, 1] {
                let off = (make(workspace) - &whole).unwrap().abs().unwrap().max_all().unwrap();
                let off = off.to_scalar::<f64>().unwrap();
                assert!(off < 1e-12, "{kernel} / {stride} in {workspace}: {off}");
            }
        }
    }
}
