//! Group and layer normalisation.

#![expect(
    clippy::cast_possible_truncation,
    reason = "kernel: widths are small, and sums are rounded to f32 as the operation defines"
)]

use candle_core::{D, DType, Result, Tensor};

use super::{WORKSPACE, cpu, cpu_norm, silu};

/// Parameters of a group norm: what mean and variance are computed over, and an optional activation.
#[derive(Debug, Clone, Copy)]
pub struct Statistics {
    /// Number of channel groups.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Consecutive frames that share mean and variance: 1, or the length of the video for AnimateDiff v1.
    pub span: usize,
    /// Whether to apply SiLU, x * sigmoid(x), to the result.
    pub silu: bool,
}

/// Group normalisation of `[n, channels, height, width]` with f32 gain and bias `[channels]`.
///
/// With a span of f the batch is a concatenation of f-frame videos, and each group's statistics are computed over the
/// channels, frames and pixels of its video.
pub fn group_norm(x: &Tensor, gain: &Tensor, bias: &Tensor, how: Statistics) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    if how.groups == 0 || c % how.groups != 0 || how.span == 0 || n % how.span != 0 {
        candle_core::bail!(
            "group norm of {c} channels in {} groups, {n} frames in videos of {}",
            how.groups,
            how.span
        );
    }
    let x = x.contiguous()?;
    if cpu::is_fast(&x) {
        let out = cpu_norm::group_norm(
            &cpu::values(&x)?,
            &cpu::values(gain)?,
            &cpu::values(bias)?,
            [n, c, h * w],
            how,
        );
        return cpu::tensor(out, x.dims());
    }
    group_norm_in_parts(&x, gain, bias, how, WORKSPACE)
}

/// Group norm with candle's operations, a few videos or a few groups of one video at a time, so that a temporary has
/// at most `workspace` values.
fn group_norm_in_parts(
    x: &Tensor,
    gain: &Tensor,
    bias: &Tensor,
    how: Statistics,
    workspace: usize,
) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let width = c / how.groups;
    let groups = (workspace / (how.span * width * h * w).max(1)).clamp(1, how.groups);
    let frames = (workspace / (how.span * c * h * w).max(1)).clamp(1, n / how.span) * how.span;
    if groups == how.groups && frames == n {
        return group_norm_generally(x, gain, bias, how);
    }
    let mut parts = Vec::new();
    for first in (0..n).step_by(frames) {
        let video = x.narrow(0, first, frames.min(n - first))?;
        let by_groups = (0..how.groups).step_by(groups).map(|group| {
            let count = groups.min(how.groups - group);
            let (start, channels) = (group * width, count * width);
            let part = video.narrow(1, start, channels)?.contiguous()?;
            let (gain, bias) = (gain.narrow(0, start, channels)?, bias.narrow(0, start, channels)?);
            group_norm_generally(&part, &gain, &bias, Statistics { groups: count, ..how })
        });
        parts.push(Tensor::cat(&by_groups.collect::<Result<Vec<_>>>()?, 1)?);
    }
    Tensor::cat(&parts, 0)
}

fn group_norm_generally(x: &Tensor, gain: &Tensor, bias: &Tensor, how: Statistics) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let videos = n / how.span;
    // [videos, span, groups, channels of a group * pixels], then transposed so that frames are next to pixels
    let grouped = x.to_dtype(DType::F32)?.reshape((videos, how.span, how.groups, c / how.groups * h * w))?;
    let grouped =
        grouped.transpose(1, 2)?.reshape((videos, how.groups, how.span * (c / how.groups) * h * w))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = centred.broadcast_div(&(variance + how.eps)?.sqrt()?)?;
    let normed = normed.reshape((videos, how.groups, how.span, c / how.groups * h * w))?.transpose(1, 2)?;
    let normed = normed.reshape((n, c, h, w))?;
    let out =
        normed.broadcast_mul(&gain.reshape((1, c, 1, 1))?)?.broadcast_add(&bias.reshape((1, c, 1, 1))?)?;
    // Apply the activation before rounding to the dtype.
    if how.silu { silu(&out)?.to_dtype(x.dtype()) } else { out.to_dtype(x.dtype()) }
}

/// Layer normalisation over the last axis with f32 gain and bias; `eps` is added to the variance.
///
/// With `positions` `[frames, channels]` the input is `[videos * frames, pixels, channels]`, and each frame's
/// position embedding is added to the result.
pub fn layer_norm(
    x: &Tensor,
    gain: &Tensor,
    bias: &Tensor,
    eps: f64,
    positions: Option<&Tensor>,
) -> Result<Tensor> {
    let x = x.contiguous()?;
    let frames = match positions {
        Some(positions) => positions.dim(0)?,
        None => 1,
    };
    if positions.is_some() && (x.rank() != 3 || frames == 0 || x.dim(0)? % frames != 0) {
        candle_core::bail!("positions of {frames} frames for {:?}", x.dims());
    }
    if cpu::is_fast(&x) && positions.is_none_or(cpu::is_fast) {
        let (values, gain, bias) = (cpu::values(&x)?, cpu::values(gain)?, cpu::values(bias)?);
        let positions = positions.map(Tensor::contiguous).transpose()?;
        let positions = positions.as_ref().map(cpu::values).transpose()?;
        let out = match &positions {
            Some(positions) => {
                let shifts = (&**positions, x.dim(1)?);
                cpu_norm::layer_norm(&values, &gain, &bias, eps as f32, Some(shifts))
            }
            None => cpu_norm::layer_norm(&values, &gain, &bias, eps as f32, None),
        };
        return cpu::tensor(out, x.dims());
    }
    let wide = x.to_dtype(DType::F32)?;
    let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = centred.broadcast_div(&(variance + eps)?.sqrt()?)?;
    let out = normed.broadcast_mul(gain)?.broadcast_add(bias)?.to_dtype(x.dtype())?;
    let Some(positions) = positions else { return Ok(out) };
    let (n, pixels, channels) = x.dims3()?;
    let by_frame = out.reshape((n / frames, frames, pixels, channels))?;
    by_frame.broadcast_add(&positions.reshape((1, frames, 1, channels))?)?.reshape((n, pixels, channels))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn parts_are_the_whole() {
        let random = |shape: &[usize]| Tensor::randn(1f32, 2.0, shape, &Device::Cpu).unwrap();
        let (x, gain, bias) = (random(&[6, 12, 5, 4]), random(&[12]), random(&[12]));
        for (span, silu) in [(1, false), (1, true), (3, true), (6, false)] {
            let how = Statistics { groups: 4, eps: 1e-5, span, silu };
            let make = |workspace| group_norm_in_parts(&x, &gain, &bias, how, workspace).unwrap();
            let whole = make(usize::MAX);
            for workspace in [1000, 500, 130, 1] {
                let off = (make(workspace) - &whole).unwrap().abs().unwrap().max_all().unwrap();
                assert!(off.to_scalar::<f32>().unwrap() < 1e-5, "span {span} in {workspace}: {off}");
            }
        }
    }
}
