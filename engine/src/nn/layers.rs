//! The layers with weights: convolution, linear, group norm, layer norm.

use candle_core::{Result, Tensor};

use super::ModelError;
use super::kernels::{self, Padding, Statistics};
use super::source::Scope;

/// Number of groups of a group norm: 32, or fewer if a group would have fewer than four channels. Every published
/// network has 32; the narrow built-in model needs fewer.
pub(crate) fn groups(channels: usize) -> usize {
    (channels / 4).clamp(1, 32)
}

/// A 2D convolution. One without a bias tensor has a zero bias.
#[derive(Debug)]
pub(crate) struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
    padding: Padding,
}

impl Conv2d {
    /// Reads `weight` [out, channels, kernel, kernel] and `bias` [out] below `scope`; `out` 0 accepts any number of
    /// output channels. A 1x1 convolution may also be stored as a linear layer [out, channels].
    pub fn load(
        scope: &Scope<'_>,
        [out, channels, kernel]: [usize; 3],
    ) -> std::result::Result<Self, ModelError> {
        let flat = kernel == 1 && scope.shape("weight").is_some_and(|shape| shape.len() == 2);
        let weight = if flat {
            let weight = scope.get("weight", [out, channels])?;
            let (out, channels) = weight.dims2()?;
            weight.reshape((out, channels, 1, 1))?
        } else {
            scope.get("weight", [out, channels, kernel, kernel])?
        };
        let bias = scope.get("bias", [weight.dim(0)?])?;
        Ok(Self { weight, bias, stride: 1, padding: Padding::even(kernel / 2) })
    }

    /// As [`load`](Self::load), for a convolution without a bias tensor.
    pub fn load_unbiased(
        scope: &Scope<'_>,
        [out, channels, kernel]: [usize; 3],
    ) -> std::result::Result<Self, ModelError> {
        let weight = scope.get("weight", [out, channels, kernel, kernel])?;
        let bias = Tensor::zeros(weight.dim(0)?, weight.dtype(), weight.device())?;
        Ok(Self { weight, bias, stride: 1, padding: Padding::even(kernel / 2) })
    }

    /// The same convolution with this stride and padding.
    pub fn strided(self, stride: usize, padding: Padding) -> Self {
        Self { stride, padding, ..self }
    }

    pub fn out_channels(&self) -> usize {
        self.weight.dims()[0]
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        kernels::conv2d(x, &self.weight, Some(&self.bias), self.stride, self.padding)
    }

    /// As [`forward`](Self::forward), with `[1, out]` added to the bias.
    pub fn forward_shifted(&self, x: &Tensor, shift: &Tensor) -> Result<Tensor> {
        let bias = (&self.bias + shift.flatten_all()?)?;
        kernels::conv2d(x, &self.weight, Some(&bias), self.stride, self.padding)
    }

    /// The weights of a 1x1 convolution as a linear layer over tokens.
    pub fn as_linear(&self) -> Result<Linear> {
        let (out, channels, _, _) = self.weight.dims4()?;
        Ok(Linear { weight: self.weight.reshape((out, channels))?, bias: Some(self.bias.clone()) })
    }
}

/// A linear layer `[out, width]`, with or without bias.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// Reads `weight` [out, width] and, if `biased`, `bias` [out] below `scope`; `out` 0 accepts any output width.
    pub fn load(
        scope: &Scope<'_>,
        [out, width]: [usize; 2],
        biased: bool,
    ) -> std::result::Result<Self, ModelError> {
        let weight = scope.get("weight", [out, width])?;
        let bias = if biased { Some(scope.get("bias", [weight.dim(0)?])?) } else { None };
        Ok(Self { weight, bias })
    }

    pub fn out_width(&self) -> usize {
        self.weight.dims()[0]
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        kernels::linear(x, &self.weight, self.bias.as_ref(), None)
    }

    /// Weight and bias; an error if the layer has no bias.
    pub fn parts(&self) -> Result<(&Tensor, &Tensor)> {
        match &self.bias {
            Some(bias) => Ok((&self.weight, bias)),
            None => candle_core::bail!("a linear layer without a bias"),
        }
    }

    /// The same layer with output channel i multiplied by `gains[i]`; `gains` is `[out]`.
    pub fn scaled(self, gains: &Tensor) -> Result<Self> {
        let weight = self.weight.broadcast_mul(&gains.unsqueeze(1)?)?;
        let bias = self.bias.map(|bias| bias * gains).transpose()?;
        Ok(Self { weight, bias })
    }

    /// As [`forward`](Self::forward), with `residual` added to the result.
    pub fn forward_added(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        kernels::linear(x, &self.weight, self.bias.as_ref(), Some(residual))
    }
}

/// Group normalisation; gain and bias are kept in f32.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    gain: Tensor,
    bias: Tensor,
    eps: f64,
}

impl GroupNorm {
    pub fn load(scope: &Scope<'_>, channels: usize, eps: f64) -> std::result::Result<Self, ModelError> {
        if !channels.is_multiple_of(groups(channels)) {
            return Err(scope.topology(format!(
                "{channels} channels cannot be normalised in {} groups",
                groups(channels)
            )));
        }
        let (gain, bias) = (scope.get_f32("weight", [channels])?, scope.get_f32("bias", [channels])?);
        Ok(Self { gain, bias, eps })
    }

    /// Statistics are computed over groups of `span` consecutive frames.
    pub fn forward(&self, x: &Tensor, span: usize, silu: bool) -> Result<Tensor> {
        let how = Statistics { groups: groups(self.gain.dims()[0]), eps: self.eps, span, silu };
        kernels::group_norm(x, &self.gain, &self.bias, how)
    }
}

/// Layer normalisation over the last axis; gain and bias are kept in f32.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    gain: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    pub fn load(scope: &Scope<'_>, width: usize) -> std::result::Result<Self, ModelError> {
        let (gain, bias) = (scope.get_f32("weight", [width])?, scope.get_f32("bias", [width])?);
        Ok(Self { gain, bias, eps: 1e-5 })
    }

    /// The same norm with `eps` (added to the variance) instead of 1e-5.
    pub fn with_eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        kernels::layer_norm(x, &self.gain, &self.bias, self.eps, None)
    }

    /// As [`forward`](Self::forward), with the position embedding `[frames, width]` added to each frame.
    pub fn forward_placed(&self, x: &Tensor, positions: &Tensor) -> Result<Tensor> {
        kernels::layer_norm(x, &self.gain, &self.bias, self.eps, Some(positions))
    }
}
