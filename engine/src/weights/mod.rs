//! Weight files: safe parsing, detection of their layout, canonical tensor names.
//!
//! A [`TensorFile`] is an open safetensors file, torch pickle or diffusers folder whose header was validated against
//! the file's size. A [`View`] is one network's tensors in a file under canonical names: the LDM names of Stable
//! Diffusion without prefix, the Hugging Face names of CLIP, and the AnimateDiff names for motion modules. Other
//! naming schemes are translated by the rules in `names`, transparently to the users of a `View`. A [`Lora`] is
//! merged into a `View`, which knows the affected tensors.
//!
//! This module does not depend on networks or families: it provides shapes and tensors, `families/` identifies files,
//! and `nn/` knows which tensors a network needs.

mod beside;
mod embedding;
mod error;
mod folder;
mod format;
mod header;
mod lora;
mod models_dir;
mod names;
mod numbers;
mod part;
mod pickle;
mod prediction;
mod scales;
mod stamp;
mod tensor_file;
mod view;

pub use embedding::{Embedding, Vectors};
pub use error::WeightsError;
pub use lora::{Fit, Lora, Network};
pub(crate) use lora::{changes_second_tower, is_down, is_lora_name, plain_layer};
pub use models_dir::{dead_link, find_named, find_words, model_files, models_dir, models_dirs};
pub use prediction::{Predicts, prediction_doubts, predicts};
pub use stamp::{Part as StampedPart, Stamp};
pub use tensor_file::{TensorFile, TensorInfo};
pub use view::View;
