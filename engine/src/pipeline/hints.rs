//! Hints for ControlNets: the network that a preprocessor needs, and the cache key of a hint.

use std::path::PathBuf;
use std::sync::Arc;

use super::PipelineError;
use super::controls::acting;
use super::files::Chosen;
use crate::families::{Annotator, Kind, identify, list_models};
use crate::weights::{TensorFile, models_dir, models_dirs};
use protocol::key::Key;
use protocol::message::Clip;
use protocol::{Goal, Preprocessor, Request, Source};

/// The clip from which hints are made, and its frames: the clip Hint if it is connected, otherwise the source.
pub fn hint_source(request: &Request) -> (Clip, &Source) {
    request.hint_clip.as_ref().map_or((Clip::Source, &request.source), |hint| (Clip::Hint, hint))
}

/// The key of a hint: the frames it is made from, the preprocessor, and its network.
pub fn hint_key(request: &Request, chosen: &Chosen, preprocessor: Preprocessor) -> Key {
    let network = chosen.annotators.iter().find(|(known, _)| *known == preprocessor);
    Key::of("hint")
        .text("preprocessor", preprocessor.as_str())
        .keys("network", network.map(|(_, opened)| &opened.id))
        .text("device", if network.is_some() { chosen.device } else { "" })
        .keys("frames", &hint_source(request).1.digests)
        .finish()
}

/// The preprocessors with a network that a request may need.
pub fn needed(request: &Request) -> Vec<Preprocessor> {
    let units = acting(&request.unsample.controls).chain(acting(&request.resample.controls));
    let mut needed: Vec<_> = units.filter_map(|control| request.hints.get(control.unit).copied()).collect();
    if request.diagnostics.is_some() {
        needed.extend(&request.hints);
    }
    if let Goal::Hint(preprocessor) = request.goal {
        needed = vec![preprocessor];
    }
    needed.retain(|preprocessor| preprocessor.has_network());
    needed.dedup();
    needed
}

/// The kind of a preprocessor's network, and its most common file.
fn wanted(preprocessor: Preprocessor) -> Option<(Annotator, &'static str)> {
    match preprocessor {
        Preprocessor::Lineart => Some((Annotator::Lineart, "sk_model.pth (informative-drawings)")),
        Preprocessor::SoftEdge => Some((Annotator::Hed, "ControlNetHED.pth")),
        Preprocessor::Depth => {
            Some((Annotator::DepthAnything, "depth_anything_v2_vits.pth (Depth Anything V2 small)"))
        }
        _ => None,
    }
}

/// Whether a file contains the network of a preprocessor.
pub fn is_network_of(preprocessor: Preprocessor, file: &Arc<TensorFile>) -> bool {
    wanted(preprocessor).is_some_and(|(annotator, _)| identify(file).kind == Kind::Annotator(annotator))
}

/// Finds the network of a preprocessor in the models folders by the contents of the files; the smallest one if there are several.
///
/// # Errors
/// If there is none; the message names the file to download and where to put it.
pub fn find_network(preprocessor: Preprocessor) -> Result<PathBuf, PipelineError> {
    let Some((annotator, file)) = wanted(preprocessor) else {
        return Err(PipelineError::Internal(format!("{} has no network", preprocessor.as_str())));
    };
    let fits = |kind: &Kind| *kind == Kind::Annotator(annotator);
    let found = models_dirs().into_iter().flat_map(|folder| list_models(&folder));
    let found = found.filter(|model| model.identity.as_ref().is_ok_and(|identity| fits(&identity.kind)));
    found.map(|model| (model.size, model.path)).min().map(|(_, path)| path).ok_or_else(|| {
        let name = preprocessor.as_str();
        PipelineError::Unfit(format!(
            "the preprocessor {name} needs its network: put {file} into the folder {} or run `unsample models pull {name}`",
            models_dir().unwrap_or_default().display()
        ))
    })
}
