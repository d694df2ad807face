//! The probability path between data and noise, which defines the space of the latents.

use super::schedule::rounded;

/// A Gaussian probability path `x = alpha(sigma) * x0 + sigma * eps` (Lipman et al. 2023, "Flow Matching for Generative
/// Modeling", section 4), characterised by its `alpha`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ProbabilityPath {
    /// `alpha = 1`: noise is added to unscaled data (the variance-exploding space of Song et al. 2021 and of
    /// k-diffusion). Sigma has no upper bound.
    #[default]
    VarianceExploding,
    /// `alpha = 1 - sigma`: the straight line from data to noise of a rectified flow (Liu et al. 2022, "Flow Straight
    /// and Fast"). Sigma goes from 0, pure data, to 1, pure noise.
    Straight,
}

/// A step with fresh noise, in two parts: an Euler step down to `down`, then `x = kept * x + fresh * eps` back up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ancestral {
    pub down: f32,
    pub kept: f32,
    pub fresh: f32,
}

impl ProbabilityPath {
    /// The factor of the data at noise level `sigma`.
    pub fn alpha(self, sigma: f32) -> f32 {
        match self {
            Self::VarianceExploding => 1.0,
            Self::Straight => 1.0 - sigma,
        }
    }

    /// The highest possible noise level, inclusive; infinite if there is no limit.
    pub fn sigma_max(self) -> f32 {
        match self {
            Self::VarianceExploding => f32::INFINITY,
            Self::Straight => 1.0,
        }
    }

    /// The time variable of DPM-Solver++ (Lu et al. 2022), half the log of the signal-to-noise ratio: `ln(alpha / sigma)`.
    /// Infinite at sigma 0, and minus infinity where alpha is 0.
    pub(super) fn time(self, sigma: f32) -> f32 {
        match self {
            Self::VarianceExploding => -rounded(sigma, f64::ln),
            Self::Straight => rounded(sigma, |sigma| ((1.0 - sigma) / sigma).ln()),
        }
    }

    /// The first-order step of DPM-Solver++ from `sigma` to `next`, which are `h` apart in [`Self::time`]: the factor
    /// of x, and the factor of the denoised latents, which are subtracted.
    ///
    /// These are `next / sigma` and `alpha(next) * (exp(-h) - 1)`.
    pub(super) fn first_order(self, sigma: f32, next: f32, h: f32) -> (f32, f32) {
        match self {
            Self::VarianceExploding => {
                // Sigmas are recomputed from their logarithms, as in the reference.
                let (t, t_next) = (self.time(sigma), self.time(next));
                (rounded(-t_next, f64::exp) / rounded(-t, f64::exp), rounded(-h, f64::exp_m1))
            }
            // With alpha = 1 - sigma the second factor is (next - sigma) / sigma, which is finite also where h is infinite.
            Self::Straight => (next / sigma, (next - sigma) / sigma),
        }
    }

    /// Splits a step from `from` to `to` so that afterwards the data have the factor `alpha(to)` and the noise the
    /// variance `to^2`.
    ///
    /// In the variance-exploding space these are the Euler step and the noise of k-diffusion. On the straight path the Euler step
    /// goes down to `to^2 / from`, as in ComfyUI's rectified-flow form: there the data have the factor `1 - down`, so x is
    /// multiplied by `kept = (1 - to) / (1 - down)`, which leaves noise of `kept * down`; `fresh` makes up the difference.
    pub(super) fn ancestral(self, from: f32, to: f32) -> Ancestral {
        let (from2, to2) = (from * from, to * to);
        match self {
            Self::VarianceExploding => {
                let fresh = (to2 * (from2 - to2) / from2).sqrt().min(to);
                Ancestral { down: (to2 - fresh * fresh).max(0.0).sqrt(), kept: 1.0, fresh }
            }
            Self::Straight => {
                let down = to2 / from;
                let kept = (1.0 - to) / (1.0 - down);
                let left = kept * down;
                Ancestral { down, kept, fresh: (to2 - left * left).max(0.0).sqrt() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ancestral_step_keeps_the_variance() {
        for (from, to) in [(14.6, 8.8), (1.0, 0.999), (0.2, 0.01)] {
            let Ancestral { down, kept, fresh } = ProbabilityPath::VarianceExploding.ancestral(from, to);
            assert!((down * down + fresh * fresh - to * to).abs() < 1e-5 * to * to);
            assert!(down < to && fresh <= to && kept == 1.0);
        }
        let end = Ancestral { down: 0.0, kept: 1.0, fresh: 0.0 };
        assert_eq!(ProbabilityPath::VarianceExploding.ancestral(0.1, 0.0), end);
    }

    #[test]
    fn an_ancestral_step_of_a_flow_keeps_the_shares_of_data_and_of_noise() {
        for (from, to) in [(1.0, 0.96), (1.0, 0.01), (0.999, 0.998), (0.5, 0.1), (0.01, 0.0001)] {
            let Ancestral { down, kept, fresh } = ProbabilityPath::Straight.ancestral(from, to);
            // The Euler step stays on the path: it gives (1 - down) x0 + down eps.
            assert!((kept * (1.0 - down) - (1.0 - to)).abs() < 1e-6, "data from {from} to {to}");
            let variance = (kept * down).powi(2) + fresh * fresh;
            assert!((variance - to * to).abs() < 1e-5 * to * to, "noise from {from} to {to}");
            assert!(down < to && fresh <= to);
        }
        let end = Ancestral { down: 0.0, kept: 1.0, fresh: 0.0 };
        assert_eq!(ProbabilityPath::Straight.ancestral(0.1, 0.0), end);
    }

    #[test]
    fn the_first_order_step_is_that_of_its_formula_in_either_space() {
        for path in [ProbabilityPath::VarianceExploding, ProbabilityPath::Straight] {
            for (from, to) in [(0.9, 0.7), (0.02, 0.3), (0.5, 0.499)] {
                let h = path.time(to) - path.time(from);
                let (x, denoised) = path.first_order(from, to, h);
                assert!((x - to / from).abs() < 1e-5 * x, "{path:?} from {from} to {to}");
                let want = f64::from(path.alpha(to)) * f64::from(-h).exp_m1();
                assert!((f64::from(denoised) - want).abs() < 1e-5, "{path:?} from {from} to {to}");
            }
        }
        let path = ProbabilityPath::Straight;
        assert_eq!(path.first_order(1.0, 0.75, f32::INFINITY), (0.75, -0.25));
        assert_eq!(path.first_order(0.5, 1.0, f32::NEG_INFINITY), (2.0, 1.0));
    }
}
