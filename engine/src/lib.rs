//! The restyling engine: the pipeline from frames to a styled frame, diffusion sampling, networks and weight files.
//!
//! | module | contents | depends on |
//! |---|---|---|
//! | [`serve`] | the engine process: receives tasks and sends results | `pipeline` |
//! | [`pipeline`] | segments, stages, the worker, the cache | the four below it, and `frame` |
//! | [`families`] | model families: files, codec, conditioner, predictor, defaults | the three below it |
//! | [`diffusion`] | sampling: noise schedules, solvers, guidance | nothing else |
//! | [`nn`] | layers, networks and their kernels | nothing else |
//! | [`weights`] | weight files | nothing else |
//!
//! ARCHITECTURE.md gives the reasons and the invariants.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests convert small numbers"
    )
)]

pub mod diffusion;
pub mod families;
pub mod nn;
pub mod pipeline;
pub mod serve;
pub mod weights;
