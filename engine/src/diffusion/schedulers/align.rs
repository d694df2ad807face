//! Align Your Steps: three optimised tables of eleven levels, interpolated to any number of steps.
//!
//! Source: Sabour, Fidler, Kreis, "Align Your Steps: Optimizing Sampling Schedules in Diffusion Models" (2024), and the
//! log-linear interpolation that its authors recommend for other step counts.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rounds to f32 and to whole steps where the reference does"
)]

use super::Scheduler;

const LEVELS: usize = 11;
type Table = [f64; LEVELS];

const SD1: Table = [
    14.6146412293,
    6.4745760956,
    3.8636745985,
    2.6946151520,
    1.8841921177,
    1.3943805092,
    0.9642583904,
    0.6523686016,
    0.3977456272,
    0.1515232662,
    0.0291671582,
];
const SDXL: Table = [
    14.6146412293,
    6.3184485287,
    3.7681790315,
    2.1811480769,
    1.3405244945,
    0.8620721141,
    0.5550693289,
    0.3798540708,
    0.2332364134,
    0.1114188177,
    0.0291671582,
];
const SVD: Table = [700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002];

/// The table of a scheduler; `None` for schedulers other than Align Your Steps.
pub(super) fn table(scheduler: Scheduler) -> Option<&'static Table> {
    match scheduler {
        Scheduler::AysSd1 => Some(&SD1),
        Scheduler::AysSdxl => Some(&SDXL),
        Scheduler::AysSvd => Some(&SVD),
        _ => None,
    }
}

/// The last `round(steps * denoise)` steps of the table interpolated to `steps` steps; the last level is 0.
pub(super) fn sigmas(table: &Table, steps: usize, denoise: f64) -> Vec<f32> {
    let kept = if denoise < 1.0 {
        // Ties round to even, as in Python.
        (steps as f64 * denoise).round_ties_even() as usize
    } else {
        steps
    };
    let mut list = stretched(table, steps);
    list.drain(..steps - kept.min(steps));
    // The last level of the table itself is never visited: the run ends at sigma 0.
    if let Some(last) = list.last_mut() {
        *last = 0.0;
    }
    list.into_iter().map(|sigma| sigma as f32).collect()
}

/// Linear interpolation of log sigma over the position in the table, in f64.
fn stretched(table: &Table, steps: usize) -> Vec<f64> {
    if steps == LEVELS - 1 {
        return table.to_vec();
    }
    (0..=steps)
        .rev()
        .map(|step| {
            // Positions are counted from the low end of the table.
            let position = step as f64 / steps as f64 * (LEVELS - 1) as f64;
            let below = (position as usize).min(LEVELS - 2);
            let log = |index: usize| table[LEVELS - 1 - index].ln();
            let share = position - below as f64;
            (log(below) + share * (log(below + 1) - log(below))).exp()
        })
        .collect()
}
