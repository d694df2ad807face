//! 3x3 convolution with stride 1 for f32 on the CPU, without im2col.
//!
//! A strip of rows of every input channel is copied once into rows of width + 1 values, where the single zero at the
//! end of a row is also the padding before the next. In this flattened layout, the input pixel of each weight is at a
//! fixed offset from the output pixel, so a run of results is a sum of shifted runs of the strip. The inner loop
//! accumulates a block of output channels times a few registers of pixels in registers, over all input channels and
//! all nine weights.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Dimensions of a convolution.
pub(super) struct Sizes {
    pub frames: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub out_channels: usize,
}

/// Values of a strip: a quarter of a megabyte, which fits in the L2 cache together with the weights.
const STRIP: usize = 1 << 16;
/// Maximum number of pixels that a block computes at once.
const MAX_RUN: usize = 96;

/// Returns `[frames, out_channels, height, width]`; the input is padded by one pixel of zeros.
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
                // SAFETY: strips are disjoint runs of rows of a frame and every channel is visited once per strip, so
                // no two of these slices overlap, in this task or in another; `row` checks that they lie inside of
                // `out`, which is neither moved nor read before all tasks are done.
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

/// Pointer to the result, shared by tasks that write disjoint parts of it.
#[derive(Clone, Copy)]
struct Target {
    start: *mut f32,
    len: usize,
}

// SAFETY: a `Target` is only a pointer; it is accessed in `row`, whose contract keeps accesses disjoint.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// A slice of the result.
    ///
    /// # Safety The vector behind the pointer must be alive, and nothing else may read or write this part while the
    /// slice is alive.
    unsafe fn row<'a>(self, start: usize, count: usize) -> &'a mut [f32] {
        assert!(start.checked_add(count).is_some_and(|end| end <= self.len), "a strip outside of the result");
        // SAFETY: the part lies inside the vector (checked above), the vector has f32 alignment, and the caller
        // guarantees exclusive access.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), count) }
    }
}

/// Packs the weights of `block` output channels next to each other for every input channel and tap; missing channels
/// are zeros.
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

/// Rows of all channels with zero padding.
struct Strip {
    values: Vec<f32>,
    /// Length of a channel in `values`.
    plane: usize,
    /// Length of a row in a channel.
    pitch: usize,
    rows: usize,
    width: usize,
}

impl Strip {
    fn new(x: &[f32], sizes: &Sizes, first: usize, rows: usize) -> Self {
        let Sizes { height, width, channels, .. } = *sizes;
        let pitch = width + 1;
        // Blocks may run past the end of the last row; the values there are not used.
        let plane = (rows + 2) * pitch + 2 + MAX_RUN;
        let mut values = vec![0f32; channels * plane];
        for (values, x) in values.chunks_mut(plane).zip(x.chunks(height * width)) {
            for row in 0..rows + 2 {
                // The strip starts one row above its first output row.
                let Some(y) = (first + row).checked_sub(1).filter(|y| *y < height) else { continue };
                values[row * pitch + 1..][..width].copy_from_slice(&x[y * width..][..width]);
            }
        }
        Self { values, plane, pitch, rows, width }
    }
}

/// Queries the number of SIMD registers of the CPU.
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
    /// Computes `CHANNELS` output channels times `VECTORS` registers of pixels at a time.
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
            // Every row of the strip has one extra value; skip it.
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
