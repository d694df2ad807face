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

/// The first value in JSON, at any depth, of a key that `wanted` accepts.
fn within(json: &str, wanted: impl Fn(&str) -> bool) -> Option<serde_json::Value> {
    fn found(value: &serde_json::Value, wanted: &dyn Fn(&str) -> bool) -> Option<serde_json::Value> {
        let object = value.as_object()?;
        let own = object.iter().find(|(key, _)| wanted(key)).map(|(_, value)| value.clone());
        own.or_else(|| object.values().find_map(|value| found(value, wanted)))
    }
    found(&serde_json::from_str(json).ok()?, &wanted)
}

/// Metadata in which programs keep a whole configuration as JSON.
const CONFIGS: [&str; 2] = ["config", "scheduler_config"];

/// The prediction in such JSON.
fn configured(config: &str) -> Option<String> {
    let value = within(config, |key| key == "prediction_type" || key == "parameterization")?;
    value.as_str().map(str::to_owned)
}

/// A file's metadata, whose keys are compared without regard to case.
struct Metadata<'a>(&'a TensorFile);

impl Metadata<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let all = self.0.metadata();
        let value = all.get(key).or_else(|| {
            all.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })?;
        Some(value.trim()).filter(|text| !text.is_empty())
    }

    fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1")
    }

    /// Whether the last noise level is pure noise (zero terminal SNR).
    fn zero_terminal(&self) -> bool {
        let rescaled = |json: &str| within(json, |key| key == "rescale_betas_zero_snr");
        self.0.shape("ztsnr").is_some()
            || self.is_true(&format!("{SCHEDULER}rescale_betas_zero_snr"))
            || self.is_true("ss_zero_terminal_snr")
            || CONFIGS.iter().filter_map(|key| rescaled(self.get(key)?)).any(|value| value == true)
    }
}

/// All predictions stated by a file or its sidecar files, each with its place; the first takes precedence.
fn statements(file: &TensorFile) -> Vec<(String, Predicts)> {
    let metadata = Metadata(file);
    let has = |name: &str| file.shape(name).is_some();
    let velocity = Predicts::Velocity { zero_terminal: metadata.zero_terminal() };
    let mut all = Vec::new();
    let mut add = |place: &str, predicts: Predicts| all.push((place.to_owned(), predicts));
    if has("edm_vpred.sigma_max") || has("edm_vpred.sigma_min") {
        add("the tensor edm_vpred", Predicts::Other("velocity on EDM noise levels".into()));
    }
    if has("edm_mean") || has("edm_std") {
        add("the tensor edm_mean", Predicts::Other("in the EDM way (the Playground kind)".into()));
    }
    if has("v_pred") {
        add("the tensor v_pred", velocity.clone());
    }
    let class = metadata.get(&format!("{SCHEDULER}_class_name")).unwrap_or_default();
    if class.starts_with("FlowMatch") {
        add(class, Predicts::Other("a flow".into()));
    }
    if class.starts_with("EDM") {
        add(class, Predicts::Other("in the EDM way".into()));
    }
    // The settings of a training.
    for key in ["ss_v_parameterization", "v_pred"] {
        if metadata.is_true(key) {
            add(key, velocity.clone());
        }
    }
    let keys = [
        "modelspec.prediction_type",
        "modelspec.predict_key",
        "prediction_type",
        "parameterization",
        "scheduler/prediction_type",
        DESCRIBED,
    ];
    let plain = keys.into_iter().filter_map(|key| Some((key, metadata.get(key)?.to_owned())));
    let nested = CONFIGS.into_iter().filter_map(|key| Some((key, configured(metadata.get(key)?)?)));
    for (key, kind) in plain.chain(nested) {
        let predicts = of_kind(&kind, metadata.zero_terminal());
        add(key, predicts.unwrap_or_else(|| Predicts::Other(format!("`{kind}`"))));
    }
    all
}

/// The prediction stated by a file or its sidecar files; `None` if none is stated.
fn stated(file: &TensorFile) -> Option<Predicts> {
    statements(file).into_iter().next().map(|(_, predicts)| predicts)
}

/// Warnings about a file's prediction type: a sidecar file that could not be read, and a file name that mentions
/// v-prediction when nothing else does. Empty if there are none.
pub fn prediction_doubts(file: &TensorFile) -> Vec<String> {
    let unread = file.metadata().get(UNREAD).cloned();
    let name = file.file_name();
    let speaks = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' ', '.'], "").contains("vpred");
    let metadata = Metadata(file);
    let title = metadata.get("modelspec.title").unwrap_or_default();
    let all = statements(file);
    let mut said: Vec<String> = unread.iter().cloned().collect();
    if unread.is_none() && all.is_empty() && (speaks(&name) || speaks(title)) {
        let stem = file.path().file_stem().unwrap_or_default().to_string_lossy();
        let place = if speaks(&name) { "name" } else { "title" };
        said.push(format!(
            "{name} runs as a model that predicts noise, since nothing but its {place} says that it predicts velocity; if it \
             does, put a file {stem}.yaml with the line `parameterization: v` beside it"
        ));
    }
    if let Some(((place, first), others)) = all.split_first()
        && let Some((other, _)) = others.iter().find(|(_, predicts)| predicts != first)
    {
        said.push(format!(
            "{name} says in two places what it predicts, and they differ: {place} was taken and {other} was not"
        ));
    }
    said
}
