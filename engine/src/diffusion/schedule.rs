//! The forward process: a thousand noise levels, and the way between a level and its timestep.
//!
//! The arithmetic follows the reference's precision: betas and their running product in f64, the
//! tables rounded to f32 once, everything after that in f32. That matters because the timestep that
//! the network is given is the *nearest* table entry, and a last-bit difference may pick a neighbour.

use candle_core::{Result as CandleResult, Tensor};

pub use protocol::Betas;

/// Number of training timesteps.
pub const TIMESTEPS: usize = 1000;
const LAST: f32 = (TIMESTEPS - 1) as f32;

/// Stands for "infinitely noisy" where a percentage of 0 is asked for, so that any sigma is below it.
const BEFORE_THE_START: f64 = 999_999_999.9;

/// The table of sigmas of one [`Betas`], with the mappings that samplers and networks need.
#[derive(Debug, Clone)]
pub struct NoiseSchedule {
    sigmas: Vec<f32>,
    log_sigmas: Vec<f32>,
}

impl NoiseSchedule {
    /// Computes the thousand sigmas `sqrt((1 - abar) / abar)` and their logarithms.
    pub fn new(betas: Betas) -> Self {
        Self::of(&table(betas))
    }

    /// The same with a last level that is (almost) noise alone, for networks that were trained with it (Lin et al. 2024,
    /// "Common diffusion noise schedules and sample steps are flawed"): the square roots of `abar` are moved so that the
    /// last is 0, and stretched so that the first stays. A level of infinite sigma cannot be computed with; the last
    /// `abar` is the reference's 4.897e-8 instead, a sigma of 4518.76.
    pub fn with_zero_terminal(betas: Betas) -> Self {
        const LAST_ABAR: f64 = 4.897_345_189_085_343_5e-8;
        let mut roots: Vec<f64> = table(betas).iter().map(|s| (1.0 / (s * s + 1.0)).sqrt()).collect();
        let (first, last) = (roots[0], roots[TIMESTEPS - 1]);
        roots.iter_mut().for_each(|root| *root = (*root - last) * first / (first - last));
        let mut abar: Vec<f64> = roots.iter().map(|root| root * root).collect();
        abar[TIMESTEPS - 1] = LAST_ABAR;
        Self::of(&abar.iter().map(|abar| ((1.0 - abar) / abar).sqrt()).collect::<Vec<_>>())
    }

    /// The logarithms are those of the f64 values, not of the rounded ones.
    fn of(sigmas: &[f64]) -> Self {
        Self {
            sigmas: sigmas.iter().map(|sigma| *sigma as f32).collect(),
            log_sigmas: sigmas.iter().map(|sigma| sigma.ln() as f32).collect(),
        }
    }

    /// The table itself, rising, one sigma per training timestep.
    pub fn table(&self) -> &[f32] {
        &self.sigmas
    }

    /// The smallest sigma of the table.
    pub fn sigma_min(&self) -> f32 {
        self.sigmas[0]
    }

    /// The largest sigma of the table.
    pub fn sigma_max(&self) -> f32 {
        self.sigmas[TIMESTEPS - 1]
    }

    /// The timestep that the network is told for `sigma`: the index of the nearest logarithm, the
    /// lower one on a tie. Sigmas outside of the table map to its ends.
    pub fn timestep(&self, sigma: f32) -> usize {
        let log_sigma = rounded(sigma, f64::ln);
        let mut nearest = (0, f32::INFINITY);
        for (index, &entry) in self.log_sigmas.iter().enumerate() {
            let distance = (log_sigma - entry).abs();
            if distance < nearest.1 {
                nearest = (index, distance);
            }
        }
        if sigma > self.sigma_max() { TIMESTEPS - 1 } else { nearest.0 }
    }

    /// The sigma at a fractional timestep `t`, clamped to 0..=999: linear in the logarithm.
    pub fn sigma(&self, t: f64) -> f32 {
        let t = (t as f32).clamp(0.0, LAST);
        let (low, weight) = (t.floor(), t.fract());
        let low_log = self.log_sigmas[low as usize];
        let high_log = self.log_sigmas[t.ceil() as usize];
        rounded((1.0 - weight) * low_log + weight * high_log, f64::exp)
    }

