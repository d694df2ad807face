//! Dispatch: maps an action's name and raw arguments to a method of the effect, and its result to a reply.

use std::ffi::CStr;
use std::sync::Arc;

use openfx_sys::*;

use super::args::{Change, ClipPreferences, FramesNeeded, IdentityArgs, RenderArgs, is_plausible};
use super::describe::{ContextDescriptor, EffectDescriptor};
use super::effect::Handled;
use super::entry::Exported;
use super::error::{Error, Result};
use super::formats::{ChangeReason, Context, MessageKind};
use super::guard::ActionReply;
use super::host::Hosted;
use super::instance::{EditHandle, InstanceHandle, RenderHandle};
use super::message::Voice;
use super::props::Props;
use super::registry::Live;

/// An action's raw arguments, as the host passed them.
pub(super) struct Raw {
    pub(super) effect: OfxImageEffectHandle,
    pub(super) in_args: OfxPropertySetHandle,
    pub(super) out_args: OfxPropertySetHandle,
}

impl Raw {
    /// # Safety
    /// See [`dispatch`]; usable until the action ends.
    unsafe fn in_args<'h>(&self, hosted: &'h Hosted) -> Option<Props<'h>> {
        // SAFETY: guaranteed by the caller.
        unsafe { Props::new(&hosted.suites, self.in_args) }
    }

    /// # Safety
    /// See [`dispatch`]; usable until the action ends.
    unsafe fn out_args<'h>(&self, hosted: &'h Hosted) -> Option<Props<'h>> {
        // SAFETY: guaranteed by the caller.
        unsafe { Props::new(&hosted.suites, self.out_args) }
    }
}

/// Runs an action: calls the effect's method for it.
///
/// # Safety
/// The arguments are those of an OpenFX action, NULL or usable until it ends, and this is the thread that the
/// host called it on.
pub(super) unsafe fn dispatch<E: Exported>(action: &str, raw: &Raw) -> Result<ActionReply> {
    let is = |name: &CStr| name.to_bytes() == action.as_bytes();
    if is(kOfxActionLoad) {
        // Look the host up on every load, because setHost may have passed a different one.
        let hosted = E::plugin().hosted(true)?;
        log::info!("loaded by {}", hosted.record);
        E::load(&hosted.record)?;
        return Ok(ActionReply::Ok);
    }
    if is(kOfxActionUnload) {
        let left = E::plugin().instances.len();
        if left > 0 {
            log::debug!("unloaded with {left} instances alive");
        }
        E::unload();
        return Ok(ActionReply::Ok);
    }
    let known = DESCRIBING.iter().chain(INSTANCE).any(|name| is(name));
    if !known {
        return Ok(ActionReply::Default);
    }
    let hosted = E::plugin().hosted(false)?;
    if DESCRIBING.iter().any(|name| is(name)) {
        // SAFETY: guaranteed by the caller.
        unsafe { describe::<E>(&is, raw, &hosted) }
    } else {
        // SAFETY: guaranteed by the caller.
        unsafe { with_instance::<E>(&is, raw, &hosted) }
    }
}

const DESCRIBING: &[&CStr] = &[
    kOfxActionDescribe,
    kOfxImageEffectActionDescribeInContext,
    kOfxActionCreateInstance,
    kOfxActionDestroyInstance,
];

const INSTANCE: &[&CStr] = &[
    kOfxActionBeginInstanceChanged,
    kOfxActionInstanceChanged,
    kOfxActionEndInstanceChanged,
    kOfxActionBeginInstanceEdit,
    kOfxActionEndInstanceEdit,
    kOfxActionPurgeCaches,
    kOfxActionSyncPrivateData,
    kOfxImageEffectActionGetRegionOfDefinition,
    kOfxImageEffectActionGetRegionsOfInterest,
    kOfxImageEffectActionGetTimeDomain,
    kOfxImageEffectActionGetFramesNeeded,
    kOfxImageEffectActionGetClipPreferences,
    kOfxImageEffectActionIsIdentity,
    kOfxImageEffectActionRender,
    kOfxImageEffectActionBeginSequenceRender,
    kOfxImageEffectActionEndSequenceRender,
];

/// Load, unload, describe, create and destroy. All return OK: hosts treat any other status as a failure.
///
/// # Safety
/// See [`dispatch`].
unsafe fn describe<E: Exported>(
    is: &impl Fn(&CStr) -> bool,
    raw: &Raw,
    hosted: &Arc<Hosted>,
) -> Result<ActionReply> {
    let instances = &E::plugin().instances;
    if is(kOfxActionDescribe) {
        // SAFETY: guaranteed by the caller; the handle of this action is a descriptor.
        let mut effect = unsafe { EffectDescriptor::new(hosted, raw.effect) }?;
        E::describe(&mut effect)?;
    } else if is(kOfxImageEffectActionDescribeInContext) {
        // SAFETY: guaranteed by the caller.
        let word = unsafe { raw.in_args(hosted) }.and_then(|args| args.string(kOfxImageEffectPropContext));
        let context = match word {
            Some(word) => Context::from_word(&word).ok_or(Error::Unsupported(word))?,
            // A host with a single context may leave the name out.
            None => Context::Filter,
        };
        // SAFETY: guaranteed by the caller; the handle of this action is a descriptor.
        let mut effect = unsafe { ContextDescriptor::new(hosted, raw.effect) }?;
        E::describe_in_context(&mut effect, context)?;
        if !effect.refused().is_empty() {
            log::warn!("the host does without {}", effect.refused().join(", "));
        }
    } else if is(kOfxActionCreateInstance) {
        // SAFETY: guaranteed by the caller; the handle of this action is an instance.
        let handle = unsafe { InstanceHandle::new(hosted, raw.effect) }?;
        let data = E::create(&handle)?;
        // SAFETY: the instance that is being created.
        unsafe { instances.enter(hosted, raw.effect, data) };
    } else {
        if raw.effect.is_null() {
            return Err(Error::BadHandle("instance (NULL)"));
        }
        // SAFETY: looked up by its address; touched only if it is one of ours.
        let live = unsafe { instances.leave(hosted, raw.effect) };
        if live.is_none() {
            return Err(Error::BadHandle("instance (never created)"));
        }
    }
    Ok(ActionReply::Ok)
}

