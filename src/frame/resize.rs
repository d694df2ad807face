//! Resampling of interleaved RGB floats.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::{FrameError, Size};

/// A part of a picture, in pixels that may be fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Region {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Region {
    pub(super) fn whole(size: Size) -> Self {
        Self { left: 0.0, top: 0.0, width: size.width as f64, height: size.height as f64 }
    }
}

/// The part `region` of a picture, resampled to another size and clamped to 0..=1.
///
/// Lanczos with the filter widened where the picture shrinks, which averages areas; Catmull-Rom where
/// it grows, which rings less. Both overshoot at hard edges; what leaves the range is cut. A region of the
/// very size that is asked for is copied.
pub(super) fn resized(
    pixels: &[F32x3],
    from: Size,
    region: Region,
    to: Size,
) -> Result<Vec<F32x3>, FrameError> {
    let failed = |error: &dyn std::fmt::Display| FrameError::Resize(error.to_string());
    let side = |side: usize| u32::try_from(side).map_err(|error| failed(&error));
    let filter = if region.width > to.width as f64 || region.height > to.height as f64 {
        FilterType::Lanczos3
    } else {
        FilterType::CatmullRom
    };
    // Divisions may have left a region a hair longer than the picture.
    let width = region.width.min(from.width as f64 - region.left);
    let height = region.height.min(from.height as f64 - region.top);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        region.left,
        region.top,
        width,
        height,
    );
    let source = TypedImageRef::new(side(from.width)?, side(from.height)?, pixels).map_err(|e| failed(&e))?;
    let mut target = TypedImage::<F32x3>::new(side(to.width)?, side(to.height)?);
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|e| failed(&e))?;
    Ok(target.pixels().iter().map(|pixel| F32x3::new(pixel.0.map(|value| value.clamp(0.0, 1.0)))).collect())
}
