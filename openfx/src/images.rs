//! The host's images: fetched, checked, and released exactly once on every path.
//!
//! Rows are slices. Their addresses are computed in 64 bits with a signed stride, because rows may be padded
//! and may run downwards in memory. Everything is checked when the image is fetched, so reading a row can
//! only fail outside the bounds.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::{self, NonNull};

use openfx_sys::*;

use super::clips::Clip;
use super::error::{Error, Result};
use super::formats::{Components, Depth, Premultiplication};
use super::geometry::RectI;
use super::props::Props;
use super::suites::{Suites, call};

/// The memory of the images fetched in this action. Ensures that the output never shares memory with an open
/// input, even if the host returns the same image twice.
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

/// Releases an image on drop, also if the image turns out to be unusable.
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

/// Properties of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageInfo {
    /// Bounds in pixels, in the coordinates of the render window.
    pub bounds: RectI,
    /// Stride: bytes from one row to the next one up; negative if rows run downwards in memory.
    pub row_bytes: i64,
    /// Bit depth of a component.
    pub depth: Depth,
    /// Components of a pixel.
    pub components: Components,
    /// How colours relate to alpha, if the host says.
    pub premultiplication: Option<Premultiplication>,
    /// Pixel aspect ratio, width over height; 1 if unknown.
    pub pixel_aspect_ratio: f64,
}

impl ImageInfo {
    /// Size of a pixel in bytes.
    pub fn pixel_bytes(&self) -> usize {
        self.depth.bytes() * self.components.count()
    }

    /// Size of a row in bytes, without padding.
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
            pixel_aspect_ratio: props
                .double(kOfxImagePropPixelAspectRatio)
                .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
                .unwrap_or(1.0),
        };
        // Overlapping rows cannot be lent as separate slices.
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

/// The checked pixel memory of an image.
struct Pixels<'h> {
    info: ImageInfo,
    /// First pixel of row `bounds.y1`.
    data: NonNull<u8>,
    memory: Range<usize>,
    writable: bool,
    open: &'h OpenImages,
    // Released last, after the memory is no longer registered as lent.
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
            // After a failed call the handle is invalid and must not be released.
            return Ok(None);
        }
        // SAFETY: NULL or the picture that the host just lent.
        let Some(props) = (unsafe { Props::new(suites, handle) }) else {
            return Ok(None);
        };
        let held = Held { suites, props };
        // Checked first: for an unconnected clip, MLT returns a property set without any property.
        let data = props.pointer(kOfxImagePropData).and_then(NonNull::<c_void>::new);
        let Some(data) = data else {
            return Ok(None);
        };
        let info = ImageInfo::read(props)?;
        let memory = memory(&info, data)?;
        open.lend(&memory, writable)?;
        Ok(Some(Self { info, data: data.cast(), memory, writable, open, _held: held }))
    }

    /// Address of row `y`; `None` outside the bounds.
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

/// Upper limit of an image's size in bytes; beyond it, the bounds or the stride are invalid.
const LARGEST: i128 = 1 << 40;

/// The address range that an image covers.
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

/// An input image, borrowed for reading until it is dropped.
pub struct Image<'h>(Pixels<'h>);

impl<'h> Image<'h> {
    pub(super) fn fetch(clip: &Clip<'h>, time: f64, open: &'h OpenImages) -> Result<Option<Self>> {
        Ok(Pixels::fetch(clip, time, open, false)?.map(Self))
    }

    /// Bounds, memory layout and other properties of the image.
    pub fn info(&self) -> &ImageInfo {
        &self.0.info
    }

    /// Address of the pixels. If images of two times have the same address, they are the same image: the host
    /// has no temporal access, whatever it reports.
    pub fn address(&self) -> usize {
        self.0.data.as_ptr().addr()
    }

    /// The pixels of row `y`, without padding; `None` outside the bounds.
    pub fn row(&self, y: i32) -> Option<&[u8]> {
        let row = self.0.row(y)?;
        // SAFETY: a row of the picture, all of it inside (see `Pixels::row`), lent to us
        // until we give it back, and no part of it is lent for writing (`OpenImages`).
        Some(unsafe { std::slice::from_raw_parts(row.as_ptr(), self.0.info.row_len()) })
    }

    /// All pixels without padding, bottom row first.
    pub fn to_vec(&self) -> Vec<u8> {
        let bounds = self.0.info.bounds;
        let mut packed = Vec::with_capacity(self.0.info.row_len() * bounds.height());
        for row in (bounds.y1..bounds.y2).filter_map(|y| self.row(y)) {
            packed.extend_from_slice(row);
        }
        packed
    }
}

/// The output image. Its pixels are not initialised by the host.
pub struct OutputImage<'h>(Pixels<'h>);

impl<'h> OutputImage<'h> {
    pub(super) fn fetch(clip: &Clip<'h>, time: f64, open: &'h OpenImages) -> Result<Self> {
        Pixels::fetch(clip, time, open, true)?
            .map(Self)
            .ok_or_else(|| Error::failed("the host gave no picture to render into"))
    }

    /// Bounds, memory layout and other properties of the image.
    pub fn info(&self) -> &ImageInfo {
        &self.0.info
    }

    /// The pixels of row `y`, without padding; `None` outside the bounds.
    pub fn row_mut(&mut self, y: i32) -> Option<&mut [u8]> {
        let row = self.0.row(y)?;
        // SAFETY: as in `Image::row`; nothing else is lent that shares this memory
        // (`OpenImages`), and `&mut self` keeps two rows from being out at once.
        Some(unsafe { std::slice::from_raw_parts_mut(row.as_ptr(), self.0.info.row_len()) })
    }
}
