//! Elementary functions and sums in f32, written so that the compiler vectorises loops over them.
//!
//! Everything is `inline(always)`: the callers run inside `pulp::Arch::dispatch`, which compiles a closure once per
//! instruction set and selects one at run time.

use pulp::Simd;

/// Lanes of the widest SIMD registers; sums keep this many partial sums.
pub(super) const LANES: usize = 16;
/// Number of values summed in f32 before the sum is added to an f64 total.
const BLOCK: usize = 4096;

/// `e^x` within 2 units in the last place; 0 below -87, large but finite above 88.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding this number rounds to an integer and leaves that integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    // Taylor series up to r^7 / 7!; |r| <= ln 2 / 2, so the remainder is below 6e-9.
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    p * scale
}

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `x / (1 + e^(-1.702 x))`, the activation of CLIP-L.
#[inline(always)]
pub(super) fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

/// `x` times the normal distribution function, using Abramowitz and Stegun 7.1.26 (erf within 1.5e-7).
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    // erfc(|z|) / 2: the tail itself for negative x, one minus the tail for positive x; no cancellation either way.
    let tail = 0.5 * poly * exp(-z * z);
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// Sum of `f(value)` over all values.
#[inline(always)]
pub(super) fn sum_of(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for block in values.chunks(BLOCK) {
        let mut lanes = [0f32; LANES];
        let (chunks, rest) = block.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += f(*value);
            }
        }
        for (lane, value) in lanes.iter_mut().zip(rest) {
            *lane += f(*value);
        }
        total += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
    }
    total
}

/// In-place softmax. `-inf` becomes 0; a row of only `-inf` becomes 0.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32]) {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let highest = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |high, value| high.max(*value));
    let highest = if highest == f32::NEG_INFINITY { 0.0 } else { highest };
    let mut sums = [0f32; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *value = weight(*value - highest);
            *sum += *value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *value = weight(*value - highest);
        *sum += *value;
    }
    let sum: f32 = sums.iter().sum();
    let factor = if sum > 0.0 { 1.0 / sum } else { 0.0 };
    for value in row.iter_mut() {
        *value *= factor;
    }
}

/// `e^x` for x <= 0 that is exactly 0 below -87, so that masked scores have no weight.
#[inline(always)]
fn weight(x: f32) -> f32 {
    if x < -87.0 { 0.0 } else { exp(x) }
}

/// 2^x for x < 127, within 3e-7; a negligible value below -125.
///
/// A power of two times a polynomial in the fractional part, fitted for the smallest relative error on -0.5..0.5
/// (7.5e-8 before rounding).
#[inline(always)]
pub(super) fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding this number rounds to an integer and leaves that integer in the low bits.
    let round = simd.splat_f32s(12_582_912.0);
    let x = simd.max_f32s(x, simd.splat_f32s(-125.0));
    let shifted = simd.add_f32s(x, round);
    let rest = simd.sub_f32s(x, simd.sub_f32s(shifted, round));
    let mut power = simd.splat_f32s(0.001_327_647_2);
    for factor in [0.009_675_541, 0.055_507_13, 0.240_221_2, 0.693_146_94, 1.000_000_1] {
        power = simd.mul_add_e_f32s(power, rest, simd.splat_f32s(factor));
    }
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(power), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_its_relatives_are_exact_to_a_few_units() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let want = f64::from(x).exp();
            let error = (f64::from(exp(x)) - want).abs() / want;
            assert!(error < 3e-7, "exp({x}): relative error {error}");
        }
        for step in -1000..=1000 {
            let x = step as f32 / 100.0;
            let want = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            let error = (f64::from(gelu(x)) - want).abs();
            assert!(error < 1.5e-7 * f64::from(x.abs()).max(1.0), "gelu({x}): error {error}");
        }
    }

    #[test]
    fn powers_of_two_are_exact_to_a_few_units() {
        struct All;
        impl pulp::WithSimd for All {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                for step in -12_500..=12_600 {
                    let x = step as f32 / 100.0;
                    let mut got = [0f32; LANES];
                    let (lanes, _) = S::as_mut_simd_f32s(&mut got);
                    for lane in lanes {
                        *lane = exp2(simd, simd.splat_f32s(x));
                    }
                    let error = f64::from(got[0]) / f64::from(x).exp2() - 1.0;
                    assert!(error.abs() < 3e-7, "2^{x}: relative error {error}");
                }
            }
        }
        pulp::Arch::new().dispatch(All);
        pulp::Arch::Scalar.dispatch(All);
    }

    /// erf in f64 by a series whose terms all have the same sign: 2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) /
    /// (2n+1)!!
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
    }

    #[test]
    fn softmax_survives_masks_and_large_scores() {
        let mut row = vec![1000.0, 999.0, f32::NEG_INFINITY];
        softmax(&mut row);
        assert!((row[0] - 0.731_058_6).abs() < 1e-6 && row[2] == 0.0);
        let mut row = vec![f32::NEG_INFINITY; 40];
        softmax(&mut row);
        assert!(row.iter().all(|weight| *weight == 0.0));
    }
}
