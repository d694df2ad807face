//! Finds and identifies the files of a request, and checks that they fit each other. No network is loaded here.

mod called;
mod choose;
mod embeddings;
mod fitted;
mod outline;
mod partner;
mod read_out;
mod texts;

pub use partner::explained;
pub use read_out::{check_file, check_values, describe_models};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PipelineError;
use super::hints;
use super::identity::{FileKey, FileKeys};
use super::located::{FileRole, located, nowhere};
use super::loras::{Active, with_loras};
use super::networks::Use;
use crate::diffusion::Prediction;
use crate::families::{self, Family, Grid, Kind, MotionVersion, NetworkPart, identify};
use crate::weights::{Lora, Network, Stamp, TensorFile, WeightsError};
use protocol::Preprocessor;
use protocol::key::Key;
use texts::Texts;

/// Maximum number of opened files that are remembered.
const MOST_OPENED: usize = 64;

/// An opened file: memory-mapped and identified; no tensor has been read yet.
#[derive(Clone)]
pub(super) struct Opened {
    path: PathBuf,
    stamp: Stamp,
    pub(super) file: Arc<TensorFile>,
    /// The kind of the file and its description.
    pub(super) what: families::Identity,
    /// The key of its contents within this process.
    pub(super) id: Key,
    /// The provisional key and, once it is known, the content hash.
    identity: FileKey,
    /// The low-rank matrices, if it is a LoRA.
    lora: Option<Arc<Lora>>,
}

impl Opened {
    /// Returns what was read from the file, or an error if the file has changed since it was opened: the network would
    /// be a mixture of two files.
    pub(super) fn has_held<T>(&self, read: T) -> Result<T, PipelineError> {
        if self.stamp.holds() {
            return Ok(read);
        }
        let reason = "it changed while it was read".to_owned();
        Err(WeightsError::Unreadable { path: self.path.clone(), reason }.into())
    }
}

/// The files of a request, identified and checked to fit each other.
#[derive(Clone)]
pub struct Chosen {
    pub(super) checkpoint: Opened,
    pub(super) texts: Texts,
    pub(super) vae: Opened,
    pub(super) motion: Option<Opened>,
    pub(super) loras: Vec<Active>,
    pub(super) controls: Vec<Opened>,
    /// The networks of the preprocessors.
    pub(super) annotators: Vec<(Preprocessor, Opened)>,
    /// The embeddings that the prompts use.
    pub embeddings: embeddings::PromptEmbeddings,
    /// The device of the networks, for cache keys.
    pub device: &'static str,
    /// The family of the checkpoint.
    pub family: Family,
    /// What the network predicts, and whether its last noise level is pure noise (zero terminal SNR).
    pub prediction: (Prediction, bool),
    /// The version of the motion module.
    pub motion_version: Option<MotionVersion>,
    /// Whether the motion module was selected automatically.
    pub(super) unasked: bool,
    /// Messages about automatic selections.
    pub facts: Vec<String>,
    /// Messages for the user about files that are used partially or not at all.
    pub notices: Vec<String>,
}

impl Chosen {
    /// The key of the network and text encoders, including the LoRAs that act on them.
    pub fn checkpoint_id(&self) -> Key {
        with_loras(
            self.texts.with(&self.checkpoint),
            &self.loras,
            &[Network::Unet, Network::Text, Network::Text2],
        )
    }

    /// How frames and pixels map to latents.
    pub fn grid(&self) -> Grid {
        self.family.grid(&self.checkpoint.what.kind)
    }

    /// Whether frames are denoised jointly: by a motion module, or by the network itself.
    pub fn is_temporal(&self) -> bool {
        self.motion.is_some() || self.family.is_temporal()
    }

    /// The key of the autoencoder.
    pub fn vae_id(&self) -> Key {
        self.vae.id
    }

    /// The key of the motion module, including the LoRAs that act on it.
    pub fn motion_id(&self) -> Option<Key> {
        self.motion.as_ref().map(|m| with_loras(m.id, &self.loras, &[Network::Motion]))
    }

    /// Whether a ControlNet, by its index, takes latents instead of pictures.
    pub fn sees_latents(&self, unit: usize) -> bool {
        let kind = self.controls.get(unit).map(|opened| &opened.what.kind);
        matches!(kind, Some(Kind::SparseCtrl { scribble: false, .. }))
    }

    /// The key of a ControlNet. A file that stores the difference from a UNet is a different network with each UNet.
    pub fn control_id(&self, unit: usize) -> Option<Key> {
        let opened = self.controls.get(unit)?;
        Some(match opened.what.kind {
            Kind::ControlNet { difference: true, .. } => {
                Key::of("weights").key("added", &opened.id).key("to", &self.checkpoint.id).finish()
            }
            _ => opened.id,
        })
    }
}

