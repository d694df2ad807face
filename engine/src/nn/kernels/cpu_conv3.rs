//! The 3x3 convolution with stride 1 for f32 on the processor, without gathering patches.
//!
//! A strip of rows of every input channel is copied once into rows of width + 1 values, where the one zero at the end
//! of a row is also the one before the next. Seen as one long line, the pixel that a weight meets then lies at a fixed
//! distance from the result, so a run of results is a sum of shifted runs of the line. The inner loop keeps a block of
//! output channels times a few registers of pixels in registers, through all input channels and all nine weights.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Sizes of a convolution.
pub(super) struct Sizes {
    pub frames: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub out_channels: usize,
}

/// Values of a strip: a quarter of a megabyte stays in the second-level cache beside the weights.
const STRIP: usize = 1 << 16;
/// No block computes more pixels at once than this.
const MAX_RUN: usize = 96;

/// `[frames, out_channels, height, width]` with one pixel of zeros around.
pub(super) fn conv3x3(x: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: &Sizes) -> Vec<f32> {
    let Sizes { frames, channels, height, width, out_channels } = *sizes;
    let pixels = height * width;
    let mut out = vec![0f32; frames * out_channels * pixels];
    let arch = pulp::Arch::new();
    let rows = (STRIP / (channels * (width + 1))).clamp(1, height);
    let wide = out_channels > 4 && arch.dispatch(Registers) >= 32;
    let block = if wide { 8 } else { 4 };
    let packed = pack(weight, out_channels, channels * 9, block);
    let target = Target { start: out.as_mut_ptr(), len: out.len() };
    let strips: Vec<(usize, usize)> =
        (0..frames).flat_map(|frame| (0..height).step_by(rows).map(move |first| (frame, first))).collect();
    strips.into_par_iter().for_each(|(frame, first)| {
        let rows = rows.min(height - first);
        let x = &x[frame * channels * pixels..][..channels * pixels];
        let strip = Strip::new(x, sizes, first, rows);
        for (index, weights) in packed.chunks(channels * 9 * block).enumerate() {
            let from = index * block;
            let count = block.min(out_channels - from);
            let mut planes: [&mut [f32]; 8] = std::array::from_fn(|channel| {
                if channel >= count {
                    return &mut [][..];
                }
                let start = ((frame * out_channels + from + channel) * height + first) * width;
                // SAFETY: strips are disjoint runs of rows of a frame and every channel is visited once in a strip, so no
                // two of these slices overlap, in this task or in another; `row` checks that they lie inside of `out`,
                // which is neither moved nor read before all tasks are done.
                unsafe { target.row(start, rows * width) }
            });
            let mut shifts = [0f32; 8];
            if let Some(bias) = bias {
                shifts[..count].copy_from_slice(&bias[from..from + count]);
            }
            arch.dispatch(Block { strip: &strip, weights, shifts, planes: &mut planes[..count], block });
        }
    });
    out
}

/// The result, shared by tasks that write disjoint parts of it.
#[derive(Clone, Copy)]
struct Target {
    start: *mut f32,
    len: usize,
}

// SAFETY: a `Target` is only a place; `row` is where access happens, and its contract keeps accesses apart.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// A part of the result.
    ///
    /// # Safety
    /// The vector behind it must be alive, and nothing else may read or write this part while the slice lives.
    unsafe fn row<'a>(self, start: usize, count: usize) -> &'a mut [f32] {
        assert!(start.checked_add(count).is_some_and(|end| end <= self.len), "a strip outside of the result");
        // SAFETY: the part lies inside the vector (checked above), f32 needs no more alignment than the vector has,
        // and the caller vouches for exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), count) }
    }
}

/// Weights of `block` output channels side by side for every input channel and tap; missing channels are zeros.
fn pack(weight: &[f32], out_channels: usize, depth: usize, block: usize) -> Vec<f32> {
    let mut packed = vec![0f32; out_channels.div_ceil(block) * depth * block];
    for (channel, weights) in weight.chunks(depth).enumerate() {
        let start = channel / block * depth * block + channel % block;
        for (place, weight) in packed[start..].iter_mut().step_by(block).zip(weights) {
            *place = *weight;
        }
    }
    packed
}

