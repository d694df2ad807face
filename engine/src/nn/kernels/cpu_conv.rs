//! Convolution for f32 on the CPU, as matrix products over im2col patches.
//!
//! (The common 3x3 convolution with few channels has its own kernel, [`super::cpu_conv3`].)
//!
//! There are two strategies, depending on the sizes. Large images with few channels: every task takes one frame,
//! gathers the patches of a few rows into a tile that fits in its cache, and multiplies the weights with it directly
//! into the result. Few pixels with many channels (the deep levels of SD1.5): the patches of many frames are gathered
//! into one matrix, so that the weights, by far the larger factor there, are read only once for all of them.

use rayon::prelude::*;

use super::cpu_conv3;
use super::gemm::{Matrix, Product, product};

/// Dimensions of a convolution.
pub(super) struct Geometry {
    pub frames: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub out_channels: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Zero padding above and on the left.
    pub before: usize,
    pub out_height: usize,
    pub out_width: usize,
}

impl Geometry {
    /// Length of a patch: rows of the im2col matrix.
    fn depth(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    fn out_pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Whether a patch is a single pixel, so that no gathering is needed.
    fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.before == 0
    }
}

/// Values of a tile of patches: half a megabyte, half of a typical L2 cache.
const TILE: usize = 1 << 17;
/// Maximum number of patch values gathered from several frames at once.
const GATHERED: usize = 1 << 23;

/// Up to this number of weights stays in cache while processing a strip of pixels.
const DIRECT: usize = 1 << 20;

/// Returns `[frames, out_channels, out_height, out_width]`.
pub(super) fn conv2d(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry) -> Vec<f32> {
    let Geometry { frames, channels, height, width, out_channels, .. } = *geometry;
    let same_size = geometry.out_height == height && geometry.out_width == width;
    if geometry.kernel == 3
        && geometry.stride == 1
        && geometry.before == 1
        && same_size
        && weight.len() <= DIRECT
    {
        let sizes = cpu_conv3::Sizes { frames, channels, height, width, out_channels };
        return cpu_conv3::conv3x3(x, weight, bias, &sizes);
    }
    let mut out = vec![0f32; geometry.frames * geometry.out_channels * geometry.out_pixels()];
    if out.is_empty() {
        return out;
    }
    if geometry.out_pixels() < 256 && geometry.frames > 1 {
        gathered(x, weight, bias, geometry, &mut out);
    } else {
        by_frame(x, weight, bias, geometry, &mut out);
    }
    out
}

fn by_frame(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry, out: &mut [f32]) {
    let (depth, pixels) = (geometry.depth(), geometry.out_pixels());
    let frame_in = geometry.channels * geometry.height * geometry.width;
    let frame_out = geometry.out_channels * pixels;
    // One task per frame keeps the tiles in cache; with few frames, the matrix product is multithreaded instead. The
    // choice does not depend on the machine, so that the order of summation is the same on every machine.
    let share = geometry.frames >= 4;
    let rows =
        (TILE * if share { 1 } else { 8 } / (depth * geometry.out_width)).clamp(1, geometry.out_height);
    let one = |(out, x): (&mut [f32], &[f32])| {
        if let Some(bias) = bias {
            for (out, bias) in out.chunks_mut(pixels).zip(bias) {
                out.fill(*bias);
            }
        }
        let left = Matrix { data: weight, row_step: depth, col_step: 1 };
        let how = |cols: usize| Product {
            rows: geometry.out_channels,
            cols,
            depth,
            row_step: pixels,
            scale: 1.0,
            accumulate: bias.is_some(),
            parallel: !share,
        };
        if geometry.pointwise() {
            product(out, left, Matrix { data: x, row_step: pixels, col_step: 1 }, &how(pixels));
            return;
        }
        let mut tile = vec![0f32; depth * rows * geometry.out_width];
        for first in (0..geometry.out_height).step_by(rows) {
            let count = rows.min(geometry.out_height - first);
            let cols = count * geometry.out_width;
            let tile = &mut tile[..depth * cols];
            let gather = |(index, line): (usize, &mut [f32])| patch_row(x, geometry, index, first, line);
            if share {
                tile.chunks_mut(cols).enumerate().for_each(gather);
            } else {
                tile.par_chunks_mut(cols).enumerate().for_each(gather);
            }
            let right = Matrix { data: tile, row_step: cols, col_step: 1 };
            product(&mut out[first * geometry.out_width..], left, right, &how(cols));
        }
    };
    let frames = out.chunks_mut(frame_out).zip(x.chunks(frame_in));
    if share {
        frames.collect::<Vec<_>>().into_par_iter().for_each(one);
    } else {
        frames.for_each(one);
    }
}

