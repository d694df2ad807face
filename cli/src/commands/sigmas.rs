//! `unsample sigmas`: the noise levels of a run, one a line.

use engine::diffusion::{Betas, DiffusionError, NoiseSchedule, Scheduler, flip, sigmas};

use super::print;
use crate::cli::SigmasArgs;
use crate::failure::Failure;

/// Runs the command.
///
/// # Errors
/// A name is unknown or a number out of range.
pub fn run(args: &SigmasArgs) -> Result<(), Failure> {
    let usage = |error: DiffusionError| Failure::Usage(error.to_string());
    let scheduler: Scheduler = args.schedule.parse().map_err(usage)?;
    let betas: Betas = args.betas.parse().map_err(usage)?;
    let schedule = NoiseSchedule::new(betas);
    let mut list = sigmas(&schedule, scheduler, args.steps, args.denoise).map_err(usage)?;
    if args.flip {
        list = flip(&list);
    }
    // The shortest text that reads back as the same number.
    print(&list.iter().map(|sigma| format!("{sigma}\n")).collect::<String>());
    Ok(())
}
