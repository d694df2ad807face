//! Schedulers: the noise levels that a run of n steps visits.
//!
//! A schedule is a descending list of sigmas that ends in 0, one longer than the number of steps. The formulas are
//! those of k-diffusion and of ComfyUI; the arithmetic is f32 or f64 exactly where theirs is, because the lists must
//! agree with theirs to the last digit.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

mod align;
mod beta;

use super::schedule::{NoiseSchedule, TIMESTEPS, rounded};
use super::{DiffusionError, ProbabilityPath};

/// A rule that distributes steps over noise levels.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Scheduler {
    /// "Align Your Steps" (Sabour et al. 2024), optimised for SD1.5; independent of the betas, and not for flows.
    #[strum(serialize = "ays-sd1")]
    AysSd1,
    /// "Align Your Steps", optimised for SDXL.
    #[strum(serialize = "ays-sdxl")]
    AysSdxl,
    /// "Align Your Steps", optimised for Stable Video Diffusion.
    #[strum(serialize = "ays-svd")]
    AysSvd,
    /// Equidistant timesteps, including both ends of the table.
    Normal,
    /// Equidistant in `sigma^(1/7)` (Karras et al. 2022, equation 5).
    Karras,
    /// Equidistant in the logarithm of sigma.
    Exponential,
    /// Equidistant timesteps, without the lower end of the table.
    SgmUniform,
    /// Every n-th entry of the table from the top, each entry at most once.
    Simple,
    /// Every n-th entry of the table from the bottom; may give more steps than requested.
    DdimUniform,
    /// Timesteps at the quantiles of Beta(0.6, 0.6) (Lee et al. 2024); may give fewer steps than requested.
    Beta,
    /// Equidistant in the arc tangent of sigma.
    KlOptimal,
}

