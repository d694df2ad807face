//! The mathematics of unsampling: noise schedules, solvers, guidance and context windows.
//!
//! Everything here is a pure function of scalars and tensors, without file I/O and independent of the network (reached through
//! the [`DiffusionModel`] trait), the host and the pixel format. All random numbers are drawn from seeds that the caller passes.
//!
//! Latents are f32 with the shape `[batch, channels, time, height, width]` ([`latents`] names the axes); frame indices,
//! context windows, guidance scales, prompts and noise refer to the time axis. Latents live in the variance-exploding space
//! of k-diffusion, `x = x0 + sigma * eps`, or for a rectified flow on the straight path
//! `x = (1 - sigma) * x0 + sigma * eps`; the schedule decides which ([`ProbabilityPath`]). Unsampling needs no solver of
//! its own: it is [`sample`] over the [`flip`]ped list of sigmas.
//!
//! | module | contents |
//! |---|---|
//! | [`latents`] | the axes of latents, and the conversion to and from single frames |
//! | [`ProbabilityPath`] | the space of the latents, and the quantities that solvers need from it |
//! | [`schedule`] | the table of a thousand sigmas, from betas or a flow's shift; sigma to timestep and back |
//! | [`schedulers`] | the sigmas of a run of n steps |
//! | [`solvers`] | euler, heun, dpmpp_2m and the two stochastic solvers |
//! | [`noise`] | seeded noise that does not depend on the number of frames |
//! | [`mod@windows`], [`fuse`] | context windows for clips longer than the motion module's, and how they are fused |
//! | [`Prediction`] | converts predicted noise, velocity or flow to denoised latents |
//! | [`guidance`] | combines network, context windows and classifier-free guidance into a denoiser |

mod error;
pub mod fuse;
pub mod guidance;
pub mod latents;
pub mod noise;
mod path;
mod prediction;
pub mod schedule;
pub mod schedulers;
pub mod solvers;
pub mod windows;

pub use error::DiffusionError;
pub use fuse::Fuse;
pub use guidance::{Branch, Call, DiffusionModel, Guided};
pub use noise::{NoNoise, Noise, SeededNoise};
pub use path::ProbabilityPath;
pub use prediction::Prediction;
pub use schedule::{Betas, NoiseSchedule, c_in, scale_input};
pub use schedulers::{Scheduler, flip, pass_sigmas, sigmas};
pub use solvers::{Denoiser, Sampler, Step, sample};
pub use windows::{ContextOptions, ContextSchedule, windows};
