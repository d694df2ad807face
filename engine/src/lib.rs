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
