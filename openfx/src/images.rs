//! Pictures of the host's, borrowed and given back exactly once on every path.
//!
//! Rows are slices; where they lie is computed in 64 bits with a signed stride, because
//! rows may be padded and may run downwards in memory. Everything is checked when the
//! picture is fetched, so that reading a row can only fail by asking for one outside.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::{self, NonNull};

use openfx_sys::*;

use super::clips::Clip;
use super::error::{Error, Result};
use super::formats::{Components, Depth, Field, Premultiplication};
use super::geometry::RectI;
use super::props::Props;
use super::suites::{Suites, call};

/// Which memory is lent out during an action, so that a picture that is written never
/// shares any with one that is read, even if the host hands out the same one twice.
#[derive(Default)]
pub(super) struct OpenImages {
    lent: RefCell<Vec<Lent>>,
}

struct Lent {
    memory: Range<usize>,
    writable: bool,
}

impl OpenImages {
    fn lend(&self, memory: &Range<usize>, writable: bool) -> Result<()> {
        let mut lent = self.lent.borrow_mut();
        let taken = lent.iter().any(|other| {
            (writable || other.writable) && other.memory.start < memory.end && memory.start < other.memory.end
        });
        if taken {
            return Err(Error::ImageFormat("the host's input and output share their memory".to_owned()));
        }
        lent.push(Lent { memory: memory.clone(), writable });
        Ok(())
    }

    fn give_back(&self, memory: &Range<usize>, writable: bool) {
        let mut lent = self.lent.borrow_mut();
        let index = lent.iter().position(|other| other.memory == *memory && other.writable == writable);
        if let Some(index) = index {
            lent.swap_remove(index);
        }
    }
}

/// Gives a picture back to the host when it is dropped, on the paths where it turns out
/// to be unusable as well.
struct Held<'h> {
    suites: &'h Suites,
    props: Props<'h>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: fetched from this host and not released before, since only this
        // value does that.
        let status = unsafe { call!(self.suites.effect, clipReleaseImage(self.props.handle())) };
        if status != kOfxStatOK {
            log::debug!("the host did not take an image back (status {status})");
        }
    }
}

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageInfo {
    /// Which pixels it has, in the coordinates of the render window.
    pub bounds: RectI,
    /// Bytes from one row to the next one up; negative if rows run downwards in memory.
    pub row_bytes: i64,
    /// How a component is stored.
    pub depth: Depth,
    /// What a pixel is made of.
    pub components: Components,
    /// What alpha means, if the host says so.
    pub premultiplication: Option<Premultiplication>,
    /// Size against full size. Missing, or wrong, in thumbnails.
    pub render_scale: Option<(f64, f64)>,
    /// Width of a pixel over its height; 1 where unknown.
    pub pixel_aspect_ratio: f64,
    /// Which lines of interlaced footage it has.
    pub field: Option<Field>,
    /// The host's name for its content, if it gives one.
    pub identifier: Option<String>,
}

impl ImageInfo {
    /// Bytes of one pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.depth.bytes() * self.components.count()
    }

    /// Bytes of one row, without padding.
    pub fn row_len(&self) -> usize {
        self.bounds.width() * self.pixel_bytes()
    }

    fn read(props: Props<'_>) -> Result<Self> {
        let side = |index| {
            props
                .int_at(kOfxImagePropBounds, index)
                .ok_or_else(|| Error::ImageFormat("a picture without bounds".to_owned()))
        };
        let word = |name, what: &str| {
            props.string(name).ok_or_else(|| Error::ImageFormat(format!("a picture without {what}")))
        };
        let bounds = RectI { x1: side(0)?, y1: side(1)?, x2: side(2)?, y2: side(3)? };
        let depth = word(kOfxImageEffectPropPixelDepth, "depth")?;
        let components = word(kOfxImageEffectPropComponents, "components")?;
        let info = Self {
            bounds,
            row_bytes: props
                .int(kOfxImagePropRowBytes)
                .ok_or_else(|| Error::ImageFormat("a picture without row bytes".to_owned()))?
                .into(),
            depth: Depth::from_word(&depth).ok_or(Error::ImageFormat(depth))?,
            components: Components::from_word(&components).ok_or(Error::ImageFormat(components))?,
            premultiplication: props
                .string(kOfxImageEffectPropPreMultiplication)
                .and_then(|word| Premultiplication::from_word(&word)),
            render_scale: props
                .pair(kOfxImageEffectPropRenderScale)
                .filter(|scale| scale.0 > 0.0 && scale.1 > 0.0),
            pixel_aspect_ratio: props
                .double(kOfxImagePropPixelAspectRatio)
                .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
                .unwrap_or(1.0),
            field: props.string(kOfxImagePropField).and_then(|word| Field::from_word(&word)),
            identifier: props.string(kOfxImagePropUniqueIdentifier),
        };
        // Rows that reach into each other cannot be lent as separate slices.
        let row_len = info.row_len() as u64;
        if info.bounds.height() > 1 && info.row_bytes.unsigned_abs() < row_len {
            return Err(Error::ImageFormat(format!(
                "rows of {row_len} bytes every {} bytes",
                info.row_bytes
            )));
        }
        Ok(info)
    }
}

/// The pixels of a picture: where they are, checked.
struct Pixels<'h> {
    info: ImageInfo,
    /// The first pixel of row `bounds.y1`.
    data: NonNull<u8>,
    memory: Range<usize>,
    writable: bool,
    open: &'h OpenImages,
    // Dropped last, after the loan is struck off.
    _held: Held<'h>,
}

