//! Clips and the images fetched from them.

use std::ffi::{CStr, CString};
use std::sync::{Arc, Weak};

use openfx_sys::*;
use parking_lot::{Mutex, RwLock};

use super::canvas::{Canvas, Form, resize};
use super::effect::Effect;
use super::picture::{Picture, SharedPicture};
use super::props::Access::Read;
use super::props::PropertySet;
use super::registry::{self, Object, Slot};
use super::scope;
use super::session::{ColourManagement, Components, Depth, Outside, Settings};
use super::sets;
use super::status::SuiteResult;
use super::whole::{to_i32, to_u32};

/// The footage of a clip.
pub trait Feed: Send + Sync {
    /// The properties that all pictures share.
    fn facts(&self) -> Facts;

    /// Name of the pictures' colour space in the OpenFX 1.5 configuration.
    fn colourspace(&self) -> &'static CStr {
        kOfxColourspaceSrgbDisplay
    }

    /// Returns the picture with this number, from 1.
    ///
    /// # Errors
    /// An error message for the user.
    fn picture(&self, number: u32) -> Result<SharedPicture, String>;
}

/// Properties of a feed's pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// Number of pixels per row.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// Number of pictures in the clip.
    pub frames: u32,
    /// Frame rate in frames per second.
    pub fps: f64,
    /// Pixel aspect ratio, width over height.
    pub pixel_aspect: f64,
    /// Whether a sample has more than 8 bits.
    pub deep: bool,
    /// Whether there is an alpha channel.
    pub alpha: bool,
}

/// Format of a clip's images, as settled with GetClipPreferences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Format {
    /// Bit depth of a sample.
    pub depth: Depth,
    /// Components of a pixel.
    pub components: Components,
    /// How colours relate to alpha.
    pub alpha: AlphaMode,
}

/// How colours relate to alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlphaMode {
    /// There is no alpha, or it is 1 everywhere.
    Opaque,
    /// Colours are multiplied by alpha.
    Premultiplied,
    /// Colours are not multiplied by alpha.
    Straight,
}

impl AlphaMode {
    /// The OpenFX name of the mode.
    pub fn name(self) -> &'static CStr {
        match self {
            Self::Opaque => kOfxImageOpaque,
            Self::Premultiplied => kOfxImagePreMultiplied,
            Self::Straight => kOfxImageUnPreMultiplied,
        }
    }
}

impl Depth {
    /// The OpenFX name of the depth.
    pub fn name(self) -> &'static CStr {
        match self {
            Self::Float => kOfxBitDepthFloat,
            Self::Half => kOfxBitDepthHalf,
            Self::Short => kOfxBitDepthShort,
            Self::Byte => kOfxBitDepthByte,
        }
    }
}

impl Components {
    /// The OpenFX name of the components.
    pub fn name(self) -> &'static CStr {
        match self {
            Self::Rgba => kOfxImageComponentRGBA,
            Self::Rgb => kOfxImageComponentRGB,
        }
    }
}

/// A clip of a descriptor or an instance.
pub struct Clip {
    /// Handle of the clip.
    pub slot: Slot,
    /// Name of the clip.
    pub name: CString,
    /// Properties of the clip.
    pub props: Arc<PropertySet>,
    props_slot: Slot,
    /// The effect, if it is an instance.
    pub effect: RwLock<Weak<Effect>>,
    /// The clip's footage; `None` if it is not connected.
    pub feed: RwLock<Option<Arc<dyn Feed>>>,
    format: RwLock<Option<Format>>,
    /// For hosts without temporal access: the image currently lent out, which is returned for every time.
    lent: Mutex<(u32, Weak<Canvas>)>,
}

impl Clip {
    /// A clip of a descriptor.
    pub fn describing(name: &CStr) -> Arc<Self> {
        Self::build(name, sets::clip(name), None)
    }

    /// A copy of a clip, for DescribeInContext or for an instance.
    pub fn copy(description: &Self, feed: Option<Arc<dyn Feed>>) -> Arc<Self> {
        Self::build(&description.name, description.props.duplicate(), feed)
    }

