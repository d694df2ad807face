//! Which file fits in which place: one sentence says what was found and what would fit.

use super::{Addition, Family, Identity, Kind};
use crate::weights::{Predicts, TensorFile, WeightsError, predicts};

/// The first of the parameters that take a ControlNet, and a LoRA.
const CONTROL: &str = "controlNet1Model";
const LORA: &str = "lora1File";

impl Identity {
    /// Succeeds for a checkpoint or UNet file; its VAE and text encoders may be elsewhere.
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

    /// Succeeds for a motion module that fits a checkpoint of this family.
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

    /// Succeeds for a ControlNet that fits a checkpoint of this family.
    pub fn require_control(&self, file: &TensorFile, checkpoint: Family) -> Result<(), WeightsError> {
        match self.kind {
            Kind::ControlNet { family, .. } | Kind::SparseCtrl { family, .. } if family == checkpoint => {
                Ok(())
            }
            _ => Err(self.wrong_for(file, CONTROL, checkpoint, &checkpoint.takes(Addition::ControlNet))),
        }
    }

    /// Succeeds for a LoRA that fits a checkpoint of this family, or that does not say what it was made for.
    pub fn require_lora(&self, file: &TensorFile, checkpoint: Family) -> Result<(), WeightsError> {
        match self.kind {
            Kind::Lora { family } if family.is_none_or(|family| family == checkpoint) => Ok(()),
            Kind::MotionLora if [Family::SD15, Family::SMALL].contains(&checkpoint) => Ok(()),
            _ => Err(self.wrong_for(file, LORA, checkpoint, &checkpoint.takes(Addition::Lora))),
        }
    }

    /// Succeeds for a VAE file and for a checkpoint that brings a VAE.
    pub fn require_vae(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.kind {
            Kind::Vae { .. } | Kind::Checkpoint { vae: true, .. } => Ok(()),
            _ => Err(self.wrong(file, "vae", "a VAE has to be a VAE file or a checkpoint with its VAE")),
        }
    }

    /// Succeeds for a textual inversion embedding whose vectors are as wide as the checkpoint's text encoders: `widths`, none
    /// for a family that takes no embeddings.
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

    /// As [`wrong`](Self::wrong), or a word on the checkpoint where a file for a published model meets a small one, which
    /// is most often the built-in model because no checkpoint was chosen.
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

    /// The parameter that takes a file of this kind; `None` for one that no parameter takes.
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

    /// That a file does not fit the parameter `here`: what it is and where it belongs, then what `here` takes.
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
