//! Line drawings: the generator of informative-drawings as in `sk_model.pth` and `sk_model2.pth`.
//!
//! Caroline Chan, Fredo Durand and Phillip Isola, "Learning to generate line drawings that convey geometry and
//! semantics" (2022): convolutions that downsample by 4, residual blocks, transposed convolutions that upsample
//! again, each followed by an instance norm without parameters.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "pixel arithmetic: sides, coordinates and samples"
)]

use candle_core::{DType, Device, Tensor};

use super::padded;
use crate::nn::kernels::{self, Padding, Statistics};
use crate::nn::layers::Conv2d;
use crate::nn::source::{ModelError, Scope, Source};

#[derive(Debug)]
pub(super) struct Lineart {
    first: Conv2d,
    down: Vec<Conv2d>,
    residual: Vec<[Conv2d; 2]>,
    /// Weights `[in, out, 3, 3]` and biases.
    up: Vec<(Tensor, Tensor)>,
    last: Conv2d,
}

impl Lineart {
    pub fn load(source: &dyn Source, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, DType::F32, device);
        // The image is reflection-padded beforehand, so the convolutions themselves do not pad.
        let bare = |conv: Conv2d| conv.strided(1, Padding::even(0));
        let first = bare(Conv2d::load(&scope.at("model0.1"), [0, 3, 7])?);
        let mut channels = first.out_channels();
        // The indices in between are norm and activation.
        let places = |part: &str| {
            let has = |index: &usize| scope.has(&format!("{part}.{index}.weight"));
            (0..).step_by(3).take_while(has).collect::<Vec<_>>()
        };
        let mut down = Vec::new();
        for index in places("model1") {
            let conv = Conv2d::load(&scope.at(format_args!("model1.{index}")), [0, channels, 3])?;
            channels = conv.out_channels();
            down.push(conv.strided(2, Padding::even(1)));
        }
        let residual = (0..scope.count("model2."))
            .map(|index| {
                let block = scope.at(format_args!("model2.{index}.conv_block"));
                let conv = |name: &str| Conv2d::load(&block.at(name), [channels, channels, 3]).map(bare);
                Ok([conv("1")?, conv("5")?])
            })
            .collect::<Result<_, ModelError>>()?;
        let mut up = Vec::new();
        for index in places("model3") {
            let conv = scope.at(format_args!("model3.{index}"));
            let weight = conv.get("weight", [channels, 0, 3, 3])?;
            channels = weight.dim(1)?;
            up.push((weight, conv.get("bias", [channels])?));
        }
        if up.len() != down.len() || up.len() > 5 {
            let (down, up) = (down.len(), up.len());
            return Err(scope.topology(format!("the line-art network goes {down} levels down and {up} up")));
        }
        let last = bare(Conv2d::load(&scope.at("model4.1"), [1, channels, 7])?);
        Ok(Self { first, down, residual, up, last })
    }

    /// `[1, 3, h, w]` to white lines on black, `[1, 1, h, w]`. The network draws black on white; ControlNets expect
    /// the inverse.
    pub fn draw(&self, picture: &Tensor) -> Result<Tensor, ModelError> {
        let (picture, cut) = padded(picture)?;
        let mut x = normed(&self.first.forward(&mirrored(&picture, 3)?)?, true)?;
        for conv in &self.down {
            x = normed(&conv.forward(&x)?, true)?;
        }
        for [one, two] in &self.residual {
            let inner = normed(&one.forward(&mirrored(&x, 1)?)?, true)?;
            x = kernels::add(&x, &normed(&two.forward(&mirrored(&inner, 1)?)?, false)?)?;
        }
        for (weight, bias) in &self.up {
            x = normed(&kernels::conv_transpose2d(&x, weight, bias, 2, [1, 1])?, true)?;
        }
        let x = cut(&self.last.forward(&mirrored(&x, 3)?)?)?;
        // 1 - sigmoid(x)
        Ok((x.exp()? + 1.0)?.recip()?)
    }
}

/// Instance norm: every channel to mean 0 and variance 1.
fn normed(x: &Tensor, relu: bool) -> Result<Tensor, ModelError> {
    let channels = x.dim(1)?;
    let gain = Tensor::ones(channels, DType::F32, x.device())?;
    let how = Statistics { groups: channels, eps: 1e-5, span: 1, silu: false };
    let x = kernels::group_norm(x, &gain, &gain.zeros_like()?, how)?;
    Ok(if relu { kernels::relu(&x)? } else { x })
}

/// Reflection padding by `size` rows and columns on every side.
fn mirrored(x: &Tensor, size: usize) -> Result<Tensor, ModelError> {
    let (_, _, height, width) = x.dims4()?;
    let places = |side: usize| {
        let side = side as i64;
        let fold = |at: i64| (side - 1 - (side - 1 - at.abs()).abs()) as u32;
        let places: Vec<u32> = (-(size as i64)..side + size as i64).map(fold).collect();
        let count = places.len();
        Tensor::from_vec(places, count, x.device())
    };
    Ok(x.index_select(&places(height)?, 2)?.index_select(&places(width)?, 3)?)
}
