//! The forward process: a thousand noise levels, and the mapping between sigmas and timesteps.
//!
//! A schedule is either defined by betas, in the variance-exploding space, or by a flow's shift, on the straight path;
//! see [`NoiseSchedule::path`].
//!
//! For betas the arithmetic follows the reference's precision: betas and their cumulative product in f64, the tables
//! rounded to f32 once, everything after that in f32. This matters because the network gets the timestep of the
//! *nearest* table entry, and a difference in the last bit may select a neighbour.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

use candle_core::{Result as CandleResult, Tensor};

use super::{DiffusionError, ProbabilityPath};
pub use protocol::Betas;

/// The number of training timesteps, and of entries in a schedule's table.
pub const TIMESTEPS: usize = 1000;
const LAST: f32 = (TIMESTEPS - 1) as f32;
/// The timestep of a flow's pure noise.
const FLOW_END: f32 = TIMESTEPS as f32;
/// The shifts of a flow for which the thousand levels remain well separated in f32.
const SHIFTS: std::ops::RangeInclusive<f64> = 0.01..=100.0;

/// The sigma for a percentage of 0: larger than any real sigma.
const BEFORE_THE_START: f64 = 999_999_999.9;

/// The table of sigmas for some [`Betas`] or for a flow, with the mappings that samplers and networks need.
#[derive(Debug, Clone)]
pub struct NoiseSchedule {
    sigmas: Vec<f32>,
    between: Between,
}

/// How sigmas between the entries of the table are computed.
#[derive(Debug, Clone)]
enum Between {
    /// For betas: linear interpolation of these log sigmas.
    Logarithms(Vec<f32>),
    /// For a flow: its formula with this shift.
    Shifted(f64),
}

impl NoiseSchedule {
    /// The schedule of these betas: a thousand sigmas `sqrt((1 - abar) / abar)`.
    pub fn new(betas: Betas) -> Self {
        Self::of(&table(betas))
    }

    /// The schedule of these betas with a last level of (almost) pure noise, for networks that were trained with zero
    /// terminal SNR (Lin et al. 2024, "Common diffusion noise schedules and sample steps are flawed"): the square roots
    /// of `abar` are shifted so that the last is 0, and scaled so that the first is unchanged. Since an infinite sigma
    /// cannot be used in computations, the last `abar` is the reference's 4.897e-8 instead, a sigma of 4518.76.
    pub fn with_zero_terminal(betas: Betas) -> Self {
        const LAST_ABAR: f64 = 4.897_345_189_085_343_5e-8;
        let mut roots: Vec<f64> = table(betas).iter().map(|s| (1.0 / (s * s + 1.0)).sqrt()).collect();
        let (first, last) = (roots[0], roots[TIMESTEPS - 1]);
        roots.iter_mut().for_each(|root| *root = (*root - last) * first / (first - last));
        let mut abar: Vec<f64> = roots.iter().map(|root| root * root).collect();
        abar[TIMESTEPS - 1] = LAST_ABAR;
        Self::of(&abar.iter().map(|abar| ((1.0 - abar) / abar).sqrt()).collect::<Vec<_>>())
    }

    /// The logarithms are taken of the f64 values, not of the rounded ones.
    fn of(sigmas: &[f64]) -> Self {
        Self {
            sigmas: sigmas.iter().map(|sigma| *sigma as f32).collect(),
            between: Between::Logarithms(sigmas.iter().map(|sigma| sigma.ln() as f32).collect()),
        }
    }

    /// The schedule of a rectified flow: a table of `s(t) = shift t / (1 + (shift - 1) t)` for t = 1/1000, 2/1000, ...
    /// 1 (Esser et al. 2024, "Scaling Rectified Flow Transformers", equation 23). A shift above 1 spends more steps on
    /// high noise levels, as larger pictures need; with 1 the levels are evenly spaced.
    ///
    /// # Errors
    /// [`DiffusionError::Invalid`] if `shift` is NaN or not between 0.01 and 100.
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

