//! The axes of latents, `[batch, channels, time, height, width]`, which are named only here, and the conversion to and from
//! single frames.
//!
//! Time is an axis of its own, so that a network that attends across time (a motion module, or attention over whole
//! clips) gets a clip and not a batch of unrelated frames. One video has a batch of 1. Height and width are those of
//! the picture divided by the autoencoder's downsampling factor (8 for Stable Diffusion).
//!
//! Networks and files that work on single frames have them in the batch, `[frames, channels, height, width]`;
//! [`from_frames`] and [`to_frames`] convert between the two layouts.

use candle_core::{Device, Error, Result as CandleResult, Tensor};

/// The batch axis: videos, or guidance branches evaluated together.
pub const BATCH: usize = 0;
/// The channel axis: 4 channels for Stable Diffusion's autoencoder.
pub const CHANNELS: usize = 1;
/// The time axis: frames of a segment or of a window.
pub const TIME: usize = 2;
/// The axis of latent rows.
pub const HEIGHT: usize = 3;
/// The axis of latent columns.
pub const WIDTH: usize = 4;

/// Frames `[time, channels, height, width]` as the latents of one video, `[1, channels, time, height, width]`, contiguous.
///
/// # Errors
/// If the tensor has another rank, or the device is out of memory.
pub fn from_frames(frames: &Tensor) -> CandleResult<Tensor> {
    from_frames_of(frames, 1)
}

/// Converts the frames of `batch` videos of equal length, one video after the other,
/// `[batch * time, channels, height, width]`, to latents `[batch, channels, time, height, width]`, contiguous.
///
/// # Errors
/// If the tensor has another rank, its number of frames is not a multiple of `batch`, or the device is out of memory.
pub fn from_frames_of(frames: &Tensor, batch: usize) -> CandleResult<Tensor> {
    let (all, channels, height, width) = frames.dims4()?;
    let time = all / batch.max(1);
    // [batch, time, channels, ...], then swap time and channels.
    frames.reshape((batch, time, channels, height, width))?.transpose(CHANNELS, TIME)?.contiguous()
}

/// Converts latents `[batch, channels, time, height, width]` to frames `[batch * time, channels, height, width]`, one
/// video after the other, contiguous.
///
/// # Errors
/// If the tensor has another rank, or the device is out of memory.
pub fn to_frames(latents: &Tensor) -> CandleResult<Tensor> {
    let (batch, channels, time, height, width) = latents.dims5()?;
    let frames = latents.transpose(CHANNELS, TIME)?.contiguous()?;
    frames.reshape((batch * time, channels, height, width))
}

/// Indices along one axis as a tensor for [`Tensor::index_select`], u32.
///
/// # Errors
/// If an index does not fit into 32 bits, or the device has no room.
pub fn index_tensor(indices: impl IntoIterator<Item = usize>, device: &Device) -> CandleResult<Tensor> {
    let indices = indices.into_iter().map(|index| u32::try_from(index).map_err(Error::wrap));
    Tensor::new(indices.collect::<CandleResult<Vec<u32>>>()?, device)
}

/// One value for every frame as a tensor that broadcasts over latents: `[1, 1, time, 1, 1]`, f32.
///
/// # Errors
/// If the tensor cannot be created.
pub(super) fn along_time(values: &[f32], device: &Device) -> CandleResult<Tensor> {
    Tensor::from_slice(values, (1, 1, values.len(), 1, 1), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>() as u32;
        Tensor::arange(0, count, &Device::Cpu).unwrap().reshape(shape).unwrap()
    }

    fn list(x: &Tensor) -> Vec<u32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_frame_is_an_entry_of_the_time() {
        let frames = counted(&[3, 2, 4, 5]);
        let latents = from_frames(&frames).unwrap();
        assert_eq!(latents.dims(), [1, 2, 3, 4, 5]);
        assert!(latents.is_contiguous());
        for at in 0..3 {
            let frame = latents.narrow(TIME, at, 1).unwrap();
            assert_eq!(list(&frame), list(&frames.narrow(0, at, 1).unwrap()), "frame {at}");
        }
        assert_eq!(latents.dim(CHANNELS).unwrap(), 2);
        assert_eq!([latents.dim(HEIGHT).unwrap(), latents.dim(WIDTH).unwrap()], [4, 5]);
    }

    #[test]
    fn there_and_back_is_what_it_was_whatever_the_batch() {
        let latents = counted(&[2, 3, 4, 1, 2]);
        let frames = to_frames(&latents).unwrap();
        assert_eq!(frames.dims(), [8, 3, 1, 2]);
        assert!(frames.is_contiguous());
        let second = latents.narrow(BATCH, 1, 1).unwrap();
        assert_eq!(list(&to_frames(&second).unwrap()), list(&frames.narrow(0, 4, 4).unwrap()));
        let back = from_frames_of(&frames, 2).unwrap();
        assert_eq!(back.dims(), latents.dims());
        assert_eq!(list(&back), list(&latents));
        let part = latents.narrow(TIME, 1, 2).unwrap();
        assert_eq!(list(&from_frames_of(&to_frames(&part).unwrap(), 2).unwrap()), list(&part));
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(from_frames(&counted(&[3, 2, 4])).is_err());
        assert!(from_frames_of(&counted(&[3, 2, 4, 5]), 2).is_err());
        assert!(from_frames_of(&counted(&[3, 2, 4, 5]), 0).is_err());
        assert!(to_frames(&counted(&[3, 2, 4, 5])).is_err());
    }
}
