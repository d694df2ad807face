//! What files are, alone and together, for read-outs.

use super::super::device::Placement;
use super::super::request::{Models, Motion};
use super::super::resources::located;
use super::{Arc, ModelStore, PipelineError, TensorFile, identify, outline, texts};

/// What the chosen files are and how they go together: what each of them is, then what of them is not used, or why they
/// cannot be used. Nothing is loaded.
pub fn describe_models(models: &Models) -> String {
    let mut lines = Vec::new();
    let motion = match &models.motion {
        Motion::File(path) => Some(path),
        Motion::Usual | Motion::None => None,
    };
    let files = models.checkpoint.iter().chain(motion).chain(&models.vae).chain(&models.text);
    let mut readable = true;
    for path in files.chain(&models.controls).chain(models.loras.iter().map(|lora| &lora.path)) {
        match TensorFile::open(located(path)) {
            Ok(file) => {
                lines.push(format!("{} is {}", file.file_name(), identify(&Arc::new(file)).description))
            }
            Err(error) => {
                readable = false;
                lines.push(error.to_string());
            }
        }
    }
    if models.checkpoint.is_none() {
        lines.insert(0, "the built-in model".to_owned());
    }
    if readable {
        let mut models = models.clone();
        if models.motion == Motion::Usual && models.checkpoint.is_some() && models.loras.is_empty() {
            // Looking for the usual partner opens every file of the models folder, and nothing else asks for it here.
            models.motion = Motion::None;
        }
        match ModelStore::new(Placement::processor(), 0).choose(&models) {
            Ok(chosen) => lines.extend(chosen.notices),
            Err(error) => lines.push(error.to_string()),
        }
    }
    lines.join("; ")
}

/// Builds every network that a file brings from names, shapes and number formats alone; sentences about tensors that
/// are not used.
///
/// # Errors
/// What a render would say: the first tensor that is missing, of another shape or of a format that is no weight's.
pub fn check_file(file: &Arc<TensorFile>) -> Result<Vec<String>, PipelineError> {
    let kind = identify(file).kind;
    let mut parts = outline::parts(&kind);
    if matches!(kind, super::Kind::Checkpoint { .. } | super::Kind::TextEncoder { .. }) {
        parts.extend(texts::parts(file));
    }
    if matches!(kind, super::Kind::Lora { .. } | super::Kind::MotionLora) {
        super::Lora::open(file.clone())?;
    }
    let mut sentences = Vec::new();
    for part in parts {
        sentences.extend(part.check(file)?);
    }
    Ok(sentences)
}
