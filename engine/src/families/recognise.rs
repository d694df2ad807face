//! The interface for identifying a family's files and what can be used with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Identity, Kind, NetworkPart};
use crate::weights::{Network, TensorFile, View};

/// The kinds of files that can be used with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// A motion module of any version.
    MotionModule,
    /// A ControlNet, or a SparseCtrl with its temporal layers.
    ControlNet,
    /// A LoRA for UNet or text encoders.
    Lora,
    /// A text encoder in a file of its own.
    TextEncoder,
    /// A textual inversion embedding, which prompts refer to by name.
    Embedding,
}

impl Addition {
    /// The plural for messages.
    pub fn plural(self) -> &'static str {
        match self {
            Self::MotionModule => "motion modules",
            Self::ControlNet => "ControlNets",
            Self::Lora => "LoRAs",
            Self::TextEncoder => "other text encoders",
            Self::Embedding => "textual inversion embeddings",
        }
    }
}

/// A text encoder that the checkpoints of a family need.
#[derive(Clone, Copy)]
pub struct TextPart {
    /// The network and how to build it.
    pub part: NetworkPart,
    /// Whether a file contains it.
    pub is_in: fn(&Arc<TensorFile>) -> bool,
    /// The suffix that distinguishes it in messages after "text encoder": ` (CLIP-L)`.
    pub which: &'static str,
    /// The target network of LoRAs for it; `None` if LoRAs are not supported.
    pub network: Option<Network>,
}

/// What a family knows about its files.
pub trait Recognise {
    /// The family's name in messages: `SD1.5`.
    fn name(&self) -> &'static str;

    /// Identifies a file that belongs to this family; `None` for all others. Reads names and shapes only, never the data.
    fn recognise(&self, file: &Arc<TensorFile>) -> Option<Identity>;

    /// The denoising network, and the target network of LoRAs for it.
    fn network(&self) -> (NetworkPart, Option<Network>);

    /// The network that encodes and decodes pictures.
    fn codec(&self) -> NetworkPart;

    /// The text encoders, in the order in which they are used.
    fn text_encoders(&self) -> &'static [TextPart];

    /// What a checkpoint of this family takes, as a sentence without its end: `an SDXL checkpoint takes LoRAs for SDXL`.
    fn takes(&self, addition: Addition) -> String {
        format!("{} checkpoints take no {}", self.name(), addition.plural())
    }

    /// What files of this kind can be used with; completes "fits ...".
    fn fits(&self, kind: &Kind) -> String;

    /// The stored names of tensors that are never all zeros after training, for a file of this family.
    fn trained(&self, _file: &Arc<TensorFile>, _kind: &Kind) -> Vec<String> {
        Vec::new()
    }

    /// The stored names of tensors that may be zero by design, even several in a row.
    fn zero_by_design(&self, _file: &Arc<TensorFile>, _kind: &Kind) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// Describes why a checkpoint and a motion module for the family do not fit; `None` if they fit.
    fn motion_misfit(&self, _checkpoint: &Arc<TensorFile>, _motion: &Arc<TensorFile>) -> Option<String> {
        None
    }

    /// Widths of embedding vectors for each of the text encoders; empty for a family without embeddings.
    fn embedding_widths(&self, _encoders: &[View]) -> Vec<usize> {
        Vec::new()
    }
}
