//! The arguments of actions, and the answers that go back beside the status.

use std::ffi::CString;

use openfx_sys::*;

use super::error::{Error, Result};
use super::formats::{ChangeReason, Components, Depth, Field, Premultiplication};
use super::geometry::{RectD, RectI};
use super::props::Props;
use super::text;

/// What to render.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderArgs {
    /// The frame, in the host's own numbers; may be fractional.
    pub time: f64,
    /// The pixels that are wanted. A host that does not say wants the whole output.
    pub window: Option<RectI>,
    /// Size against full size. Resolve, Fusion and Vegas send scales that do not fit their pictures: go by the size of
    /// the picture.
    pub scale: (f64, f64),
    /// Which lines of interlaced footage.
    pub field: Field,
    /// Whether frames are said to come in order.
    pub sequential: bool,
    /// Whether somebody is waiting in front of it.
    pub interactive: bool,
    /// Whether speed matters more than looks.
    pub draft: bool,
    /// Whether it is for a thumbnail.
    pub thumbnail: bool,
}

impl RenderArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("the arguments of a render"))?;
        // We never declare that we can do it. A host that tries anyway hands out
        // addresses of another device's memory.
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
        Ok(Self {
            time: time(&args)?,
            window: rect_i(&args),
            scale: scale(&args),
            field: args
                .string(kOfxImageEffectPropFieldToRender)
                .and_then(|word| Field::from_word(&word))
                .unwrap_or(Field::None),
            sequential: args.flag(kOfxImageEffectPropSequentialRenderStatus) == Some(true),
            interactive: args.flag(kOfxImageEffectPropInteractiveRenderStatus) == Some(true),
            draft: args.flag(kOfxImageEffectPropRenderQualityDraft) == Some(true),
            thumbnail: args.flag(kOfxImageEffectPropThumbnailRender) == Some(true),
        })
    }
}

/// The frame that a host asks about, before it renders it.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityArgs {
    /// The frame.
    pub time: f64,
    /// The pixels that are wanted.
    pub window: Option<RectI>,
    /// Size against full size.
    pub scale: (f64, f64),
}

impl IdentityArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("the arguments of an identity question"))?;
        Ok(Self { time: time(&args)?, window: rect_i(&args), scale: scale(&args) })
    }
}

/// "The output is that clip's picture at that time."
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The clip.
    pub clip: String,
    /// The time.
    pub time: f64,
}

impl Identity {
    pub(super) fn answer(&self, out: Option<Props<'_>>) -> Result<()> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        out.set_string(kOfxPropName, &self.clip)?;
        out.set_double(kOfxPropTime, self.time)
    }
}

/// The frame whose area a host asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionArgs {
    /// The frame.
    pub time: f64,
    /// Size against full size.
    pub scale: (f64, f64),
    /// The area of the output that is wanted, where the question is about inputs.
    pub wanted: Option<RectD>,
}

impl RegionArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Result<Self> {
        let args = args.ok_or(Error::MissingArgument("the arguments of a region question"))?;
        let side = |index| args.double_at(kOfxImageEffectPropRegionOfInterest, index);
        let wanted = (|| Some(RectD { x1: side(0)?, y1: side(1)?, x2: side(2)?, y2: side(3)? }))();
        Ok(Self { time: time(&args)?, scale: scale(&args), wanted: wanted.filter(RectD::is_usable) })
    }

    pub(super) fn answer(region: &RectD, out: Option<Props<'_>>) -> Result<()> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        out.set_doubles(kOfxImageEffectPropRegionOfDefinition, &[region.x1, region.y1, region.x2, region.y2])
    }
}

/// The areas of the inputs that a render needs.
pub struct RegionsOfInterest<'h> {
    out: Props<'h>,
    pub(super) answered: bool,
}

impl<'h> RegionsOfInterest<'h> {
    pub(super) fn new(out: Option<Props<'h>>) -> Result<Self> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        Ok(Self { out, answered: false })
    }

    /// A clip's area.
    ///
    /// # Errors
    /// [`Error::Host`] if the host does not know the clip.
    pub fn clip(&mut self, clip: &str, region: &RectD) -> Result<()> {
        let sides = [region.x1, region.y1, region.x2, region.y2];
        self.out.set_doubles(&of_clip("RoI", clip), &sides)?;
        self.answered = true;
        Ok(())
    }
}

/// The frames of the inputs that a render needs.
pub struct FramesNeeded<'h> {
    out: Props<'h>,
    pub(super) answered: bool,
}

