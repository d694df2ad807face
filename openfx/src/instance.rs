//! Handles to an effect instance, by what an action may do.
//!
//! The type determines what is permitted: every action may read ([`InstanceHandle`]), a render may also fetch
//! images, show progress and check for an abort ([`RenderHandle`]), and actions triggered by the user may set
//! parameters ([`EditHandle`]). Handles stay on the thread of their action, because hosts return wrong
//! results or crash on any other.

use std::cell::Cell;
use std::ffi::CStr;
use std::ops::Deref;
use std::ptr;

use openfx_sys::*;

use super::clips::Clip;
use super::error::{Error, Result};
use super::formats::{Context, MessageKind};
use super::host::{HostRecord, Hosted};
use super::images::{Image, OpenImages, OutputImage};
use super::message::{Answer, Voice};
use super::params::Param;
use super::progress::Progress;
use super::props::Props;
use super::suites::call;

/// Read access to an instance, for any action.
pub struct InstanceHandle<'h> {
    hosted: &'h Hosted,
    effect: OfxImageEffectHandle,
    props: Option<Props<'h>>,
    params: OfxParamSetHandle,
}

impl<'h> InstanceHandle<'h> {
    /// # Safety
    /// `effect` is an instance of this host, usable for `'h`, and this is the thread of the action that
    /// passed it.
    pub(super) unsafe fn new(hosted: &'h Hosted, effect: OfxImageEffectHandle) -> Result<Self> {
        if effect.is_null() {
            return Err(Error::BadHandle("instance (NULL)"));
        }
        let mut params: OfxParamSetHandle = ptr::null_mut();
        // SAFETY: the caller guarantees a valid instance; the variable outlives the call.
        let status = unsafe { call!(hosted.suites.effect, getParamSet(effect, &mut params)) };
        if status != kOfxStatOK {
            params = ptr::null_mut();
        }
        Ok(Self {
            hosted,
            effect,
            // SAFETY: guaranteed by the caller.
            props: unsafe { effect_props(hosted, effect) },
            params,
        })
    }

    pub(super) fn voice(&self) -> Voice<'h> {
        // SAFETY: the instance is usable for 'h (type invariant).
        unsafe { Voice::new(&self.hosted.suites, self.effect.cast()) }
    }

    /// The host of this instance.
    pub fn host(&self) -> &HostRecord {
        &self.hosted.record
    }

    /// The context that the instance was created for, if the host says.
    pub fn context(&self) -> Option<Context> {
        Context::from_word(&self.string(kOfxImageEffectPropContext)?)
    }

    /// Size of the project in canonical coordinates, if it is set.
    pub fn project_size(&self) -> Option<(f64, f64)> {
        let size = self.props?.pair(kOfxImageEffectPropProjectSize)?;
        (size.0 > 0.0 && size.1 > 0.0).then_some(size)
    }

    /// First and last frame of the host's time line, if the host says.
    pub fn time_line(&self) -> Option<(f64, f64)> {
        let suite = self.hosted.suites.time_line?;
        let (mut first, mut last) = (f64::NAN, f64::NAN);
        // SAFETY: the instance is usable, the variables outlive the call.
        let status = unsafe { call!(suite, getTimeBounds(self.effect.cast(), &mut first, &mut last)) };
        (status == kOfxStatOK && first.is_finite() && last.is_finite() && first <= last)
            .then_some((first, last))
    }

    /// A parameter by its name. One that the host does not have reads as its default.
    pub fn param(&self, name: &str) -> Param<'_> {
        // SAFETY: the instance's own set, usable as long as this value.
        unsafe { Param::find(&self.hosted.suites, self.params, name) }
    }

    /// A clip by its name. One that the host does not have is not connected.
    pub fn clip(&self, name: &str) -> Clip<'_> {
        // SAFETY: the instance is usable as long as this value.
        unsafe { Clip::find(&self.hosted.suites, self.effect, name) }
    }

    fn string(&self, name: &CStr) -> Option<String> {
        self.props?.string(name)
    }
}

/// The property set of a descriptor or an instance.
///
/// # Safety
/// `effect` is an effect of this host, usable for `'h`.
pub(super) unsafe fn effect_props<'h>(hosted: &'h Hosted, effect: OfxImageEffectHandle) -> Option<Props<'h>> {
    let mut props: OfxPropertySetHandle = ptr::null_mut();
    // SAFETY: the caller guarantees a valid effect; the variable outlives the call.
    let status = unsafe { call!(hosted.suites.effect, getPropertySet(effect, &mut props)) };
    if status != kOfxStatOK {
        return None;
    }
    // SAFETY: NULL or the set that the host just returned for this effect.
    unsafe { Props::new(&hosted.suites, props) }
}

/// Access of a render action, or of an edit triggered by the user.
pub struct RenderHandle<'h> {
    instance: InstanceHandle<'h>,
    open: OpenImages,
    /// Whether this action left a notice, which it then must not clear itself.
    noticed: Cell<bool>,
}

impl<'h> RenderHandle<'h> {
    pub(super) fn new(instance: InstanceHandle<'h>) -> Self {
        Self { instance, open: OpenImages::default(), noticed: Cell::new(false) }
    }

