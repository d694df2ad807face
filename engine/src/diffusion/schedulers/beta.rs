//! Timesteps at the quantiles of the Beta(0.6, 0.6) distribution.
//!
//! Source: Lee et al., "Beta Sampling is All You Need" (2024). The reference uses a statistics package; here the
//! quantiles are computed with the continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8)
//! and a bracketed Newton iteration, accurate to about 1e-14, much more precise than rounding to a thousandth requires.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

use std::f64::consts::PI;

const SHAPE: f64 = 0.6;
const LAST: f64 = 999.0;

/// Table indices, descending, without consecutive duplicates.
pub(super) fn indices(steps: usize) -> Vec<usize> {
    let spacing = 1.0 / steps as f64;
    let mut list: Vec<usize> = (0..steps)
        .map(|step| quantile(1.0 - step as f64 * spacing) * LAST)
        .map(|position| position.round_ties_even() as usize)
        .collect();
    list.dedup();
    list
}

/// The `p`-quantile of Beta(0.6, 0.6): the x with P(X <= x) = `p`.
fn quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    // The distribution is symmetric, and below a half both the series and the result are most accurate.
    if p > 0.5 {
        return 1.0 - quantile(1.0 - p);
    }
    if p == 0.5 {
        return 0.5;
    }
    let norm = beta_function();
    let (mut low, mut high) = (0.0, 0.5);
    // Near zero the distribution function is approximately x^a / (a B(a, a)).
    let mut x = (p * SHAPE * norm).powf(1.0 / SHAPE).min(0.5);
    for _ in 0..100 {
        let excess = cumulative(x, norm) - p;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = (x * (1.0 - x)).powf(SHAPE - 1.0) / norm;
        let newton = x - excess / density;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-16 * next {
            return next;
        }
        x = next;
    }
    x
}

/// The regularised incomplete beta function I_x(0.6, 0.6) for x <= 1/2.
fn cumulative(x: f64, norm: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let (a, b) = (SHAPE, SHAPE);
    // Lentz's algorithm for evaluating the continued fraction forwards.
    let mut c: f64 = 1.0;
    let mut d = 1.0 / (1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..200 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 + term * d;
            c = 1.0 + term / c;
            if d.abs() < TINY {
                d = TINY;
            }
            if c.abs() < TINY {
                c = TINY;
            }
            d = 1.0 / d;
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (x * (1.0 - x)).powf(SHAPE) * fraction / (a * norm)
}

/// B(0.6, 0.6) = Gamma(0.6)^2 / Gamma(1.2).
fn beta_function() -> f64 {
    gamma(SHAPE).powi(2) / gamma(2.0 * SHAPE)
}

/// The gamma function for arguments between 0 and 2: Stirling's series after shifting the argument upwards.
fn gamma(x: f64) -> f64 {
    let mut shift = 1.0;
    let mut z = x;
    while z < 30.0 {
        shift *= z;
        z += 1.0;
    }
    let inverse = 1.0 / z;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    ((z - 0.5) * z.ln() - z + 0.5 * (2.0 * PI).ln() + series).exp() / shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_agrees_with_its_known_values() {
        assert!((gamma(1.0) - 1.0).abs() < 1e-13);
        assert!((gamma(0.5) - PI.sqrt()).abs() < 1e-13);
        assert!((gamma(1.2) - 0.918_168_742_399_760_6).abs() < 1e-13);
        assert!((gamma(0.6) - 1.489_192_248_812_817).abs() < 1e-13);
    }

    #[test]
    fn the_quantile_inverts_the_distribution_function() {
        let norm = beta_function();
        for step in 1..500 {
            let p = f64::from(step) / 1000.0;
            assert!((cumulative(quantile(p), norm) - p).abs() < 1e-14, "{p}");
            assert!((quantile(1.0 - p) + quantile(p) - 1.0).abs() < 1e-13, "{p}");
        }
        assert_eq!((quantile(0.0), quantile(0.5), quantile(1.0)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn many_steps_stay_within_the_table_and_fall() {
        for steps in [1, 2, 999, 1000, 5000] {
            let list = indices(steps);
            assert_eq!(list[0], 999);
            assert!(list.windows(2).all(|pair| pair[0] > pair[1]));
        }
    }
}
