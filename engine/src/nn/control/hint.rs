//! The hint embedding of a ControlNet: a few convolutions from images to the channels of the first block or, for
//! SparseCtrl on RGB images, a single convolution from latents.

use candle_core::{DType, Tensor};

use crate::nn::kernels::{Padding, silu};
use crate::nn::layers::Conv2d;
use crate::nn::source::{ModelError, Scope};

/// Image pixels per latent along a side.
const FACTOR: usize = 8;
/// Channels of an image.
const COLOURS: usize = 3;

/// The control images of a ControlNet.
#[derive(Debug, Clone, Copy)]
pub struct Hint<'a> {
    /// Images `[m, 3, 8 h, 8 w]` in 0..1 or, if [`ControlNet::takes_latents`](super::ControlNet::takes_latents),
    /// latents `[m, channels, h, w]` in the sampler's space.
    pub frames: &'a Tensor,
    /// For SparseCtrl: which of the m frames have a hint; the others are masked out and left to the network. Empty:
    /// all.
    pub shown: &'a [bool],
}

impl<'a> From<&'a Tensor> for Hint<'a> {
    /// A hint for every frame.
    fn from(frames: &'a Tensor) -> Self {
        Self { frames, shown: &[] }
    }
}

/// The convolutions of a ControlNet's hint embedding.
#[derive(Debug)]
pub(super) struct Embedding {
    layers: Vec<Conv2d>,
    /// Channels of the hint, without the mask.
    channels: usize,
    /// Ratio of the hint's height and width to the latents'.
    factor: usize,
    /// Whether there is an additional input channel that marks the frames with a hint.
    pub masked: bool,
}

impl Embedding {
    /// Loads the layers below `input_hint_block`: 3x3 convolutions with SiLU between them (hence only even indices),
    /// with stride 2 where the width grows after the first. A single layer means that hints are latents. One input
    /// channel more than the hint has is the mask.
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

    /// Whether hints are latents, not images.
    pub fn takes_latents(&self) -> bool {
        self.factor == 1
    }

    /// Checks that the shape of a hint fits latents of `h` by `w`.
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

    /// The hint's features at the resolution of the first block, `[m, channels, h, w]`.
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