    /// The image of an input at a time. `None` if there is none: the clip is not connected, the time is
    /// outside of it, or an upstream effect failed. The host keeps the image until it is dropped, so copy the
    /// pixels and drop it before any long work.
    ///
    /// # Errors
    /// [`Error::ImageFormat`] if the image cannot be addressed safely.
    pub fn image<'a>(&'a self, clip: &Clip<'a>, time: f64) -> Result<Option<Image<'a>>> {
        Image::fetch(clip, time, &self.open)
    }

    /// The output image at a time.
    ///
    /// # Errors
    /// [`Error::Failed`] if the host has none, [`Error::ImageFormat`] as in [`image`](Self::image), also
    /// while an image that shares its memory is open.
    pub fn output<'a>(&'a self, time: f64) -> Result<OutputImage<'a>> {
        OutputImage::fetch(&self.clip("Output"), time, &self.open)
    }

    /// Whether the host aborted the render.
    pub fn abort(&self) -> bool {
        let Some(abort) = self.instance.hosted.suites.effect.abort else {
            return false;
        };
        // SAFETY: the instance is usable, and this is its action's thread (type invariant).
        let answer = unsafe { abort(self.instance.effect) };
        answer != 0
    }

    /// Shows a progress bar in the host.
    pub fn progress(&self, label: &str) -> Progress<'_> {
        // SAFETY: the instance is usable as long as this value.
        unsafe { Progress::start(&self.instance.hosted.suites, self.instance.effect, label) }
    }

    /// Sets the persistent message, or writes to the host's log where there are none. There is one message at
    /// a time; it stays until [`clear_notice`](Self::clear_notice).
    pub fn notice(&self, kind: MessageKind, sentence: &str) {
        self.noticed.set(true);
        self.voice().leave(kind, sentence);
    }

    /// Clears the persistent message, unless this action set it.
    pub fn clear_notice(&self) {
        if !self.noticed.get() {
            self.voice().clear();
        }
    }

    /// Writes to the host's log, if there is one.
    pub fn log(&self, sentence: &str) {
        self.voice().say(MessageKind::Log, sentence);
    }
}

impl<'h> Deref for RenderHandle<'h> {
    type Target = InstanceHandle<'h>;

    fn deref(&self) -> &InstanceHandle<'h> {
        &self.instance
    }
}

/// Access of actions that may set parameters: instance changed and synchronise.
pub struct EditHandle<'h> {
    render: RenderHandle<'h>,
    may_fetch: bool,
}

impl<'h> EditHandle<'h> {
    pub(super) fn new(instance: InstanceHandle<'h>, may_fetch: bool) -> Self {
        Self { render: RenderHandle::new(instance), may_fetch }
    }

    /// Access to images and progress, where hosts grant it outside of a render: for changes made by the user,
    /// such as a pressed button.
    pub fn rendering(&self) -> Option<&RenderHandle<'h>> {
        self.may_fetch.then_some(&self.render)
    }

    /// Shows a message, possibly in a dialog.
    pub fn message(&self, kind: MessageKind, sentence: &str) {
        self.voice().say(kind, sentence);
    }

    /// Asks the user a yes-or-no question.
    pub fn ask(&self, question: &str) -> Answer {
        self.voice().say(MessageKind::Question, question)
    }

    /// Sets the persistent message; see [`RenderHandle::notice`].
    pub fn notice(&self, kind: MessageKind, sentence: &str) {
        self.render.notice(kind, sentence);
    }

    /// Clears the persistent message; see [`RenderHandle::clear_notice`].
    pub fn clear_notice(&self) {
        self.render.clear_notice();
    }

    /// Sets an integer parameter. Hosts send an instance-changed action from within this call.
    ///
    /// # Errors
    /// [`Error::Host`] if there is no such parameter or the host refuses.
    pub fn set_int(&self, name: &str, value: i32) -> Result<()> {
        self.param(name).set_int(value)
    }

    /// Sets a double parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As for [`set_int`](Self::set_int).
    pub fn set_double(&self, name: &str, value: f64) -> Result<()> {
        self.param(name).set_double(value)
    }

    /// Sets a boolean parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As for [`set_int`](Self::set_int).
    pub fn set_bool(&self, name: &str, value: bool) -> Result<()> {
        self.param(name).set_bool(value)
    }

    /// Sets a choice by the index of its option; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As for [`set_int`](Self::set_int); [`Error::Definition`] if there can be no such option.
    pub fn set_choice(&self, name: &str, option: usize) -> Result<()> {
        self.param(name).set_choice(option)
    }

    /// Sets a string parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As for [`set_int`](Self::set_int).
    pub fn set_string(&self, name: &str, value: &str) -> Result<()> {
        self.param(name).set_string(value)
    }

    /// Enables a parameter or greys it out. Hosts may ignore it.
    pub fn set_enabled(&self, name: &str, enabled: bool) {
        self.param(name).offer_flag(kOfxParamPropEnabled, enabled);
    }
}

impl<'h> Deref for EditHandle<'h> {
    type Target = InstanceHandle<'h>;

    fn deref(&self) -> &InstanceHandle<'h> {
        &self.render.instance
    }
}
