//! ControlNet (Zhang et al. 2023): a copy of the UNet's encoder that looks at a picture, the hint, and adds what it sees
//! to the UNet's skips and middle.
//!
//! Names are those of the LDM file without `control_model.`. Group norms are by frame whatever the motion module is,
//! and the copy has no motion module of its own.

use candle_core::{DType, Device, Tensor};

use super::encoder::{Encoder, sinusoids};
use super::kernels::{self, Padding, silu};
use super::layers::{Conv2d, Linear};
use super::memory::in_slices;
use super::source::{ModelError, Scope, Source};
use super::unet::{Given, UNet};

/// Pixels of the hint for one of the latents.
const FACTOR: usize = 8;

/// Sinusoids of a union's switch for a kind of hint.
const SWITCH: usize = 256;

/// A ControlNet.
#[derive(Debug)]
pub struct ControlNet {
    encoder: Encoder,
    hint: Vec<Conv2d>,
    /// The projections of the skips, which a network in training starts from zero.
    zero: Vec<Conv2d>,
    zero_middle: Conv2d,
    /// Of a union of several ControlNets: the embedding that no kind of hint in particular has, `[1, width]`.
    union: Option<Tensor>,
}

/// What one or several ControlNets add to a UNet: a tensor for each of its skips, and one for the middle.
#[derive(Debug, Clone)]
pub struct Residuals {
    skips: Vec<Tensor>,
    middle: Tensor,
}

impl ControlNet {
    /// Loads a ControlNet. Errors: a missing tensor, or one whose shape does not fit its neighbours.
    pub fn load(source: &dyn Source, dtype: DType, device: &Device) -> Result<Self, ModelError> {
        let scope = Scope::new(source, dtype, device);
        let encoder = Encoder::load(source, &scope)?;
        let projection = |name: &str, channels: usize| Conv2d::load(&scope.at(name), [channels, channels, 1]);
        let zero = (encoder.skips.iter().enumerate())
            .map(|(index, channels)| projection(&format!("zero_convs.{index}.0"), *channels))
            .collect::<Result<_, _>>()?;
        let zero_middle = projection("middle_block_out.0", encoder.channels)?;
        let hint = hint_blocks(&scope, encoder.skips[0])?;
        let union = union_embedding(&scope, encoder.time_width)?;
        Ok(Self { encoder, hint, zero, zero_middle, union })
    }

    /// The file's name.
    pub fn origin(&self) -> &str {
        &self.encoder.origin
    }

    /// Checks that this was made for a UNet like that one: the same text (some of SDXL's look at none), vector, skips and
    /// middle.
    pub fn check_unet(&self, unet: &UNet) -> Result<(), ModelError> {
        let own = (&self.encoder.skips[..], self.encoder.channels);
        let text = self.encoder.context_width;
        let reason = if text != 0 && text != unet.context_width() {
            format!("it takes text of width {text} and the checkpoint's is {} wide", unet.context_width())
        } else if self.encoder.vector_width() != unet.vector_width() || own != unet.joints() {
            "its blocks are others than the checkpoint's".to_owned()
        } else if self.encoder.latent_channels != unet.latent_channels() {
            format!("it takes latents of {} channels", self.encoder.latent_channels)
        } else {
            return Ok(());
        };
        let reason = format!("the ControlNet does not fit {}: {reason}", unet.origin());
        Err(ModelError::Topology { origin: self.origin().into(), reason })
    }

    /// What this network adds to a UNet's evaluation of the same `x`, `timestep` and text.
    ///
    /// `x` is `[batch, channels, h, w]` as for [`UNet::forward`], `hint` `[m, 3, 8 h, 8 w]` in 0..1, where m divides the
    /// batch: the hints of a window serve every branch of it.
    ///
    /// Errors: [`ModelError::Invalid`] if shapes do not fit.
    pub fn forward(
        &self,
        x: &Tensor,
        timestep: f32,
        given: Given<'_>,
        hint: &Tensor,
    ) -> Result<Residuals, ModelError> {
        let (n, _, h, w) = x.dims4()?;
        self.encoder.check(x, &given, 1)?;
        let (m, colours, height, width) = hint.dims4()?;
        if m == 0 || !n.is_multiple_of(m) || (colours, height, width) != (3, h * FACTOR, w * FACTOR) {
            return Err(ModelError::Invalid(format!(
                "{}: {m} hints of {width}x{height} pixels and {colours} colours for {n} frames of {}x{} pixels",
                self.origin(),
                w * FACTOR,
                h * FACTOR
            )));
        }
        let (_, pass) = self.encoder.pass(timestep, &given, self.union.as_ref(), 1, 1, None)?;
        let guide = in_slices(hint, given.at_once, |hint, _| self.embed(hint))?;
        let guide = if m == n { guide } else { Tensor::cat(&vec![&guide; n / m], 0)? };
        let mut h = x.to_dtype(self.encoder.dtype)?;
        let mut skips = Vec::with_capacity(self.zero.len());
        for (index, (block, zero)) in self.encoder.input.iter().zip(&self.zero).enumerate() {
            h = pass.block(block, &h, None, "", &mut |_, _| ())?;
            if index == 0 {
                h = kernels::add(&h, &guide)?;
            }
            skips.push(zero.forward(&h)?);
        }
        let h = pass.middle(&self.encoder.middle, &h, &mut |_, _| ())?;
        Ok(Residuals { skips, middle: self.zero_middle.forward(&h)? })
    }

