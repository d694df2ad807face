//! What a checkpoint says that its UNet predicts: in a tensor that is there only to say so, in the file's metadata, in
//! the scheduler of a diffusers folder, or in the description that lies beside a file of the first programs.

use std::collections::BTreeMap;
use std::path::Path;

use super::TensorFile;

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

/// Where a diffusers folder's scheduler is kept in [`TensorFile::metadata`].
const SCHEDULER: &str = "scheduler/";
/// Where the description beside a file is kept.
const DESCRIBED: &str = "yaml/parameterization";
/// Longest description that is read.
const LONGEST: u64 = 1 << 20;

/// What a checkpoint or UNet file says. A tensor counts more than metadata, which tools copy from file to file.
pub fn predicts(file: &TensorFile) -> Predicts {
    let has = |name: &str| file.shape(name).is_some();
    let said = |key: &str| file.metadata().get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    if has("edm_vpred.sigma_max") || has("edm_vpred.sigma_min") {
        return Predicts::Other("velocity on EDM noise levels".into());
    }
    if has("edm_mean") || has("edm_std") {
        return Predicts::Other("in the EDM way (the Playground kind)".into());
    }
    let snr = format!("{SCHEDULER}rescale_betas_zero_snr");
    let zero_terminal = has("ztsnr") || said(&snr) == Some("true");
    if has("v_pred") {
        return Predicts::Velocity { zero_terminal };
    }
    let class = said(&format!("{SCHEDULER}_class_name")).unwrap_or_default();
    if class.starts_with("FlowMatch") {
        return Predicts::Other("a flow".into());
    }
    if class.starts_with("EDM") {
        return Predicts::Other("in the EDM way".into());
    }
    let keys = ["modelspec.prediction_type", "prediction_type", "scheduler/prediction_type", DESCRIBED];
    // The training settings of a LoRA.
    if said("ss_v_parameterization") == Some("True") {
        return Predicts::Velocity { zero_terminal };
    }
    match keys.into_iter().find_map(said) {
        None => Predicts::Noise,
        Some(kind) => match kind.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
            "epsilon" | "eps" | "noise" | "none" => Predicts::Noise,
            "v" | "vprediction" | "vpred" | "velocity" => Predicts::Velocity { zero_terminal },
            "sample" | "x0" => Predicts::Other("the denoised picture".into()),
            _ => Predicts::Other(format!("`{kind}`")),
        },
    }
}

/// What lies beside the weights and says how they were trained: the scheduler of a diffusers folder, found from the
/// folder, from its network's folder or from a file in that; or `NAME.yaml` beside `NAME.safetensors`.
pub(super) fn beside(path: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let short = |path: &Path| {
        let fits = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST);
        fits.then(|| std::fs::read_to_string(path).ok()).flatten()
    };
    let unet = |path: &Path| path.file_name().is_some_and(|name| name == "unet");
    let above = |path: &Path| path.parent().filter(|_| unet(path)).map(Path::to_path_buf);
    let roots = [Some(path.to_path_buf()), above(path), path.parent().and_then(above)];
    let scheduler =
        roots.into_iter().flatten().find_map(|root| short(&root.join("scheduler/scheduler_config.json")));
    let scheduler = scheduler.and_then(|text| serde_json::from_str(&text).ok());
    for (key, value) in scheduler.unwrap_or_else(serde_json::Map::new) {
        let text = match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        found.insert(format!("{SCHEDULER}{key}"), text);
    }
    let described = if path.is_file() { short(&path.with_extension("yaml")) } else { None };
    let said = described.iter().flat_map(|text| text.lines());
    if let Some(kind) = said.filter_map(|line| line.trim().strip_prefix("parameterization:")).next() {
        let kind = kind.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        found.insert(DESCRIBED.into(), kind.into());
    }
    found
}
