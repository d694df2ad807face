//! Hints: the control images of ControlNets, for example edge maps.
//!
//! A [`Preprocessor`] is the user's choice, a [`Detector`] is that choice with its network loaded, if it has one.
//! Canny, scribble, tile, blur and luminance are plain image processing. Lineart, soft edge and depth use the
//! networks that the ControlNets of those names were trained with, from the commonly available files. A ControlNet is
//! trained on hints with a particular look, so constants and borders follow the tools that made the training images
//! (OpenCV, controlnet_aux); intermediate rounding to 8 bits is left out where it only costs precision.
//!
//! Frames are processed one at a time, so that memory does not grow with the clip beyond the hints themselves, and a
//! frame's hint does not depend on other frames. The exception is depth: see [`Detector::detect`].
//!
//! Shapes: images and hints `[frames, 3, height, width]` in 0..1.

mod canny;
mod depth;
mod dpt;
mod filter;
mod lineart;
mod plain;
mod soft_edge;

use candle_core::{DType, Device, Tensor};

use self::depth::DepthAnything;
use self::lineart::Lineart;
use self::soft_edge::SoftEdge;
pub use protocol::Preprocessor;

use super::source::{ModelError, Source};

/// A preprocessor, with its network loaded if it has one, on a device.
#[derive(Debug)]
pub struct Detector {
    how: How,
    device: Device,
}

#[derive(Debug)]
enum How {
    Plain(Preprocessor),
    Lineart(Lineart),
    SoftEdge(SoftEdge),
    Depth(Box<DepthAnything>),
}

impl Detector {
    /// Creates a preprocessor without a network.
    ///
    /// Errors: [`ModelError::Invalid`] for one that needs a network.
    pub fn plain(preprocessor: Preprocessor, device: &Device) -> Result<Self, ModelError> {
        if preprocessor.has_network() {
            return Err(ModelError::Invalid(format!(
                "the preprocessor {} needs the file of its network",
                preprocessor.as_str()
            )));
        }
        Ok(Self { how: How::Plain(preprocessor), device: device.clone() })
    }

    /// Loads a preprocessor's network, in f32: the networks are small, and their norms overflow f16.
    ///
    /// Errors: a missing tensor, or one whose shape does not fit its neighbours; [`ModelError::Invalid`] for a
    /// preprocessor without a network.
    pub fn load(
        preprocessor: Preprocessor,
        source: &dyn Source,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let how = match preprocessor {
            Preprocessor::Lineart => How::Lineart(Lineart::load(source, device)?),
            Preprocessor::SoftEdge => How::SoftEdge(SoftEdge::load(source, device)?),
            Preprocessor::Depth => How::Depth(Box::new(DepthAnything::load(source, device)?)),
            other => {
                let name = other.as_str();
                return Err(ModelError::Invalid(format!("the preprocessor {name} has no network to load")));
            }
        };
        Ok(Self { how, device: device.clone() })
    }

    /// The hints of a clip: images `[frames, 3, height, width]` in 0..1, f32, to hints of the same shape, on the
    /// device of the images.
    ///
    /// `before` is called with the index of each frame before it is processed; its error stops the work and is
    /// returned.
    ///
    /// Depth is only known up to a factor and an offset. They are chosen for the whole clip, so that the nearest
    /// point of all frames is white and the farthest black. If they were chosen per frame, as tools for still images
    /// do, a hand coming near the camera would darken the background of those frames.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] for images of another shape; the error of `before`; device errors.
    pub fn detect<E: From<ModelError>>(
        &self,
        pictures: &Tensor,
        mut before: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Tensor, E> {
        let home = pictures.device();
        let mut hints = Vec::new();
        for index in 0..check(pictures)? {
            before(index)?;
            hints.push(self.frame(pictures, index)?.to_device(home).map_err(ModelError::from)?);
        }
        Ok(self.settle(&hints)?)
    }

    /// The hint of one frame, `[1, 1 or 3, height, width]`; depth is not yet normalised.
    fn frame(&self, pictures: &Tensor, index: usize) -> Result<Tensor, ModelError> {
        let picture = pictures.narrow(0, index, 1)?.to_device(&self.device)?.to_dtype(DType::F32)?;
        let picture = picture.clamp(0f32, 1f32)?;
        match &self.how {
            How::Plain(preprocessor) => match preprocessor {
                Preprocessor::Canny => canny::canny(&picture),
                Preprocessor::Scribble => plain::scribble(&picture),
                Preprocessor::Tile => plain::tile(&picture),
                Preprocessor::Blur => plain::blur(&picture),
                Preprocessor::Luminance => plain::luminance(&picture),
                _ => Ok(picture),
            },
            How::Lineart(network) => network.draw(&picture),
            How::SoftEdge(network) => network.edges(&picture),
            How::Depth(network) => network.depth(&picture),
        }
    }

    fn settle(&self, hints: &[Tensor]) -> Result<Tensor, ModelError> {
        let mut hints = Tensor::cat(hints, 0)?;
        if let How::Depth(_) = self.how {
            let all = hints.flatten_all()?;
            let (far, near) = (all.min(0)?.to_scalar::<f32>()?, all.max(0)?.to_scalar::<f32>()?);
            // A clip of constant depth is black.
            let scale = if near > far { 1.0 / f64::from(near - far) } else { 0.0 };
            hints = hints.affine(scale, -f64::from(far) * scale)?.clamp(0f32, 1f32)?;
        }
        let (frames, _, height, width) = hints.dims4()?;
        Ok(hints.broadcast_as((frames, 3, height, width))?.contiguous()?)
    }
}

/// Number of frames; an error if the shape is not that of images.
fn check(pictures: &Tensor) -> Result<usize, ModelError> {
    match pictures.dims() {
        [frames, 3, height, width] if frames * height * width > 0 => Ok(*frames),
        other => Err(ModelError::Invalid(format!(
            "hints are made of pictures [frames, 3, height, width], not of {other:?}"
        ))),
    }
}

/// The image with its last row and column replicated until both sides are multiples of 64, as when the training hints
/// were made; and a function that crops a result to the original size.
fn padded(picture: &Tensor) -> Result<(Tensor, impl Fn(&Tensor) -> candle_core::Result<Tensor>), ModelError> {
    let (_, _, height, width) = picture.dims4()?;
    let missing = |side: usize| side.next_multiple_of(64) - side;
    let padded = picture.pad_with_same(2, 0, missing(height))?.pad_with_same(3, 0, missing(width))?;
    Ok((padded, move |x: &Tensor| x.narrow(2, 0, height)?.narrow(3, 0, width)))
}
