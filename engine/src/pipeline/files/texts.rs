//! Finds the files that supply the text encoders.

use super::{Family, Files, Key, Kind, Opened, PipelineError};
use crate::families::{Addition, TextPart};
use crate::pipeline::located::FileRole;
use crate::weights::{Network, View};
use protocol::request::Models;

/// The file of each of the family's text encoders, in the family's order.
#[derive(Clone)]
pub struct Texts(Vec<Opened>);

impl Texts {
    /// The opened files, in the encoders' order.
    pub fn opened(&self) -> impl Iterator<Item = &Opened> {
        self.0.iter()
    }

    /// The opened files, for replacing their keys.
    pub fn opened_mut(&mut self) -> impl Iterator<Item = &mut Opened> {
        self.0.iter_mut()
    }

    /// The key of the checkpoint with text encoders from other files; the checkpoint's own key if it contains them.
    pub fn with(&self, checkpoint: &Opened) -> Key {
        let ids: Vec<Key> = self.opened().map(|opened| opened.id).collect();
        if ids.iter().all(|id| *id == checkpoint.id) {
            return checkpoint.id;
        }
        Key::of("weights").key("unet", &checkpoint.id).keys("text", &ids).finish()
    }

    /// The encoders' tensors, with the target networks of LoRAs for them.
    pub fn views(&self, family: Family) -> impl Iterator<Item = (View, Option<Network>)> {
        let encoders = family.text_encoders().iter().zip(&self.0);
        encoders.map(|(encoder, opened)| ((encoder.part.view)(opened.file.clone()), encoder.network))
    }
}

/// The text encoders that are in no file, for a message: `second text encoder (OpenCLIP bigG)`.
fn lacking(encoders: &[TextPart], found: &[Option<Opened>]) -> String {
    let missing: Vec<&TextPart> =
        encoders.iter().zip(found).filter(|(_, found)| found.is_none()).map(|(encoder, _)| encoder).collect();
    let which: Vec<&str> = missing.iter().map(|encoder| encoder.which).collect();
    let which = which.join(" and ");
    let which = if which.is_empty() { which } else { format!(" ({which})") };
    match missing.as_slice() {
        [only] if encoders.len() > 1 && only.part.name == "text encoder" => {
            format!("first text encoder{which}")
        }
        [only] => format!("{}{which}", only.part.name),
        _ => format!("text encoders{which}"),
    }
}

impl Files {
    /// The text encoders of a request: those in the files chosen for them, the others from the checkpoint. A file that
    /// is not used results in a message.
    ///
    /// # Errors
    /// If a file contains no text encoder, or none that the checkpoint uses; if an encoder is in no file.
    pub(super) fn texts(
        &mut self,
        models: &Models,
        checkpoint: &Opened,
        family: Family,
        notices: &mut Vec<String>,
    ) -> Result<Texts, PipelineError> {
        let encoders = family.text_encoders();
        let mut found: Vec<Option<Opened>> = vec![None; encoders.len()];
        for path in &models.text {
            let opened = self.open_named(path, FileRole::Text, Some(family), notices)?;
            let brings: Vec<bool> = encoders.iter().map(|encoder| (encoder.is_in)(&opened.file)).collect();
            let right_kind = matches!(opened.what.kind, Kind::TextEncoder { .. } | Kind::Checkpoint { .. });
            if !brings.contains(&true) || !right_kind {
                let wanted = family.takes(Addition::TextEncoder);
                return Err(opened.what.wrong(&opened.file, "textEncoder", &wanted).into());
            }
            let mut before = None;
            let mut used = false;
            for (place, _) in found.iter_mut().zip(brings).filter(|(_, brings)| *brings) {
                match place {
                    Some(taken) => before = Some(taken.file.file_name()),
                    None => {
                        *place = Some(opened.clone());
                        used = true;
                    }
                }
            }
            if let (Some(before), false) = (before, used) {
                notices.push(format!(
                    "{} is not used as textEncoder, since the text encoder of {before} stands before it",
                    opened.file.file_name()
                ));
            }
        }
        for (place, encoder) in found.iter_mut().zip(encoders) {
            if (encoder.is_in)(&checkpoint.file) {
                place.get_or_insert_with(|| checkpoint.clone());
            }
        }
        match found.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(all) => Ok(Texts(all)),
            None => Err(PipelineError::Unfit(format!(
                "{} has no {}; choose a file or checkpoint with it as textEncoder",
                checkpoint.file.file_name(),
                lacking(encoders, &found)
            ))),
        }
    }
}
