//! The mathematics of unsampling: noise schedules, solvers, guidance and context windows.
//!
//! Everything here is a pure function of numbers and tensors. This part knows no network (it asks a
//! [`Network`] for its prediction), no file, no host and no pixel; it draws no random number that it
//! was not given a seed for.
//!
//! Latents have the shape `[batch, channels, time, height, width]` ([`latents`] names the axes), f32; frames, windows,
//! guidance scales, prompts and noise count the time. They live in the variance-exploding space of k-diffusion,
//! `x = x0 + sigma * eps`, or for a rectified flow on the straight path `x = (1 - sigma) * x0 + sigma * eps`; the
//! schedule says which ([`ProbabilityPath`]). Unsampling needs no solver of its own: it is [`sample`] over the [`flip`]ped
//! list of sigmas.
//!
//! | module | what it holds |
//! |---|---|
//! | [`latents`] | the axes of latents, and the way to single frames and back |
//! | [`ProbabilityPath`] | the space that latents live in, and what solvers need to know of it |
//! | [`schedule`] | betas or a flow's shift and the table of a thousand sigmas, sigma to timestep and back |
//! | [`schedulers`] | which sigmas a run of n steps visits |
//! | [`solvers`] | euler, heun, dpmpp_2m and the two that draw noise |
//! | [`noise`] | seeded noise that does not depend on the number of frames |
//! | [`mod@windows`], [`fuse`] | how a clip longer than the motion module is cut and merged |
//! | [`Prediction`] | noise, velocity or flow, turned into denoised latents |
//! | [`guidance`] | network, windows and cfg put together as a denoiser |

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
pub use guidance::{Branch, Call, Guided, Network};
pub use noise::{NoNoise, Noise, SeededNoise};
pub use path::ProbabilityPath;
pub use prediction::Prediction;
pub use schedule::{Betas, NoiseSchedule, c_in, scale_input};
pub use schedulers::{Scheduler, flip, pass_sigmas, sigmas};
pub use solvers::{Denoiser, Sampler, Step, sample};
pub use windows::{ContextOptions, ContextSchedule, windows};
