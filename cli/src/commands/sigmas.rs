//! `unsample sigmas`: prints the noise levels of a schedule, one per line.

use engine::diffusion::{Betas, DiffusionError, NoiseSchedule, Scheduler, flip, sigmas};

use protocol::options::{UnknownName, named};

use super::print;
use crate::cli::SigmasArgs;
use crate::failure::Failure;

/// Runs `unsample sigmas`.
///
/// # Errors
/// A name is unknown or a number out of range.
pub fn run(args: &SigmasArgs) -> Result<(), Failure> {
    let usage = |error: DiffusionError| Failure::Usage(error.to_string());
    let unknown = |error: UnknownName| Failure::Usage(error.to_string());
    let scheduler: Scheduler = named("scheduler", &args.schedule).map_err(unknown)?;
    let betas: Betas = named("beta schedule", &args.betas).map_err(unknown)?;
    let schedule = NoiseSchedule::new(betas);
    let mut list = sigmas(&schedule, scheduler, args.steps, args.denoise).map_err(usage)?;
    if args.flip {
        list = flip(&list);
    }
    // The shortest text that parses to the same number.
    print(&list.iter().map(|sigma| format!("{sigma}\n")).collect::<String>());
    Ok(())
}