    /// The sigma at which `percent` of the timesteps are done, as start and end points of ControlNets
    /// are given: 0 or less lies above every sigma, 1 or more is 0.
    pub fn percent_to_sigma(&self, percent: f64) -> f64 {
        if percent <= 0.0 {
            BEFORE_THE_START
        } else if percent >= 1.0 {
            0.0
        } else {
            f64::from(self.sigma((1.0 - percent) * f64::from(LAST)))
        }
    }
}

/// The thousand sigmas, rising.
fn table(betas: Betas) -> Vec<f64> {
    let mut product = 1f64;
    let sigma = |index| {
        product *= 1.0 - beta(betas, index);
        ((1.0 - product) / product).sqrt()
    };
    (0..TIMESTEPS).map(sigma).collect()
}

/// Beta at a training step, 0..1000.
fn beta(betas: Betas, index: usize) -> f64 {
    let ramp = |start: f64, end: f64| {
        let step = (end - start) / (TIMESTEPS - 1) as f64;
        // From either end to the middle, as the reference's linspace does it.
        if index < TIMESTEPS / 2 {
            start + step * index as f64
        } else {
            end - step * (TIMESTEPS - 1 - index) as f64
        }
    };
    let squared = |root: f64| root * root;
    match betas {
        Betas::Linear => squared(ramp(0.00085f64.sqrt(), 0.012f64.sqrt())),
        Betas::SqrtLinear => ramp(0.00085, 0.012),
        Betas::LinearSdxl => squared(ramp(0.00085f64.sqrt(), 0.020f64.sqrt())),
    }
}

/// What a latent at noise level `sigma` is multiplied by before the network sees it: `1 / sqrt(sigma^2 + 1)`.
pub fn c_in(sigma: f32) -> f32 {
    1.0 / input_divisor(sigma)
}

/// The network's input for latents `x` at noise level `sigma`: `x / sqrt(sigma^2 + 1)`.
///
/// A true division, as the reference does it; multiplying by [`c_in`] differs in the last bit.
///
/// # Errors
/// If a tensor operation fails.
pub fn scale_input(x: &Tensor, sigma: f32) -> CandleResult<Tensor> {
    x.broadcast_div(&Tensor::new(input_divisor(sigma), x.device())?.to_dtype(x.dtype())?)
}

/// A function of an f32, correctly rounded: the same number on every platform, which libraries' own f32
/// functions do not promise.
pub(super) fn rounded(x: f32, function: impl Fn(f64) -> f64) -> f32 {
    function(f64::from(x)) as f32
}

fn input_divisor(sigma: f32) -> f32 {
    (sigma * sigma + 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_parse_back() {
        for &betas in Betas::ALL {
            assert_eq!(betas.as_str().parse::<Betas>().ok(), Some(betas));
        }
        assert!("Linear".parse::<Betas>().is_err());
    }

    #[test]
    fn every_table_rises_and_maps_back_to_its_own_index() {
        for &betas in Betas::ALL {
            let schedule = NoiseSchedule::new(betas);
            for (index, pair) in schedule.table().windows(2).enumerate() {
                assert!(pair[0] < pair[1], "{betas} falls at {index}");
                assert_eq!(schedule.timestep(pair[0]), index, "{betas}");
            }
        }
    }

    #[test]
    fn sigmas_outside_of_the_table_map_to_its_ends() {
        let schedule = NoiseSchedule::new(Betas::Linear);
        assert_eq!(schedule.timestep(0.0), 0);
        assert_eq!(schedule.timestep(f32::INFINITY), 999);
        assert_eq!(schedule.sigma(-3.0), schedule.sigma(0.0));
        assert_eq!(schedule.sigma(5000.0), schedule.sigma(999.0));
    }

    #[test]
    fn the_scaled_input_has_unit_variance_for_unit_data() {
        assert_eq!(c_in(0.0), 1.0);
        assert!((c_in(3f32.sqrt()) - 0.5).abs() < 1e-6);
    }
}
