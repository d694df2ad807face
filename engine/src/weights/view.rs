//! The tensors of one network in a file, under canonical names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::lora::{Change, Lora, Network};
use super::names::{self, Op};
use super::scales::{self, Scale, Scales};
use super::{TensorFile, WeightsError};

/// The source of a tensor in a view.
#[derive(Debug, Clone)]
struct Entry {
    /// Its name in the file.
    stored: String,
    op: Op,
    /// Shape after `op`.
    shape: Vec<usize>,
    /// The scale of an 8-bit weight.
    scale: Option<Scale>,
}

/// Tensors of a file under the names that the networks use.
///
/// Canonical names are those of an LDM single-file checkpoint without the prefix (`input_blocks.0.0.weight`,
/// `decoder.conv_in.weight`, `zero_convs.0.0.weight`), of the Hugging Face CLIP tower without `text_model.`, and of
/// AnimateDiff for motion modules (`down_blocks.0.motion_modules.0.temporal_transformer.norm.weight`). The names in
/// the file may differ.
#[derive(Debug, Clone)]
pub struct View {
    file: Arc<TensorFile>,
    entries: BTreeMap<String, Entry>,
    prefix: String,
    /// A view whose tensors are added to the tensors of the same name and shape.
    base: Option<Arc<View>>,
    /// Weight changes of LoRAs, by canonical name.
    changes: BTreeMap<String, Vec<Change>>,
    /// Names in the file below the prefix without a canonical name.
    unnamed: Vec<String>,
}

impl View {
    /// Maps every tensor to the names that `canonical` returns for it. `prefix` is prepended to canonical names of
    /// missing tensors in messages.
    fn new(file: Arc<TensorFile>, prefix: &str, canonical: impl Fn(&str) -> Vec<(String, Op)>) -> Self {
        let mut entries = BTreeMap::new();
        let mut unnamed = Vec::new();
        let scales = Scales::of(&file);
        for (stored, info) in file.tensors() {
            if scales::is_scale(stored) {
                continue;
            }
            let scale = scales.get(stored);
            let names = canonical(stored);
            if names.is_empty() && stored.starts_with(prefix) {
                unnamed.push(stored.to_owned());
            }
            for (name, op) in names {
                // If the operation does not fit the shape, keep the stored shape; loading the network then reports
                // it.
                let shape = op.shape(&info.shape);
                let op = if shape.is_some() { op } else { Op::Copy };
                let shape = shape.unwrap_or_else(|| info.shape.clone());
                entries.insert(name, Entry { stored: stored.to_owned(), op, shape, scale: scale.clone() });
            }
        }
        Self { file, entries, prefix: prefix.into(), base: None, changes: BTreeMap::new(), unnamed }
    }

    /// The tensors below `prefix` that `rename` returns a name for, unchanged.
    fn renamed(file: Arc<TensorFile>, prefix: &str, rename: impl Fn(&str) -> Option<String>) -> Self {
        Self::new(file, prefix, |stored| {
            let name = stored.strip_prefix(prefix).and_then(&rename);
            name.map(|name| (name, Op::Copy)).into_iter().collect()
        })
    }

    /// The tensors below `prefix`, with the prefix removed.
    pub fn below(file: Arc<TensorFile>, prefix: &str) -> Self {
        Self::renamed(file, prefix, |name| Some(name.to_owned()))
    }

    /// The UNet of an LDM checkpoint or a UNet file, with LDM or diffusers names.
    pub fn unet(file: Arc<TensorFile>) -> Self {
        let prefix = first_prefix(&file, &["model.diffusion_model.", "unet/"]);
        if !diffusers(&file, prefix) {
            return Self::below(file, prefix);
        }
        let plan = names::unet::Plan::of(file.names().filter_map(|name| name.strip_prefix(prefix)));
        Self::renamed(file, prefix, |name| names::unet::to_ldm(name, &plan))
    }

    /// A ControlNet, with LDM or diffusers names. Files of ControlNet 1.0 also contain a whole checkpoint, which is
    /// ignored. A file that has the difference from a base network needs [`added_to`](Self::added_to).
    pub fn control(file: Arc<TensorFile>) -> Self {
        let prefix = first_prefix(&file, &["control_model."]);
        if !diffusers(&file, prefix) {
            return Self::renamed(file, prefix, |name| names::control::is_ldm(name).then(|| name.to_owned()));
        }
        let plan = names::unet::Plan::of(file.names().filter_map(|name| name.strip_prefix(prefix)));
        Self::renamed(file, prefix, |name| names::control::to_ldm(name, &plan))
    }

