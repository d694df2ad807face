//! How a ControlNet takes its hint in: a few convolutions from pictures to the channels of the first block, or, for
//! SparseCtrl's pictures, a single one from latents.

use candle_core::{DType, Tensor};

use crate::nn::kernels::{Padding, silu};
use crate::nn::layers::Conv2d;
use crate::nn::source::{ModelError, Scope};

/// Pixels of a picture for one of the latents.
const FACTOR: usize = 8;
/// Channels of a picture.
const COLOURS: usize = 3;

/// What a ControlNet looks at.
#[derive(Debug, Clone, Copy)]
pub struct Hint<'a> {
    /// Pictures `[m, 3, 8 h, 8 w]` in 0..1, or, where [`ControlNet::takes_latents`](super::ControlNet::takes_latents),
    /// latents `[m, channels, h, w]` in the sampler's space.
    pub frames: &'a Tensor,
    /// Which of the m a SparseCtrl is shown; it has to find out for itself what is on the others. Empty: all.
    pub shown: &'a [bool],
}

impl<'a> From<&'a Tensor> for Hint<'a> {
    /// All of them.
    fn from(frames: &'a Tensor) -> Self {
        Self { frames, shown: &[] }
    }
}

/// The convolutions that a hint goes through.
#[derive(Debug)]
pub(super) struct Embedding {
    layers: Vec<Conv2d>,
    /// Of a hint, without the mask.
    channels: usize,
    /// Height and width of a hint over those of the latents.
    factor: usize,
    /// Whether another channel says which frames carry a hint.
    pub masked: bool,
}

impl Embedding {
    /// The layers below `input_hint_block`: 3x3 all of them, with a silu between each two (which is why every other
    /// number is missing), at every second pixel where the width grows after the first. A single layer takes latents.
    /// One channel more than the hint has is for the mask.
    pub fn load(scope: &Scope<'_>, channels: usize, latent_channels: usize) -> Result<Self, ModelError> {
        let scope = scope.at("input_hint_block");
        let [_, inputs, _, _] = scope.expect("0.weight", [0, 0, 3, 3])?;
        let single = !scope.has("2.weight");
        let (own, factor) = if single { (latent_channels, 1) } else { (COLOURS, FACTOR) };
        let masked = inputs == own + 1;
        if !masked && (single || inputs != own) {
            return Err(scope.topology(format!(
                "the hint has {inputs} channels, expected {COLOURS}, or {} with a mask{}",
                own + 1,
                if single { " beside latents" } else { "" }
            )));
        }
        let mut layers: Vec<Conv2d> = Vec::new();
        let mut width = inputs;
        let mut strides = 1;
        for index in (0..).step_by(2).take_while(|index| scope.has(&format!("{index}.weight"))) {
            let conv = Conv2d::load(&scope.at(index), [0, width, 3])?;
            let last = !scope.has(&format!("{}.weight", index + 2));
            let halves = index > 0 && !last && conv.out_channels() != width;
            width = conv.out_channels();
            strides *= if halves { 2 } else { 1 };
            layers.push(if halves { conv.strided(2, Padding::even(1)) } else { conv });
        }
        if width != channels || strides != factor {
            return Err(scope.topology(format!(
                "the hint comes out {width} channels wide at 1/{strides} of its size, expected {channels} at 1/{factor}"
            )));
        }
        Ok(Self { layers, channels: own, factor, masked })
    }

    /// Whether hints are latents.
    pub fn takes_latents(&self) -> bool {
        self.factor == 1
    }

    /// Checks that a hint is for latents of `h` by `w`.
    pub fn check(&self, hint: Hint<'_>, [h, w]: [usize; 2]) -> Result<(), String> {
        let dims = hint.frames.dims4().map_err(|e| e.to_string())?;
        let (m, channels, height, width) = dims;
        let wanted = (self.channels, h * self.factor, w * self.factor);
        if m == 0 || (channels, height, width) != wanted {
            let (channels, height, width) = wanted;
            return Err(format!(
                "hints of the shape {dims:?}, expected {channels} channels of {width}x{height}"
            ));
        }
        if !hint.shown.is_empty() && hint.shown.len() != m {
            return Err(format!("{} marks for {m} hints", hint.shown.len()));
        }
        Ok(())
    }

    /// The hint as channels of the first block, `[m, channels, h, w]`.
    pub fn forward(&self, hint: Hint<'_>, dtype: DType) -> candle_core::Result<Tensor> {
        let mut x = hint.frames.to_dtype(dtype)?;
        if self.masked {
            let (m, _, height, width) = x.dims4()?;
            let shown: Vec<f32> =
                (0..m).map(|i| f32::from(u8::from(hint.shown.get(i).copied().unwrap_or(true)))).collect();
            let mask = Tensor::from_vec(shown, (m, 1, 1, 1), x.device())?.to_dtype(dtype)?;
            let mask = mask.broadcast_as((m, 1, height, width))?.contiguous()?;
            x = Tensor::cat(&[&x.broadcast_mul(&mask)?, &mask], 1)?;
        }
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x)?;
            if index + 1 < self.layers.len() {
                x = silu(&x)?;
            }
        }
        Ok(x)
    }
}
