//! Describing the effect: its properties, clips and parameters.
//!
//! Hosts ask at start-up and cache the answer, so the effect must not depend on having been asked.

use std::ffi::CStr;
use std::ptr;

use openfx_sys::*;

use super::error::{Error, Result};
use super::formats::{Components, Context, Depth, ThreadSafety};
use super::host::{HostRecord, Hosted};
use super::instance::effect_props;
use super::params::{ParamDef, define};
use super::props::Props;
use super::suites::call;
use super::text;

/// Descriptor of the effect, during the describe action.
pub struct EffectDescriptor<'h> {
    hosted: &'h Hosted,
    props: Props<'h>,
}

impl<'h> EffectDescriptor<'h> {
    /// # Safety
    /// `effect` is a descriptor of this host, usable for `'h`.
    pub(super) unsafe fn new(hosted: &'h Hosted, effect: OfxImageEffectHandle) -> Result<Self> {
        if effect.is_null() {
            return Err(Error::BadHandle("descriptor (NULL)"));
        }
        // SAFETY: guaranteed by the caller.
        let props = unsafe { effect_props(hosted, effect) }
            .ok_or(Error::BadHandle("descriptor (without properties)"))?;
        Ok(Self { hosted, props })
    }

    /// The host that sent the action.
    pub fn host(&self) -> &HostRecord {
        &self.hosted.record
    }

    /// Path of the bundle's folder, if the host says.
    pub fn bundle_path(&self) -> Option<String> {
        self.props.string(kOfxPluginPropFilePath).filter(|path| !path.is_empty())
    }

    /// Sets the name shown to users.
    pub fn label(&mut self, label: &str) {
        self.props.offer_string(kOfxPropLabel, label);
        self.props.offer_string(kOfxPropShortLabel, label);
        self.props.offer_string(kOfxPropLongLabel, label);
    }

    /// Sets the menu path; levels are separated by `/`.
    pub fn grouping(&mut self, grouping: &str) {
        self.props.offer_string(kOfxImageEffectPluginPropGrouping, grouping);
    }

    /// Sets the description and the version shown to users.
    pub fn description(&mut self, description: &str, version: &str) {
        self.props.offer_string(kOfxPropPluginDescription, description);
        self.props.offer_string(kOfxPropVersionLabel, version);
    }

    /// Sets the supported contexts.
    ///
    /// # Errors
    /// [`Error::Host`] if the host accepts none of them.
    pub fn contexts(&mut self, contexts: &[Context]) -> Result<()> {
        let words = contexts.iter().map(|context| context.word());
        set_words(&self.props, kOfxImageEffectPropSupportedContexts, words)
    }

    /// Sets the supported bit depths, preferred ones first.
    ///
    /// # Errors
    /// [`Error::Host`] if the host accepts none of them.
    pub fn depths(&mut self, depths: &[Depth]) -> Result<()> {
        let words = depths.iter().map(|depth| depth.word());
        set_words(&self.props, kOfxImageEffectPropSupportedPixelDepths, words)
    }

    /// Sets how many renders may run at once.
    pub fn thread_safety(&mut self, safety: ThreadSafety) {
        self.props.offer_word(kOfxImageEffectPluginRenderThreadSafety, safety.word());
    }

    /// Sets whether the host may split a frame among its own threads.
    pub fn host_frame_threading(&mut self, threading: bool) {
        self.props.offer_flag(kOfxImageEffectPluginPropHostFrameThreading, threading);
    }

    /// Sets whether the effect needs frames other than the current one.
    pub fn temporal_access(&mut self, access: bool) {
        self.props.offer_flag(kOfxImageEffectPropTemporalClipAccess, access);
    }

    /// Sets whether the effect can render part of a frame.
    pub fn tiles(&mut self, tiles: bool) {
        self.props.offer_flag(kOfxImageEffectPropSupportsTiles, tiles);
    }

    /// Sets whether inputs and output may differ in size.
    pub fn multi_resolution(&mut self, multi: bool) {
        self.props.offer_flag(kOfxImageEffectPropSupportsMultiResolution, multi);
    }

    /// Sets whether clips may differ in bit depth.
    pub fn multiple_clip_depths(&mut self, multiple: bool) {
        self.props.offer_flag(kOfxImageEffectPropSupportsMultipleClipDepths, multiple);
    }

    /// Sets whether clips may differ in pixel aspect ratio.
    pub fn multiple_clip_pars(&mut self, multiple: bool) {
        self.props.offer_flag(kOfxImageEffectPropSupportsMultipleClipPARs, multiple);
    }

    /// Asks for the clips' colour spaces, under the core names of the OpenFX 1.5 configuration. Sets nothing
    /// in hosts without colour management.
    pub fn colour_management(&mut self) {
        if !self.hosted.record.colour_management {
            return;
        }
        let style = kOfxImageEffectColourManagementCore;
        if self.props.offer_word(kOfxImageEffectPropColourManagementStyle, style) {
            let configs = kOfxImageEffectPropColourManagementAvailableConfigs;
            let _ = self.props.set_word_at(configs, 0, kOfxConfigIdentifier);
        }
    }

