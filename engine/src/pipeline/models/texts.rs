//! Which files the text encoders come from.

use super::outline::Part;
use super::{Arc, Family, Key, Kind, ModelStore, Opened, PipelineError, TensorFile, View, identify};
use crate::pipeline::located::Role;
use protocol::request::Models;

/// Width of OpenCLIP bigG; files of CLIP-L have the same names.
const SECOND_WIDTH: usize = 1280;

/// The files of the text encoders.
#[derive(Clone)]
pub(super) struct Texts {
    /// CLIP-L, or the text encoder of a small model.
    pub first: Opened,
    /// OpenCLIP bigG of SDXL.
    pub second: Option<Opened>,
}

impl Texts {
    /// The files.
    pub fn opened(&self) -> impl Iterator<Item = &Opened> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// The files, to be called otherwise.
    pub fn opened_mut(&mut self) -> impl Iterator<Item = &mut Opened> {
        std::iter::once(&mut self.first).chain(&mut self.second)
    }

    /// Identity of the checkpoint with text encoders from elsewhere; its own where they are its own.
    pub fn with(&self, checkpoint: &Opened) -> Key {
        let ids: Vec<Key> = self.opened().map(|opened| opened.id).collect();
        if ids.iter().all(|id| *id == checkpoint.id) {
            return checkpoint.id;
        }
        Key::of("weights").key("unet", &checkpoint.id).keys("text", &ids).finish()
    }

    /// The first encoder's view.
    pub fn first(&self) -> View {
        View::text(self.first.file.clone())
    }

    /// The second encoder's view.
    pub fn second(&self) -> Option<View> {
        self.second.as_ref().map(|opened| View::text_2(opened.file.clone()))
    }
}

/// Whether a file brings the first text encoder, and the second.
pub(super) fn towers(file: &Arc<TensorFile>) -> [bool; 2] {
    let width = |view: View| view.shape("final_layer_norm.weight").and_then(|shape| shape.first().copied());
    let first = width(View::text(file.clone())).is_some_and(|width| width != SECOND_WIDTH);
    [first, width(View::text_2(file.clone())) == Some(SECOND_WIDTH)]
}

/// The networks of a file that are text encoders.
pub(super) fn parts(file: &Arc<TensorFile>) -> Vec<Part> {
    let [first, second] = towers(file);
    [first.then_some(Part::Text), second.then_some(Part::Text2)].into_iter().flatten().collect()
}

impl ModelStore {
    /// The text encoders of a request: those of the files that were chosen for them, the others from the checkpoint. That
    /// a file is not used becomes a sentence.
    ///
    /// # Errors
    /// A file that holds no text encoder, or none that the checkpoint uses; an encoder that nothing brings.
    pub(super) fn texts(
        &mut self,
        models: &Models,
        checkpoint: &Opened,
        family: Family,
        notices: &mut Vec<String>,
    ) -> Result<Texts, PipelineError> {
        let wanted = [true, family == Family::Sdxl];
        let mut found: [Option<Opened>; 2] = [None, None];
        for path in &models.text {
            let opened = self.open_named(path, Role::Text, Some(family), notices)?;
            let brings = towers(&opened.file);
            let fits = brings.iter().zip(wanted).any(|(brings, wanted)| *brings && wanted);
            let right_kind = matches!(opened.kind, Kind::TextEncoder { .. } | Kind::Checkpoint { .. });
            if !fits || !right_kind {
                let wanted = match family {
                    Family::Sdxl => "an SDXL checkpoint needs a CLIP-L and an OpenCLIP bigG text encoder",
                    Family::Sd15 => "an SD1.5 checkpoint needs a CLIP-L text encoder",
                    Family::Small => "the checkpoint needs the text encoder that it was made with",
                };
                return Err(identify(&opened.file).wrong(&opened.file, "textEncoder", wanted).into());
            }
            let mut before = None;
            let mut used = false;
            for ((place, brings), wanted) in found.iter_mut().zip(brings).zip(wanted) {
                match place {
                    _ if !brings || !wanted => {}
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
        for (place, brings) in found.iter_mut().zip(towers(&checkpoint.file)) {
            if brings {
                place.get_or_insert_with(|| checkpoint.clone());
            }
        }
        let lacks = |missing: &str| {
            PipelineError::Unfit(format!(
                "{} has no {missing}; choose a file or checkpoint with it as textEncoder",
                checkpoint.file.file_name()
            ))
        };
        let [first, second] = found;
        match (first, second, family) {
            (Some(first), second @ Some(_), Family::Sdxl) => Ok(Texts { first, second }),
            (Some(first), _, Family::Sd15 | Family::Small) => Ok(Texts { first, second: None }),
            (Some(_), None, Family::Sdxl) => Err(lacks("second text encoder (OpenCLIP bigG)")),
            (None, Some(_), Family::Sdxl) => Err(lacks("first text encoder (CLIP-L)")),
            (None, None, Family::Sdxl) => Err(lacks("text encoders (CLIP-L and OpenCLIP bigG)")),
            (None, _, Family::Sd15) => Err(lacks("text encoder (CLIP-L)")),
            (None, _, Family::Small) => Err(lacks("text encoder")),
        }
    }
}
