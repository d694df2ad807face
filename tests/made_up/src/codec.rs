//! The autoencoder: a latent holds the mean colours of the two by two fields of 8 pixels, and of the frames, that it
//! covers, mixed by a matrix from the file.

use candle_core::{DType, Device, Tensor};
use engine::diffusion::latents::index_tensor;
use engine::families::Codec;
use engine::nn::{ModelError, Source};

use super::{CHANNELS, SPACE, TIME, matrix};

/// Side length of a field in pixels.
const FIELD: usize = SPACE / 2;

/// The autoencoder: the matrix [channels, channels], and its transpose, which is its inverse.
#[derive(Debug)]
pub struct Fields {
    mix: Tensor,
    back: Tensor,
}

impl Fields {
    /// Reads the matrix. Errors: it is missing, or has another shape.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let mix = matrix(source, "mix", [CHANNELS, CHANNELS], dtype, device)?;
        let back = mix.t()?.contiguous()?;
        Ok(Self { mix, back })
    }
}

/// Applies a matrix to the channels of [1, channels, time, height, width].
fn mixed(x: &Tensor, matrix: &Tensor) -> Result<Tensor, ModelError> {
    let (batch, channels, time, height, width) = x.dims5()?;
    let x = x.reshape((channels, batch * time * height * width))?;
    Ok(matrix.matmul(&x)?.reshape((batch, channels, time, height, width))?)
}

impl Codec for Fields {
    fn encode(&self, pictures: &Tensor, _tile: Option<usize>) -> Result<Tensor, ModelError> {
        let (frames, _, height, width) = pictures.dims4()?;
        let (rows, columns) = (height / SPACE, width / SPACE);
        if !(frames - 1).is_multiple_of(TIME) || rows * SPACE != height || columns * SPACE != width {
            return Err(ModelError::Invalid(format!("{frames} frames of {width} x {height} to encode")));
        }
        let fields = pictures.avg_pool2d(FIELD)?;
        // [frames, 3, rows, 2, columns, 2] to [frames, 3 * 2 * 2, rows, columns].
        let fields = fields.reshape(&[frames, 3, rows, 2, columns, 2][..])?;
        let fields = fields.permute(vec![0, 1, 3, 5, 2, 4])?.reshape((frames, CHANNELS, rows, columns))?;
        let mut latents = vec![fields.narrow(0, 0, 1)?];
        for start in (1..frames).step_by(TIME) {
            latents.push(fields.narrow(0, start, TIME)?.mean_keepdim(0)?);
        }
        let latents = Tensor::cat(&latents, 0)?.transpose(0, 1)?.contiguous()?.unsqueeze(0)?;
        mixed(&latents, &self.mix)
    }

    fn decode(&self, latents: &Tensor, _tile: Option<usize>) -> Result<Tensor, ModelError> {
        let fields = mixed(latents, &self.back)?.squeeze(0)?.transpose(0, 1)?.contiguous()?;
        let (time, _, rows, columns) = fields.dims4()?;
        let frames = (0..1 + (time - 1) * TIME).map(|frame| frame.div_ceil(TIME));
        let fields = fields.index_select(&index_tensor(frames, fields.device())?, 0)?;
        let frames = fields.dim(0)?;
        let fields = fields.reshape(&[frames, 3, 2, 2, rows, columns][..])?;
        let fields = fields.permute(vec![0, 1, 4, 2, 5, 3])?.reshape((frames, 3, 2 * rows, 2 * columns))?;
        Ok(fields.upsample_nearest2d(rows * SPACE, columns * SPACE)?)
    }

    fn working_memory(&self, [time, height, width]: [usize; 3]) -> u64 {
        (4 * 4 * TIME * time * 3 * SPACE * SPACE * height * width) as u64
    }
}