    /// Sets whether the host always renders interlaced footage in two calls, one for each field.
    pub fn field_render_twice(&mut self, twice: bool) {
        self.props.offer_flag(kOfxImageEffectPluginPropFieldRenderTwiceAlways, twice);
    }
}

/// Descriptor of the effect in one context, during the describe-in-context action.
pub struct ContextDescriptor<'h> {
    hosted: &'h Hosted,
    effect: OfxImageEffectHandle,
    params: OfxParamSetHandle,
    refused: Vec<String>,
}

/// Definition of a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipDef<'a> {
    /// Name used by scripts and projects. The context prescribes `Source` and `Output`.
    pub name: &'a str,
    /// Name shown to users.
    pub label: &'a str,
    /// Supported components, preferred ones first.
    pub components: &'a [Components],
    /// Whether the effect works without the clip.
    pub optional: bool,
    /// Whether the clip is a mask.
    pub mask: bool,
    /// Whether the effect needs frames of this clip other than the current one.
    pub temporal_access: bool,
    /// Whether the effect accepts partial images of this clip.
    pub tiles: bool,
}

impl<'h> ContextDescriptor<'h> {
    /// # Safety
    /// `effect` is a descriptor of this host, usable for `'h`.
    pub(super) unsafe fn new(hosted: &'h Hosted, effect: OfxImageEffectHandle) -> Result<Self> {
        if effect.is_null() {
            return Err(Error::BadHandle("descriptor (NULL)"));
        }
        let mut params: OfxParamSetHandle = ptr::null_mut();
        // SAFETY: the caller guarantees a valid descriptor; the variable outlives the call.
        let status = unsafe { call!(hosted.suites.effect, getParamSet(effect, &mut params)) };
        if status != kOfxStatOK {
            params = ptr::null_mut();
        }
        Ok(Self { hosted, effect, params, refused: Vec::new() })
    }

    /// The host that sent the action.
    pub fn host(&self) -> &HostRecord {
        &self.hosted.record
    }

    /// Defines a clip. A refused optional clip is added to [`refused`](Self::refused).
    ///
    /// # Errors
    /// [`Error::Host`] if the host refuses a clip that is not optional.
    pub fn clip(&mut self, def: &ClipDef<'_>) -> Result<()> {
        let name = text::to_c(def.name);
        let mut props: OfxPropertySetHandle = ptr::null_mut();
        // SAFETY: the descriptor is usable (type invariant), the name ends with NUL, the
        // variable outlives the call.
        let status =
            unsafe { call!(self.hosted.suites.effect, clipDefine(self.effect, name.as_ptr(), &mut props)) };
        // SAFETY: NULL or the set that the host just created for this clip.
        let props = unsafe { Props::new(&self.hosted.suites, props) };
        let (kOfxStatOK, Some(props)) = (status, props) else {
            self.refused.push(def.name.to_owned());
            if def.optional {
                return Ok(());
            }
            return Error::check(status, "clipDefine", &name);
        };
        let words = def.components.iter().map(|components| components.word());
        set_words(&props, kOfxImageEffectPropSupportedComponents, words)?;
        props.offer_string(kOfxPropLabel, def.label);
        props.offer_flag(kOfxImageClipPropOptional, def.optional);
        props.offer_flag(kOfxImageClipPropIsMask, def.mask);
        props.offer_flag(kOfxImageEffectPropTemporalClipAccess, def.temporal_access);
        props.offer_flag(kOfxImageEffectPropSupportsTiles, def.tiles);
        Ok(())
    }

    /// Defines a parameter. One that the host refuses is added to [`refused`](Self::refused) and reads as its
    /// default.
    ///
    /// # Errors
    /// [`Error::Definition`] if the definition is inconsistent.
    pub fn param(&mut self, def: &ParamDef<'_>) -> Result<()> {
        // SAFETY: the set of the descriptor that this action is about (type invariant).
        let defined = unsafe { define(self.hosted, self.params, def) }?;
        if !defined {
            self.refused.push(def.name.to_owned());
        }
        Ok(())
    }

    /// Names of the clips and parameters that the host refused so far.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }
}

/// Sets the values of a property; the next value takes the index of a refused one.
fn set_words(props: &Props<'_>, name: &CStr, words: impl Iterator<Item = &'static CStr>) -> Result<()> {
    let mut index = 0;
    let mut refusal = Ok(());
    for word in words {
        match props.set_word_at(name, index, word) {
            Ok(()) => index += 1,
            Err(error) => refusal = Err(error),
        }
    }
    if index > 0 { Ok(()) } else { refusal }
}
