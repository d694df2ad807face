//! A complete headless OpenFX host.
//!
//! It loads any OpenFX bundle and does not depend on the plugin's crate, so it also serves as the test host:
//! it enforces the standard strictly (types, dimensions, handles, image releases), and can imitate deviations
//! of real hosts ([`session::Settings`]).
//!
//! Reading order: [`plugin`] loads and describes, [`instance`] creates and edits, [`render`] renders frames;
//! [`suites`] contains the functions that the plugin calls, [`registry`] maps its handles to objects.
//!
//! Not supported: interacts, overlays, tiles, fields, GPU rendering.

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
// The constants have their OpenFX names, which look like variables in patterns.
#![allow(non_upper_case_globals)]

pub mod actions;
pub mod canvas;
pub mod clip;
pub mod effect;
pub mod error;
pub mod instance;
pub mod limits;
pub mod memory;
pub mod params;
pub mod picture;
pub mod plugin;
pub mod props;
pub mod registry;
pub mod render;
pub mod scope;
pub mod session;
pub mod sets;
pub mod status;
pub mod suites;
mod whole;
