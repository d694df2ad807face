//! Converts working pictures to tensors and back. Both are planar, so this only copies.

use candle_core::{DType, Device, Tensor};

use super::PipelineError;
use frame::Rgb;

/// A picture as a tensor [1, 3, height, width], 0..1.
///
/// # Errors
/// If the device is out of memory.
pub fn to_tensor(picture: &Rgb, device: &Device) -> Result<Tensor, PipelineError> {
    Ok(Tensor::from_slice(&picture.data, (1, 3, picture.height, picture.width), device)?)
}

/// The picture in a tensor [1, 3, height, width].
///
/// # Errors
/// If the tensor has another shape.
pub fn from_tensor(x: &Tensor) -> Result<Rgb, PipelineError> {
    let (_, _, height, width) = x.dims4()?;
    let data = x.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(Rgb { width, height, data })
}
