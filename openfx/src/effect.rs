//! The trait that an effect implements, free of ABI types.

use std::ffi::CStr;

use super::args::{Change, ClipPreferences, FramesNeeded, Identity, IdentityArgs, RenderArgs};
use super::describe::{ContextDescriptor, EffectDescriptor};
use super::error::Result;
use super::formats::Context;
use super::host::HostRecord;
use super::instance::{EditHandle, InstanceHandle, RenderHandle};

/// Identity of an effect. Projects find their effects by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginId {
    /// Identifier in reverse domain notation; must never change.
    pub identifier: &'static CStr,
    /// Major version. A change would break old projects, so it must never change.
    pub major: u32,
    /// Minor version. Changes with every change of the description, because hosts cache it.
    pub minor: u32,
}

/// Whether the effect handled an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The effect handled the action.
    Yes,
    /// The host should do its default.
    No,
}

/// An image effect. Each method implements one action.
///
/// Methods are called on the host's threads at any time after [`create`](Self::create): in any order, for any
/// time, concurrently for one instance if the declared thread safety permits, and possibly without the
/// actions that should precede them. A panic becomes a failed action and a message.
///
/// Hold no lock while setting a parameter: hosts send an instance-changed action from within that call.
pub trait Effect: Sized + Send + Sync + 'static {
    /// State of one instance. Some hosts create an instance for every frame and some copy instances, so keep
    /// anything expensive elsewhere.
    type Instance: Send + Sync + 'static;

    /// Identifier and versions of the effect.
    fn identity() -> PluginId;

    /// The host loaded the library. Called at every start of the host, possibly repeatedly, and again after
    /// [`unload`](Self::unload), so load no model, open no device and start no thread here.
    ///
    /// # Errors
    /// Makes the host drop the effect. Fail only if nothing could be rendered.
    fn load(host: &HostRecord) -> Result<()> {
        let _ = host;
        Ok(())
    }

    /// The host does not need the library for now. Instances may still exist.
    fn unload() {}

    /// Describes the effect: its label, contexts, bit depths and capabilities.
    ///
    /// # Errors
    /// Makes the host drop the effect.
    fn describe(effect: &mut EffectDescriptor<'_>) -> Result<()>;

    /// Describes the clips and parameters in a context. Not called in this process if the host cached the
    /// description.
    ///
    /// # Errors
    /// Makes the host drop the effect.
    fn describe_in_context(effect: &mut ContextDescriptor<'_>, context: Context) -> Result<()>;

    /// Creates an instance. Parameters may still have their defaults, clips may be unconnected and the
    /// project may have no size yet. May run on a render thread that makes a copy, so no parameter may be
    /// set.
    ///
    /// # Errors
    /// The host discards the instance.
    fn create(handle: &InstanceHandle<'_>) -> Result<Self::Instance>;

    /// Renders the frame at `args.time` to the output clip.
    ///
    /// # Errors
    /// The host shows an error or, in some hosts, the current content of the output: write something to it
    /// before failing.
    fn render(instance: &Self::Instance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()>;

    /// Whether a frame of the output equals a frame of one of the clips.
    ///
    /// # Errors
    /// Any; the host renders the frame.
    fn is_identity(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &IdentityArgs,
    ) -> Result<Option<Identity>> {
        let _ = (instance, handle, args);
        Ok(None)
    }

    /// Sets the frames of the inputs needed for a frame of the output.
    ///
    /// # Errors
    /// Any; the host uses its default.
    fn frames_needed(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        time: f64,
        answer: &mut FramesNeeded<'_>,
    ) -> Result<()> {
        let _ = (instance, handle, time, answer);
        Ok(())
    }

    /// Requests formats, colour spaces and other preferences of the clips.
    ///
    /// # Errors
    /// Any; the host uses its default.
    fn clip_preferences(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        answer: &mut ClipPreferences<'_>,
    ) -> Result<()> {
        let _ = (instance, handle, answer);
        Ok(())
    }

    /// A parameter or clip changed, or a button was pressed.
    ///
    /// # Errors
    /// Any; the user is shown its message.
    fn instance_changed(
        instance: &Self::Instance,
        handle: &EditHandle<'_>,
        change: &Change,
    ) -> Result<Handled> {
        let _ = (instance, handle, change);
        Ok(Handled::No)
    }

    /// The host is short of memory, or the user asked to empty caches.
    ///
    /// # Errors
    /// Any; only logged.
    fn purge(instance: &Self::Instance, handle: &InstanceHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }

    /// The project is about to be saved or copied. State that is not in a parameter is lost.
    ///
    /// # Errors
    /// Any; only logged.
    fn sync(instance: &Self::Instance, handle: &EditHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }
}
