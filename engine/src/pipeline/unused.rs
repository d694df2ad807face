//! Messages about settings of a request that its files do not use, and about what the files lack.

use super::files::Chosen;
use crate::families::Family;
use protocol::SchedulerChoice;
use protocol::request::{Goal, Request};

/// Messages about settings that have no effect with a family's networks.
pub fn unused(request: &Request, chosen: &Chosen) -> Vec<String> {
    let family = chosen.family;
    let mut said = Vec::new();
    if request.motion.betas.is_some() && family.betas(chosen.motion_version).is_none() {
        said.push(format!(
            "betaSchedule has no effect, since the noise levels of {family} follow from no betas"
        ));
    }
    let scaled = request.motion.scale.iter().any(|scale| *scale != 1.0) || request.motion.effect != 1.0;
    if scaled && family.is_temporal() {
        said.push(format!(
            "motionScale and motionEffect have no effect, since {family} has no motion module"
        ));
    }
    said
}

/// A sentence about passes that come to no step, though `denoise` is not 0. `sigmas` are those of the passes, unsampling first.
pub fn without_steps(request: &Request, sigmas: [&[f32]; 2]) -> Option<String> {
    let [up, down] = sigmas.map(|sigmas| sigmas.len() < 2);
    if request.denoise == 0.0 || matches!(request.goal, Goal::Hint(_)) || !(up || down) {
        return None;
    }
    let (steps, what) = if down {
        (request.resample.steps, "nothing is restyled")
    } else {
        (request.unsample.steps, "the clip is not unsampled")
    };
    Some(format!(
        "{what}, since {steps} steps with denoise {} come to no step; choose more steps or a larger denoise",
        request.denoise
    ))
}

/// The message about the scheduler that replaces Align Your Steps for a family without such a table.
pub fn missing_table(request: &Request, family: Family) -> Option<String> {
    let asked = [&request.unsample, &request.resample].map(|pass| pass.scheduler);
    let lacks = asked.contains(&SchedulerChoice::Ays) && family.align_your_steps().is_none();
    lacks.then(|| {
        let usual = family.usual_scheduler();
        format!("there is no Align Your Steps table for {family}, so the scheduler {usual} is used")
    })
}