    /// The space of the latents for this schedule.
    pub fn path(&self) -> ProbabilityPath {
        match self.between {
            Between::Logarithms(_) => ProbabilityPath::VarianceExploding,
            Between::Shifted(_) => ProbabilityPath::Straight,
        }
    }

    /// The timesteps of the table's first and last entry, on the scale of [`Self::sigma`]; the one of the smallest sigma first.
    pub(super) fn ends(&self) -> [f32; 2] {
        match self.between {
            Between::Logarithms(_) => [0.0, LAST],
            Between::Shifted(_) => [1.0, FLOW_END],
        }
    }

    /// The table, ascending: one sigma per training timestep.
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

    /// The timestep that the network gets for `sigma`: 0 to 999, or 0 to 1000 for a flow.
    ///
    /// For betas it is the index of the table entry with the nearest log sigma, the lower one on a tie; sigmas outside
    /// of the table map to its first or last entry. For a flow it is `sigma * 1000`: the network is conditioned on the
    /// noise level, and the shift only decides which levels are visited.
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

    /// The sigma at a fractional timestep `t`.
    ///
    /// For betas `t` is clamped to 0..=999, and log sigma is interpolated linearly. For a flow `t` is clamped to
    /// 0..=1000, and sigma is `s(t / 1000)`, see [`Self::flow`]: 0 at 0, the table's first at 1, and 1 at 1000. With a
    /// shift other than 1 this is not the inverse of [`Self::timestep`], which uses the network's own scale.
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

    /// The sigma after `percent` (0 to 1) of the timesteps, the unit in which start and end points of ControlNets are
    /// given: 0 or less gives a value above every sigma, 1 or more gives 0.
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

/// The noise level of a flow at time `t`, 0 to 1, see [`NoiseSchedule::flow`].
fn shifted(shift: f64, t: f64) -> f32 {
    (shift * t / (1.0 + (shift - 1.0) * t)) as f32
}

/// The thousand sigmas, ascending.
fn table(betas: Betas) -> Vec<f64> {
    let mut product = 1f64;
    let sigma = |index| {
        product *= 1.0 - beta(betas, index);
        ((1.0 - product) / product).sqrt()
    };
    (0..TIMESTEPS).map(sigma).collect()
}

/// Beta at training step `index`, 0..1000.
fn beta(betas: Betas, index: usize) -> f64 {
    let ramp = |start: f64, end: f64| {
        let step = (end - start) / (TIMESTEPS - 1) as f64;
        // From both ends towards the middle, as in the reference's linspace.
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

/// The factor by which latents at noise level `sigma` are scaled for the network: `1 / sqrt(sigma^2 + 1)`.
pub fn c_in(sigma: f32) -> f32 {
    1.0 / input_divisor(sigma)
}

/// The network's input for latents `x` at noise level `sigma`: `x / sqrt(sigma^2 + 1)`.
///
/// Divides, as the reference does; multiplying by [`c_in`] would differ in the last bit.
///
/// # Errors
/// If a tensor operation fails.
pub fn scale_input(x: &Tensor, sigma: f32) -> CandleResult<Tensor> {
    x.broadcast_div(&Tensor::new(input_divisor(sigma), x.device())?.to_dtype(x.dtype())?)
}

/// An f32 function evaluated in f64 and rounded once: the same result on every platform, which the f32 functions of
/// math libraries do not guarantee.
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
            // The timestep is the noise level itself.
            assert_eq!([0.0, 0.25, 1.0].map(|sigma| schedule.timestep(sigma)), [0.0, 250.0, 1000.0]);
            assert!(schedule.percent_to_sigma(0.0) > 1.0);
            assert_eq!(schedule.percent_to_sigma(1.0), 0.0);
        }
        assert_eq!(plain.sigma(250.0), 0.25);
        // 3/4 / (1 + 2/4), with three quarters of the timesteps done.
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
