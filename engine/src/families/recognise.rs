//! What files are, and what goes together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Identity, Kind, Part};
use crate::weights::{Network, TensorFile, View};

/// What can be added to a checkpoint, or chosen beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// A motion module.
    MotionModule,
    /// A ControlNet.
    ControlNet,
    /// A LoRA.
    Lora,
    /// A text encoder.
    TextEncoder,
    /// A textual inversion embedding.
    Embedding,
}

impl Addition {
    /// The word for several of them.
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

/// A text encoder that checkpoints of a family need.
#[derive(Clone, Copy)]
pub struct TextPart {
    /// The network.
    pub part: Part,
    /// Whether a file brings it.
    pub is_in: fn(&Arc<TensorFile>) -> bool,
    /// Which one it is, to stand after "text encoder": ` (CLIP-L)`.
    pub which: &'static str,
    /// LoRAs for it.
    pub network: Option<Network>,
}

/// What a family knows of its files.
pub trait Recognise {
    /// The family's name: `SD1.5`.
    fn name(&self) -> &'static str;

    /// What a file is if it is made for this family, `None` for all others. Reads names and shapes only, never the data.
    fn recognise(&self, file: &Arc<TensorFile>) -> Option<Identity>;

    /// The network that predicts, and LoRAs for it.
    fn network(&self) -> (Part, Option<Network>);

    /// The autoencoder.
    fn codec(&self) -> Part;

    /// The text encoders, in the order of their use.
    fn text_encoders(&self) -> &'static [TextPart];

    /// What a checkpoint of this family takes, as a sentence without its end:
    /// `an SDXL checkpoint takes LoRAs for SDXL`.
    fn takes(&self, addition: Addition) -> String {
        format!("{} checkpoints take no {}", self.name(), addition.plural())
    }

    /// What files of the kind can be used with, to stand after "fits".
    fn fits(&self, kind: &Kind) -> String;

    /// Names in the file of tensors that no training leaves at zero, for a file of this family.
    fn trained(&self, _file: &Arc<TensorFile>, _kind: &Kind) -> Vec<String> {
        Vec::new()
    }

    /// Names in the file of tensors whose zeros may be by design and lie next to each other.
    fn zero_by_design(&self, _file: &Arc<TensorFile>, _kind: &Kind) -> BTreeSet<String> {
        BTreeSet::new()
    }

    /// Says what does not fit between a checkpoint and a motion module for the family; `None` where it does.
    fn motion_misfit(&self, _checkpoint: &Arc<TensorFile>, _motion: &Arc<TensorFile>) -> Option<String> {
        None
    }

    /// Widths of the vectors that embeddings need for each of the text encoders; empty for a family that takes none.
    fn embedding_widths(&self, _encoders: &[View]) -> Vec<usize> {
        Vec::new()
    }
}
