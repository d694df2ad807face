//! The forward process: a thousand noise levels, and the way between a level and its timestep.
//!
//! A schedule is one of betas, in the variance-exploding space, or that of a flow, on the straight path; see
//! [`NoiseSchedule::path`].
//!
//! For betas the arithmetic follows the reference's precision: betas and their running product in f64, the
//! tables rounded to f32 once, everything after that in f32. That matters because the timestep that
//! the network is given is the *nearest* table entry, and a last-bit difference may pick a neighbour.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

use candle_core::{Result as CandleResult, Tensor};

use super::{DiffusionError, ProbabilityPath};
pub use protocol::Betas;

/// Number of training timesteps.
pub const TIMESTEPS: usize = 1000;
const LAST: f32 = (TIMESTEPS - 1) as f32;
/// The timestep at which a flow is noise alone.
const FLOW_END: f32 = TIMESTEPS as f32;
/// Shifts of a flow with which the thousand levels stay well apart in f32.
const SHIFTS: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// Stands for "infinitely noisy" where a percentage of 0 is asked for, so that any sigma is below it.
const BEFORE_THE_START: f64 = 999_999_999.9;

/// The table of sigmas of one [`Betas`] or of a flow, with the mappings that samplers and networks need.
#[derive(Debug, Clone)]
pub struct NoiseSchedule {
    sigmas: Vec<f32>,
    between: Between,
}

