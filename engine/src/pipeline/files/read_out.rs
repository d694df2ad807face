//! Reports on files, one by one and in combination.

use std::path::PathBuf;

use candle_core::{DType, Device};

use super::super::device::Placement;
use super::super::located::{FileRole, located, nowhere};
use super::{Arc, Family, Files, Kind, PipelineError, TensorFile, identify, outline};
use crate::weights::{Embedding, View, prediction_doubts};
use protocol::request::{Models, Motion};

/// Describes the chosen files: the kind of each, then which parts of them are not used, or why they cannot be used
/// together. No network is loaded.
pub fn describe_models(models: &Models) -> String {
    let mut lines = Vec::new();
    let motion = match &models.motion {
        Motion::File(path) => Some(path),
        Motion::Usual | Motion::None => None,
    };
    let each =
        |paths: &mut dyn Iterator<Item = &PathBuf>, role| paths.map(|path| (path.clone(), role)).collect();
    let files: [Vec<(PathBuf, FileRole)>; 6] = [
        each(&mut models.checkpoint.iter(), FileRole::Checkpoint),
        each(&mut motion.into_iter(), FileRole::Motion),
        each(&mut models.vae.iter(), FileRole::Vae),
        each(&mut models.text.iter(), FileRole::Text),
        each(&mut models.controls.iter(), FileRole::Control),
        each(&mut models.loras.iter().map(|lora| &lora.path), FileRole::Lora),
    ];
    let mut readable = true;
    let mut family = models.checkpoint.is_none().then_some(Family::SMALL);
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
                if role == FileRole::Checkpoint {
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
        match Files::new(0).choose(models, Placement::processor().kind()) {
            Ok(chosen) => lines.extend(chosen.facts.into_iter().chain(chosen.notices)),
            Err(error) => lines.push(error.to_string()),
        }
    }
    lines.join("; ")
}

/// Builds every network in a file from only names, shapes and number formats; returns messages about unused tensors.
///
/// # Errors
/// The error of a render: the first tensor that is missing or has an unexpected shape or number format.
pub fn check_file(file: &Arc<TensorFile>) -> Result<Vec<String>, PipelineError> {
    let what = identify(file);
    let kind = &what.kind;
    if matches!(kind, Kind::Lora { .. } | Kind::MotionLora) {
        super::Lora::open(file.clone())?;
    }
    let mut sentences = Vec::new();
    if matches!(kind, Kind::Checkpoint { .. }) {
        sentences.extend(prediction_doubts(file));
    }
    for part in what.parts(file) {
        sentences.extend(outline::check(&part, file)?);
    }
    Ok(sentences)
}

/// Reads all values in a file that are used, which takes as long as reading the file.
///
/// # Errors
/// The error of a render: the first tensor that has NaN or infinite values, or that cannot be read.
pub fn check_values(file: &Arc<TensorFile>) -> Result<(), PipelineError> {
    let what = identify(file);
    let device = &Device::Cpu;
    match what.kind {
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
    what.parts(file).iter().try_for_each(|part| outline::check_values(part, file))
}
