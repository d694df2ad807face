//! What a checkpoint says that its UNet predicts: in a tensor that is there only to say so, in the file's metadata, in
//! the scheduler of a diffusers folder, or in the description that lies beside a file of the first programs.

use super::TensorFile;
use super::beside::{DESCRIBED, SCHEDULER, UNREAD};

/// What a UNet predicts, and along which noise levels it was trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicts {
    /// The noise; also where nothing is said.
    Noise,
    /// The velocity.
    Velocity {
        /// Whether the last noise level is noise alone.
        zero_terminal: bool,
    },
    /// Something that is not supported, to stand after "that predicts".
    Other(String),
}

/// What a checkpoint or UNet file says. A tensor counts more than metadata, which tools copy from file to file.
pub fn predicts(file: &TensorFile) -> Predicts {
    stated(file).unwrap_or(Predicts::Noise)
}

/// Whether a word is one of those for a prediction that are usual, in any way of writing.
pub(super) fn is_known(kind: &str) -> bool {
    of_kind(kind, false).is_some()
}

/// What a word for a prediction means; none for one that is not known.
fn of_kind(kind: &str, zero_terminal: bool) -> Option<Predicts> {
    match kind.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
        "epsilon" | "eps" | "noise" | "none" => Some(Predicts::Noise),
        "v" | "vprediction" | "vpred" | "velocity" => Some(Predicts::Velocity { zero_terminal }),
        "sample" | "x0" => Some(Predicts::Other("the denoised picture".into())),
        _ => None,
    }
}

/// The prediction in the JSON that some programs keep in the metadata `config`.
fn configured(config: &str) -> Option<String> {
    fn found(value: &serde_json::Value) -> Option<&str> {
        let object = value.as_object()?;
        let own = ["prediction_type", "parameterization"].iter().find_map(|key| object.get(*key)?.as_str());
        own.or_else(|| object.values().find_map(found))
    }
    found(&serde_json::from_str(config).ok()?).map(str::to_owned)
}

/// What a file, or what lies beside it, says; none where nothing is said.
fn stated(file: &TensorFile) -> Option<Predicts> {
    let has = |name: &str| file.shape(name).is_some();
    let said = |key: &str| file.metadata().get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    if has("edm_vpred.sigma_max") || has("edm_vpred.sigma_min") {
        return Some(Predicts::Other("velocity on EDM noise levels".into()));
    }
    if has("edm_mean") || has("edm_std") {
        return Some(Predicts::Other("in the EDM way (the Playground kind)".into()));
    }
    let snr = format!("{SCHEDULER}rescale_betas_zero_snr");
    let zero_terminal = has("ztsnr") || said(&snr).is_some_and(|said| said.eq_ignore_ascii_case("true"));
    if has("v_pred") {
        return Some(Predicts::Velocity { zero_terminal });
    }
    let class = said(&format!("{SCHEDULER}_class_name")).unwrap_or_default();
    if class.starts_with("FlowMatch") {
        return Some(Predicts::Other("a flow".into()));
    }
    if class.starts_with("EDM") {
        return Some(Predicts::Other("in the EDM way".into()));
    }
    let keys = [
        "modelspec.prediction_type",
        "modelspec.predict_key",
        "prediction_type",
        "parameterization",
        "scheduler/prediction_type",
        DESCRIBED,
    ];
    // The settings of a training.
    if said("ss_v_parameterization").is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1") {
        return Some(Predicts::Velocity { zero_terminal });
    }
    let kind = keys.into_iter().find_map(said).map(str::to_owned);
    let kind = kind.or_else(|| said("config").and_then(configured))?;
    Some(of_kind(&kind, zero_terminal).unwrap_or_else(|| Predicts::Other(format!("`{kind}`"))))
}

/// Sentences about what a file predicts that the user should know: a file beside the weights that would say it and could not
/// be read, and a name that speaks of velocity where nothing else does. None where all is well.
pub fn prediction_doubts(file: &TensorFile) -> Vec<String> {
    let unread = file.metadata().get(UNREAD).cloned();
    let name = file.file_name();
    let spoken = name.to_ascii_lowercase().replace(['-', '_', ' ', '.'], "").contains("vpred");
    let guess = (spoken && unread.is_none() && stated(file).is_none()).then(|| {
        let stem = file.path().file_stem().unwrap_or_default().to_string_lossy();
        format!(
            "{name} runs as a model that predicts noise, since nothing but its name says that it predicts velocity; if it \
             does, put a file {stem}.yaml with the line `parameterization: v` beside it"
        )
    });
    unread.into_iter().chain(guess).collect()
}
