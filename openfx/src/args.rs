//! The arguments of actions, and the property sets that return their results.

use std::ffi::CString;

use openfx_sys::*;

use super::error::{Error, Result};
use super::formats::{ChangeReason, Components, Depth, Premultiplication};
use super::geometry::RectI;
use super::props::Props;
use super::text;

/// Arguments of the render action.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderArgs {
    /// Frame to render, in the host's frame numbers; may be fractional.
    pub time: f64,
    /// Render window in pixels. `None` if the host does not say: render the whole output.
    pub window: Option<RectI>,
    /// Render scale in x and y; 1 is full size. Resolve, Fusion and Vegas send scales that do not match their
    /// images, so rely on the image's size instead.
    pub scale: (f64, f64),
}

impl RenderArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("the arguments of a render"))?;
        // GPU rendering is never declared. A host that tries it anyway passes device pointers.
        for name in [
            kOfxImageEffectPropCudaEnabled,
            kOfxImageEffectPropMetalEnabled,
            kOfxImageEffectPropOpenCLEnabled,
            kOfxImageEffectPropOpenGLEnabled,
        ] {
            if args.flag(name) == Some(true) {
                return Err(Error::Unsupported("rendering in device memory".to_owned()));
            }
        }
        Ok(Self { time: time(&args)?, window: rect_i(&args), scale: scale(&args) })
    }
}

/// Arguments of the identity action, which a host sends before it renders a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityArgs {
    /// Frame, in the host's frame numbers; may be fractional.
    pub time: f64,
    /// Render window in pixels, if the host says.
    pub window: Option<RectI>,
    /// Render scale in x and y; 1 is full size.
    pub scale: (f64, f64),
}

impl IdentityArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("the arguments of an identity question"))?;
        Ok(Self { time: time(&args)?, window: rect_i(&args), scale: scale(&args) })
    }
}

/// Result of the identity action: the output equals that clip's image at that time.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Name of the clip.
    pub clip: String,
    /// Time at which to fetch the clip, in frames.
    pub time: f64,
}

impl Identity {
    pub(super) fn answer(&self, out: Option<Props<'_>>) -> Result<()> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        out.set_string(kOfxPropName, &self.clip)?;
        out.set_double(kOfxPropTime, self.time)
    }
}

/// Result of the frames-needed action.
pub struct FramesNeeded<'h> {
    out: Props<'h>,
    pub(super) answered: bool,
}

impl<'h> FramesNeeded<'h> {
    pub(super) fn new(out: Option<Props<'h>>) -> Result<Self> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        Ok(Self { out, answered: false })
    }

    /// Sets the frame ranges needed from a clip; both ends are included.
    ///
    /// # Errors
    /// [`Error::Host`] if the host does not know the clip.
    pub fn clip(&mut self, clip: &str, ranges: &[(f64, f64)]) -> Result<()> {
        let flat: Vec<f64> = ranges.iter().flat_map(|(first, last)| [*first, *last]).collect();
        self.out.set_doubles(&of_clip("FrameRange", clip), &flat)?;
        self.answered = true;
        Ok(())
    }
}

/// Clip preferences that the effect requests. The host may refuse any of them.
pub struct ClipPreferences<'h> {
    out: Props<'h>,
    pub(super) answered: bool,
}

impl<'h> ClipPreferences<'h> {
    pub(super) fn new(out: Option<Props<'h>>) -> Result<Self> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        Ok(Self { out, answered: false })
    }

    /// Requests the components of a clip.
    pub fn components(&mut self, clip: &str, components: Components) {
        self.answered |= self.out.offer_word(&of_clip("Components", clip), components.word());
    }

    /// Requests the bit depth of a clip.
    pub fn depth(&mut self, clip: &str, depth: Depth) {
        self.answered |= self.out.offer_word(&of_clip("Depth", clip), depth.word());
    }

    /// Requests the colour spaces that a clip accepts, preferred ones first.
    pub fn colourspaces(&mut self, clip: &str, names: &[&str]) {
        let property = of_clip("PreferredColourspaces", clip);
        let mut index = 0;
        for name in names {
            // The next name takes the index of a refused one.
            if self.out.set_word_at(&property, index, &text::to_c(name)).is_ok() {
                index += 1;
            }
        }
        self.answered |= index > 0;
    }

    /// Declares how the output's colours relate to its alpha.
    pub fn premultiplication(&mut self, alpha: Premultiplication) {
        self.answered |= self.out.offer_word(kOfxImageEffectPropPreMultiplication, alpha.word());
    }

    /// Declares whether the output differs from frame to frame even with constant inputs and parameters.
    pub fn frame_varying(&mut self, varying: bool) {
        self.answered |= self.out.offer_flag(kOfxImageEffectFrameVarying, varying);
    }
}

/// Arguments of the instance-changed action.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Kind of the object that changed.
    pub kind: ChangeKind,
    /// Name of the object that changed. Hosts may send names that were never defined.
    pub name: String,
    /// Who or what caused the change.
    pub reason: ChangeReason,
    /// Time at which it changed, in frames; usually the play head's position.
    pub time: f64,
}

/// Kind of object that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A parameter changed, or a push button was pressed.
    Param,
    /// A clip was connected, disconnected or given other footage.
    Clip,
    /// The host sent another type or none.
    Other,
}

impl Change {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("what changed"))?;
        let kind = args.string(kOfxPropType).unwrap_or_default();
        let is = |word: &std::ffi::CStr| kind.as_bytes() == word.to_bytes();
        Ok(Self {
            kind: if is(kOfxTypeParameter) || is(kOfxTypeParameterInstance) {
                ChangeKind::Param
            } else if is(kOfxTypeClip) {
                ChangeKind::Clip
            } else {
                ChangeKind::Other
            },
            name: args.string(kOfxPropName).unwrap_or_default(),
            reason: read_reason(&args),
            time: args.double(kOfxPropTime).filter(|time| is_plausible(*time)).unwrap_or(0.0),
        })
    }
}

fn read_reason(args: &Props<'_>) -> ChangeReason {
    args.string(kOfxPropChangeReason)
        .and_then(|word| ChangeReason::from_word(&word))
        // The conservative choice: no image may be fetched and no dialog shown.
        .unwrap_or(ChangeReason::Plugin)
}

/// Whether a time can be one of footage: finite, and small enough for arithmetic on frame numbers.
pub(crate) fn is_plausible(time: f64) -> bool {
    time.abs() < 1e12
}

fn time(args: &Props<'_>) -> Result<f64> {
    args.double(kOfxPropTime).filter(|time| is_plausible(*time)).ok_or(Error::MissingArgument("the time"))
}

fn scale(args: &Props<'_>) -> (f64, f64) {
    args.pair(kOfxImageEffectPropRenderScale)
        .filter(|scale| scale.0 > 0.0 && scale.1 > 0.0)
        .unwrap_or((1.0, 1.0))
}

fn rect_i(args: &Props<'_>) -> Option<RectI> {
    let side = |index| args.int_at(kOfxImageEffectPropRenderWindow, index);
    Some(RectI { x1: side(0)?, y1: side(1)?, x2: side(2)?, y2: side(3)? })
}

/// Name of a property that belongs to one clip: OpenFX appends the clip's name.
fn of_clip(what: &str, clip: &str) -> CString {
    text::to_c(&format!("OfxImageClipProp{what}_{clip}"))
}