    /// The hint as channels of the first block, `[m, channels, h, w]`.
    fn embed(&self, hint: &Tensor) -> candle_core::Result<Tensor> {
        let mut h = hint.to_dtype(self.encoder.dtype)?;
        for (index, conv) in self.hint.iter().enumerate() {
            h = conv.forward(&h)?;
            if index + 1 < self.hint.len() {
                h = silu(&h)?;
            }
        }
        Ok(h)
    }
}

/// The hint's convolutions: 3x3 all of them, with a silu between each two (which is why every other number is missing),
/// at every second pixel where the width grows after the first.
fn hint_blocks(scope: &Scope<'_>, channels: usize) -> Result<Vec<Conv2d>, ModelError> {
    let scope = scope.at("input_hint_block");
    let mut blocks: Vec<Conv2d> = Vec::new();
    let mut width = 3;
    let mut strides = 1;
    for index in (0..).step_by(2).take_while(|index| *index == 0 || scope.has(&format!("{index}.weight"))) {
        let conv = Conv2d::load(&scope.at(index), [0, width, 3])?;
        let last = !scope.has(&format!("{}.weight", index + 2));
        let halves = index > 0 && !last && conv.out_channels() != width;
        width = conv.out_channels();
        strides *= if halves { 2 } else { 1 };
        blocks.push(if halves { conv.strided(2, Padding::even(1)) } else { conv });
    }
    if width != channels || strides != FACTOR {
        return Err(scope.topology(format!(
            "the hint comes out {width} channels wide at 1/{strides} of its size, expected {channels} at 1/{FACTOR}"
        )));
    }
    Ok(blocks)
}

/// What a union of several ControlNets (xinsir's, for SDXL) adds to the time embedding: for each kind of hint a switch,
/// spread over 256 sinusoids, through two linear layers. Here all switches are off, and the layers that merge several
/// hints by their kinds are left out, as the reference workflow has it while no kind is chosen ("auto").
fn union_embedding(scope: &Scope<'_>, width: usize) -> Result<Option<Tensor>, ModelError> {
    let scope = scope.at("control_add_embedding");
    if !scope.has("linear_1.weight") {
        return Ok(None);
    }
    let [_, inputs] = scope.expect("linear_1.weight", [width, 0])?;
    if inputs % SWITCH != 0 {
        return Err(
            scope.topology(format!("{inputs} inputs for the kinds of hints, expected {SWITCH} for each"))
        );
    }
    let first = Linear::load(&scope.at("linear_1"), [width, inputs], true)?;
    let second = Linear::load(&scope.at("linear_2"), [width, width], true)?;
    let off = sinusoids(0.0, SWITCH).repeat(inputs / SWITCH);
    let off = Tensor::from_vec(off, (1, inputs), scope.device)?.to_dtype(scope.dtype)?;
    Ok(Some(second.forward(&silu(&first.forward(&off)?)?)?))
}

impl Residuals {
    /// Times `weight`: one number for all frames, or one for each frame of the window.
    ///
    /// Errors: another number of weights than frames.
    pub fn scaled(&self, weights: &[f32]) -> Result<Self, ModelError> {
        let n = self.middle.dim(0)?;
        if weights.is_empty() || !n.is_multiple_of(weights.len()) {
            return Err(ModelError::Invalid(format!("{} ControlNet weights for {n} frames", weights.len())));
        }
        let scale = |x: &Tensor| -> candle_core::Result<Tensor> {
            if weights.windows(2).all(|pair| pair[0] == pair[1]) {
                return x.affine(f64::from(weights[0]), 0.0);
            }
            let each: Vec<f32> = (0..n).map(|index| weights[index % weights.len()]).collect();
            let each = Tensor::from_vec(each, (n, 1, 1, 1), x.device())?.to_dtype(x.dtype())?;
            x.broadcast_mul(&each)
        };
        let skips = self.skips.iter().map(scale).collect::<candle_core::Result<_>>()?;
        Ok(Self { skips, middle: scale(&self.middle)? })
    }

    /// The sum of two ControlNets' results for one UNet.
    pub fn plus(&self, other: &Self) -> Result<Self, ModelError> {
        let skips = self.skips.iter().zip(&other.skips).map(|(a, b)| kernels::add(a, b));
        Ok(Self {
            skips: skips.collect::<candle_core::Result<_>>()?,
            middle: kernels::add(&self.middle, &other.middle)?,
        })
    }

    /// Adds these to a UNet's skips; returns `middle` plus its own.
    pub(super) fn join(&self, skips: &mut [Tensor], middle: &Tensor) -> Result<Tensor, ModelError> {
        if skips.len() != self.skips.len() {
            return Err(ModelError::Invalid(format!(
                "a ControlNet with {} results for a UNet with {} skips",
                self.skips.len(),
                skips.len()
            )));
        }
        for (skip, residual) in skips.iter_mut().zip(&self.skips) {
            *skip = kernels::add(skip, residual)?;
        }
        Ok(kernels::add(middle, &self.middle)?)
    }
}
