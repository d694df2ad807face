//! What restyles: the pipeline from frames to a styled frame, the mathematics, the networks and their files.
//!
//! | module | what it is | what it knows |
//! |---|---|---|
//! | [`serve`] | the process: tasks in, answers out | `pipeline` |
//! | [`pipeline`] | segments, stages, the worker, the cache | the four below it, and `frame` |
//! | [`families`] | model families: files, codec, conditioner, predictor, defaults | the three below it |
//! | [`diffusion`] | the mathematics | nothing else |
//! | [`nn`] | what networks are made of, and their kernels | nothing else |
//! | [`weights`] | files of weights | nothing else |
//!
//! ARCHITECTURE.md says why, and what must always hold.

pub mod diffusion;
pub mod families;
pub mod nn;
pub mod pipeline;
pub mod serve;
pub mod weights;