    fn build(name: &CStr, props: PropertySet, feed: Option<Arc<dyn Feed>>) -> Arc<Self> {
        let clip = Arc::new(Self {
            slot: Slot::default(),
            name: name.to_owned(),
            props: Arc::new(props),
            props_slot: Slot::default(),
            effect: RwLock::default(),
            feed: RwLock::new(feed),
            format: RwLock::default(),
            lent: Mutex::default(),
        });
        clip.slot.fill(Object::Clip(clip.clone()));
        clip.props_slot.fill(Object::Props(clip.props.clone()));
        clip
    }

    /// Handle of the clip's properties.
    pub fn props_pointer(&self) -> OfxPropertySetHandle {
        self.props_slot.pointer()
    }

    /// The name as UTF-8.
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// Whether this is the output clip.
    pub fn is_output(&self) -> bool {
        *self.name == *kOfxImageEffectOutputClipName
    }

    /// Whether the clip is optional.
    pub fn is_optional(&self) -> bool {
        self.props.first(kOfxImageClipPropOptional) == Some(1)
    }

    /// Invalidates all handles.
    pub fn retire(&self) {
        self.props_slot.clear();
        self.slot.clear();
    }

    /// Sets the properties of a connected clip, from its feed or, for the output, from the main clip's.
    pub fn connect(&self, facts: Option<Facts>, first_frame: i32) {
        let connected = i32::from(self.feed.read().is_some() || self.is_output());
        let deep = facts.is_some_and(|facts| facts.deep);
        let alpha = facts.is_some_and(|facts| facts.alpha);
        let (mut first, mut last) = (0.0, 0.0);
        if let Some(facts) = facts {
            first = f64::from(first_frame);
            last = first + f64::from(facts.frames) - 1.0;
        }
        let fps = facts.map_or(25.0, |facts| facts.fps);
        let depth = if deep { kOfxBitDepthShort } else { kOfxBitDepthByte };
        let components = if alpha { kOfxImageComponentRGBA } else { kOfxImageComponentRGB };
        self.props
            .define(kOfxImageClipPropConnected, Read, [connected])
            .define_text(kOfxImageClipPropUnmappedPixelDepth, Read, &[depth])
            .define_text(kOfxImageClipPropUnmappedComponents, Read, &[components])
            .define_text(kOfxImageEffectPropPixelDepth, Read, &[kOfxBitDepthNone])
            .define_text(kOfxImageEffectPropComponents, Read, &[kOfxImageComponentNone])
            .define_text(kOfxImageEffectPropPreMultiplication, Read, &[kOfxImageOpaque])
            .define(kOfxImagePropPixelAspectRatio, Read, [facts.map_or(1.0, |facts| facts.pixel_aspect)])
            .define(kOfxImageEffectPropFrameRate, Read, [fps])
            .define(kOfxImageEffectPropFrameRange, Read, [first, last])
            .define(kOfxImageEffectPropUnmappedFrameRange, Read, [first, last])
            .define(kOfxImageEffectPropUnmappedFrameRate, Read, [fps])
            .define_text(kOfxImageClipPropFieldOrder, Read, &[kOfxImageFieldNone])
            .define(kOfxImageClipPropContinuousSamples, Read, [0])
            .define_text(kOfxImageClipPropColourspace, Read, &[c""]);
    }

    /// Colour space of the clip's pictures: that of the settings, or else that of its feed.
    pub fn own_colourspace(&self, settings: &Settings) -> Option<CString> {
        let feed = self.feed.read();
        let feed = feed.as_ref()?;
        Some(match &settings.colour {
            ColourManagement::Off => return None,
            ColourManagement::Named(name) => CString::new(name.as_str()).unwrap_or_default(),
            ColourManagement::Files => feed.colourspace().to_owned(),
        })
    }

    /// Sets the property with the colour space of the images.
    pub fn set_colourspace(&self, name: CString) {
        self.props.assign(kOfxImageClipPropColourspace, [name]);
    }

    /// The format of the images, once it is settled.
    pub fn format(&self) -> Option<Format> {
        *self.format.read()
    }

    /// Sets the format of the images.
    pub fn set_format(&self, format: Format) {
        *self.format.write() = Some(format);
        let text = |text: &CStr| [text.to_owned()];
        self.props.assign(kOfxImageEffectPropPixelDepth, text(format.depth.name()));
        self.props.assign(kOfxImageEffectPropComponents, text(format.components.name()));
        self.props.assign(kOfxImageEffectPropPreMultiplication, text(format.alpha.name()));
    }