impl<'h> Pixels<'h> {
    fn fetch(clip: &Clip<'h>, time: f64, open: &'h OpenImages, writable: bool) -> Result<Option<Self>> {
        if !clip.exists() || !time.is_finite() {
            return Ok(None);
        }
        let suites = clip.suites();
        let mut handle: OfxPropertySetHandle = ptr::null_mut();
        // SAFETY: the clip is usable and this is the thread of its action (type
        // invariants); a NULL region asks for all; the variable outlives the call.
        let status =
            unsafe { call!(suites.effect, clipGetImage(clip.raw(), time, ptr::null(), &mut handle)) };
        if status == kOfxStatErrMemory {
            return Err(Error::Memory("for a picture of the host's".to_owned()));
        }
        if status != kOfxStatOK {
            // The handle of a failed call means nothing, and is not to be given back.
            return Ok(None);
        }
        // SAFETY: NULL or the picture that the host just lent.
        let Some(props) = (unsafe { Props::new(suites, handle) }) else {
            return Ok(None);
        };
        let held = Held { suites, props };
        // Before anything else is asked of it: MLT lends a set without a single property where no clip is fed.
        let data = props.pointer(kOfxImagePropData).and_then(NonNull::<c_void>::new);
        let Some(data) = data else {
            return Ok(None);
        };
        let info = ImageInfo::read(props)?;
        let memory = memory(&info, data)?;
        open.lend(&memory, writable)?;
        Ok(Some(Self { info, data: data.cast(), memory, writable, open, _held: held }))
    }

    /// Where row `y` begins, if the picture has it.
    fn row(&self, y: i32) -> Option<NonNull<u8>> {
        let bounds = &self.info.bounds;
        if y < bounds.y1 || y >= bounds.y2 || bounds.is_empty() {
            return None;
        }
        let offset = (i64::from(y) - i64::from(bounds.y1)) * self.info.row_bytes;
        let offset = isize::try_from(offset).ok()?;
        // SAFETY: `memory` checked that every row of the bounds lies within the address
        // space, and the host says that it lies within the picture.
        Some(unsafe { self.data.offset(offset) })
    }
}

impl Drop for Pixels<'_> {
    fn drop(&mut self) {
        self.open.give_back(&self.memory, self.writable);
    }
}

/// More bytes than any picture has; beyond it the bounds or the stride are wild.
const LARGEST: i128 = 1 << 40;

/// The addresses that a picture covers.
fn memory(info: &ImageInfo, data: NonNull<c_void>) -> Result<Range<usize>> {
    let wild = || Error::ImageFormat("a picture that does not fit into memory".to_owned());
    let start = data.as_ptr().addr();
    if info.bounds.is_empty() {
        return Ok(start..start);
    }
    let rows = i128::from(info.bounds.height() as u64);
    let last = i128::from(start as u64) + (rows - 1) * i128::from(info.row_bytes);
    let row_len = i128::from(info.row_len() as u64);
    let low = last.min(i128::from(start as u64));
    let high = last.max(i128::from(start as u64)) + row_len;
    if low < 0 || high - low > LARGEST {
        return Err(wild());
    }
    let low = usize::try_from(low).map_err(|_| wild())?;
    let high = usize::try_from(high).map_err(|_| wild())?;
    Ok(low..high)
}

/// A picture to read.
pub struct Image<'h>(Pixels<'h>);

impl<'h> Image<'h> {
    pub(super) fn fetch(clip: &Clip<'h>, time: f64, open: &'h OpenImages) -> Result<Option<Self>> {
        Ok(Pixels::fetch(clip, time, open, false)?.map(Self))
    }

    /// What is known of it.
    pub fn info(&self) -> &ImageInfo {
        &self.0.info
    }

    /// Where its pixels are. Two times with the same address are the same picture: a
    /// host without temporal access, whatever it says.
    pub fn address(&self) -> usize {
        self.0.data.as_ptr().addr()
    }

    /// The pixels of a row, without padding; `None` outside the bounds.
    pub fn row(&self, y: i32) -> Option<&[u8]> {
        let row = self.0.row(y)?;
        // SAFETY: a row of the picture, all of it inside (see `Pixels::row`), lent to us
        // until we give it back, and no part of it is lent for writing (`OpenImages`).
        Some(unsafe { std::slice::from_raw_parts(row.as_ptr(), self.0.info.row_len()) })
    }

    /// All pixels, packed, the bottom row first.
    pub fn to_vec(&self) -> Vec<u8> {
        let bounds = self.0.info.bounds;
        let mut packed = Vec::with_capacity(self.0.info.row_len() * bounds.height());
        for row in (bounds.y1..bounds.y2).filter_map(|y| self.row(y)) {
            packed.extend_from_slice(row);
        }
        packed
    }
}

/// The picture to write. Its pixels are whatever was in memory before.
pub struct OutputImage<'h>(Pixels<'h>);

impl<'h> OutputImage<'h> {
    pub(super) fn fetch(clip: &Clip<'h>, time: f64, open: &'h OpenImages) -> Result<Self> {
        Pixels::fetch(clip, time, open, true)?
            .map(Self)
            .ok_or_else(|| Error::failed("the host gave no picture to render into"))
    }

    /// What is known of it.
    pub fn info(&self) -> &ImageInfo {
        &self.0.info
    }

    /// The pixels of a row, without padding; `None` outside the bounds.
    pub fn row_mut(&mut self, y: i32) -> Option<&mut [u8]> {
        let row = self.0.row(y)?;
        // SAFETY: as in `Image::row`; nothing else is lent that shares this memory
        // (`OpenImages`), and `&mut self` keeps two rows from being out at once.
        Some(unsafe { std::slice::from_raw_parts_mut(row.as_ptr(), self.0.info.row_len()) })
    }
}