impl Scheduler {
    /// Every scheduler, in the order of the command line's help.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The stable name, as the command line and saved settings use it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl std::fmt::Display for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// More steps than any run needs; keeps a mistyped number from exhausting the memory.
pub const MAX_STEPS: usize = 10_000;

/// The smallest sigma that a flipped schedule starts from, instead of 0 (see [`flip`]).
pub const FLIPPED_START: f32 = 0.0001;

/// The descending noise levels of a run, the last one 0.
///
/// `denoise` below 1 keeps the lower part of a schedule. The Align Your Steps tables shorten the run
/// (`round(steps * denoise)` steps); all other schedulers keep `steps` steps, taken from the end of a longer schedule of
/// `steps / denoise` steps. With a `denoise` of 0 or less the list is empty, and nothing is sampled.
///
/// # Errors
/// [`DiffusionError::Invalid`] if `steps` is 0, if it or `steps / denoise` is more than [`MAX_STEPS`], if `denoise` is
/// NaN, or if an Align Your Steps table is requested for a flow's schedule.
pub fn sigmas(
    schedule: &NoiseSchedule,
    scheduler: Scheduler,
    steps: usize,
    denoise: f64,
) -> Result<Vec<f32>, DiffusionError> {
    if steps == 0 || steps > MAX_STEPS {
        return Err(DiffusionError::invalid(format!("a schedule has 1 to {MAX_STEPS} steps, not {steps}")));
    }
    if denoise.is_nan() {
        return Err(DiffusionError::invalid("denoise is not a number"));
    }
    if denoise <= 0.0 {
        return Ok(Vec::new());
    }
    if let Some(table) = align::table(scheduler) {
        if schedule.path() == ProbabilityPath::Straight {
            return Err(DiffusionError::invalid(format!(
                "{scheduler} is a table of noise levels up to {}, and those of a flow end at 1; choose another scheduler",
                table[0]
            )));
        }
        return Ok(align::sigmas(table, steps, denoise));
    }
    if denoise >= 1.0 {
        return Ok(whole(schedule, scheduler, steps));
    }
    let total = (steps as f64 / denoise) as usize;
    if total > MAX_STEPS {
        return Err(DiffusionError::invalid(format!(
            "{steps} steps at denoise {denoise} are the end of a schedule of {total}, more than {MAX_STEPS}"
        )));
    }
    let mut list = whole(schedule, scheduler, total);
    // Some schedulers return fewer levels than requested; then all of them are kept.
    list.drain(..list.len().saturating_sub(steps + 1));
    Ok(list)
}

/// The descending noise levels of a pass of `steps` steps: the last `steps + 1` entries of [`sigmas`].
///
/// ddim_uniform lists one level more than requested if `steps` does not divide 1000. ComfyUI's scheduler node passes on
/// the last `steps + 1` entries of any list, so that its passes then start slightly below the top.
///
/// # Errors
/// As [`sigmas`].
pub fn pass_sigmas(
    schedule: &NoiseSchedule,
    scheduler: Scheduler,
    steps: usize,
    denoise: f64,
) -> Result<Vec<f32>, DiffusionError> {
    let mut list = sigmas(schedule, scheduler, steps, denoise)?;
    list.drain(..list.len().saturating_sub(steps + 1));
    Ok(list)
}

/// Reverses a descending schedule into the ascending one of unsampling.
///
/// A leading 0 becomes [`FLIPPED_START`], since a solver divides by the sigma that it starts from; nothing else changes.
pub fn flip(sigmas: &[f32]) -> Vec<f32> {
    let mut rising: Vec<f32> = sigmas.iter().rev().copied().collect();
    if let Some(first) = rising.first_mut().filter(|first| **first == 0.0) {
        *first = FLIPPED_START;
    }
    rising
}

/// A schedule over the whole range of noise levels, before `denoise` is applied.
fn whole(schedule: &NoiseSchedule, scheduler: Scheduler, steps: usize) -> Vec<f32> {
    let (min, max) = (schedule.sigma_min(), schedule.sigma_max());
    let [first, last] = schedule.ends();
    let mut list: Vec<f32> = match scheduler {
        Scheduler::Normal => at_timesteps(schedule, &linspace(last, first, steps)),
        Scheduler::SgmUniform => {
            let timesteps = linspace(last, first, steps + 1);
            at_timesteps(schedule, &timesteps[..steps])
        }
        Scheduler::Karras => karras(steps, min, max),
        Scheduler::Exponential => {
            let (low, high) = (f64::from(min).ln() as f32, f64::from(max).ln() as f32);
            linspace(high, low, steps).into_iter().map(|log| rounded(log, f64::exp)).collect()
        }
        Scheduler::Simple => simple(schedule, steps),
        Scheduler::DdimUniform => {
            let stride = (TIMESTEPS / steps).max(1);
            let mut rising: Vec<_> = schedule.table().iter().skip(1).step_by(stride).copied().collect();
            rising.reverse();
            rising
        }
        Scheduler::Beta => beta::indices(steps).into_iter().map(|index| schedule.table()[index]).collect(),
        Scheduler::KlOptimal => kl_optimal(steps, min, max),
        // Tables of absolute sigmas that do not depend on the betas; `sigmas` handles them before.
        Scheduler::AysSd1 | Scheduler::AysSdxl | Scheduler::AysSvd => Vec::new(),
    };
    list.push(0.0);
    list
}

fn at_timesteps(schedule: &NoiseSchedule, timesteps: &[f32]) -> Vec<f32> {
    timesteps.iter().map(|&t| schedule.sigma(f64::from(t))).collect()
}

fn simple(schedule: &NoiseSchedule, steps: usize) -> Vec<f32> {
    let stride = TIMESTEPS as f64 / steps as f64;
    let from_top = |step: usize| TIMESTEPS - 1 - (step as f64 * stride) as usize;
    let mut list: Vec<f32> = (0..steps).map(|step| schedule.table()[from_top(step)]).collect();
    // With more steps than table entries some would be visited twice, and a solver divides by the difference of two.
    list.dedup();
    list
}

fn karras(steps: usize, min: f32, max: f32) -> Vec<f32> {
    const RHO: f64 = 7.0;
    let root = |sigma: f32| f64::from(sigma).powf(1.0 / RHO);
    // The ends are computed in f64, the ramp between them in f32.
    let (from, span) = (root(max) as f32, (root(min) - root(max)) as f32);
    linspace(0.0, 1.0, steps)
        .into_iter()
        .map(|ramp| rounded(from + ramp * span, |root| root.powf(RHO)))
        .collect()
}

fn kl_optimal(steps: usize, min: f32, max: f32) -> Vec<f32> {
    let (low, high) = (f64::from(min).atan() as f32, f64::from(max).atan() as f32);
    // A single step has no interval between two ends; it starts at the top, as with the other schedulers.
    let last = steps.saturating_sub(1).max(1) as f32;
    (0..steps)
        .map(|step| {
            let share = step as f32 / last;
            rounded(share * low + (1.0 - share) * high, f64::tan)
        })
        .collect()
}

/// `count` equidistant values from `start` to `end` in f32, computed from the nearer end, with one rounding each, as on
/// a CPU with fused multiply-add.
fn linspace(start: f32, end: f32, count: usize) -> Vec<f32> {
    let step = if count > 1 { (end - start) / (count - 1) as f32 } else { 0.0 };
    (0..count)
        .map(|index| {
            if index < count / 2 || count == 1 {
                step.mul_add(index as f32, start)
            } else {
                (-step).mul_add((count - 1 - index) as f32, end)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Betas;
    use super::*;

    #[test]
    fn every_scheduler_falls_from_noise_to_nothing() {
        for &betas in Betas::ALL {
            let schedule = NoiseSchedule::new(betas);
            for &scheduler in Scheduler::ALL {
                for steps in [1, 2, 3, 10, 16, 33, 100] {
                    for denoise in [1.0, 0.7, 0.25] {
                        let list = sigmas(&schedule, scheduler, steps, denoise).unwrap();
                        let name = format!("{scheduler} {betas} {steps} {denoise}");
                        assert_eq!(list.last(), Some(&0.0), "{name}");
                        assert!(list.windows(2).all(|pair| pair[0] > pair[1]), "{name}: {list:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_pass_takes_the_last_of_a_list_that_is_longer() {
        let schedule = NoiseSchedule::new(Betas::SqrtLinear);
        // Indices 1, 167, 333, ... 997 of the table, as measured in ComfyUI.
        let want = [9.829_952, 4.476_028, 2.275_962_6, 1.214_255_9, 0.591_101_2, 0.041_392_75, 0.0];
        assert_eq!(pass_sigmas(&schedule, Scheduler::DdimUniform, 6, 1.0).unwrap(), want);
        assert_eq!(sigmas(&schedule, Scheduler::DdimUniform, 6, 1.0).unwrap().len(), 8);
        for &scheduler in Scheduler::ALL {
            for (steps, denoise) in [(5, 1.0), (7, 0.6), (16, 1.0)] {
                let list = pass_sigmas(&schedule, scheduler, steps, denoise).unwrap();
                assert!(list.len() <= steps + 1, "{scheduler} {steps} {denoise}");
                assert!(sigmas(&schedule, scheduler, steps, denoise).unwrap().ends_with(&list));
            }
        }
    }

    #[test]
    fn impossible_requests_are_refused_and_no_denoise_is_no_run() {
        let schedule = NoiseSchedule::new(Betas::Linear);
        let ask = |steps, denoise| sigmas(&schedule, Scheduler::Normal, steps, denoise);
        assert!(ask(0, 1.0).is_err());
        assert!(ask(MAX_STEPS + 1, 1.0).is_err());
        assert!(ask(20, 0.0001).is_err());
        assert!(ask(20, f64::NAN).is_err());
        assert!(ask(20, 0.0).unwrap().is_empty());
        assert!(flip(&[]).is_empty());
    }

    #[test]
    fn flipping_replaces_nothing_but_a_leading_zero() {
        assert_eq!(flip(&[2.0, 1.0, 0.0]), [FLIPPED_START, 1.0, 2.0]);
        assert_eq!(flip(&[2.0, 1.0]), [1.0, 2.0]);
        assert_eq!(flip(&[0.0]), [FLIPPED_START]);
    }
}
