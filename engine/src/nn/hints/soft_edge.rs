//! Soft edges: holistically-nested edge detection (HED) as in `ControlNetHED.pth`.
//!
//! Saining Xie and Zhuowen Tu, "Holistically-Nested Edge Detection" (2015). Five blocks of convolutions, each at half
//! the resolution of the previous one; every block predicts edges at its scale, and the result is the sigmoid of the
//! mean of these predictions.

#![expect(clippy::cast_precision_loss, reason = "pixel arithmetic: sides, coordinates and samples")]

use candle_core::{DType, Device, Tensor};

use super::filter::{Taps, filter};
use super::padded;
use crate::nn::kernels;
use crate::nn::layers::Conv2d;
use crate::nn::source::{ModelError, Scope, Source};

#[derive(Debug)]
pub(super) struct SoftEdge {
    /// Subtracted from RGB in 0..255, `[1, 3, 1, 1]`.
    norm: Tensor,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    convs: Vec<Conv2d>,
    projection: Conv2d,
}

impl SoftEdge {
    pub fn load(source: &dyn Source, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, DType::F32, device);
        let mut channels = 3;
        let mut blocks = Vec::new();
        while blocks.is_empty() || scope.count(&format!("block{}.convs.", blocks.len() + 1)) > 0 {
            let block = scope.at(format_args!("block{}", blocks.len() + 1));
            let mut convs = Vec::new();
            for index in 0..block.count("convs.").max(1) {
                convs.push(Conv2d::load(&block.at(format_args!("convs.{index}")), [0, channels, 3])?);
                channels = convs[index].out_channels();
            }
            let projection = Conv2d::load(&block.at("projection"), [1, channels, 1])?;
            blocks.push(Block { convs, projection });
        }
        Ok(Self { norm: scope.get("norm", [1, 3, 1, 1])?, blocks })
    }

    /// `[1, 3, h, w]` to edge probability, `[1, 1, h, w]`.
    pub fn edges(&self, picture: &Tensor) -> Result<Tensor, ModelError> {
        let (picture, cut) = padded(picture)?;
        let (_, _, height, width) = picture.dims4()?;
        let mut x = (picture * 255.0)?.broadcast_sub(&self.norm)?;
        let mut sum = Tensor::zeros((1, 1, height, width), DType::F32, x.device())?;
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                x = x.max_pool2d(2)?;
            }
            for conv in &block.convs {
                x = kernels::relu(&conv.forward(&x)?)?;
            }
            let side = block.projection.forward(&x)?;
            let (_, _, h, w) = side.dims4()?;
            sum = (sum + filter(&side, [&Taps::linear(h, height), &Taps::linear(w, width)])?)?;
        }
        let mean = (cut(&sum)? / self.blocks.len() as f64)?;
        Ok((mean.neg()?.exp()? + 1.0)?.recip()?)
    }
}
