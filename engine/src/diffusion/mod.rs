//! The mathematics of unsampling: noise schedules, solvers, guidance and context windows.
//!
//! Everything here is a pure function of numbers and tensors. This part knows no network (it asks a
//! [`Network`] for its prediction), no file, no host and no pixel; it draws no random number that it
//! was not given a seed for.
//!
//! Latents live in the variance-exploding space of k-diffusion, `x = x0 + sigma * eps`, shape
//! `[frames, channels, height / 8, width / 8]`, f32. Unsampling needs no solver of its own: it is
//! [`sample`] over the [`flip`]ped list of sigmas.
//!
//! | module | what it holds |
//! |---|---|
//! | [`schedule`] | betas and the table of a thousand sigmas, sigma to timestep and back |
//! | [`schedulers`] | which sigmas a run of n steps visits |
//! | [`solvers`] | euler, heun, dpmpp_2m and the two that draw noise |
//! | [`noise`] | seeded noise that does not depend on the number of frames |
//! | [`mod@windows`], [`fuse`] | how a clip longer than the motion module is cut and merged |
//! | [`Prediction`] | noise or velocity, turned into denoised latents |
//! | [`guidance`] | network, windows and cfg put together as a denoiser |

mod error;
pub mod fuse;
pub mod guidance;
pub mod noise;
mod prediction;
pub mod schedule;
pub mod schedulers;
pub mod solvers;
pub mod windows;

pub use error::DiffusionError;
pub use fuse::Fuse;
pub use guidance::{Branch, Call, Guided, Network};
pub use noise::{NoNoise, Noise, SeededNoise};
pub use prediction::Prediction;
pub use schedule::{Betas, NoiseSchedule, c_in, scale_input};
pub use schedulers::{Scheduler, flip, pass_sigmas, sigmas};
pub use solvers::{Denoiser, Sampler, Step, sample};
pub use windows::{ContextOptions, ContextSchedule, windows};
