//! What an effect is, written without a word of the ABI.

use std::ffi::CStr;

use super::args::{
    Change, ClipPreferences, FramesNeeded, Identity, IdentityArgs, RegionArgs, RegionsOfInterest, RenderArgs,
    SequenceArgs,
};
use super::describe::{ContextDescriptor, EffectDescriptor};
use super::error::Result;
use super::formats::{ChangeReason, Context};
use super::geometry::RectD;
use super::host::HostRecord;
use super::instance::{EditHandle, InstanceHandle, RenderHandle};

/// Who an effect is to a host. A project finds its effects again by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginId {
    /// Reversed domain and name; never changed again.
    pub identifier: &'static CStr,
    /// Changes when old projects cannot be opened any more: never.
    pub major: u32,
    /// Changes with every version that describes itself differently, because hosts cache.
    pub minor: u32,
}

/// Whether the effect took care of an action, or leaves it to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It did.
    Yes,
    /// The host's default will do.
    No,
}

/// An image effect.
///
/// Each method is one action, called on a thread of the host's and at any time after
/// [`create`](Self::create): several at once for one instance if the effect says that it
/// is safe, in any order, for any time, with or without the ones that ought to come
/// first. A panic in any of them becomes a failed action and a message.
///
/// No lock may be held while a parameter is set: hosts answer with an instance-changed
/// action from within that call.
pub trait Effect: Sized + Send + Sync + 'static {
    /// What belongs to one instance. Some hosts make one for every frame, some copy them:
    /// whatever is expensive lives elsewhere.
    type Instance: Send + Sync + 'static;

    /// Who it is.
    fn identity() -> PluginId;

    /// The host loaded the library. Comes at every start of the host, repeatedly, again
    /// after [`unload`](Self::unload): no model, no device, no thread begins here.
    ///
    /// # Errors
    /// Makes the host drop the effect: only for what no render could do without.
    fn load(host: &HostRecord) -> Result<()> {
        let _ = host;
        Ok(())
    }

    /// The host has no use for the library at the moment. Instances may still be alive.
    fn unload() {}

    /// Says what it is.
    ///
    /// # Errors
    /// Makes the host drop the effect.
    fn describe(effect: &mut EffectDescriptor<'_>) -> Result<()>;

    /// Says what clips and parameters it has in a context. May not be called at all, if
    /// the host remembers the answer of another day.
    ///
    /// # Errors
    /// Makes the host drop the effect.
    fn describe_in_context(effect: &mut ContextDescriptor<'_>, context: Context) -> Result<()>;

    /// Makes an instance. Parameters may still have their defaults, clips may be
    /// unconnected, the project without a size; this may be a render's thread, making a
    /// copy. So nothing is written.
    ///
    /// # Errors
    /// Makes the host do without the instance.
    fn create(handle: &InstanceHandle<'_>) -> Result<Self::Instance>;

    /// Renders a frame.
    ///
    /// # Errors
    /// The host shows an error, or, some do, whatever the output holds by then: write
    /// something to it before failing.
    fn render(instance: &Self::Instance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()>;

    /// Whether a frame is just another clip's.
    ///
    /// # Errors
    /// Any; the host will render.
    fn is_identity(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &IdentityArgs,
    ) -> Result<Option<Identity>> {
        let _ = (instance, handle, args);
        Ok(None)
    }

    /// The area of a frame, in canonical coordinates; `None`: as the host thinks.
    ///
    /// # Errors
    /// Any.
    fn region_of_definition(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &RegionArgs,
    ) -> Result<Option<RectD>> {
        let _ = (instance, handle, args);
        Ok(None)
    }

    /// The areas of the inputs that an area of the output needs.
    ///
    /// # Errors
    /// Any.
    fn regions_of_interest(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &RegionArgs,
        answer: &mut RegionsOfInterest<'_>,
    ) -> Result<()> {
        let _ = (instance, handle, args, answer);
        Ok(())
    }

    /// The frames of the inputs that a frame of the output needs.
    ///
    /// # Errors
    /// Any.
    fn frames_needed(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        time: f64,
        answer: &mut FramesNeeded<'_>,
    ) -> Result<()> {
        let _ = (instance, handle, time, answer);
        Ok(())
    }

    /// First and last frame of the output; `None`: as the host thinks.
    ///
    /// # Errors
    /// Any.
    fn time_domain(instance: &Self::Instance, handle: &InstanceHandle<'_>) -> Result<Option<(f64, f64)>> {
        let _ = (instance, handle);
        Ok(None)
    }

    /// What the effect wishes of its clips.
    ///
    /// # Errors
    /// Any.
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
    /// Any; the user reads it.
    fn instance_changed(
        instance: &Self::Instance,
        handle: &EditHandle<'_>,
        change: &Change,
    ) -> Result<Handled> {
        let _ = (instance, handle, change);
        Ok(Handled::No)
    }

    /// Several changes begin. Not every host says so.
    ///
    /// # Errors
    /// Any.
    fn begin_changes(
        instance: &Self::Instance,
        handle: &EditHandle<'_>,
        reason: ChangeReason,
    ) -> Result<Handled> {
        let _ = (instance, handle, reason);
        Ok(Handled::No)
    }

    /// The changes are over.
    ///
    /// # Errors
    /// Any.
    fn end_changes(
        instance: &Self::Instance,
        handle: &EditHandle<'_>,
        reason: ChangeReason,
    ) -> Result<Handled> {
        let _ = (instance, handle, reason);
        Ok(Handled::No)
    }

    /// The user opened the instance's panel.
    ///
    /// # Errors
    /// Any.
    fn begin_edit(instance: &Self::Instance, handle: &EditHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }

    /// The user closed it.
    ///
    /// # Errors
    /// Any.
    fn end_edit(instance: &Self::Instance, handle: &EditHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }

    /// Frames are about to be rendered. May come around every one of them, or never.
    ///
    /// # Errors
    /// Any.
    fn begin_sequence(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &SequenceArgs,
    ) -> Result<Handled> {
        let _ = (instance, handle, args);
        Ok(Handled::No)
    }

    /// They were.
    ///
    /// # Errors
    /// Any.
    fn end_sequence(
        instance: &Self::Instance,
        handle: &InstanceHandle<'_>,
        args: &SequenceArgs,
    ) -> Result<Handled> {
        let _ = (instance, handle, args);
        Ok(Handled::No)
    }

    /// The host is short of memory, or the user wants caches emptied.
    ///
    /// # Errors
    /// Any.
    fn purge(instance: &Self::Instance, handle: &InstanceHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }

    /// The project is about to be saved or copied: what is not in a parameter is lost.
    ///
    /// # Errors
    /// Any.
    fn sync(instance: &Self::Instance, handle: &EditHandle<'_>) -> Result<Handled> {
        let _ = (instance, handle);
        Ok(Handled::No)
    }
}
