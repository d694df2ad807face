//! Checks whether a file fits the parameter that it was chosen for; the error says what was found and what would fit.

use super::{Addition, Family, Identity, Kind};
use crate::weights::{Predicts, TensorFile, WeightsError, predicts};

/// The parameters that are named for ControlNets and LoRAs in messages: the first of each.
const CONTROL: &str = "controlNet1Model";
const LORA: &str = "lora1File";

impl Identity {
    /// Accepts checkpoints and UNet files; the VAE and the text encoders may be in other files.
    pub fn require_checkpoint(&self, file: &TensorFile) -> Result<(), WeightsError> {
        let wanted = "a checkpoint has to be an SD1.5 or SDXL single file, or the model_index.json of a diffusers folder";
        match self.kind {
            Kind::Checkpoint { .. } => Ok(()),
            Kind::Unsupported if matches!(predicts(file), Predicts::Other(_)) => {
                Err(self.wrong(file, "checkpoint", "choose a checkpoint that predicts noise or velocity"))
            }
            _ => Err(self.wrong(file, "checkpoint", wanted)),
        }
    }

    /// Accepts motion modules for a checkpoint of this family.
    pub fn require_motion_module(&self, file: &TensorFile, checkpoint: Family) -> Result<(), WeightsError> {
        match self.kind {
            Kind::MotionModule { family, .. } if family == checkpoint => Ok(()),
            _ => Err(self.wrong_for(
                file,
                "motionModule",
                checkpoint,
                &checkpoint.takes(Addition::MotionModule),
            )),
        }
    }

    /// Accepts ControlNets for a checkpoint of this family.
    pub fn require_control(&self, file: &TensorFile, checkpoint: Family) -> Result<(), WeightsError> {
        match self.kind {
            Kind::ControlNet { family, .. } | Kind::SparseCtrl { family, .. } if family == checkpoint => {
                Ok(())
            }
            _ => Err(self.wrong_for(file, CONTROL, checkpoint, &checkpoint.takes(Addition::ControlNet))),
        }
    }

    /// Accepts LoRAs for a checkpoint of this family, and those whose family is unknown.
    pub fn require_lora(&self, file: &TensorFile, checkpoint: Family) -> Result<(), WeightsError> {
        match self.kind {
            Kind::Lora { family } if family.is_none_or(|family| family == checkpoint) => Ok(()),
            Kind::MotionLora if [Family::SD15, Family::SMALL].contains(&checkpoint) => Ok(()),
            _ => Err(self.wrong_for(file, LORA, checkpoint, &checkpoint.takes(Addition::Lora))),
        }
    }

    /// Accepts VAE files and checkpoints with a VAE.
    pub fn require_vae(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.kind {
            Kind::Vae { .. } | Kind::Checkpoint { vae: true, .. } => Ok(()),
            _ => Err(self.wrong(file, "vae", "a VAE has to be a VAE file or a checkpoint with its VAE")),
        }
    }

    /// Accepts textual inversion embeddings whose vectors are as wide as the checkpoint's text encoders. `widths` is
    /// empty for a family without embeddings.
    pub fn require_embedding(
        &self,
        file: &TensorFile,
        checkpoint: Family,
        widths: &[usize],
    ) -> Result<(), WeightsError> {
        let (first, others) = widths.split_first().map_or((0, &[][..]), |(first, others)| (*first, others));
        let second = others.first().copied();
        match self.kind {
            Kind::Embedding { width, second: other }
                if width == first && (second.is_none() || second == other) =>
            {
                Ok(())
            }
            _ => {
                let wanted = if checkpoint == Family::SMALL {
                    format!("the checkpoint takes textual inversion embeddings of width {first}")
                } else {
                    checkpoint.takes(Addition::Embedding)
                };
                Err(WeightsError::WrongKind {
                    file: file.file_name(),
                    found: self.description.clone(),
                    wanted,
                })
            }
        }
    }

    /// As [`wrong`](Self::wrong), but advises to choose a checkpoint if a file for a published model is used with a
    /// small one; most often that is the built-in model, used because no checkpoint was chosen.
    fn wrong_for(&self, file: &TensorFile, here: &str, checkpoint: Family, wanted: &str) -> WeightsError {
        match self.family() {
            Some(family)
                if family != Family::SMALL && checkpoint == Family::SMALL && self.place() == Some(here) =>
            {
                let advice = format!(
                    "choose an {family} checkpoint with it; an empty checkpoint is the built-in model"
                );
                self.wrong(file, here, &advice)
            }
            _ => self.wrong(file, here, wanted),
        }
    }

    /// The parameter for files of this kind; `None` if there is none.
    fn place(&self) -> Option<&'static str> {
        Some(match self.kind {
            Kind::Checkpoint { .. } => "checkpoint",
            Kind::MotionModule { .. } => "motionModule",
            Kind::ControlNet { .. } | Kind::SparseCtrl { .. } => CONTROL,
            Kind::Lora { .. } | Kind::MotionLora => LORA,
            Kind::Vae { .. } => "vae",
            Kind::TextEncoder { .. } => "textEncoder",
            Kind::Embedding { .. } | Kind::Annotator(_) | Kind::Unsupported | Kind::Unknown => return None,
        })
    }

    /// The error that a file does not fit the parameter `here`: what it is and where it belongs, then what `here` takes.
    pub fn wrong(&self, file: &TensorFile, here: &str, wanted: &str) -> WeightsError {
        let mut found = self.description.clone();
        if let Some(place) = self.place().filter(|place| *place != here) {
            found.push_str(&format!(", which goes into {place}"));
        }
        let wanted = match self.kind {
            Kind::Embedding { .. } => format!(
                "prompts use it: put it into the models folder and write embedding:{} in a prompt",
                file.path().file_stem().unwrap_or_default().to_string_lossy()
            ),
            Kind::Annotator(_) => {
                "put it into the models folder, where the preprocessors of hints find it".into()
            }
            _ if file.names().next().is_none() => "fetch the file again, or choose another".into(),
            _ => wanted.into(),
        };
        WeightsError::WrongKind { file: file.file_name(), found, wanted }
    }
}
