//! Whether a file's data can be what was saved: a download that broke off, or that was given its size beforehand, leaves
//! zeros where trained weights never are zero.
//!
//! Some tensors are zero by right. Layers that training starts from zero (a ControlNet's zero convolutions, the last layer of
//! a motion module, the second matrix of a LoRA) may have stayed there, and so may biases and whole layers of a difference.
//! They are no evidence. A gain of a norm, a convolution or a matrix of a UNet, autoencoder or text encoder is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Identity, Kind};
use crate::weights::{TensorFile, View, WeightsError};

/// Fewer values than this can be zero by chance.
const FEW: usize = 8;
/// So many zero bytes at the end of a tensor that is not zero as a whole show that its data break off within it.
const BREAK: usize = 64;

impl Identity {
    /// Succeeds unless the data of the file show that it is damaged. A sound file costs a look at the first bytes of every
    /// tensor; numbers that are not finite are found later, when a tensor is read.
    ///
    /// # Errors
    /// [`WeightsError::Damaged`] with the first tensor that is at fault.
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
            // An embedding starts from zeros where it is given no words to start from.
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

/// Names in the file of the tensors whose zeros may be by design and lie next to each other: the autoencoder of a small
/// model has whole blocks of them. That such an autoencoder breaks off shows in those of its tensors that are [`trained`].
fn designed(file: &Arc<TensorFile>, identity: &Identity) -> BTreeSet<String> {
    match (&identity.kind, identity.family()) {
        (_, Some(family)) => family.zero_by_design(file, &identity.kind),
        // Those of Stable Diffusion have four; the others are a small model's.
        (Kind::Vae { latent_channels, .. }, None) if *latent_channels != 4 => all_of_autoencoder(file),
        _ => BTreeSet::new(),
    }
}

/// Names in the file of all tensors of AutoencoderKL.
pub fn all_of_autoencoder(file: &Arc<TensorFile>) -> BTreeSet<String> {
    let view = View::vae(file.clone());
    view.names().filter_map(|name| view.stored(name).map(str::to_owned)).collect()
}

/// Names in the file of the tensors that no training leaves at zero.
fn trained(file: &Arc<TensorFile>, identity: &Identity) -> Vec<String> {
    match identity.family() {
        Some(family) => family.trained(file, &identity.kind),
        None => trained_of_unet(file, &identity.kind, false),
    }
}

/// [`trained`] of UNets and what goes with them; `small` for the plan of Stable Diffusion with other widths.
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
    // Spelt `proj_out` in every naming that the views know.
    let module = |name: &str| !name.ends_with("proj_out.weight");
    match kind {
        Kind::Checkpoint { vae, text, .. } => {
            let mut names = of(View::unet(file.clone()), &blocks);
            if *vae {
                // The encoder of the built-in model is one linear layer: the blocks of it are zero by design.
                let designed = |name: &str| small && name.starts_with("encoder.");
                names.extend(of(View::vae(file.clone()), &|name| !designed(name)));
            }
            if *text {
                names.extend(of(View::text(file.clone()), &|_| true));
                names.extend(of(View::text_2(file.clone()), &|_| true));
            }
            // A prefix that is missing makes views overlap.
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

/// Whether a file has matrices and all of them are zero.
fn all_zero(file: &TensorFile) -> bool {
    let mut matrices = file
        .tensors()
        .filter(|(_, info)| info.shape.len() >= 2 && info.shape.iter().product::<usize>() >= FEW)
        .peekable();
    matrices.peek().is_some() && matrices.all(|(name, _)| file.is_zero(name))
}
