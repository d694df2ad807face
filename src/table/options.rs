//! The options of choices: the names of the enumerations that they are read as, in the order of their menus.

use frame::{Fit, InputColour, InputPrimaries};
use protocol::{
    Betas, ContextSchedule, DeviceChoice, Fuse, Precision, Preprocessor, Sampler, SchedulerChoice,
};

use crate::settings::{Apply, Cuts, PromptMode, ViewOption};

/// A name before those of a list.
const fn after<const N: usize>(first: &'static str, names: &[&'static str]) -> [&'static str; N] {
    assert!(N == names.len() + 1);
    let mut all = [first; N];
    let mut i = 1;
    while i < N {
        all[i] = names[i - 1];
        i += 1;
    }
    all
}

/// Samplers of the second pass.
pub const SAMPLERS: &[&str] = Sampler::NAMES;
/// Samplers of the first pass: the ones that draw no noise, since noise cannot be walked back.
pub const UNSAMPLERS: &[&str] = SAMPLERS.split_at(3).0;
/// Sigma schedules.
pub const SCHEDULERS: &[&str] = SchedulerChoice::NAMES;
/// Sigma schedules of the first pass.
pub const UNSAMPLE_SCHEDULERS: &[&str] = &after::<{ SCHEDULERS.len() + 1 }>("same", SCHEDULERS);
/// What the networks run on.
pub const DEVICES: &[&str] = DeviceChoice::NAMES;
/// What they compute in.
pub const PRECISIONS: &[&str] = Precision::NAMES;
/// Where the first pass takes its prompt from.
pub const PROMPT_MODES: &[&str] = PromptMode::NAMES;
/// Beta schedules.
pub const BETAS: &[&str] = &after::<{ Betas::NAMES.len() + 1 }>("auto", Betas::NAMES);
/// Context window schedules.
pub const CONTEXT_SCHEDULES: &[&str] = ContextSchedule::NAMES;
/// How windows are merged.
pub const FUSES: &[&str] = Fuse::NAMES;
/// How a picture is brought to the working size.
pub const FITS: &[&str] = Fit::NAMES;
/// How shots are told apart.
pub const CUTS: &[&str] = Cuts::NAMES;
/// What pixel values mean.
pub const COLOURS: &[&str] = InputColour::NAMES;
/// Which lights red, green and blue are.
pub const PRIMARIES: &[&str] = InputPrimaries::NAMES;
/// What is shown.
pub const VIEWS: &[&str] = ViewOption::NAMES;
/// How a hint is made.
pub const PREPROCESSORS: &[&str] = Preprocessor::NAMES;
/// The passes that a ControlNet acts on.
pub const APPLIES: &[&str] = Apply::NAMES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pass_has_the_samplers_that_draw_no_noise() {
        let quiet = Sampler::ALL.iter().filter(|sampler| sampler.is_deterministic());
        assert_eq!(UNSAMPLERS, quiet.map(|sampler| sampler.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn a_name_of_its_own_comes_before_the_others() {
        assert_eq!(BETAS, ["auto", "linear", "sqrt_linear", "linear_sdxl"]);
        assert_eq!(UNSAMPLE_SCHEDULERS.len(), 10);
        assert_eq!(UNSAMPLE_SCHEDULERS[..2], ["same", "ays"]);
    }
}