fn gathered(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry, out: &mut [f32]) {
    let (depth, pixels) = (geometry.depth(), geometry.out_pixels());
    let frame_in = geometry.channels * geometry.height * geometry.width;
    let frame_out = geometry.out_channels * pixels;
    let together = (GATHERED / (depth * pixels)).clamp(1, geometry.frames);
    for (out, x) in out.chunks_mut(frame_out * together).zip(x.chunks(frame_in * together)) {
        let cols = x.len() / frame_in * pixels;
        let mut patches = vec![0f32; depth * cols];
        patches.par_chunks_mut(cols).enumerate().for_each(|(index, line)| {
            for (line, x) in line.chunks_mut(pixels).zip(x.chunks(frame_in)) {
                patch_row(x, geometry, index, 0, line);
            }
        });
        let mut results = vec![0f32; geometry.out_channels * cols];
        let how = Product {
            rows: geometry.out_channels,
            cols,
            depth,
            row_step: cols,
            scale: 1.0,
            accumulate: false,
            parallel: true,
        };
        let left = Matrix { data: weight, row_step: depth, col_step: 1 };
        product(&mut results, left, Matrix { data: &patches, row_step: cols, col_step: 1 }, &how);
        out.par_chunks_mut(pixels).enumerate().for_each(|(index, out)| {
            let (frame, channel) = (index / geometry.out_channels, index % geometry.out_channels);
            let bias = bias.map_or(0.0, |bias| bias[channel]);
            let result = &results[channel * cols + frame * pixels..][..pixels];
            for (out, result) in out.iter_mut().zip(result) {
                *out = result + bias;
            }
        });
    }
}

/// One row of the im2col matrix: the input values that weight `index` of a patch (channel, row, column) is multiplied
/// with, for output rows from `first` on, as many as fit into `line`.
fn patch_row(x: &[f32], geometry: &Geometry, index: usize, first: usize, line: &mut [f32]) {
    let Geometry { height, width, kernel, stride, before, out_width, .. } = *geometry;
    let (channel, tap) = (index / (kernel * kernel), index % (kernel * kernel));
    let (tap_y, tap_x) = (tap / kernel, tap % kernel);
    let plane = &x[channel * height * width..][..height * width];
    for (row, line) in line.chunks_mut(out_width).enumerate() {
        let y = (first + row) * stride + tap_y;
        if y < before || y - before >= height {
            line.fill(0.0);
            continue;
        }
        let source = &plane[(y - before) * width..][..width];
        // Output columns whose source lies inside the image: before <= column * stride + tap_x < before + width.
        let begin = before.saturating_sub(tap_x).div_ceil(stride).min(out_width);
        let end = (before + width).saturating_sub(tap_x).div_ceil(stride).clamp(begin, out_width);
        line[..begin].fill(0.0);
        line[end..].fill(0.0);
        let inside = &mut line[begin..end];
        let from = (begin * stride + tap_x).saturating_sub(before).min(width);
        if stride == 1 {
            inside.copy_from_slice(&source[from..from + inside.len()]);
        } else {
            for (value, source) in inside.iter_mut().zip(source[from..].iter().step_by(stride)) {
                *value = *source;
            }
        }
    }
}
