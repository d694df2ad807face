//! Detects damaged files: an interrupted download, or one into a preallocated file, leaves zeros where trained weights
//! are never zero.
//!
//! Some tensors may be zero in an undamaged file: layers that training initialises with zeros (a ControlNet's zero convolutions,
//! the last layer of a motion module, the second matrix of a LoRA), biases, and whole layers of a difference. They are not
//! evidence of damage. Zero gains of norms, convolutions or matrices of a UNet, autoencoder or text encoder are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Identity, Kind};
use crate::weights::{TensorFile, View, WeightsError};

/// Tensors with fewer values than this can be all zeros by chance.
const FEW: usize = 8;
/// A tensor that is not all zeros but ends in this many zero bytes is considered truncated.
const BREAK: usize = 64;

impl Identity {
    /// Succeeds unless the data of the file show that it is damaged. Reads only the first bytes of every tensor of an
    /// undamaged file; NaNs and infinities are detected later, when a tensor is read.
    ///
    /// # Errors
    /// [`WeightsError::Damaged`] with the first damaged tensor.
    pub fn require_sound(&self, file: &Arc<TensorFile>) -> Result<(), WeightsError> {
        match self.fault(file) {
            None => Ok(()),
            Some(reason) => Err(WeightsError::Damaged { file: file.file_name(), reason }),
        }
    }

    fn fault(&self, file: &Arc<TensorFile>) -> Option<String> {
        let zero: Vec<String> = trained(file, self).into_iter().filter(|name| file.is_zero(name)).collect();
        if let Some(first) = zero.first() {
            let others = match zero.len() {
                1 => "holds nothing but zeros".to_owned(),
                2 => "and another one hold nothing but zeros".to_owned(),
                count => format!("and {} others hold nothing but zeros", count - 1),
            };
            return Some(format!("the tensor `{first}` {others}"));
        }
        match self.kind {
            // An embedding without initial words is initialised with zeros.
            Kind::Embedding { .. } | Kind::Unknown | Kind::Unsupported => None,
            _ if all_zero(file) => Some("its tensors hold nothing but zeros".into()),
            _ => {
                let designed = designed(file, self);
                let broken = file.breaks_off(BREAK, |name| !designed.contains(name));
                broken.map(|name| {
                    format!("from the middle of the tensor `{name}` on it holds nothing but zeros")
                })
            }
        }
    }
}

/// Stored names of the tensors that may be zero by design, even several in a row: the autoencoder of a small model has
/// whole blocks of them. Truncation of such an autoencoder is detected by its [`trained`] tensors.
fn designed(file: &Arc<TensorFile>, identity: &Identity) -> BTreeSet<String> {
    match (&identity.kind, identity.family()) {
        (_, Some(family)) => family.zero_by_design(file, &identity.kind),
        // Stable Diffusion's autoencoders have four channels; others belong to small models.
        (Kind::Vae { latent_channels, .. }, None) if *latent_channels != 4 => all_of_autoencoder(file),
        _ => BTreeSet::new(),
    }
}

/// Stored names of all tensors of AutoencoderKL.
pub fn all_of_autoencoder(file: &Arc<TensorFile>) -> BTreeSet<String> {
    let view = View::vae(file.clone());
    view.names().filter_map(|name| view.stored(name).map(str::to_owned)).collect()
}

/// Stored names of the tensors that are never all zeros after training.
fn trained(file: &Arc<TensorFile>, identity: &Identity) -> Vec<String> {
    match identity.family() {
        Some(family) => family.trained(file, &identity.kind),
        None => trained_of_unet(file, &identity.kind, false),
    }
}

/// [`trained`] for UNets and the files used with them; `small` for Stable Diffusion's architecture with other widths.
pub fn trained_of_unet(file: &Arc<TensorFile>, kind: &Kind, small: bool) -> Vec<String> {
    let of = |view: View, counts: &dyn Fn(&str) -> bool| -> Vec<String> {
        let weights = view.shapes().filter(|(name, shape)| {
            name.ends_with("weight") && shape.iter().product::<usize>() >= FEW && counts(name)
        });
        weights.filter_map(|(name, _)| view.stored(name).map(str::to_owned)).collect()
    };
    let blocks = |name: &str| {
        let starts =
            ["input_blocks.", "middle_block.", "output_blocks.", "time_embed.", "label_emb.", "out."];
        starts.iter().any(|start| name.starts_with(start))
    };
    // `proj_out` is the canonical name in all views.
    let module = |name: &str| !name.ends_with("proj_out.weight");
    match kind {
        Kind::Checkpoint { vae, text, .. } => {
            let mut names = of(View::unet(file.clone()), &blocks);
            if *vae {
                // The built-in model's encoder is a single linear layer; its blocks are zero by design.
                let designed = |name: &str| small && name.starts_with("encoder.");
                names.extend(of(View::vae(file.clone()), &|name| !designed(name)));
            }
            if *text {
                names.extend(of(View::text(file.clone()), &|_| true));
                names.extend(of(View::text_2(file.clone()), &|_| true));
            }
            // In a file without prefixes the views overlap.
            names.sort_unstable();
            names.dedup();
            names
        }
        Kind::Vae { latent_channels, .. } => {
            let designed = |name: &str| *latent_channels != 4 && name.starts_with("encoder.");
            of(View::vae(file.clone()), &|name| !designed(name))
        }
        Kind::TextEncoder { .. } => of(View::text(file.clone()), &|_| true),
        Kind::MotionModule { .. } => of(View::motion(file.clone()), &module),
        Kind::ControlNet { difference: false, .. } => of(View::control(file.clone()), &blocks),
        Kind::SparseCtrl { .. } => {
            let mut names = of(View::control(file.clone()), &blocks);
            names.extend(of(View::motion(file.clone()), &module));
            names
        }
        _ => Vec::new(),
    }
}

/// Whether a file has matrices, and all of them are zero.
fn all_zero(file: &TensorFile) -> bool {
    let mut matrices = file
        .tensors()
        .filter(|(_, info)| info.shape.len() >= 2 && info.shape.iter().product::<usize>() >= FEW)
        .peekable();
    matrices.peek().is_some() && matrices.all(|(name, _)| file.is_zero(name))
}
