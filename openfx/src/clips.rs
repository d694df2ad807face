//! Clips: inputs and output, and what the host tells about them before an image is fetched.
//!
//! A host may not have a clip, and a connected clip may not have an image. Neither is an error here.

use std::ffi::CStr;
use std::ptr;

use openfx_sys::*;

use super::formats::{Components, Depth, Premultiplication};
use super::geometry::RectD;
use super::props::Props;
use super::suites::{Suites, call};
use super::text;

/// Longest plausible frame range, in frames (more than five hours). A longer range is a placeholder, such as
/// a day of time code.
const LONGEST: f64 = 5e5;
/// Frame number beyond which a range is none of footage; hosts use the limits of integers and floats for infinity. 24 hours at
/// 120 frames a second are 10 million frames.
const FARTHEST: f64 = 1e9;

/// A clip of an instance. It may not exist in the host.
#[derive(Clone, Copy)]
pub struct Clip<'h> {
    suites: &'h Suites,
    handle: OfxImageClipHandle,
    props: Option<Props<'h>>,
}

impl<'h> Clip<'h> {
    /// # Safety
    /// `effect` is an instance of the host whose suites these are, usable for `'h`, and this is the thread of
    /// the action that passed it.
    pub(super) unsafe fn find(suites: &'h Suites, effect: OfxImageEffectHandle, name: &str) -> Self {
        let name = text::to_c(name);
        let mut handle: OfxImageClipHandle = ptr::null_mut();
        let mut props: OfxPropertySetHandle = ptr::null_mut();
        // SAFETY: the caller guarantees a valid effect, the name ends with NUL, the
        // variables outlive the call.
        let status =
            unsafe { call!(suites.effect, clipGetHandle(effect, name.as_ptr(), &mut handle, &mut props)) };
        if status != kOfxStatOK || handle.is_null() {
            return Self { suites, handle: ptr::null_mut(), props: None };
        }
        if props.is_null() {
            // SAFETY: the handle is one that the host just returned.
            let status = unsafe { call!(suites.effect, clipGetPropertySet(handle, &mut props)) };
            if status != kOfxStatOK {
                props = ptr::null_mut();
            }
        }
        Self {
            suites,
            handle,
            // SAFETY: NULL or the set that the host just returned for this clip.
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

    /// Whether the host has this clip.
    pub fn exists(&self) -> bool {
        !self.handle.is_null()
    }

    /// Whether the clip is connected. `true` if the host does not say; Resolve always reports `true`. Fetch
    /// an image to be sure.
    pub fn connected(&self) -> bool {
        self.exists() && self.props.and_then(|props| props.flag(kOfxImageClipPropConnected)).unwrap_or(true)
    }

    /// First and last frame, as the host reports them.
    pub fn frame_range(&self) -> Option<(f64, f64)> {
        self.props?.pair(kOfxImageEffectPropFrameRange)
    }

    /// First and last frame, if plausible: in order, not longer than footage can be, and containing `time`.
    pub fn believable_frame_range(&self, time: f64) -> Option<(f64, f64)> {
        self.orderly_frame_range().filter(|(first, last)| (*first..=*last).contains(&time.round()))
    }

    /// First and last frame, if they could be those of footage but do not contain `time`: the time may be
    /// outside of the clip, or the range may use another numbering than the times. A range of a single frame
    /// is ignored, because some hosts report one when they do not know the length.
    pub fn frame_range_beside(&self, time: f64) -> Option<(f64, f64)> {
        self.orderly_frame_range()
            .filter(|(first, last)| first < last && !(*first..=*last).contains(&time.round()))
    }

    /// First frame of the clip, if plausible, even where the last one is not: the clip may be endless, or its
    /// length unknown and reported as a single frame.
    pub fn first_frame(&self) -> Option<f64> {
        let (first, _) = self.frame_range().filter(|(first, last)| first <= last)?;
        (first.abs() < FARTHEST).then_some(first)
    }

    fn orderly_frame_range(&self) -> Option<(f64, f64)> {
        self.frame_range()
            .filter(|(first, last)| first <= last && last - first < LONGEST && first.abs() < FARTHEST)
    }

    /// Bit depth of the clip's images, if it is a supported one.
    pub fn depth(&self) -> Option<Depth> {
        Depth::from_word(&self.string(kOfxImageEffectPropPixelDepth)?)
    }

    /// Components of the clip's images, if they are supported ones.
    pub fn components(&self) -> Option<Components> {
        Components::from_word(&self.string(kOfxImageEffectPropComponents)?)
    }

    /// How colours relate to alpha, if the host says.
    pub fn premultiplication(&self) -> Option<Premultiplication> {
        Premultiplication::from_word(&self.string(kOfxImageEffectPropPreMultiplication)?)
    }

    /// Pixel aspect ratio, width over height; 1 if unknown.
    pub fn pixel_aspect_ratio(&self) -> f64 {
        self.props
            .and_then(|props| props.double(kOfxImagePropPixelAspectRatio))
            .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
            .unwrap_or(1.0)
    }

    /// The colour space of the clip's images (OpenFX 1.5), if the host says. `OfxColourspace_` followed by a
    /// clip's name means the colour space of that clip; see [`Clip::same_colourspace_as`].
    pub fn colourspace(&self) -> Option<String> {
        self.string(kOfxImageClipPropColourspace).filter(|name| !name.is_empty())
    }

    /// Name of the clip whose colour space this clip shares, if the host says so.
    pub fn same_colourspace_as(&self) -> Option<String> {
        self.colourspace()?.strip_prefix("OfxColourspace_").map(str::to_owned)
    }

    /// Region of definition at a time, in canonical coordinates.
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
