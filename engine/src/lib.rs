//! What restyles: the pipeline from frames to a styled frame, the mathematics, the networks and their files.
//!
//! | module | what it is | what it knows |
//! |---|---|---|
//! | [`pipeline`] | segments, stages, the worker, the cache | the three below, and `frame` |
//! | [`diffusion`] | the mathematics | nothing else |
//! | [`model`] | the networks | nothing else |
//! | [`weights`] | files of weights | nothing else |
//!
//! ARCHITECTURE.md says why, and what must always hold.

pub mod diffusion;
pub mod model;
pub mod pipeline;
pub mod weights;
