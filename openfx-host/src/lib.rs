//! A complete headless OpenFX host.
//!
//! It loads a bundle as any other host does and takes nothing from the plugin's crate, so that it doubles as
//! the test host: strict where the standard is (types, dimensions, handles, image releases), and able to imitate
//! what real hosts do differently ([`session::Settings`]).
//!
//! Reading order: [`plugin`] loads and describes, [`instance`] creates and edits, [`render`] asks for frames;
//! [`suites`] is what the plugin calls, [`registry`] what its handles mean.
//!
//! Absent: interacts, overlays, tiles, fields, rendering on a GPU.

// The constants have the names of the published interface, which makes them look like variables in patterns.
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
