//! One network's share of a file, under canonical names.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::{TensorFile, WeightsError};

/// Tensors of a file under the names that the networks ask for.
///
/// Canonical names are those of the LDM single file without the prefix (`input_blocks.0.0.weight`,
/// `decoder.conv_in.weight`), of the Hugging Face CLIP tower without `text_model.`, and of AnimateDiff for motion
/// modules (`down_blocks.0.motion_modules.0.temporal_transformer.norm.weight`).
#[derive(Debug, Clone)]
pub struct View {
    file: Arc<TensorFile>,
    /// canonical name -> name in the file
    names: BTreeMap<String, String>,
    prefix: String,
}

impl View {
    /// Every tensor for which `canonical` returns a name, under that name. `prefix` is what messages put in front of
    /// a canonical name that has no tensor.
    pub fn new(file: Arc<TensorFile>, prefix: &str, canonical: impl Fn(&str) -> Option<String>) -> Self {
        let names = file.names().filter_map(|stored| Some((canonical(stored)?, stored.to_owned()))).collect();
        Self { file, names, prefix: prefix.into() }
    }

    /// The tensors below `prefix`, without it.
    pub fn below(file: Arc<TensorFile>, prefix: &str) -> Self {
        Self::new(file, prefix, |name| name.strip_prefix(prefix).map(str::to_owned))
    }

    /// The UNet of an LDM checkpoint or a bare LDM UNet file.
    pub fn unet(file: Arc<TensorFile>) -> Self {
        let prefixed = file.names().any(|name| name.starts_with("model.diffusion_model."));
        Self::below(file, if prefixed { "model.diffusion_model." } else { "" })
    }

    /// The VAE of an LDM checkpoint or a VAE file. `loss.*` and `model_ema.*` of training files are left out.
    pub fn vae(file: Arc<TensorFile>) -> Self {
        if file.names().any(|name| name.starts_with("first_stage_model.")) {
            return Self::below(file, "first_stage_model.");
        }
        Self::new(file, "", |name| {
            let wanted = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];
            wanted.iter().any(|start| name.starts_with(start)).then(|| name.to_owned())
        })
    }

    /// The CLIP text tower of an SD1.x checkpoint, or of a text encoder file, with or without `text_model.`.
    /// `position_ids` is left out: it counts from 0 and is stored in any number format.
    pub fn text(file: Arc<TensorFile>) -> Self {
        let in_checkpoint = "cond_stage_model.transformer.";
        let prefix =
            if file.names().any(|name| name.starts_with(in_checkpoint)) { in_checkpoint } else { "" };
        Self::new(file, prefix, |name| {
            let name = name.strip_prefix(prefix)?;
            let name = name.strip_prefix("text_model.").unwrap_or(name);
            let wanted = ["embeddings.", "encoder.layers.", "final_layer_norm."];
            let weight =
                !name.ends_with("position_ids") && wanted.iter().any(|start| name.starts_with(start));
            weight.then(|| name.to_owned())
        })
    }

    /// The motion module in a file of the AnimateDiff family: a leading `module.` of distributed training is dropped,
    /// and so is everything that is not a temporal layer (training files may hold a whole UNet beside them).
    pub fn motion(file: Arc<TensorFile>) -> Self {
        Self::new(file, "", |name| {
            let name = name.strip_prefix("module.").unwrap_or(name);
            (name.contains("temporal") || name.contains("motion_modules")).then(|| name.to_owned())
        })
    }

    /// The file's name, for messages.
    pub fn origin(&self) -> String {
        self.file.file_name()
    }

    /// The file behind this view.
    pub fn file(&self) -> &Arc<TensorFile> {
        &self.file
    }

    /// Canonical names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// How many tensors the view holds.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the view holds nothing.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The shape of a tensor by its canonical name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.file.shape(self.names.get(name)?)
    }

    /// Canonical names with their shapes, in name order.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.names.iter().filter_map(|(name, stored)| Some((name.as_str(), self.file.shape(stored)?)))
    }

    /// Reads a tensor by its canonical name; errors as [`TensorFile::tensor`].
    pub fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        match self.names.get(name) {
            Some(stored) => self.file.tensor(stored, dtype, device),
            None => {
                Err(WeightsError::Missing { file: self.origin(), tensor: format!("{}{name}", self.prefix) })
            }
        }
    }
}
