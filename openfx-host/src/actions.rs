//! Calling the plugin's actions.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use openfx_sys::*;

use super::effect::Effect;
use super::props::Access::{List, Read, Write};
use super::props::PropertySet;
use super::registry::{self, Object};
use super::scope::{self, Scope};

/// The plugin's `mainEntry` function.
#[derive(Clone, Copy)]
pub struct Entry(
    pub  unsafe extern "C" fn(
        *const c_char,
        *const c_void,
        OfxPropertySetHandle,
        OfxPropertySetHandle,
    ) -> OfxStatus,
);

/// The arguments of an action.
#[derive(Default)]
pub struct Arguments {
    /// Input property set, if the action has one.
    pub input: Option<PropertySet>,
    /// Output property set, with its initial values.
    pub output: Option<PropertySet>,
    /// Time of the action in frames, if it has one.
    pub time: Option<f64>,
}

/// Result of an action.
pub struct Reply {
    /// Status that the plugin returned.
    pub status: OfxStatus,
    /// Output property set after the action.
    pub output: Arc<PropertySet>,
}

impl Reply {
    /// Whether the plugin handled the action (`kOfxStatOK`) rather than leaving it to the host.
    pub fn is_ok(&self) -> bool {
        self.status == kOfxStatOK
    }

    /// Whether the status is success: OK or the default.
    pub fn is_fine(&self) -> bool {
        matches!(self.status, kOfxStatOK | kOfxStatReplyDefault)
    }
}

impl Entry {
    /// Calls an action without an effect: load and unload.
    pub fn call_bare(self, action: &CStr) -> OfxStatus {
        // SAFETY: load and unload have no arguments besides their name.
        unsafe { self.0(action.as_ptr(), std::ptr::null(), std::ptr::null_mut(), std::ptr::null_mut()) }
    }

    /// Calls an action of an effect. The handles of the argument property sets are invalid afterwards.
    pub fn call(self, action: &'static CStr, effect: &Arc<Effect>, arguments: Arguments) -> Reply {
        let input = Arc::new(arguments.input.unwrap_or_default());
        let output = Arc::new(arguments.output.unwrap_or_default());
        let input_handle = registry::register(Object::Props(input));
        let output_handle = registry::register(Object::Props(output.clone()));
        let _inside = scope::enter(Scope { effect: effect.clone(), action, time: arguments.time });
        let handle: *const OfxImageEffectStruct = effect.handle();
        // SAFETY: the plugin's entry, with handles that it may only hand back.
        let status = unsafe {
            self.0(action.as_ptr(), handle.cast(), input_handle.pointer(), output_handle.pointer())
        };
        Reply { status, output }
    }
}

/// Arguments common to actions at a time.
pub struct Moment {
    /// Time in frames.
    pub time: f64,
    /// Render scale, the same in x and y.
    pub scale: f64,
}

impl Moment {
    fn set(&self) -> PropertySet {
        let set = PropertySet::new();
        set.define(kOfxPropTime, Read, [self.time]).define(
            kOfxImageEffectPropRenderScale,
            Read,
            [self.scale, self.scale],
        );
        set
    }

    /// Arguments of GetRegionOfDefinition, with the proposed region.
    pub fn region_of_definition(&self, proposal: OfxRectD) -> Arguments {
        let output = PropertySet::new();
        output.define(kOfxImageEffectPropRegionOfDefinition, Write, rect(proposal));
        self.arguments(self.set(), output)
    }

    /// Arguments of GetRegionsOfInterest; the region is also the proposal for each input.
    pub fn regions_of_interest(&self, region: OfxRectD, inputs: &[String]) -> Arguments {
        let set = self.set();
        set.define(kOfxImageEffectPropRegionOfInterest, Read, rect(region));
        let output = PropertySet::new();
        for name in inputs {
            output.define(&clip_property(c"OfxImageClipPropRoI_", name), Write, rect(region));
        }
        self.arguments(set, output)
    }

    /// Arguments of GetFramesNeeded; the current frame is the proposal for each input.
    pub fn frames_needed(&self, inputs: &[String]) -> Arguments {
        let output = PropertySet::new();
        for name in inputs {
            let range = [self.time, self.time];
            output.define(&clip_property(c"OfxImageClipPropFrameRange_", name), List, range);
        }
        self.arguments(self.set(), output)
    }

    /// Arguments of IsIdentity.
    pub fn is_identity(&self, window: OfxRectI) -> Arguments {
        let set = self.set();
        set.define_text(kOfxImageEffectPropFieldToRender, Read, &[kOfxImageFieldNone]).define(
            kOfxImageEffectPropRenderWindow,
            Read,
            [window.x1, window.y1, window.x2, window.y2],
        );
        let output = PropertySet::new();
        output.define_text(kOfxPropName, Write, &[c""]).define(kOfxPropTime, Write, [self.time]);
        self.arguments(set, output)
    }

    /// Arguments of Render, with the render window in pixels.
    pub fn render(&self, window: OfxRectI) -> Arguments {
        let set = self.set();
        set.define_text(kOfxImageEffectPropFieldToRender, Read, &[kOfxImageFieldNone])
            .define(kOfxImageEffectPropRenderWindow, Read, [window.x1, window.y1, window.x2, window.y2])
            .define(kOfxImageEffectPropSequentialRenderStatus, Read, [0])
            .define(kOfxImageEffectPropInteractiveRenderStatus, Read, [0])
            .define(kOfxImageEffectPropRenderQualityDraft, Read, [0]);
        for gpu in [kOfxImageEffectPropCudaEnabled, kOfxImageEffectPropOpenGLEnabled] {
            set.define(gpu, Read, [0]);
        }
        self.arguments(set, PropertySet::new())
    }

    fn arguments(&self, input: PropertySet, output: PropertySet) -> Arguments {
        Arguments { input: Some(input), output: Some(output), time: Some(self.time) }
    }
}

/// Arguments of BeginSequenceRender and EndSequenceRender.
pub fn sequence(first: f64, last: f64, scale: f64) -> Arguments {
    let set = PropertySet::new();
    set.define(kOfxImageEffectPropFrameRange, Read, [first, last])
        .define(kOfxImageEffectPropFrameStep, Read, [1.0])
        .define(kOfxPropIsInteractive, Read, [0])
        .define(kOfxImageEffectPropRenderScale, Read, [scale, scale])
        .define(kOfxImageEffectPropSequentialRenderStatus, Read, [0])
        .define(kOfxImageEffectPropInteractiveRenderStatus, Read, [0])
        .define(kOfxImageEffectPropCudaEnabled, Read, [0])
        .define(kOfxImageEffectPropOpenGLEnabled, Read, [0]);
    Arguments { input: Some(set), output: None, time: Some(first) }
}

/// Name of a property that exists once per clip: `prefix` followed by the clip's name.
pub fn clip_property(prefix: &CStr, clip: &str) -> std::ffi::CString {
    let mut name = prefix.to_bytes().to_vec();
    name.extend(clip.bytes());
    std::ffi::CString::new(name).unwrap_or_default()
}

fn rect(r: OfxRectD) -> [f64; 4] {
    [r.x1, r.y1, r.x2, r.y2]
}
