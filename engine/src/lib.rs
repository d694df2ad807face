//! What restyles: the pipeline from frames to a styled frame, the mathematics, the networks and their files.
//!
//! | module | what it is | what it knows |
//! |---|---|---|
//! | [`pipeline`] | segments, stages, the worker, the cache | the three below it, and `frame` |
//! | [`serve`] | the process: tasks in, answers out | `pipeline` |
//! | [`diffusion`] | the mathematics | nothing else |
//! | [`model`] | the networks | nothing else |
//! | [`weights`] | files of weights | nothing else |
//!
//! ARCHITECTURE.md says why, and what must always hold.

pub mod diffusion;
pub mod model;
pub mod pipeline;
pub mod serve;
pub mod weights;
