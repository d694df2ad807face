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
    let has = |name: &str| file.shape(name).is_some();
    let said = |key: &str| file.metadata().get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    if has("edm_vpred.sigma_max") || has("edm_vpred.sigma_min") {
        return Predicts::Other("velocity on EDM noise levels".into());
    }
    if has("edm_mean") || has("edm_std") {
        return Predicts::Other("in the EDM way (the Playground kind)".into());
    }
    let snr = format!("{SCHEDULER}rescale_betas_zero_snr");
    let zero_terminal = has("ztsnr") || said(&snr).is_some_and(|said| said.eq_ignore_ascii_case("true"));
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
    let keys = [
        "modelspec.prediction_type",
        "modelspec.predict_key",
        "prediction_type",
        "scheduler/prediction_type",
        DESCRIBED,
    ];
    // The settings of a training.
    if said("ss_v_parameterization").is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1") {
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

/// A sentence about a file beside the weights that would say what they predict and could not be read; none where all is
/// well.
pub fn prediction_unread(file: &TensorFile) -> Option<String> {
    file.metadata().get(UNREAD).cloned()
}
