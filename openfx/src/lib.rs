//! The OpenFX layer: the only place that knows the ABI.
//!
//! A host calls one C function, `mainEntry`, with the name of an action. [`entry`] takes
//! it through one guard - no panic gets out, every error becomes a status and, where a
//! user waits, a sentence - and `actions` turns it into a method of [`Effect`]. What the
//! method may do shows in the handle that it gets: describe ([`EffectDescriptor`],
//! [`ContextDescriptor`]), look ([`InstanceHandle`]), render ([`RenderHandle`]), edit
//! ([`EditHandle`]). Handles stay on their action's thread, and nothing of a host's
//! outlives the action.
//!
//! Hosts lack suites and functions, leave properties out, answer OK without writing,
//! make instances for single frames and copy them. Reading therefore yields an `Option`
//! or a default, pictures are checked before they are borrowed, and an instance is one
//! that we remember creating, not one that the host says is ours.
//!
//! Absent, on purpose: the host's threads and locks (dummies in some hosts, NULL in
//! others), its memory, overlays, pictures in device memory.

// OpenFX names its constants so, and they appear in patterns.
#![allow(non_upper_case_globals)]

mod actions;
mod args;
mod clips;
mod describe;
mod effect;
pub mod entry;
mod error;
mod formats;
mod geometry;
mod guard;
mod host;
mod images;
mod instance;
mod library;
mod message;
mod params;
mod progress;
mod props;
mod registry;
mod suites;
mod text;

#[cfg(all(test, unix, not(all(target_vendor = "apple", target_arch = "aarch64"))))]
mod tests;

pub use args::{
    Change, ChangeKind, ClipPreferences, FramesNeeded, Identity, IdentityArgs, RegionArgs, RegionsOfInterest,
    RenderArgs, SequenceArgs,
};
pub use clips::Clip;
pub use describe::{ClipDef, ContextDescriptor, EffectDescriptor};
pub use effect::{Effect, Handled, PluginId};
pub use error::{Error, Result, Status};
pub use formats::{
    ChangeReason, Components, Context, Depth, Field, MessageKind, NativeOrigin, Premultiplication,
    ThreadSafety,
};
pub use geometry::{RectD, RectI};
pub use guard::let_panics_through;
pub use host::{HostKind, HostRecord};
pub use images::{Image, ImageInfo, OutputImage};
pub use instance::{EditHandle, InstanceHandle, RenderHandle};
pub use library::library_path;
pub use message::Answer;
pub use params::{DoubleMeaning, Layout, Param, ParamDef, ParamKind, StringMode};
pub use progress::{Progress, Verdict};
