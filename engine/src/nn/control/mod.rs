//! ControlNet (Zhang et al. 2023): a copy of the UNet's encoder that takes a control image, the hint, and produces
//! residuals for the UNet's skips and middle block.
//!
//! SparseCtrl (Guo et al. 2023) is a ControlNet with temporal layers: only some frames have a hint, marked by a mask,
//! and the hint is its only input. Names are those of the LDM file without `control_model.`. Group norms are per
//! frame regardless of the motion module.

mod hint;
mod residuals;
mod union;

use candle_core::{DType, Device, Tensor};

pub use hint::Hint;
pub use residuals::Residuals;

use super::encoder::Encoder;
use super::kernels;
use super::layers::Conv2d;
use super::memory::in_slices;
use super::motion::{MotionControls, MotionModule};
use super::source::{ModelError, Scope, Source};
use super::unet::{Given, UNet};
use hint::Embedding;

/// A ControlNet, SparseCtrl or union ControlNet.
#[derive(Debug)]
pub struct ControlNet {
    encoder: Encoder,
    hint: Embedding,
    /// Zero convolutions: the projections of the skips, which are initialised to zero for training.
    zero: Vec<Conv2d>,
    zero_middle: Conv2d,
    /// For a union of several ControlNets: the embedding for no particular control type, `[1, width]`.
    union: Option<Tensor>,
    /// For a SparseCtrl: its temporal layers, with controls of scale and effect 1.
    motion: Option<(MotionModule, MotionControls)>,
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
        let hint = Embedding::load(&scope, encoder.skips[0], encoder.latent_channels)?;
        let union = union::embedding(&scope, encoder.time_width)?;
        Ok(Self { encoder, hint, zero, zero_middle, union, motion: None })
    }

    /// Loads a SparseCtrl; `motion` has its temporal layers with AnimateDiff names. Errors: as for
    /// [`load`](Self::load).
    pub fn load_sparse(
        source: &dyn Source,
        motion: &dyn Source,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let mut net = Self::load(source, dtype, device)?;
        let misfit = |reason: &str| ModelError::Topology { origin: source.origin(), reason: reason.into() };
        if !net.hint.masked {
            return Err(misfit("the hint of a SparseCtrl has no channel for the mask"));
        }
        let module = MotionModule::load(motion, dtype, device)?;
        for place in module.places() {
            let here = net.encoder.places.iter().find(|(known, _)| *known == place);
            if here.map(|(_, channels)| *channels) != module.channels(place) {
                return Err(misfit(&format!("the temporal layers of `{place}` do not fit its block")));
            }
        }
        net.motion = Some((module, MotionControls::default()));
        Ok(net)
    }

    /// Name of the file.
    pub fn origin(&self) -> &str {
        &self.encoder.origin
    }

    /// Whether this is a SparseCtrl: hints may be missing for some frames.
    pub fn is_sparse(&self) -> bool {
        self.hint.masked
    }

    /// Whether hints are latents, not images.
    pub fn takes_latents(&self) -> bool {
        self.hint.takes_latents()
    }

    /// Checks that this network fits `unet`: the same text width (some of SDXL's have no cross-attention), vector
    /// width, latent channels, skips and middle block.
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

    /// The residuals for a UNet's evaluation of the same `x`, `timestep` and text.
    ///
    /// `x` is `[batch, channels, h, w]` as for [`UNet::forward`]. The number of hints m divides the batch: the hints
    /// of a window are repeated for every guidance branch. For a SparseCtrl, m is the length of the window, and `x`
    /// is not used.
    ///
    /// Errors: [`ModelError::Invalid`] if shapes do not fit or the window is longer than a SparseCtrl's position
    /// table.
    pub fn forward<'a>(
        &self,
        x: &Tensor,
        timestep: f32,
        given: Given<'_>,
        hint: impl Into<Hint<'a>>,
    ) -> Result<Residuals, ModelError> {
        let hint = hint.into();
        let (n, _, h, w) = x.dims4()?;
        self.encoder.check(x, &given, 1)?;
        let fits = self.hint.check(hint, [h, w]);
        fits.map_err(|reason| ModelError::Invalid(format!("{}: {reason}", self.origin())))?;
        let m = hint.frames.dim(0)?;
        if !n.is_multiple_of(m) {
            return Err(ModelError::Invalid(format!("{}: {m} hints for {n} frames", self.origin())));
        }
        let motion = self.motion.as_ref().map(|(module, controls)| (module, controls));
        if let Some((module, controls)) = motion {
            module.check(m, controls)?;
        }
        let (_, pass) = self.encoder.pass(timestep, &given, self.union.as_ref(), m, 1, motion)?;
        let guide = in_slices(hint.frames, given.at_once, |frames, first| {
            let shown =
                if hint.shown.is_empty() { &[] } else { &hint.shown[first..first + frames.dim(0)?] };
            self.hint.forward(Hint { frames, shown }, self.encoder.dtype)
        })?;
        let guide = if m == n { guide } else { Tensor::cat(&vec![&guide; n / m], 0)? };
        let mut h = x.to_dtype(self.encoder.dtype)?;
        if self.is_sparse() {
            h = h.zeros_like()?;
        }
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
}