    /// Region of definition in canonical coordinates.
    pub fn region(&self, effect: &Effect) -> OfxRectD {
        let settings = &effect.session.settings;
        let facts = self.feed.read().as_ref().map(|feed| feed.facts()).or(effect.main_facts());
        let Some(facts) = facts else {
            return OfxRectD { x1: 0.0, y1: 0.0, x2: 0.0, y2: 0.0 };
        };
        let (x, y) = (f64::from(settings.origin.0), f64::from(settings.origin.1));
        OfxRectD {
            x1: x * facts.pixel_aspect,
            y1: y,
            x2: (x + f64::from(facts.width)) * facts.pixel_aspect,
            y2: y + f64::from(facts.height),
        }
    }

    /// Fetches the image at a time for the plugin.
    ///
    /// # Errors
    /// The status for the plugin.
    pub fn fetch(&self, time: f64) -> SuiteResult<OfxPropertySetHandle> {
        let effect = self.effect.read().upgrade().ok_or(kOfxStatErrBadHandle)?;
        let Some(scope) = scope::current().filter(|scope| Arc::ptr_eq(&scope.effect, &effect)) else {
            effect.session.complain("it fetched an image outside of an action or on a thread of its own");
            return Err(kOfxStatFailed);
        };
        if !time.is_finite() {
            return Err(kOfxStatErrValue);
        }
        if self.is_output() {
            let canvas = effect.output_at(time).ok_or(kOfxStatFailed)?;
            return Ok(Image::hand_out(&effect, self, canvas, time));
        }
        let feed = self.feed.read().clone().ok_or(kOfxStatFailed)?;
        let settings = &effect.session.settings;
        let time = if settings.temporal { time } else { scope.time.unwrap_or(time) };
        let facts = feed.facts();
        let canvas = match number(time, facts.frames, settings) {
            FrameAt::Frame(number) => self.frame(&effect, feed.as_ref(), number)?,
            FrameAt::Black => Arc::new(self.canvas(&effect, facts, None)?),
            FrameAt::Nowhere => return Err(kOfxStatFailed),
        };
        Ok(Image::hand_out(&effect, self, canvas, time))
    }

    /// A frame as an image. Without temporal access, the same image as long as any is held.
    fn frame(&self, effect: &Effect, feed: &dyn Feed, number: u32) -> SuiteResult<Arc<Canvas>> {
        let paint = || {
            let picture = feed.picture(number).map_err(|sentence| {
                effect.fail(sentence);
                kOfxStatFailed
            })?;
            Ok(Arc::new(self.canvas(effect, feed.facts(), Some(&picture))?))
        };
        if effect.session.settings.temporal {
            return paint();
        }
        let mut lent = self.lent.lock();
        if lent.0 == number
            && let Some(canvas) = lent.1.upgrade()
        {
            return Ok(canvas);
        }
        let canvas = paint()?;
        *lent = (number, Arc::downgrade(&canvas));
        Ok(canvas)
    }

    /// Converts a picture of the feed to an image at the render scale.
    fn canvas(&self, effect: &Effect, facts: Facts, picture: Option<&Picture>) -> SuiteResult<Canvas> {
        let format = self.format().ok_or(kOfxStatFailed)?;
        let settings = &effect.session.settings;
        let scaled = |pixels: u32| to_u32((f64::from(pixels) * settings.scale).round()).max(1);
        let (width, height) = (scaled(facts.width), scaled(facts.height));
        let (x1, y1) =
            (shifted(settings.origin.0, settings.scale), shifted(settings.origin.1, settings.scale));
        let canvas = Canvas::new(Form {
            depth: format.depth,
            components: format.components,
            bounds: OfxRectI { x1, y1, x2: x1 + width.cast_signed(), y2: y1 + height.cast_signed() },
            row_bytes: settings.row_bytes,
            premultiplied: format.alpha == AlphaMode::Premultiplied,
        })
        .ok_or(kOfxStatErrMemory)?;
        match picture {
            Some(picture) => canvas.paint(&resize(picture, width, height)),
            None => canvas.black(),
        }
        Ok(canvas)
    }
}

