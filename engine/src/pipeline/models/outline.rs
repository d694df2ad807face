//! Networks built from the names, shapes and number formats of their files alone: what would be refused when the values
//! are read is refused before any work, and what a network leaves unread is known.

use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};
use parking_lot::Mutex;

use super::{Arc, Kind, PipelineError, TensorFile, View};
use crate::model::{ClipText, ControlNet, ModelError, MotionModule, Source, UNet, Vae};

/// A view with zeros for values. A tensor is a single zero, stretched to its shape, so that it takes no memory.
struct Outline<'a> {
    view: &'a View,
    read: Mutex<BTreeSet<String>>,
}

impl<'a> Outline<'a> {
    fn new(view: &'a View) -> Self {
        Self { view, read: Mutex::default() }
    }
}

impl Source for Outline<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.view.shape(name).map(<[usize]>::to_vec)
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        self.view.check(name).map_err(|error| ModelError::Read(Box::new(error)))?;
        self.read.lock().insert(name.to_owned());
        let zeros =
            Tensor::zeros((), dtype, device)?.broadcast_as(self.view.shape(name).unwrap_or_default())?;
        // These are used up while the network is loaded.
        Ok(if name.starts_with("control_add_embedding.") { zeros.contiguous()? } else { zeros })
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.view.names())
    }

    fn origin(&self) -> String {
        self.view.origin()
    }
}

/// A network of a file that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Unet,
    Vae,
    Text,
    Text2,
    Motion,
    Control,
    SparseControl,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Unet => "UNet",
            Self::Vae => "VAE",
            Self::Text => "text encoder",
            Self::Text2 => "second text encoder",
            Self::Motion => "motion module",
            Self::Control => "ControlNet",
            Self::SparseControl => "SparseCtrl",
        }
    }

    fn view(self, file: &Arc<TensorFile>) -> View {
        match self {
            Self::Unet => View::unet(file.clone()),
            Self::Vae => View::vae(file.clone()),
            Self::Text => View::text(file.clone()),
            Self::Text2 => View::text_2(file.clone()),
            Self::Motion => View::motion(file.clone()),
            Self::Control | Self::SparseControl => View::control(file.clone()),
        }
    }

    /// Builds the network of a file; sentences about tensors that are not used, and about a network that changes nothing.
    ///
    /// # Errors
    /// What loading it would say, except for values that cannot be read.
    pub(super) fn check(self, file: &Arc<TensorFile>) -> Result<Vec<String>, PipelineError> {
        let view = self.view(file);
        let [read, _] = self.read(file, &view)?;
        let unread = view.unread(&read);
        let tensors = if unread.len() == 1 { "tensor" } else { "tensors" };
        let unread = unread.first().map(|first| {
            format!("{}: {} {tensors} of the {} not used: {first}", view.origin(), unread.len(), self.name())
        });
        Ok(unread.into_iter().chain(self.idle(&view)).collect())
    }

    /// A sentence about a network whose last layers are as they were before training: it adds zero to what it is given.
    fn idle(self, view: &View) -> Option<String> {
        let (layers, last): (_, fn(&str) -> bool) = match self {
            Self::Motion => ("output projections", |name| {
                name.ends_with("proj_out.weight") || name.ends_with("proj_out.bias")
            }),
            Self::Control | Self::SparseControl => ("zero convolutions", |name| {
                name.starts_with("zero_convs.") || name.starts_with("middle_block_out.")
            }),
            Self::Unet | Self::Vae | Self::Text | Self::Text2 => return None,
        };
        view.are_zero(last).then(|| {
            format!("{}: the {} changes nothing, since its {layers} are zero", view.origin(), self.name())
        })
    }

    /// Reads every value that the network is loaded from.
    ///
    /// # Errors
    /// What loading it would say.
    pub(super) fn check_values(self, file: &Arc<TensorFile>) -> Result<(), PipelineError> {
        let views = [self.view(file), View::motion(file.clone())];
        let read = self.read(file, &views[0])?;
        for (view, names) in views.iter().zip(read) {
            for name in names {
                view.tensor(&name, DType::F32, &Device::Cpu)?;
            }
        }
        Ok(())
    }

    /// The canonical names that the network reads from its view, and those of its temporal layers if they are in a view
    /// of their own.
    fn read(self, file: &Arc<TensorFile>, view: &View) -> Result<[BTreeSet<String>; 2], PipelineError> {
        let source = Outline::new(view);
        let mut temporal = BTreeSet::new();
        let (dtype, device) = (DType::F32, &Device::Cpu);
        match self {
            Self::Unet => drop(UNet::load(&source, dtype, device)?),
            Self::Vae => drop(Vae::load(&source, dtype, device)?),
            Self::Text => drop(ClipText::load(&source, dtype, device)?),
            Self::Text2 => drop(ClipText::load_open(&source, dtype, device)?),
            Self::Motion => drop(MotionModule::load(&source, dtype, device)?),
            Self::Control => drop(ControlNet::load(&source, dtype, device)?),
            Self::SparseControl => {
                let motion = View::motion(file.clone());
                let motion = Outline::new(&motion);
                drop(ControlNet::load_sparse(&source, &motion, dtype, device)?);
                temporal = motion.read.into_inner();
            }
        }
        Ok([source.read.into_inner(), temporal])
    }
}

/// The networks that a file of this kind brings, except for text encoders.
pub(super) fn parts(kind: &Kind) -> Vec<Part> {
    match kind {
        Kind::Checkpoint { vae: true, .. } => vec![Part::Unet, Part::Vae],
        Kind::Checkpoint { vae: false, .. } => vec![Part::Unet],
        Kind::Vae { .. } => vec![Part::Vae],
        Kind::MotionModule { .. } => vec![Part::Motion],
        Kind::ControlNet { .. } => vec![Part::Control],
        Kind::SparseCtrl { .. } => vec![Part::SparseControl],
        _ => Vec::new(),
    }
}