    /// The VAE of an LDM checkpoint or a VAE file, with LDM names or either naming scheme of diffusers. `loss.*` and
    /// `model_ema.*` of training files are ignored.
    pub fn vae(file: Arc<TensorFile>) -> Self {
        let prefix = first_prefix(&file, &["first_stage_model.", "vae/"]);
        let below =
            |name: &'_ str| name.strip_prefix(prefix).is_some_and(|name| name.contains(".down_blocks."));
        if file.names().any(below) {
            let levels = names::vae::levels(file.names().filter_map(|name| name.strip_prefix(prefix)));
            return Self::renamed(file, prefix, |name| names::vae::to_ldm(name, levels));
        }
        Self::renamed(file, prefix, |name| {
            let wanted = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];
            wanted.iter().any(|start| name.starts_with(start)).then(|| name.to_owned())
        })
    }

    /// The CLIP-L text tower of a checkpoint or text encoder file, with or without `text_model.`. `position_ids` is
    /// ignored: it is just 0, 1, 2, ..., in an arbitrary dtype.
    pub fn text(file: Arc<TensorFile>) -> Self {
        let places =
            ["cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "text_encoder/"];
        Self::text_below(file, &places)
    }

    /// The second text tower of SDXL, OpenCLIP bigG, as a Hugging Face tower: separate query, key and value, and
    /// `text_projection.weight` as the weight of a linear layer.
    pub fn text_2(file: Arc<TensorFile>) -> Self {
        let places =
            ["conditioner.embedders.1.model.", "conditioner.embedders.1.transformer.", "text_encoder_2/"];
        Self::text_below(file, &places)
    }

    fn text_below(file: Arc<TensorFile>, places: &[&str]) -> Self {
        let prefix = first_prefix(&file, places).to_owned();
        let strip = prefix.clone();
        Self::new(file, &prefix, |stored| match stored.strip_prefix(&strip) {
            Some(name) => names::text::canonical(name),
            None => Vec::new(),
        })
    }

    /// The motion module in a file of the AnimateDiff family. A leading `module.` of distributed training is dropped,
    /// and so is everything that is not a temporal layer (training files may also contain a whole UNet).
    pub fn motion(file: Arc<TensorFile>) -> Self {
        let mut view = Self::new(file, "", |stored| {
            names::motion::canonical(stored).into_iter().map(|name| (name, Op::Copy)).collect()
        });
        // A shared position table is used for both attentions of a module, but SparseCtrl has modules with only one.
        let lone = |name: &str| match name.split_once("attention_blocks.1.pos_encoder.") {
            Some((module, _)) => {
                !view.entries.contains_key(&format!("{module}attention_blocks.1.to_q.weight"))
            }
            None => false,
        };
        let lone: Vec<String> = view.names().filter(|name| lone(name)).map(str::to_owned).collect();
        for name in lone {
            view.entries.remove(&name);
        }
        view
    }

    /// This view with the tensors of `base` added wherever both have one of the same name and shape: for ControlNet
    /// files that contain the difference from their base network.
    pub fn added_to(mut self, base: View) -> Self {
        self.base = Some(Arc::new(base));
        self
    }

    /// This view with LoRAs merged in at these strengths, as far as they change this network. The files are not
    /// modified: for other strengths, only the tensors in [`touched`](Self::touched) have to be read again.
    ///
    /// Errors: [`WeightsError::WrongKind`] for a LoRA whose changes do not have the shapes of the weights.
    pub fn with_loras(mut self, network: Network, loras: &[(Arc<Lora>, f64)]) -> Result<Self, WeightsError> {
        let origin = self.origin();
        let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        let shapes: BTreeMap<&str, &[usize]> = self.shapes().collect();
        for (lora, strength) in loras.iter().filter(|(_, strength)| *strength != 0.0) {
            for (name, change) in lora.changes(network, *strength, &shapes, &origin)? {
                changes.entry(name).or_default().push(change);
            }
        }
        self.changes = changes;
        Ok(self)
    }

    /// Canonical names of the tensors that LoRAs change, sorted.
    pub fn touched(&self) -> impl Iterator<Item = &str> {
        self.changes.keys().map(String::as_str)
    }

    /// Whether LoRAs change a tensor, by its canonical name.
    pub fn is_touched(&self, name: &str) -> bool {
        self.changes.contains_key(name)
    }

    /// Names in the file of tensors that look like weights of this network but are not among `read`, the canonical
    /// names that the network was loaded from. Tensors that are not needed for inference (position ids, tables that
    /// can be computed, training scales) are skipped.
    pub fn unread<'a>(&'a self, read: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
        let mut used: BTreeSet<&str> = BTreeSet::new();
        let mut idle: BTreeSet<&str> = self.unnamed.iter().map(String::as_str).collect();
        for (name, entry) in &self.entries {
            if read.contains(name) { &mut used } else { &mut idle }.insert(&entry.stored);
        }
        // A single-network file may also contain the network's temporal layers, and vice versa.
        let temporal = |name: &str| name.contains("motion_modules.") || name.contains("temporal_attentions.");
        let is_motion = self.entries.keys().any(|name| temporal(name));
        let of_this = |name: &&str| {
            temporal(name) == is_motion && name.contains('.') && !used.contains(name) && !harmless(name)
        };
        idle.into_iter().filter(of_this).collect()
    }

    /// Checks that a tensor, by its canonical name, exists and has a readable dtype; does not read values.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Format`], [`WeightsError::NotFinite`],
    /// [`WeightsError::Scale`].
    pub fn check(&self, name: &str) -> Result<(), WeightsError> {
        let Some(entry) = self.entries.get(name) else { return Err(self.missing(name)) };
        self.file.check(&entry.stored)?;
        entry.scale.as_ref().map_or(Ok(()), |scale| scale.check(&self.file, &entry.stored))
    }

    fn missing(&self, name: &str) -> WeightsError {
        WeightsError::Missing { file: self.origin(), tensor: format!("{}{name}", self.prefix) }
    }

    /// A preprocessor network for hints, with the names of its file; a leading `module.` of distributed training is
    /// dropped.
    pub fn annotator(file: Arc<TensorFile>) -> Self {
        Self::renamed(file, "", |name| Some(name.strip_prefix("module.").unwrap_or(name).to_owned()))
    }

    /// Name of the file, for messages.
    pub fn origin(&self) -> String {
        self.file.file_name()
    }

    /// The file that this view reads from.
    pub fn file(&self) -> &Arc<TensorFile> {
        &self.file
    }

    /// Canonical names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The name in the file of a tensor by its canonical name.
    pub fn stored(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(|entry| entry.stored.as_str())
    }

    /// Whether there are tensors whose canonical names satisfy `counts` and all of them are zero. Stops at the first
    /// value that is not zero.
    pub fn are_zero(&self, counts: impl Fn(&str) -> bool) -> bool {
        let mut stored =
            self.names().filter(|name| counts(name)).filter_map(|name| self.stored(name)).peekable();
        stored.peek().is_some() && stored.all(|name| self.file.is_zero(name))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the view has no tensors.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Shape of a tensor by its canonical name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Canonical names with their shapes, in name order.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.shape.as_slice()))
    }

    /// Reads a tensor by its canonical name, converted to `dtype`, onto `device`. Base network and LoRAs are added in
    /// f32.
    ///
    /// Errors: as [`TensorFile::tensor`], and [`WeightsError::Scale`] and [`WeightsError::Huge`] from scales and
    /// LoRAs.
    pub fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let Some(entry) = self.entries.get(name) else { return Err(self.missing(name)) };
        let base = self.base.as_ref().filter(|base| base.shape(name) == Some(entry.shape.as_slice()));
        let changes = self.changes.get(name).map_or(&[] as &[_], Vec::as_slice);
        if entry.op == Op::Copy && entry.scale.is_none() && base.is_none() && changes.is_empty() {
            return self.file.tensor(&entry.stored, dtype, device);
        }
        let broken = |source| self.file.device_error(&entry.stored, source);
        let mut stored = self.file.stored(&entry.stored)?;
        if let Some(scale) = &entry.scale {
            stored = scale.applied(&self.file, &entry.stored, &stored)?;
        }
        let stored = entry.prepared(stored).map_err(broken)?;
        let mut terms = Vec::new();
        if let Some(base) = base {
            terms.push(base.tensor(name, DType::F32, device)?);
        }
        for change in changes {
            terms.push(change.read(&entry.shape, device)?);
        }
        let sum = || {
            let mut tensor = stored.to_device(device)?;
            if !terms.is_empty() {
                tensor = tensor.to_dtype(DType::F32)?;
            }
            for term in &terms {
                tensor = (tensor + term)?;
            }
            tensor.to_dtype(dtype)
        };
        sum().map_err(broken)
    }
}

