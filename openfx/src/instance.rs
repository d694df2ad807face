//! An effect instance, as far as the action that is going on allows.
//!
//! The type says what may be done: every action may read ([`InstanceHandle`]), a render
//! may fetch pictures, show progress and ask whether to stop ([`RenderHandle`]), and
//! what the user set off may write ([`EditHandle`]). None of them leaves the thread of
//! its action, because hosts answer wrongly, or crash, on any other.

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

/// What any action may do with its instance: look.
pub struct InstanceHandle<'h> {
    hosted: &'h Hosted,
    effect: OfxImageEffectHandle,
    props: Option<Props<'h>>,
    params: OfxParamSetHandle,
}

impl<'h> InstanceHandle<'h> {
    /// # Safety
    /// `effect` is an instance of this host, usable for `'h`, and this is the thread of
    /// the action that brought it.
    pub(super) unsafe fn new(hosted: &'h Hosted, effect: OfxImageEffectHandle) -> Result<Self> {
        if effect.is_null() {
            return Err(Error::BadHandle("instance (NULL)"));
        }
        let mut params: OfxParamSetHandle = ptr::null_mut();
        // SAFETY: the caller vouches for the instance; the variable outlives the call.
        let status = unsafe { call!(hosted.suites.effect, getParamSet(effect, &mut params)) };
        if status != kOfxStatOK {
            params = ptr::null_mut();
        }
        Ok(Self {
            hosted,
            effect,
            // SAFETY: as the caller vouches.
            props: unsafe { effect_props(hosted, effect) },
            params,
        })
    }

    pub(super) fn voice(&self) -> Voice<'h> {
        // SAFETY: the instance is usable for 'h (type invariant).
        unsafe { Voice::new(&self.hosted.suites, self.effect.cast()) }
    }

    /// The host that this instance lives in.
    pub fn host(&self) -> &HostRecord {
        &self.hosted.record
    }

    /// The role that the instance was created for, if the host says so.
    pub fn context(&self) -> Option<Context> {
        Context::from_word(&self.string(kOfxImageEffectPropContext)?)
    }

    /// Size of the project in canonical coordinates, if it has one yet.
    pub fn project_size(&self) -> Option<(f64, f64)> {
        let size = self.props?.pair(kOfxImageEffectPropProjectSize)?;
        (size.0 > 0.0 && size.1 > 0.0).then_some(size)
    }

    /// Frames a second of the project, if known.
    pub fn frame_rate(&self) -> Option<f64> {
        self.props?.double(kOfxImageEffectPropFrameRate).filter(|rate| rate.is_finite() && *rate > 0.0)
    }

    /// Length of the effect in frames, if known.
    pub fn duration(&self) -> Option<f64> {
        self.props?
            .double(kOfxImageEffectInstancePropEffectDuration)
            .filter(|frames| frames.is_finite() && *frames > 0.0)
    }

    /// First and last time of the host's time line, if it tells.
    pub fn time_line(&self) -> Option<(f64, f64)> {
        let suite = self.hosted.suites.time_line?;
        let (mut first, mut last) = (f64::NAN, f64::NAN);
        // SAFETY: the instance is usable, the variables outlive the call.
        let status = unsafe { call!(suite, getTimeBounds(self.effect.cast(), &mut first, &mut last)) };
        (status == kOfxStatOK && first.is_finite() && last.is_finite() && first <= last)
            .then_some((first, last))
    }

    /// A parameter by its name. Nothing is wrong with one that the host does not have:
    /// it reads as its default.
    pub fn param(&self, name: &str) -> Param<'_> {
        // SAFETY: the instance's own set, usable as long as this value.
        unsafe { Param::find(&self.hosted.suites, self.params, name) }
    }

    /// A clip by its name. A clip that the host does not have is not connected.
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
    // SAFETY: the caller vouches for the effect; the variable outlives the call.
    let status = unsafe { call!(hosted.suites.effect, getPropertySet(effect, &mut props)) };
    if status != kOfxStatOK {
        return None;
    }
    // SAFETY: NULL or the set that the host just handed out for this effect.
    unsafe { Props::new(&hosted.suites, props) }
}

/// What a render may do, and an edit that the user's own hand set off.
pub struct RenderHandle<'h> {
    instance: InstanceHandle<'h>,
    open: OpenImages,
    /// Whether this action left a notice, which it then does not take back itself.
    noticed: Cell<bool>,
}

impl<'h> RenderHandle<'h> {
    pub(super) fn new(instance: InstanceHandle<'h>) -> Self {
        Self { instance, open: OpenImages::default(), noticed: Cell::new(false) }
    }

