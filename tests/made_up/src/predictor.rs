//! A transformer with one block: every latent attends across time at its own position, and its channels are shifted by
//! the prompt and the noise level.

use candle_core::{D, DType, Device, Tensor};
use engine::families::{Input, Predictor};
use engine::nn::{ModelError, Source};

use super::{CHANNELS, TEXT, matrix};

/// The denoising network and its matrices.
#[derive(Debug)]
pub struct Transformer {
    input: Tensor,
    query: Tensor,
    key: Tensor,
    text: Tensor,
    output: Tensor,
}

impl Transformer {
    /// Reads the matrices. Errors: one is missing, or has another shape.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let read = |name, shape| matrix(source, name, shape, dtype, device);
        Ok(Self {
            input: read("in", [CHANNELS, CHANNELS])?,
            query: read("query", [CHANNELS, CHANNELS])?,
            key: read("key", [CHANNELS, CHANNELS])?,
            text: read("text", [TEXT, CHANNELS])?,
            output: read("out", [CHANNELS, CHANNELS])?,
        })
    }
}

impl Predictor for Transformer {
    fn predict(&self, given: &Input<'_>) -> Result<Tensor, ModelError> {
        let (batch, channels, time, height, width) = given.x.dims5()?;
        // [batch, height * width, time, channels]: attention is along time.
        let x = given.x.to_dtype(given.dtype)?.permute(vec![0, 3, 4, 2, 1])?;
        let x = x.reshape((batch, height * width, time, channels))?;
        // One prompt for each branch, or one for each latent in time of each branch.
        let text = given.text.context.to_dtype(given.dtype)?.mean(1)?.matmul(&self.text)?;
        let each = text.dim(0)? / batch;
        let text = text.reshape((batch, 1, each, channels))?;
        let h = x.broadcast_matmul(&self.input)?.broadcast_add(&text)?.tanh()?;
        let scores = h
            .broadcast_matmul(&self.query)?
            .matmul(&h.broadcast_matmul(&self.key)?.transpose(D::Minus1, D::Minus2)?.contiguous()?)?;
        let scores = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
        let seen = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?.matmul(&h)?;
        let h = (h + (seen * 0.5)?)?;
        let level = f64::from(given.timestep) / 1000.0;
        let flow = (h.broadcast_matmul(&self.output)? * (1.0 - 0.5 * level))?;
        let flow = flow.reshape(&[batch, height, width, time, channels][..])?;
        Ok(flow.permute(vec![0, 4, 3, 1, 2])?.contiguous()?)
    }

    fn working_memory(&self, count: usize, _at_once: usize, [height, width]: [usize; 2]) -> u64 {
        (8 * 4 * count * height * width * CHANNELS) as u64
    }
}