impl Entry {
    /// Applies the operation to a stored, already scaled tensor.
    fn prepared(&self, stored: Tensor) -> candle_core::Result<Tensor> {
        match self.op {
            Op::Copy => Ok(stored),
            Op::Transpose => stored.t()?.contiguous(),
            Op::Rows { index, .. } => {
                let rows = self.shape[0];
                stored.narrow(0, index * rows, rows)?.contiguous()
            }
        }
    }
}

/// Whether a tensor of a trained network is not needed for inference.
fn harmless(name: &str) -> bool {
    const ENDS: [&str; 8] = [
        "position_ids",
        "logit_scale",
        "text_projection",
        "text_projection.weight",
        "pos_encoder.pe",
        "num_batches_tracked",
        "attn_mask",
        "num_updates",
    ];
    // Layers of a union ControlNet that are unused without a control type, losses, the image half of CLIP.
    const PARTS: [&str; 10] = [
        "task_embedding",
        "transformer_layes.",
        "spatial_ch_projs.",
        "loss.",
        "model_ema.",
        "visual.",
        "vision_model.",
        "visual_projection.",
        "scaled_fp8",
        "pos_embed.pe",
    ];
    ENDS.iter().any(|end| name.ends_with(end)) || PARTS.iter().any(|part| name.contains(part))
}

/// The first of `prefixes` that a name in the file starts with, or the empty string.
fn first_prefix<'a>(file: &TensorFile, prefixes: &[&'a str]) -> &'a str {
    let begins = |prefix: &&&str| file.names().any(|name| name.starts_with(**prefix));
    prefixes.iter().find(begins).copied().unwrap_or("")
}

/// Whether a UNet or ControlNet below `prefix` has diffusers names.
fn diffusers(file: &TensorFile, prefix: &str) -> bool {
    file.shape(&format!("{prefix}conv_in.weight")).is_some()
}