impl<'h> FramesNeeded<'h> {
    pub(super) fn new(out: Option<Props<'h>>) -> Result<Self> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        Ok(Self { out, answered: false })
    }

    /// A clip's frames: ranges, ends included.
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

/// What the effect wishes of its clips. Hosts may refuse any of it.
pub struct ClipPreferences<'h> {
    out: Props<'h>,
    pub(super) answered: bool,
}

impl<'h> ClipPreferences<'h> {
    pub(super) fn new(out: Option<Props<'h>>) -> Result<Self> {
        let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
        Ok(Self { out, answered: false })
    }

    /// Layout of a clip.
    pub fn components(&mut self, clip: &str, components: Components) {
        self.answered |= self.out.offer_word(&of_clip("Components", clip), components.word());
    }

    /// Depth of a clip.
    pub fn depth(&mut self, clip: &str, depth: Depth) {
        self.answered |= self.out.offer_word(&of_clip("Depth", clip), depth.word());
    }

    /// The colour spaces in which a clip is welcome, best first.
    pub fn colourspaces(&mut self, clip: &str, names: &[&str]) {
        let property = of_clip("PreferredColourspaces", clip);
        let mut index = 0;
        for name in names {
            // A name that the host refuses makes room for the next.
            if self.out.set_word_at(&property, index, &text::to_c(name)).is_ok() {
                index += 1;
            }
        }
        self.answered |= index > 0;
    }

    /// What the output's alpha means.
    pub fn premultiplication(&mut self, alpha: Premultiplication) {
        self.answered |= self.out.offer_word(kOfxImageEffectPropPreMultiplication, alpha.word());
    }

    /// Whether the output differs from frame to frame even if nothing else does.
    pub fn frame_varying(&mut self, varying: bool) {
        self.answered |= self.out.offer_flag(kOfxImageEffectFrameVarying, varying);
    }

    /// Whether the output can be asked for between frames.
    pub fn continuous_samples(&mut self, continuous: bool) {
        self.answered |= self.out.offer_flag(kOfxImageClipPropContinuousSamples, continuous);
    }
}

/// A range of frames that the host is about to render, or has rendered. Not to be relied
/// on: some say one frame at a time, some say nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceArgs {
    /// First and last frame, if the host says.
    pub range: Option<(f64, f64)>,
    /// From frame to frame.
    pub step: f64,
    /// Size against full size.
    pub scale: (f64, f64),
    /// Whether somebody is waiting in front of it.
    pub interactive: bool,
}

impl SequenceArgs {
    pub(super) fn read(args: Option<Props<'_>>) -> Self {
        Self {
            range: args.and_then(|args| args.pair(kOfxImageEffectPropFrameRange)),
            step: args
                .and_then(|args| args.double(kOfxImageEffectPropFrameStep))
                .filter(|step| step.is_finite() && *step != 0.0)
                .unwrap_or(1.0),
            scale: args.map_or((1.0, 1.0), |args| scale(&args)),
            interactive: args.and_then(|args| args.flag(kOfxPropIsInteractive)) == Some(true),
        }
    }
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Parameter, clip, or something that the effect never heard of.
    pub kind: ChangeKind,
    /// Its name. Hosts send names that were never defined.
    pub name: String,
    /// Why.
    pub reason: ChangeReason,
    /// Where the play head is.
    pub time: f64,
}

/// What kind of thing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A parameter; of a button: it was pressed.
    Param,
    /// A clip: connected, disconnected, other footage.
    Clip,
    /// Anything else.
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
            time: args.double(kOfxPropTime).filter(|t| t.is_finite()).unwrap_or(0.0),
        })
    }
}

pub(super) fn read_reason(args: &Props<'_>) -> ChangeReason {
    args.string(kOfxPropChangeReason)
        .and_then(|word| ChangeReason::from_word(&word))
        // The careful reading: nothing may be fetched, no dialogue shown.
        .unwrap_or(ChangeReason::Plugin)
}

pub(super) fn answer_time_domain(domain: (f64, f64), out: Option<Props<'_>>) -> Result<()> {
    let out = out.ok_or(Error::MissingArgument("the answer's property set"))?;
    out.set_doubles(kOfxImageEffectPropFrameRange, &[domain.0, domain.1])
}

fn time(args: &Props<'_>) -> Result<f64> {
    args.double(kOfxPropTime).filter(|time| time.is_finite()).ok_or(Error::MissingArgument("the time"))
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

/// The name of a property that is about one clip: OpenFX appends the clip's name.
fn of_clip(what: &str, clip: &str) -> CString {
    text::to_c(&format!("OfxImageClipProp{what}_{clip}"))
}
