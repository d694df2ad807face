//! What a checkpoint's UNet predicts according to the file: a marker tensor, the file's metadata, the scheduler
//! config of a diffusers folder, or the YAML config next to a file.

use super::TensorFile;
use super::beside::{DESCRIBED, SCHEDULER, UNREAD};

/// What a UNet predicts, and the noise schedule it was trained with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicts {
    /// The noise (epsilon); also if nothing is stated.
    Noise,
    /// The velocity (v-prediction).
    Velocity {
        /// Whether the last noise level has zero SNR, i.e. is pure noise.
        zero_terminal: bool,
    },
    /// An unsupported prediction, worded to follow "that predicts".
    Other(String),
}

/// What a checkpoint or UNet file predicts. A marker tensor takes precedence over metadata, which tools copy between
/// files.
pub fn predicts(file: &TensorFile) -> Predicts {
    stated(file).unwrap_or(Predicts::Noise)
}

/// Whether a string is a known prediction type, in any spelling.
pub(super) fn is_known(kind: &str) -> bool {
    of_kind(kind, false).is_some()
}

/// Parses a prediction type; `None` if it is unknown.
fn of_kind(kind: &str, zero_terminal: bool) -> Option<Predicts> {
    match kind.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
        "epsilon" | "eps" | "noise" | "none" => Some(Predicts::Noise),
        "v" | "vprediction" | "vpred" | "velocity" => Some(Predicts::Velocity { zero_terminal }),
        "sample" | "x0" => Some(Predicts::Other("the denoised picture".into())),
        _ => None,
    }
}

/// The prediction type in the JSON that some programs store in the metadata key `config`.
fn configured(config: &str) -> Option<String> {
    fn found(value: &serde_json::Value) -> Option<&str> {
        let object = value.as_object()?;
        let own = ["prediction_type", "parameterization"].iter().find_map(|key| object.get(*key)?.as_str());
        own.or_else(|| object.values().find_map(found))
    }
    found(&serde_json::from_str(config).ok()?).map(str::to_owned)
}

/// The prediction stated by a file or its sidecar files; `None` if none is stated.
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
    // A training setting of kohya's scripts.
    if said("ss_v_parameterization").is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1") {
        return Some(Predicts::Velocity { zero_terminal });
    }
    let kind = keys.into_iter().find_map(said).map(str::to_owned);
    let kind = kind.or_else(|| said("config").and_then(configured))?;
    Some(of_kind(&kind, zero_terminal).unwrap_or_else(|| Predicts::Other(format!("`{kind}`"))))
}

/// Warnings about a file's prediction type: a sidecar file that could not be read, and a file name that mentions
/// v-prediction when nothing else does. Empty if there are none.
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
