//! Unsample: AI video restyling as an OpenFX effect.
//!
//! This crate is the plugin that a host loads (a cdylib with two exported symbols) and the library behind its command
//! line. The way of a frame through it:
//!
//! ```text
//! host frame -> colour, geometry -> VAE latents -> unsample -> cache -> resample -> VAE decode -> geometry, colour -> host frame
//! ```
//!
//! | module | what it is | what it knows |
//! |---|---|---|
//! | [`ofx`] | the OpenFX layer, the only place with the ABI | nothing of this effect |
//! | [`effect`] | parameters, clips, one render call turned into a request | `ofx`, `pipeline` |
//! | [`pipeline`] | segments, stages, the worker, the cache | the four below |
//! | [`diffusion`] | the mathematics | nothing else |
//! | [`model`] | the networks | nothing else |
//! | [`weights`] | files of weights | nothing else |
//! | [`frame`] | pixels | nothing else |
//!
//! ARCHITECTURE.md says why, and what must always hold.

pub mod diffusion;
pub mod effect;
pub mod frame;
pub mod model;
pub mod ofx;
pub mod pipeline;
pub mod weights;

export!(effect::Unsample);