/// Actions on an existing instance.
///
/// # Safety
/// See [`dispatch`].
unsafe fn with_instance<E: Exported>(
    is: &impl Fn(&CStr) -> bool,
    raw: &Raw,
    hosted: &Arc<Hosted>,
) -> Result<ActionReply> {
    if raw.effect.is_null() {
        return Err(Error::BadHandle("instance (NULL)"));
    }
    let Some(live) = E::plugin().instances.find(raw.effect) else {
        // Hosts may send these at any time; they must not fail.
        if is(kOfxActionPurgeCaches) || is(kOfxActionSyncPrivateData) {
            return Ok(ActionReply::Default);
        }
        return Err(Error::BadHandle("instance (never created)"));
    };
    let data = &live.data;
    // SAFETY: one of ours, and in an action; guaranteed by the caller.
    let handle = unsafe { InstanceHandle::new(hosted, raw.effect) }?;
    // SAFETY: guaranteed by the caller.
    let (args, out) = unsafe { (raw.in_args(hosted), raw.out_args(hosted)) };

    if is(kOfxImageEffectActionRender) {
        return render::<E>(&live, handle, args);
    }
    if is(kOfxImageEffectActionIsIdentity) {
        let args = IdentityArgs::read(args)?;
        return match E::is_identity(data, &handle, &args) {
            Ok(Some(identity)) => identity.answer(out).map(|()| ActionReply::Ok),
            otherwise => in_doubt(otherwise),
        };
    }
    if is(kOfxImageEffectActionGetFramesNeeded) {
        let time = args
            .and_then(|args| args.double(kOfxPropTime))
            .filter(|time| is_plausible(*time))
            .ok_or(Error::MissingArgument("the time"))?;
        let mut answer = FramesNeeded::new(out)?;
        let result = E::frames_needed(data, &handle, time, &mut answer);
        return in_doubt(result).map(|_| answered(answer.answered));
    }
    if is(kOfxImageEffectActionGetClipPreferences) {
        let mut answer = ClipPreferences::new(out)?;
        let result = E::clip_preferences(data, &handle, &mut answer);
        return in_doubt(result).map(|_| answered(answer.answered));
    }
    if is(kOfxActionPurgeCaches) {
        return E::purge(data, &handle).map(reply);
    }

    // The remaining actions may set parameters.
    if is(kOfxActionInstanceChanged) {
        let change = Change::read(args)?;
        let edit = EditHandle::new(handle, change.reason == ChangeReason::User);
        return E::instance_changed(data, &edit, &change).map(reply);
    }
    let edit = EditHandle::new(handle, false);
    if is(kOfxActionSyncPrivateData) {
        return E::sync(data, &edit).map(reply);
    }
    Ok(ActionReply::Default)
}

fn render<E: Exported>(
    live: &Live<E::Instance>,
    handle: InstanceHandle<'_>,
    args: Option<Props<'_>>,
) -> Result<ActionReply> {
    let args = RenderArgs::read(args)?;
    let handle = RenderHandle::new(handle);
    E::render(&live.data, &handle, &args)?;
    // Clear the message of the last failed render.
    if live.complaint.lock().take().is_some() {
        handle.clear_notice();
    }
    Ok(ActionReply::Ok)
}

/// Reports an error to the user. Errors of a render are left as a persistent message, once, rather than shown
/// in a dialog for every frame.
///
/// # Safety
/// See [`dispatch`].
pub(super) unsafe fn report<E: Exported>(action: &str, effect: OfxImageEffectHandle, error: &Error) {
    let rendering = kOfxImageEffectActionRender.to_bytes() == action.as_bytes();
    // No user is waiting on the other actions, so they only write to the log.
    let aloud = [kOfxActionCreateInstance, kOfxActionInstanceChanged, kOfxActionEndInstanceChanged]
        .iter()
        .any(|name| name.to_bytes() == action.as_bytes());
    if effect.is_null() || !(rendering || aloud) {
        return;
    }
    let Ok(hosted) = E::plugin().hosted(false) else {
        return;
    };
    // SAFETY: an instance of this host, in an action; guaranteed by the caller.
    let voice = unsafe { Voice::new(&hosted.suites, effect.cast()) };
    let sentence = error.to_string();
    if !rendering {
        voice.say(MessageKind::Error, &sentence);
        return;
    }
    let Some(live) = E::plugin().instances.find(effect) else {
        return;
    };
    let before = live.complaint.lock().replace(sentence.clone());
    if before.as_deref() != Some(sentence.as_str()) {
        voice.leave(MessageKind::Error, &sentence);
    }
}

/// When the effect fails to answer a query, lets the host use its default: with a failure status, some hosts
/// give up a frame that could still be rendered.
fn in_doubt<T>(result: Result<T>) -> Result<ActionReply> {
    if let Err(error) = result {
        log::warn!("left to the host: {error}");
    }
    Ok(ActionReply::Default)
}

fn reply(handled: Handled) -> ActionReply {
    answered(handled == Handled::Yes)
}

fn answered(yes: bool) -> ActionReply {
    if yes { ActionReply::Ok } else { ActionReply::Default }
}
