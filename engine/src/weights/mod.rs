//! Files with weights: reading them safely, telling what they are, naming their tensors.
//!
//! A [`TensorFile`] is an open safetensors file, torch pickle or diffusers folder, whose claims were checked
//! against the file's size before anything else believes them. A [`View`] is one network's share of a file under canonical names: the LDM names of Stable Diffusion without their prefix, the
//! Hugging Face names of CLIP and the AnimateDiff names for motion modules. Layouts that spell these names otherwise
//! are translated by the rules in `names`; nothing that reads a `View` can tell. A [`Lora`] is added to a `View`, and
//! the `View` knows which tensors that changes.
//!
//! This part knows nothing of networks or families: it hands out shapes and tensors, `families/` says what a file is, and `nn/`
//! which tensors it needs.

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