/// The weight files of all requests so far.
pub struct Files {
    identities: FileKeys,
    opened: Vec<Opened>,
    /// LoRAs that were checked against a checkpoint and motion module, with messages about their unused parts.
    matched: Vec<([Key; 3], Vec<String>)>,
    /// Networks, by their names, that were checked to be complete, with the messages about them.
    checked: Vec<(Key, &'static str, Vec<String>)>,
    /// The paths where preprocessor networks were found.
    annotators: Vec<(Preprocessor, PathBuf)>,
    /// The paths where embeddings were found, by the names used in prompts, with a message about other files of the name.
    named: Vec<(String, PathBuf, Option<String>)>,
    /// The prompts that were last searched for embeddings.
    looked: embeddings::SearchedPrompts,
    /// Messages about files that changed since an earlier request, for the next request.
    changed: Vec<String>,
}

impl Files {
    /// No files yet; files of up to `at_once` bytes are hashed when they are opened.
    pub fn new(at_once: u64) -> Self {
        Self {
            identities: FileKeys::new(at_once),
            opened: Vec::new(),
            matched: Vec::new(),
            checked: Vec::new(),
            annotators: Vec::new(),
            named: Vec::new(),
            looked: embeddings::SearchedPrompts::default(),
            changed: Vec::new(),
        }
    }

    /// Opens the file that a parameter refers to, for a role and, if known, the family of the checkpoint.
    fn open_named(
        &mut self,
        path: &Path,
        role: FileRole,
        checkpoint: Option<Family>,
        notices: &mut Vec<String>,
    ) -> Result<Opened, PipelineError> {
        let located = located(path, role, checkpoint);
        notices.extend(located.remark);
        self.open(&located.path)
    }

    fn open(&mut self, path: &Path) -> Result<Opened, PipelineError> {
        if let Some(nowhere) = nowhere(path) {
            return Err(PipelineError::Unfit(nowhere));
        }
        let now = Stamp::of(path);
        if let Some(known) = self.opened.iter().find(|o| o.path == path && Some(&o.stamp) == now.as_ref()) {
            return Ok(known.clone());
        }
        let before = self.opened.len();
        self.opened.retain(|o| o.path != path);
        if self.opened.len() < before {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.changed.push(format!("{name} has changed, and is another file from here on"));
        }
        let file = Arc::new(TensorFile::open(path)?);
        let what = identify(&file);
        what.require_sound(&file)?;
        let Some(stamp) = now.filter(Stamp::holds) else {
            let reason = "it changed while it was opened".to_owned();
            return Err(WeightsError::Unreadable { path: path.into(), reason }.into());
        };
        let identity = self.identities.of(stamp.clone());
        let lora = match what.kind {
            Kind::Lora { .. } | Kind::MotionLora => Some(Arc::new(Lora::open(file.clone())?)),
            _ => None,
        };
        let opened = Opened { path: path.into(), stamp, file, what, id: identity.now(), identity, lora };
        // Each entry keeps its file open, even after the file was deleted; a request has fewer.
        if self.opened.len() == MOST_OPENED {
            self.opened.remove(0);
        }
        self.opened.push(opened.clone());
        Ok(opened)
    }

    /// Finds the preprocessor networks that a request needs.
    ///
    /// # Errors
    /// If a network is not in the models folders, or is damaged.
    pub fn choose_annotators(
        &mut self,
        chosen: &mut Chosen,
        preprocessors: &[Preprocessor],
    ) -> Result<(), PipelineError> {
        for preprocessor in preprocessors {
            // Searching the folder opens every file in it, so it is done once, as long as the file found remains valid.
            let known = self.annotators.iter().find(|(known, _)| known == preprocessor).cloned();
            let opened = known.and_then(|(_, path)| self.open(&path).ok());
            let opened = match opened.filter(|opened| hints::is_network_of(*preprocessor, &opened.file)) {
                Some(opened) => opened,
                None => {
                    let path = hints::find_network(*preprocessor)?;
                    self.annotators.retain(|(known, _)| known != preprocessor);
                    self.annotators.push((*preprocessor, path.clone()));
                    self.open(&path)?
                }
            };
            chosen.annotators.push((*preprocessor, opened));
        }
        Ok(())
    }

    /// Checks once that a file's network is complete; adds messages about unused tensors, and about a network that has no effect.
    fn check(
        &mut self,
        opened: &Opened,
        part: NetworkPart,
        notices: &mut Vec<String>,
    ) -> Result<(), PipelineError> {
        let known = self.checked.iter().find(|(id, of, _)| *id == opened.id && *of == part.name);
        let sentences = match known {
            Some((_, _, sentences)) => sentences.clone(),
            None => {
                let sentences = outline::check(&part, &opened.file)?;
                self.checked.push((opened.id, part.name, sentences.clone()));
                sentences
            }
        };
        notices.extend(sentences);
        Ok(())
    }
}
