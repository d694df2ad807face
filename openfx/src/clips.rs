//! Clips: where pictures come from and go to, and what is known of them beforehand.
//!
//! A clip may be missing altogether, and a connected one may have nothing to give; none
//! of that is an error here.

use std::ffi::CStr;
use std::ptr;

use openfx_sys::*;

use super::formats::{Components, Depth, Field, Premultiplication};
use super::geometry::RectD;
use super::props::Props;
use super::suites::{Suites, call};
use super::text;

/// Frames of six hours and more: longer than a shot, so a frame range beyond it is a placeholder, such as a day of
/// time code.
const LONGEST: f64 = 5e5;

/// A clip of an instance, or the lack of one.
#[derive(Clone, Copy)]
pub struct Clip<'h> {
    suites: &'h Suites,
    handle: OfxImageClipHandle,
    props: Option<Props<'h>>,
}

impl<'h> Clip<'h> {
    /// # Safety
    /// `effect` is an instance of the host whose suites these are, usable for `'h`, and
    /// this is the thread of the action that brought it.
    pub(super) unsafe fn find(suites: &'h Suites, effect: OfxImageEffectHandle, name: &str) -> Self {
        let name = text::to_c(name);
        let mut handle: OfxImageClipHandle = ptr::null_mut();
        let mut props: OfxPropertySetHandle = ptr::null_mut();
        // SAFETY: the caller vouches for the effect, the name ends with NUL, the
        // variables outlive the call.
        let status =
            unsafe { call!(suites.effect, clipGetHandle(effect, name.as_ptr(), &mut handle, &mut props)) };
        if status != kOfxStatOK || handle.is_null() {
            return Self { suites, handle: ptr::null_mut(), props: None };
        }
        if props.is_null() {
            // SAFETY: the handle is one that the host just handed out.
            let status = unsafe { call!(suites.effect, clipGetPropertySet(handle, &mut props)) };
            if status != kOfxStatOK {
                props = ptr::null_mut();
            }
        }
        Self {
            suites,
            handle,
            // SAFETY: NULL or the set that the host just handed out for this clip.
            props: unsafe { Props::new(suites, props) },
        }
    }

    pub(super) fn suites(&self) -> &'h Suites {
        self.suites
    }

    /// NULL if the host has no such clip.
    pub(super) fn raw(&self) -> OfxImageClipHandle {
        self.handle
    }

    /// Whether the host knows such a clip at all.
    pub fn exists(&self) -> bool {
        !self.handle.is_null()
    }

    /// Whether something is plugged in, as far as the host tells: Resolve says yes of
    /// everything, and silence is taken for a yes. A missing picture is the proof.
    pub fn connected(&self) -> bool {
        self.exists() && self.props.and_then(|props| props.flag(kOfxImageClipPropConnected)).unwrap_or(true)
    }

    /// First and last frame, as the host says.
    pub fn frame_range(&self) -> Option<(f64, f64)> {
        self.props?.pair(kOfxImageEffectPropFrameRange)
    }

    /// First and last frame, where the host can be believed: in order, of a length that
    /// footage has, and around the time that is being asked for.
    pub fn believable_frame_range(&self, time: f64) -> Option<(f64, f64)> {
        self.orderly_frame_range().filter(|(first, last)| (*first..=*last).contains(&time.round()))
    }

    /// First and last frame, where they could be those of footage and the time lies beside
    /// them: the time may be outside of the clip, or the range in other numbers than the
    /// times. A single frame is what some hosts say who do not know.
    pub fn frame_range_beside(&self, time: f64) -> Option<(f64, f64)> {
        self.orderly_frame_range()
            .filter(|(first, last)| first < last && !(*first..=*last).contains(&time.round()))
    }

    /// First frame of the clip where that much is to be believed, whatever the host says of the
    /// last one: a clip without an end, or a single frame where the length is not known.
    pub fn first_frame(&self) -> Option<f64> {
        let (first, _) = self.frame_range().filter(|(first, last)| first <= last)?;
        (first.abs() < LONGEST).then_some(first)
    }

    fn orderly_frame_range(&self) -> Option<(f64, f64)> {
        self.frame_range().filter(|(first, last)| first <= last && last - first < LONGEST)
    }

    /// Frames a second, if known.
    pub fn frame_rate(&self) -> Option<f64> {
        self.props?.double(kOfxImageEffectPropFrameRate).filter(|rate| rate.is_finite() && *rate > 0.0)
    }

    /// Depth of the pictures to expect, if it is one of ours.
    pub fn depth(&self) -> Option<Depth> {
        Depth::from_word(&self.string(kOfxImageEffectPropPixelDepth)?)
    }

    /// Layout of the pictures to expect, if it is one of ours.
    pub fn components(&self) -> Option<Components> {
        Components::from_word(&self.string(kOfxImageEffectPropComponents)?)
    }

    /// Layout of the footage before the host converted it.
    pub fn unmapped_components(&self) -> Option<Components> {
        Components::from_word(&self.string(kOfxImageClipPropUnmappedComponents)?)
    }

    /// What alpha means, if the host says so.
    pub fn premultiplication(&self) -> Option<Premultiplication> {
        Premultiplication::from_word(&self.string(kOfxImageEffectPropPreMultiplication)?)
    }

    /// Width of a pixel over its height; 1 where unknown.
    pub fn pixel_aspect_ratio(&self) -> f64 {
        self.props
            .and_then(|props| props.double(kOfxImagePropPixelAspectRatio))
            .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
            .unwrap_or(1.0)
    }

    /// Which lines come first, if the footage is interlaced.
    pub fn field_order(&self) -> Option<Field> {
        Field::from_word(&self.string(kOfxImageClipPropFieldOrder)?)
    }

    /// The colour space that the host says the pictures are in (OpenFX 1.5). `OfxColourspace_` before a clip's name
    /// stands for that clip's, see [`Clip::same_colourspace_as`].
    pub fn colourspace(&self) -> Option<String> {
        self.string(kOfxImageClipPropColourspace).filter(|name| !name.is_empty())
    }

    /// The clip whose colour space this clip's is said to be.
    pub fn same_colourspace_as(&self) -> Option<String> {
        self.colourspace()?.strip_prefix("OfxColourspace_").map(str::to_owned)
    }

    /// The area that has pixels at a time, in canonical coordinates.
    pub fn region_of_definition(&self, time: f64) -> Option<RectD> {
        if !self.exists() {
            return None;
        }
        let mut region = OfxRectD { x1: f64::NAN, y1: f64::NAN, x2: f64::NAN, y2: f64::NAN };
        // SAFETY: the clip is usable (type invariant), the variable outlives the call.
        let status =
            unsafe { call!(self.suites.effect, clipGetRegionOfDefinition(self.handle, time, &mut region)) };
        let region = RectD::from(region);
        (status == kOfxStatOK && region.is_usable()).then_some(region)
    }

    fn string(&self, name: &CStr) -> Option<String> {
        self.props?.string(name)
    }
}
