//! A safe layer over the OpenFX C ABI, which no other crate of the plug-in deals with.
//!
//! A host calls one C function, `mainEntry`, with the name of an action. [`entry`] passes it through the
//! guard, which catches panics and converts every error to a status and, where a user is waiting, a message.
//! `actions` then calls the corresponding method of [`Effect`]. The type of the handle that the method gets
//! determines what it may do: describe ([`EffectDescriptor`], [`ContextDescriptor`]), read
//! ([`InstanceHandle`]), render ([`RenderHandle`]) or edit ([`EditHandle`]). Handles stay on their action's
//! thread, and no host data outlives the action.
//!
//! Hosts lack suites and functions, leave properties out, return OK without writing a value, create instances
//! for single frames, and copy instances. Reading therefore returns an `Option` or a default, images are
//! checked before they are accessed, and an instance is valid only if this layer recorded its creation,
//! whatever pointer the host stored.
//!
//! Deliberately not supported: the host's threads and locks (dummies in some hosts, NULL in others), its
//! memory allocation, overlays, and GPU images.

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
// OpenFX names its constants like this, and they appear in patterns.
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

pub use args::{Change, ChangeKind, ClipPreferences, FramesNeeded, Identity, IdentityArgs, RenderArgs};
pub use clips::Clip;
pub use describe::{ClipDef, ContextDescriptor, EffectDescriptor};
pub use effect::{Effect, Handled, PluginId};
pub use error::{Error, Result, Status};
pub use formats::{ChangeReason, Components, Context, Depth, MessageKind, Premultiplication, ThreadSafety};
pub use geometry::{RectD, RectI};
pub use guard::let_panics_through;
pub use host::{HostKind, HostRecord};
pub use images::{Image, ImageInfo, OutputImage};
pub use instance::{EditHandle, InstanceHandle, RenderHandle};
pub use library::library_path;
pub use message::Answer;
pub use params::{DoubleMeaning, Param, ParamDef, ParamKind, ParamLayout, StringMode};
pub use progress::{Progress, Verdict};