/// Converts a canonical coordinate to pixels at the render scale.
pub fn shifted(coordinate: i32, scale: f64) -> i32 {
    to_i32((f64::from(coordinate) * scale).round())
}

enum FrameAt {
    Frame(u32),
    Black,
    Nowhere,
}

fn number(time: f64, frames: u32, settings: &Settings) -> FrameAt {
    let whole = if settings.truncates_times { time.floor() } else { time.round() };
    let index = whole - f64::from(settings.first_frame);
    let last = f64::from(frames) - 1.0;
    match settings.outside {
        _ if (0.0..=last).contains(&index) => FrameAt::Frame(to_u32(index) + 1),
        Outside::Null => FrameAt::Nowhere,
        Outside::Hold => FrameAt::Frame(to_u32(index.clamp(0.0, last)) + 1),
        Outside::Black => FrameAt::Black,
    }
}

/// An image that the plugin has fetched and not yet released.
pub struct Image {
    /// Properties of the image; their handle is also the image's.
    pub props: Arc<PropertySet>,
    canvas: Arc<Canvas>,
    effect: Weak<Effect>,
    clip: String,
}

impl Image {
    fn hand_out(effect: &Arc<Effect>, clip: &Clip, canvas: Arc<Canvas>, time: f64) -> OfxPropertySetHandle {
        let props = properties(effect, clip, &canvas, time);
        let image =
            Self { props: Arc::new(props), canvas, effect: Arc::downgrade(effect), clip: clip.name() };
        effect.count_image(&image.clip, 1);
        let registered = registry::register(Object::Image(Arc::new(image)));
        let pointer = registered.pointer();
        effect.remember_image(registry::keep(registered));
        pointer
    }

    /// Releases an image for the plugin.
    ///
    /// # Errors
    /// `kOfxStatErrBadHandle` if it is not an image, or already released.
    pub fn release(handle: OfxPropertySetHandle) -> SuiteResult<()> {
        let image = registry::take(handle, |object| match object {
            Object::Image(image) => Some(image.clone()),
            _ => None,
        });
        let image = match image {
            Ok(image) => image,
            Err(status) => {
                if let Some(scope) = scope::current() {
                    scope
                        .effect
                        .session
                        .complain("it released an image twice, or something that is no image");
                }
                return Err(status);
            }
        };
        if let Some(effect) = image.effect.upgrade() {
            effect.count_image(&image.clip, -1);
            effect.forget_image(handle.addr());
            if !image.canvas.guards_are_whole() {
                effect
                    .session
                    .complain(format!("it wrote outside of the rows of an image of {}", image.clip));
            }
        }
        Ok(())
    }
}

fn properties(effect: &Effect, clip: &Clip, canvas: &Canvas, time: f64) -> PropertySet {
    let set = PropertySet::new();
    let form = &canvas.form;
    let bounds = [form.bounds.x1, form.bounds.y1, form.bounds.x2, form.bounds.y2];
    let alpha = clip.format().map_or(AlphaMode::Opaque, |format| format.alpha);
    let scale = effect.session.settings.scale;
    let identity = CString::new(format!("{}@{time}", clip.name())).unwrap_or_default();
    set.define_text(kOfxPropType, Read, &[kOfxTypeImage])
        .define_text(kOfxImageEffectPropPixelDepth, Read, &[form.depth.name()])
        .define_text(kOfxImageEffectPropComponents, Read, &[form.components.name()])
        .define_text(kOfxImageEffectPropPreMultiplication, Read, &[alpha.name()])
        .define(kOfxImageEffectPropRenderScale, Read, [scale, scale])
        .define(kOfxImagePropPixelAspectRatio, Read, [effect.pixel_aspect()])
        .define(kOfxImagePropData, Read, [canvas.data().expose_provenance()])
        .define(kOfxImagePropBounds, Read, bounds)
        .define(kOfxImagePropRegionOfDefinition, Read, bounds)
        .define(kOfxImagePropRowBytes, Read, [canvas.row_bytes()])
        .define_text(kOfxImagePropField, Read, &[kOfxImageFieldNone])
        .define_text(kOfxImagePropUniqueIdentifier, Read, &[&identity]);
    set
}