/// Rows of all channels with their borders of zeros.
struct Strip {
    values: Vec<f32>,
    /// Length of a channel in `values`.
    plane: usize,
    /// Length of a row in a plane.
    pitch: usize,
    rows: usize,
    width: usize,
}

impl Strip {
    fn new(x: &[f32], sizes: &Sizes, first: usize, rows: usize) -> Self {
        let Sizes { height, width, channels, .. } = *sizes;
        let pitch = width + 1;
        // Blocks may run over the end of the last row; what they find there does not matter.
        let plane = (rows + 2) * pitch + 2 + MAX_RUN;
        let mut values = vec![0f32; channels * plane];
        for (values, x) in values.chunks_mut(plane).zip(x.chunks(height * width)) {
            for row in 0..rows + 2 {
                // The strip begins one row above its first.
                let Some(y) = (first + row).checked_sub(1).filter(|y| *y < height) else { continue };
                values[row * pitch + 1..][..width].copy_from_slice(&x[y * width..][..width]);
            }
        }
        Self { values, plane, pitch, rows, width }
    }
}

/// How many registers the processor has for vectors.
struct Registers;

impl WithSimd for Registers {
    type Output = usize;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::REGISTER_COUNT
    }
}

/// The work on one strip for one block of output channels.
struct Block<'a, 'b> {
    strip: &'a Strip,
    weights: &'a [f32],
    shifts: [f32; 8],
    planes: &'a mut [&'b mut [f32]],
    block: usize,
}

impl WithSimd for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.block, S::REGISTER_COUNT >= 32) {
            (8, _) => self.run::<S, 8, 3>(simd),
            (_, true) => self.run::<S, 4, 6>(simd),
            (_, false) => self.run::<S, 4, 3>(simd),
        }
    }
}

impl Block<'_, '_> {
    /// `CHANNELS` output channels times `VECTORS` registers of pixels at a time.
    #[inline(always)]
    fn run<S: Simd, const CHANNELS: usize, const VECTORS: usize>(self, simd: S) {
        let Strip { plane, pitch, rows, width, .. } = *self.strip;
        let run = VECTORS * S::F32_LANES;
        let mut results = [[0f32; MAX_RUN]; CHANNELS];
        for first in (0..rows * pitch).step_by(run) {
            let mut sums = [[simd.splat_f32s(0.0); VECTORS]; CHANNELS];
            for (sums, shift) in sums.iter_mut().zip(&self.shifts) {
                *sums = [simd.splat_f32s(*shift); VECTORS];
            }
            let (weights, _) = self.weights.as_chunks::<CHANNELS>();
            for (values, weights) in self.strip.values.chunks_exact(plane).zip(weights.chunks_exact(9)) {
                for (tap, weights) in weights.iter().enumerate() {
                    let at = first + tap / 3 * pitch + tap % 3;
                    let (pixels, _) = S::as_simd_f32s(&values[at..at + run]);
                    let mut registers = [simd.splat_f32s(0.0); VECTORS];
                    for (register, pixels) in registers.iter_mut().zip(pixels) {
                        *register = *pixels;
                    }
                    for (sums, weight) in sums.iter_mut().zip(weights) {
                        let weight = simd.splat_f32s(*weight);
                        for (sum, register) in sums.iter_mut().zip(&registers) {
                            *sum = simd.mul_add_e_f32s(weight, *register, *sum);
                        }
                    }
                }
            }
            for (results, sums) in results.iter_mut().zip(&sums) {
                let (results, _) = S::as_mut_simd_f32s(&mut results[..run]);
                for (result, sum) in results.iter_mut().zip(sums) {
                    *result = *sum;
                }
            }
            // Every row of the line holds one value too many; leave it out.
            let last = (first + run).min(rows * pitch);
            let mut at = first;
            while at < last {
                let (row, column) = (at / pitch, at % pitch);
                let next = ((row + 1) * pitch).min(last);
                let count = (next - at).min(width.saturating_sub(column));
                for (out, results) in self.planes.iter_mut().zip(&results) {
                    out[row * width + column..][..count].copy_from_slice(&results[at - first..][..count]);
                }
                at = next;
            }
        }
    }
}