    /// The picture of an input at a time, or `None` where there is none: not connected,
    /// outside the clip, upstream failed. Hosts hold on to a picture until it is dropped,
    /// so copy the pixels out and drop it before the work begins.
    ///
    /// # Errors
    /// [`Error::ImageFormat`] for pictures that cannot be addressed safely.
    pub fn image<'a>(&'a self, clip: &Clip<'a>, time: f64) -> Result<Option<Image<'a>>> {
        Image::fetch(clip, time, &self.open)
    }

    /// The picture to write.
    ///
    /// # Errors
    /// [`Error::Failed`] if the host has none, [`Error::ImageFormat`] as above, also
    /// while a picture that shares its memory is open.
    pub fn output<'a>(&'a self, time: f64) -> Result<OutputImage<'a>> {
        OutputImage::fetch(&self.clip("Output"), time, &self.open)
    }

    /// Whether the host wants this to stop.
    pub fn abort(&self) -> bool {
        let Some(abort) = self.instance.hosted.suites.effect.abort else {
            return false;
        };
        // SAFETY: the instance is usable, and this is its action's thread (type invariant).
        let answer = unsafe { abort(self.instance.effect) };
        answer != 0
    }

    /// Puts up a progress bar.
    pub fn progress(&self, label: &str) -> Progress<'_> {
        // SAFETY: the instance is usable as long as this value.
        unsafe { Progress::start(&self.instance.hosted.suites, self.instance.effect, label) }
    }

    /// Leaves a sentence on the effect, where the host can, else in its log. There is
    /// one at a time; it stays until [`clear_notice`](Self::clear_notice).
    pub fn notice(&self, kind: MessageKind, sentence: &str) {
        self.noticed.set(true);
        self.voice().leave(kind, sentence);
    }

    /// Takes the sentence back.
    pub fn clear_notice(&self) {
        if !self.noticed.get() {
            self.voice().clear();
        }
    }

    /// Puts a sentence into the host's log, where it has one.
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

/// What may be done where the user, or the host in the user's name, changes something:
/// creation, instance changed, synchronising.
pub struct EditHandle<'h> {
    render: RenderHandle<'h>,
    may_fetch: bool,
}

impl<'h> EditHandle<'h> {
    pub(super) fn new(instance: InstanceHandle<'h>, may_fetch: bool) -> Self {
        Self { render: RenderHandle::new(instance), may_fetch }
    }

    /// Pictures and progress, where hosts grant them outside of a render: in what the
    /// user did, a pressed button above all.
    pub fn rendering(&self) -> Option<&RenderHandle<'h>> {
        self.may_fetch.then_some(&self.render)
    }

    /// Shows a sentence, perhaps in a dialogue.
    pub fn message(&self, kind: MessageKind, sentence: &str) {
        self.voice().say(kind, sentence);
    }

    /// Asks a question.
    pub fn ask(&self, question: &str) -> Answer {
        self.voice().say(MessageKind::Question, question)
    }

    /// Leaves a sentence on the effect, as [`RenderHandle::notice`].
    pub fn notice(&self, kind: MessageKind, sentence: &str) {
        self.render.notice(kind, sentence);
    }

    /// Takes the sentence back.
    pub fn clear_notice(&self) {
        self.render.clear_notice();
    }

    /// Sets an integer parameter. Hosts send an instance-changed action from within.
    ///
    /// # Errors
    /// [`Error::Host`] if there is no such parameter or the host refuses.
    pub fn set_int(&self, name: &str, value: i32) -> Result<()> {
        self.param(name).set_int(value)
    }

    /// Sets a double parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As there.
    pub fn set_double(&self, name: &str, value: f64) -> Result<()> {
        self.param(name).set_double(value)
    }

    /// Sets a boolean parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As there.
    pub fn set_bool(&self, name: &str, value: bool) -> Result<()> {
        self.param(name).set_bool(value)
    }

    /// Sets a choice by the index of its option; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As there.
    pub fn set_choice(&self, name: &str, option: usize) -> Result<()> {
        self.param(name).set_choice(option)
    }

    /// Sets a string parameter; see [`set_int`](Self::set_int).
    ///
    /// # Errors
    /// As there.
    pub fn set_string(&self, name: &str, value: &str) -> Result<()> {
        self.param(name).set_string(value)
    }

    /// Greys a parameter out or not. Hosts may ignore it.
    pub fn set_enabled(&self, name: &str, enabled: bool) {
        self.param(name).offer_flag(kOfxParamPropEnabled, enabled);
    }

    /// Hides a parameter or not. Hosts may ignore it; one described as secret may stay so.
    pub fn set_secret(&self, name: &str, secret: bool) {
        self.param(name).offer_flag(kOfxParamPropSecret, secret);
    }
}

impl<'h> Deref for EditHandle<'h> {
    type Target = InstanceHandle<'h>;

    fn deref(&self) -> &InstanceHandle<'h> {
        &self.render.instance
    }
}