/// How a schedule goes on between the entries of its table.
#[derive(Debug, Clone)]
enum Between {
    /// Linearly in the logarithms, which are these: betas.
    Logarithms(Vec<f32>),
    /// By the formula of a flow with this shift.
    Shifted(f64),
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
            between: Between::Logarithms(sigmas.iter().map(|sigma| sigma.ln() as f32).collect()),
        }
    }

    /// The schedule of a rectified flow: a table of `s(t) = shift t / (1 + (shift - 1) t)` for t = 1/1000, 2/1000, ... 1
    /// (Esser et al. 2024, "Scaling Rectified Flow Transformers", equation 23). A shift above 1 spends more steps on high
    /// noise levels, which larger pictures need; 1 leaves the levels evenly spaced.
    ///
    /// # Errors
    /// [`DiffusionError::Invalid`] if `shift` is not a number from 0.01 to 100.
    pub fn flow(shift: f64) -> Result<Self, DiffusionError> {
        if !SHIFTS.contains(&shift) {
            let [least, most] = [SHIFTS.start(), SHIFTS.end()];
            return Err(DiffusionError::invalid(format!(
                "the shift of a flow is {least} to {most}, not {shift}"
            )));
        }
        let level = |index: usize| shifted(shift, index as f64 / TIMESTEPS as f64);
        Ok(Self { sigmas: (1..=TIMESTEPS).map(level).collect(), between: Between::Shifted(shift) })
    }

    /// The space that latents of this schedule live in.
    pub fn path(&self) -> ProbabilityPath {
        match self.between {
            Between::Logarithms(_) => ProbabilityPath::VarianceExploding,
            Between::Shifted(_) => ProbabilityPath::Straight,
        }
    }

    /// The timesteps of the table's ends as [`Self::sigma`] counts them, the one of the smallest sigma first.
    pub(super) fn ends(&self) -> [f32; 2] {
        match self.between {
            Between::Logarithms(_) => [0.0, LAST],
            Between::Shifted(_) => [1.0, FLOW_END],
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

    /// The timestep that the network is told for `sigma`, 0 to 999 or for a flow 0 to 1000.
    ///
    /// For betas it is the index of the nearest logarithm, the lower one on a tie; sigmas outside of the table map to its
    /// ends. For a flow it is `sigma * 1000`: the network knows noise levels, and the shift only says which are visited.
    pub fn timestep(&self, sigma: f32) -> f32 {
        let logs = match &self.between {
            Between::Logarithms(logs) => logs,
            Between::Shifted(_) => return (sigma * FLOW_END).clamp(0.0, FLOW_END),
        };
        let log_sigma = rounded(sigma, f64::ln);
        let mut nearest = (0, f32::INFINITY);
        for (index, &entry) in logs.iter().enumerate() {
            let distance = (log_sigma - entry).abs();
            if distance < nearest.1 {
                nearest = (index, distance);
            }
        }
        if sigma > self.sigma_max() { LAST } else { nearest.0 as f32 }
    }

    /// The sigma at a fractional timestep `t` of the schedule.
    ///
    /// For betas `t` is clamped to 0..=999 and sigma is linear in the logarithm. For a flow `t` is clamped to 0..=1000, and
    /// sigma is `s(t / 1000)`, see [`Self::flow`]: 0 at 0, the table's first at 1, and 1 at 1000. With a shift other than 1
    /// this is not the way back from [`Self::timestep`], which is the network's own count.
    pub fn sigma(&self, t: f64) -> f32 {
        let logs = match &self.between {
            Between::Logarithms(logs) => logs,
            Between::Shifted(shift) => {
                return shifted(*shift, t.clamp(0.0, FLOW_END.into()) / TIMESTEPS as f64);
            }
        };
        let t = (t as f32).clamp(0.0, LAST);
        let (low, weight) = (t.floor(), t.fract());
        let low_log = logs[low as usize];
        let high_log = logs[t.ceil() as usize];
        rounded((1.0 - weight) * low_log + weight * high_log, f64::exp)
    }

    /// The sigma at which `percent` (0 to 1) of the timesteps are done, as start and end points of ControlNets
    /// are given: 0 or less lies above every sigma, 1 or more is 0.
    pub fn percent_to_sigma(&self, percent: f64) -> f64 {
        if percent <= 0.0 {
            BEFORE_THE_START
        } else if percent >= 1.0 {
            0.0
        } else {
            let [_, last] = self.ends();
            f64::from(self.sigma((1.0 - percent) * f64::from(last)))
        }
    }
}

/// The level of a flow at time `t`, 0 to 1, see [`NoiseSchedule::flow`].
fn shifted(shift: f64, t: f64) -> f32 {
    (shift * t / (1.0 + (shift - 1.0) * t)) as f32
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
                assert_eq!(schedule.timestep(pair[0]), index as f32, "{betas}");
            }
        }
    }

    #[test]
    fn sigmas_outside_of_the_table_map_to_its_ends() {
        let schedule = NoiseSchedule::new(Betas::Linear);
        assert_eq!(schedule.timestep(0.0), 0.0);
        assert_eq!(schedule.timestep(f32::INFINITY), 999.0);
        assert_eq!(schedule.sigma(-3.0), schedule.sigma(0.0));
        assert_eq!(schedule.sigma(5000.0), schedule.sigma(999.0));
    }

    #[test]
    fn the_scaled_input_has_unit_variance_for_unit_data() {
        assert_eq!(c_in(0.0), 1.0);
        assert!((c_in(3f32.sqrt()) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_flow_s_levels_are_shifted_to_its_formula() {
        let plain = NoiseSchedule::flow(1.0).unwrap();
        let shifted = NoiseSchedule::flow(3.0).unwrap();
        for schedule in [&plain, &shifted] {
            assert_eq!(schedule.path(), ProbabilityPath::Straight);
            assert_eq!(schedule.table().len(), TIMESTEPS);
            assert!(schedule.table().windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(schedule.sigma_max(), 1.0);
            assert_eq!([schedule.sigma(-1.0), schedule.sigma(2000.0)], [0.0, 1.0]);
            assert_eq!(schedule.sigma(1.0), schedule.sigma_min());
            // The network is told the level itself.
            assert_eq!([0.0, 0.25, 1.0].map(|sigma| schedule.timestep(sigma)), [0.0, 250.0, 1000.0]);
            assert!(schedule.percent_to_sigma(0.0) > 1.0);
            assert_eq!(schedule.percent_to_sigma(1.0), 0.0);
        }
        assert_eq!(plain.sigma(250.0), 0.25);
        // 3/4 / (1 + 2/4), and three quarters of the way done.
        assert_eq!(shifted.sigma(250.0), 0.5);
        assert_eq!(shifted.table()[249], 0.5);
        assert_eq!(shifted.percent_to_sigma(0.75), 0.5);
        assert_eq!(NoiseSchedule::new(Betas::Linear).path(), ProbabilityPath::VarianceExploding);
    }

    #[test]
    fn a_shift_that_leaves_no_levels_is_refused() {
        for shift in [0.0, -3.0, 1e9, f64::NAN, f64::INFINITY] {
            assert!(NoiseSchedule::flow(shift).is_err(), "{shift}");
        }
    }
}
