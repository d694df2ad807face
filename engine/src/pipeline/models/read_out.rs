//! What files are, alone and together, for read-outs.

use std::path::PathBuf;

use super::super::device::Placement;
use super::super::located::{Role, located, nowhere};
use super::outline::{self, Part};
use super::{Arc, DType, Device, Family, Kind, ModelStore, PipelineError, TensorFile, View, identify, texts};
use crate::weights::{Embedding, prediction_doubts};
use protocol::request::{Models, Motion};

/// What the chosen files are and how they go together: what each of them is, then what of them is not used, or why they
/// cannot be used. Nothing is loaded.
pub fn describe_models(models: &Models) -> String {
    let mut lines = Vec::new();
    let motion = match &models.motion {
        Motion::File(path) => Some(path),
        Motion::Usual | Motion::None => None,
    };
    let each =
        |paths: &mut dyn Iterator<Item = &PathBuf>, role| paths.map(|path| (path.clone(), role)).collect();
    let files: [Vec<(PathBuf, Role)>; 6] = [
        each(&mut models.checkpoint.iter(), Role::Checkpoint),
        each(&mut motion.into_iter(), Role::Motion),
        each(&mut models.vae.iter(), Role::Vae),
        each(&mut models.text.iter(), Role::Text),
        each(&mut models.controls.iter(), Role::Control),
        each(&mut models.loras.iter().map(|lora| &lora.path), Role::Lora),
    ];
    let mut readable = true;
    let mut family = models.checkpoint.is_none().then_some(Family::Small);
    for (path, role) in files.into_iter().flatten() {
        let path = located(&path, role, family).path;
        let opened = match nowhere(&path) {
            Some(why) => Err(why),
            None => TensorFile::open(path).map_err(|error| error.to_string()),
        };
        match opened {
            Ok(file) => {
                let name = file.file_name();
                let identity = identify(&Arc::new(file));
                if role == Role::Checkpoint {
                    family = identity.family();
                }
                lines.push(format!("{name} is {}", identity.description));
            }
            Err(error) => {
                readable = false;
                lines.push(error);
            }
        }
    }
    if models.checkpoint.is_none() {
        let built_in = match models.motion {
            Motion::Usual => "the built-in model with its own motion module",
            Motion::File(_) | Motion::None => "the built-in model",
        };
        lines.insert(0, built_in.to_owned());
    }
    if readable {
        match ModelStore::new(Placement::processor(), 0).choose(models) {
            Ok(chosen) => lines.extend(chosen.facts.into_iter().chain(chosen.notices)),
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
    if matches!(kind, Kind::Lora { .. } | Kind::MotionLora) {
        super::Lora::open(file.clone())?;
    }
    let mut sentences = Vec::new();
    if matches!(kind, Kind::Checkpoint { .. }) {
        sentences.extend(prediction_doubts(file));
    }
    for part in parts(file, &kind) {
        sentences.extend(part.check(file)?);
    }
    Ok(sentences)
}

/// Reads every value that is used of a file, which takes as long as reading the file does.
///
/// # Errors
/// What a render would say: the first tensor that holds NaN or infinite values, or that cannot be read.
pub fn check_values(file: &Arc<TensorFile>) -> Result<(), PipelineError> {
    let kind = identify(file).kind;
    let device = &Device::Cpu;
    match kind {
        Kind::Lora { .. } | Kind::MotionLora => super::Lora::open(file.clone())?.check_values()?,
        Kind::Embedding { .. } => {
            if let Some(embedding) = Embedding::of(file) {
                embedding.read_first(device)?;
                embedding.read_second(device)?;
            }
        }
        Kind::Annotator(_) => {
            let view = View::annotator(file.clone());
            for name in view.names().filter(|name| view.check(name).is_ok()) {
                view.tensor(name, DType::F32, device)?;
            }
        }
        _ => {}
    }
    parts(file, &kind).into_iter().try_for_each(|part| part.check_values(file))
}

/// The networks that a file of this kind brings.
fn parts(file: &Arc<TensorFile>, kind: &Kind) -> Vec<Part> {
    let mut parts = outline::parts(kind);
    if matches!(kind, Kind::Checkpoint { .. } | Kind::TextEncoder { .. }) {
        parts.extend(texts::parts(file));
    }
    parts
}
