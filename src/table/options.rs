//! The options of the choice parameters: names of enumerations, in the order of their menus.

use frame::{Fit, InputColour, InputPrimaries};
use protocol::{
    Betas, ContextSchedule, DeviceChoice, Fuse, Precision, Preprocessor, Sampler, SchedulerChoice,
};

use crate::settings::{Apply, Cuts, PromptMode, ViewOption};

/// Prepends a name to a list of names.
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
/// Samplers of the first pass: only those that add no noise, because added noise cannot be reversed.
pub const UNSAMPLERS: &[&str] = SAMPLERS.split_at(3).0;
/// Schedulers of the second pass.
pub const SCHEDULERS: &[&str] = SchedulerChoice::NAMES;
/// Schedulers of the first pass.
pub const UNSAMPLE_SCHEDULERS: &[&str] = &after::<{ SCHEDULERS.len() + 1 }>("same", SCHEDULERS);
/// Devices that the networks may run on.
pub const DEVICES: &[&str] = DeviceChoice::NAMES;
/// Number formats that the networks may compute in.
pub const PRECISIONS: &[&str] = Precision::NAMES;
/// Prompt modes of the first pass.
pub const PROMPT_MODES: &[&str] = PromptMode::NAMES;
/// Beta schedules, with `auto` first.
pub const BETAS: &[&str] = &after::<{ Betas::NAMES.len() + 1 }>("auto", Betas::NAMES);
/// Context window schedules.
pub const CONTEXT_SCHEDULES: &[&str] = ContextSchedule::NAMES;
/// How overlapping windows are merged.
pub const FUSES: &[&str] = Fuse::NAMES;
/// How a picture is fitted to the working size.
pub const FITS: &[&str] = Fit::NAMES;
/// Where cuts come from.
pub const CUTS: &[&str] = Cuts::NAMES;
/// Transfer curves of the clip.
pub const COLOURS: &[&str] = InputColour::NAMES;
/// Primaries of the clip.
pub const PRIMARIES: &[&str] = InputPrimaries::NAMES;
/// What the output may show.
pub const VIEWS: &[&str] = ViewOption::NAMES;
/// Preprocessors of hints.
pub const PREPROCESSORS: &[&str] = Preprocessor::NAMES;
/// Passes to which a ControlNet may be applied.
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
