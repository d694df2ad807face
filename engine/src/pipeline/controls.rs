//! The ControlNets of a request: which ones are active in a pass, their hints, and what their results depend on.

use std::sync::Arc;

use candle_core::Tensor;

use super::chain::second_pass;
use super::files::Chosen;
use super::hints::hint_key;
use crate::diffusion::NoiseSchedule;
use crate::families::ActiveControl;
use crate::nn::ControlNet;
use frame::convert::to_f32;
use protocol::key::KeyBuilder;
use protocol::request::{ControlUse, Goal, Pass, Request};

/// Whether a ControlNet has any effect in a pass.
fn matters(control: &ControlUse) -> bool {
    control.start < control.end && control.weight.iter().any(|weight| *weight != 0.0)
}

/// The mask of frames with a hint as numbers, for a key.
pub fn marks(shown: &[bool]) -> Vec<f64> {
    shown.iter().map(|shown| f64::from(u8::from(*shown))).collect()
}

/// The ControlNets of a pass that have any effect.
pub fn acting(controls: &[ControlUse]) -> impl Iterator<Item = &ControlUse> {
    controls.iter().filter(|control| matters(control))
}

/// Adds everything that a pass's ControlNets depend on to its key.
pub fn add_controls(
    mut key: KeyBuilder,
    controls: &[ControlUse],
    request: &Request,
    chosen: &Chosen,
) -> KeyBuilder {
    for control in acting(controls) {
        let ControlUse { unit, weight, shown, start, end } = control;
        let preprocessor = request.hints.get(*unit).copied().unwrap_or_default();
        key = key
            .keys("control", chosen.control_id(*unit).as_ref())
            .key("hint", &hint_key(request, chosen, preprocessor))
            .keys("vae", chosen.sees_latents(*unit).then(|| chosen.vae_id()).as_ref())
            .floats("weight", weight)
            .floats("shown", &marks(shown))
            .floats("range", &[*start, *end]);
    }
    key
}

/// The range of noise levels in which a ControlNet is active, from the largest to the smallest, for sampling and
/// unsampling alike.
fn range(control: &ControlUse, schedule: &NoiseSchedule) -> [f64; 2] {
    [control.start, control.end].map(|share| schedule.percent_to_sigma(share))
}

/// Whether a pass along `sigmas` evaluates the network at a noise level at which the ControlNet is active. A sampler
/// with several evaluations per step may place them anywhere between its levels.
fn is_asked(pass: &Pass, sigmas: &[f32], [from, to]: [f64; 2]) -> bool {
    let steps = sigmas.len().saturating_sub(1);
    let levels = || sigmas.iter().map(|sigma| f64::from(*sigma));
    if pass.sampler.evaluations(sigmas) > steps {
        let (least, most) = levels().fold((f64::MAX, 0.0), |(a, b), sigma| (sigma.min(a), sigma.max(b)));
        return least <= from && most >= to;
    }
    levels().take(steps).any(|sigma| (to..=from).contains(&sigma))
}

/// Messages about ControlNets that are active in no step of their passes, since none lies between their start and end.
/// `sigmas` are those of the passes, unsampling first.
pub fn idle_controls(
    request: &Request,
    chosen: &Chosen,
    schedule: &NoiseSchedule,
    sigmas: [&[f32]; 2],
) -> Vec<String> {
    if matches!(request.goal, Goal::Hint(_)) {
        return Vec::new();
    }
    let passes = [request.unsample.clone(), second_pass(request)];
    let mut said = Vec::new();
    for unit in 0..request.hints.len() {
        let uses: Vec<(usize, &ControlUse, bool)> = (0..2)
            .filter_map(|which| {
                let control = acting(&passes[which].controls).find(|control| control.unit == unit)?;
                let asked = is_asked(&passes[which], sigmas[which], range(control, schedule));
                Some((which, control, asked))
            })
            .collect();
        let idle: Vec<_> = uses.iter().filter(|(.., asked)| !asked).collect();
        let Some((which, control, _)) = idle.first() else { continue };
        let acts = match (idle.len() == uses.len(), which) {
            (true, _) => "never acts",
            (false, 0) => "does not act while the clip is unsampled",
            (false, _) => "does not act while the clip is resampled",
        };
        said.push(format!(
            "the ControlNet {} {acts}, since none of the {} steps lies between its start {} and its end {}",
            chosen.control_name(unit),
            sigmas[*which].len().saturating_sub(1),
            control.start,
            control.end
        ));
    }
    said
}

/// Prepares a ControlNet for a pass. One that needs a hint for every frame gets a weight of 0 at the frames without a hint.
///
/// Start and end are fractions of the timesteps; they are compared as noise levels, so in a pass with ascending noise
/// the end comes first.
pub fn active(
    net: Arc<ControlNet>,
    hint: Tensor,
    control: &ControlUse,
    schedule: &NoiseSchedule,
) -> ActiveControl {
    let counts = |frame: usize| net.is_sparse() || control.shown.get(frame).copied().unwrap_or(true);
    let weight = control.weight.iter().enumerate();
    let weight = weight.map(|(frame, weight)| if counts(frame) { to_f32(*weight) } else { 0.0 }).collect();
    let [from, to] = range(control, schedule);
    ActiveControl { net, hint, shown: control.shown.clone(), weight, from, to }
}
