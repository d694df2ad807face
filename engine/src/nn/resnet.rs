//! The residual block of the UNet and the VAE.

use candle_core::Tensor;

use super::kernels;
use super::layers::{Conv2d, GroupNorm, Linear};
use super::source::{ModelError, Scope};

/// Names of the layers of a residual block in the state dict.
struct Names {
    norm1: &'static str,
    conv1: &'static str,
    norm2: &'static str,
    conv2: &'static str,
    skip: &'static str,
}

/// Norm, SiLU, convolution (plus the projected time embedding in the UNet), norm, SiLU, convolution, plus the input.
#[derive(Debug)]
pub(crate) struct ResBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    time: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    skip: Option<Conv2d>,
}

impl ResBlock {
    /// A residual block of the UNet: `in_layers.0`, `in_layers.2`, `emb_layers.1`, `out_layers.0`, `out_layers.3`,
    /// `skip_connection`; group norms with eps 1e-5.
    pub fn load_unet(scope: &Scope<'_>, channels: usize, time_width: usize) -> Result<Self, ModelError> {
        let names = Names {
            norm1: "in_layers.0",
            conv1: "in_layers.2",
            norm2: "out_layers.0",
            conv2: "out_layers.3",
            skip: "skip_connection",
        };
        let mut block = Self::load(scope, channels, 1e-5, &names)?;
        let time = Linear::load(&scope.at("emb_layers.1"), [block.out_channels(), time_width], true)?;
        block.time = Some(time);
        Ok(block)
    }

    /// A residual block of the VAE: `norm1`, `conv1`, `norm2`, `conv2`, `nin_shortcut`; group norms with eps 1e-6.
    pub fn load_vae(scope: &Scope<'_>, channels: usize) -> Result<Self, ModelError> {
        let names =
            Names { norm1: "norm1", conv1: "conv1", norm2: "norm2", conv2: "conv2", skip: "nin_shortcut" };
        Self::load(scope, channels, 1e-6, &names)
    }

    fn load(scope: &Scope<'_>, channels: usize, eps: f64, names: &Names) -> Result<Self, ModelError> {
        let norm1 = GroupNorm::load(&scope.at(names.norm1), channels, eps)?;
        let conv1 = Conv2d::load(&scope.at(names.conv1), [0, channels, 3])?;
        let out = conv1.out_channels();
        let norm2 = GroupNorm::load(&scope.at(names.norm2), out, eps)?;
        let conv2 = Conv2d::load(&scope.at(names.conv2), [out, out, 3])?;
        let needed = out != channels || scope.at(names.skip).has("weight");
        let skip = if needed { Some(Conv2d::load(&scope.at(names.skip), [out, channels, 1])?) } else { None };
        Ok(Self { norm1, conv1, time: None, norm2, conv2, skip })
    }

    pub fn out_channels(&self) -> usize {
        self.conv1.out_channels()
    }

    /// `[n, channels, h, w]` to `[n, out, h, w]`. `time` is SiLU(time embedding) `[m, width]` where m divides n;
    /// `span` as in [`kernels::Statistics`].
    pub fn forward(&self, x: &Tensor, time: Option<&Tensor>, span: usize) -> candle_core::Result<Tensor> {
        let h = self.norm1.forward(x, span, true)?;
        let h = match (&self.time, time) {
            (Some(layer), Some(time)) if time.dim(0)? == 1 => {
                self.conv1.forward_shifted(&h, &layer.forward(time)?)?
            }
            (Some(layer), Some(time)) => {
                let (m, n) = (time.dim(0)?, h.dim(0)?);
                let shift = layer.forward(time)?.reshape((m, 1, self.out_channels(), 1, 1))?;
                let h = self.conv1.forward(&h)?;
                let shape = h.dims().to_vec();
                h.reshape([&[m, n / m], &shape[1..]].concat())?.broadcast_add(&shift)?.reshape(shape)?
            }
            _ => self.conv1.forward(&h)?,
        };
        let h = self.conv2.forward(&self.norm2.forward(&h, span, true)?)?;
        match &self.skip {
            Some(skip) => kernels::add(&skip.forward(x)?, &h),
            None => kernels::add(x, &h),
        }
    }
}
