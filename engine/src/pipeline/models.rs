//! The networks of this process: which files a request means, what they are, and one loaded copy of each.

mod called;
mod choose;
mod embeddings;
mod fitted;
mod leaving;
mod outline;
mod partner;
mod read_out;
mod texts;

pub use leaving::Use;
pub use read_out::{check_file, check_values, describe_models};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::PipelineError;
use outline::Part;
use texts::Texts;

use super::device::Placement;
use super::hints;
use super::identity::{Identities, Identity};
use super::located::{Role, located, nowhere};
use super::loras::{Active, Keeping, Kept, strengths, with_loras};
use crate::diffusion::Prediction;
use crate::model::hints::Detector;
use crate::model::{ControlNet, ModelError, MotionModule, Source, TextEncoder, UNet, Vae};
use crate::weights::{
    Family, Kind, Lora, MotionVersion, Network, Predicts, Stamp, TensorFile, View, WeightsError, identify,
    predicts,
};
use protocol::Preprocessor;
use protocol::key::Key;

/// Opened files that are remembered.
const MOST_OPENED: usize = 64;

/// A network's share of a weight file, for the networks.
struct Weights(View);

impl Source for Weights {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.shape(name).map(<[usize]>::to_vec)
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        self.0.tensor(name, dtype, device).map_err(|e| ModelError::Read(Box::new(e)))
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.0.names())
    }

    fn origin(&self) -> String {
        self.0.origin()
    }
}

/// An opened file: mapped, recognised, fingerprinted, nothing read yet.
#[derive(Clone)]
pub(super) struct Opened {
    path: PathBuf,
    stamp: Stamp,
    file: Arc<TensorFile>,
    kind: Kind,
    /// Identity of its contents in this process.
    pub(super) id: Key,
    /// What it is called beyond it.
    identity: Identity,
    /// Its parts, if it is a LoRA.
    lora: Option<Arc<Lora>>,
}

impl Opened {
    /// What was read from the file, if the file is still the one that was opened: a network of two files is none.
    fn has_held<T>(&self, read: T) -> Result<T, PipelineError> {
        if self.stamp.holds() {
            return Ok(read);
        }
        let reason = "it changed while it was read".to_owned();
        Err(WeightsError::Unreadable { path: self.path.clone(), reason }.into())
    }
}

/// The files of a request, recognised and found to fit each other.
#[derive(Clone)]
pub struct Chosen {
    checkpoint: Opened,
    texts: Texts,
    vae: Opened,
    motion: Option<Opened>,
    loras: Vec<Active>,
    controls: Vec<Opened>,
    /// The networks of preprocessors.
    pub(super) annotators: Vec<(Preprocessor, Opened)>,
    /// The embeddings that the prompts name.
    pub embeddings: embeddings::Called,
    /// What the networks run on, for keys.
    pub device: &'static str,
    /// What the checkpoint belongs to.
    pub family: Family,
    /// What the UNet predicts, and whether its last noise level is noise alone.
    pub prediction: (Prediction, bool),
    /// What the motion module is.
    pub motion_version: Option<MotionVersion>,
    /// Whether nobody asked for the motion module.
    unasked: bool,
    /// Sentences about what was chosen for the user.
    pub facts: Vec<String>,
    /// Sentences for the user about files that are used in part or not at all.
    pub notices: Vec<String>,
}

impl Chosen {
    /// Identity of the UNet and text encoder, with what LoRAs add to them.
    pub fn checkpoint_id(&self) -> Key {
        with_loras(
            self.texts.with(&self.checkpoint),
            &self.loras,
            &[Network::Unet, Network::Text, Network::Text2],
        )
    }

    /// Channels of the latents that the UNet works on.
    pub fn latent_channels(&self) -> usize {
        match self.checkpoint.kind {
            Kind::Checkpoint { latent_channels, .. } => latent_channels,
            _ => 0,
        }
    }

    /// Identity of the autoencoder.
    pub fn vae_id(&self) -> Key {
        self.vae.id
    }

    /// Identity of the motion module, with what LoRAs add to it.
    pub fn motion_id(&self) -> Option<Key> {
        self.motion.as_ref().map(|m| with_loras(m.id, &self.loras, &[Network::Motion]))
    }

    /// Whether a ControlNet, by its number, looks at latents and not at pictures.
    pub fn sees_latents(&self, unit: usize) -> bool {
        let kind = self.controls.get(unit).map(|opened| &opened.kind);
        matches!(kind, Some(Kind::SparseCtrl { scribble: false, .. }))
    }

    /// Identity of a ControlNet. A file that holds the difference from a UNet means another network with each UNet.
    pub fn control_id(&self, unit: usize) -> Option<Key> {
        let opened = self.controls.get(unit)?;
        Some(match opened.kind {
            Kind::ControlNet { difference: true, .. } => {
                Key::of("weights").key("added", &opened.id).key("to", &self.checkpoint.id).finish()
            }
            _ => opened.id,
        })
    }
}

/// One loaded network, remembered with the identity of its file.
struct Slot<T>(Option<(Key, Arc<T>)>);

impl<T> Slot<T> {
    fn get(
        &mut self,
        id: Key,
        load: impl FnOnce() -> Result<T, PipelineError>,
    ) -> Result<Arc<T>, PipelineError> {
        if let Some((known, value)) = &self.0
            && *known == id
        {
            return Ok(value.clone());
        }
        // The old network goes before the new one is read: both at once may not fit.
        self.0 = None;
        let value = Arc::new(load()?);
        self.0 = Some((id, value.clone()));
        Ok(value)
    }
}

/// Files and networks of the worker.
pub struct ModelStore {
    placement: Placement,
    identities: Identities,
    opened: Vec<Opened>,
    unet: Slot<UNet>,
    vae: Slot<Vae>,
    text: Slot<TextEncoder>,
    motion: Slot<MotionModule>,
    /// Tensors of the UNet and the motion module that LoRAs left as they are.
    kept: [Kept; 2],
    /// LoRAs that were found to change something in a checkpoint and motion module, with what is not used of them.
    matched: Vec<([Key; 3], Vec<String>)>,
    /// Networks that were found to be whole, with what there is to say of them.
    checked: Vec<(Key, Part, Vec<String>)>,
    controls: Vec<(Key, Arc<ControlNet>)>,
    detector: Slot<Detector>,
    /// Where the networks of preprocessors were found.
    annotators: Vec<(Preprocessor, PathBuf)>,
    /// Where embeddings were found, by the names that prompts call them.
    named: Vec<(String, PathBuf)>,
    /// The prompts that were looked through last.
    looked: embeddings::Looked,
    /// Sentences on files that changed since an earlier request, for the next one.
    changed: Vec<String>,
}

impl ModelStore {
    /// An empty store; files of up to `at_once` bytes are hashed when they are opened.
    pub fn new(placement: Placement, at_once: u64) -> Self {
        Self {
            placement,
            identities: Identities::new(at_once),
            opened: Vec::new(),
            unet: Slot(None),
            vae: Slot(None),
            text: Slot(None),
            motion: Slot(None),
            kept: Default::default(),
            matched: Vec::new(),
            checked: Vec::new(),
            controls: Vec::new(),
            detector: Slot(None),
            annotators: Vec::new(),
            named: Vec::new(),
            looked: embeddings::Looked::default(),
            changed: Vec::new(),
        }
    }

    /// Where networks are.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The device that networks run on.
    pub fn device(&self) -> &Device {
        &self.placement.device
    }

    /// The number format of the UNet.
    pub fn dtype(&self) -> DType {
        self.placement.dtype
    }

    /// Opens the file that a parameter means for a role, next to a checkpoint of a family where it is known.
    fn open_named(
        &mut self,
        path: &Path,
        role: Role,
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
        let found = identify(&file);
        found.require_sound(&file)?;
        let kind = found.kind;
        let Some(stamp) = now.filter(Stamp::holds) else {
            let reason = "it changed while it was opened".to_owned();
            return Err(WeightsError::Unreadable { path: path.into(), reason }.into());
        };
        let identity = self.identities.of(stamp.clone());
        let lora = match kind {
            Kind::Lora { .. } | Kind::MotionLora => Some(Arc::new(Lora::open(file.clone())?)),
            _ => None,
        };
        let opened = Opened { path: path.into(), stamp, file, kind, id: identity.now(), identity, lora };
        // Each holds its file open, also after it was deleted; a request has fewer.
        if self.opened.len() == MOST_OPENED {
            self.opened.remove(0);
        }
        self.opened.push(opened.clone());
        Ok(opened)
    }

    /// Finds the networks of preprocessors for what was chosen.
    ///
    /// # Errors
    /// The models folder has none, or it is damaged.
    pub fn choose_annotators(
        &mut self,
        chosen: &mut Chosen,
        preprocessors: &[Preprocessor],
    ) -> Result<(), PipelineError> {
        for preprocessor in preprocessors {
            // Looking through the folder opens every file in it; it is done once while the find stays good.
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

    /// A preprocessor, with its network where it has one.
    ///
    /// # Errors
    /// As for [`Self::unet`].
    pub fn detector(
        &mut self,
        chosen: &Chosen,
        preprocessor: Preprocessor,
    ) -> Result<Arc<Detector>, PipelineError> {
        let device = &self.placement.device;
        match chosen.annotators.iter().find(|(known, _)| *known == preprocessor) {
            Some((_, opened)) => {
                let source = Weights(View::annotator(opened.file.clone()));
                self.detector.get(opened.id, || Ok(Detector::load(preprocessor, &source, device)?))
            }
            None => Ok(Arc::new(Detector::plain(preprocessor, device)?)),
        }
    }

    /// Finds a network of a file to be whole, once; what is not used of it becomes a sentence, and so does that it changes
    /// nothing.
    fn check(&mut self, opened: &Opened, part: Part, notices: &mut Vec<String>) -> Result<(), PipelineError> {
        let known = self.checked.iter().find(|(id, of, _)| *id == opened.id && *of == part);
        let sentences = match known {
            Some((_, _, sentences)) => sentences.clone(),
            None => {
                let sentences = part.check(&opened.file)?;
                self.checked.push((opened.id, part, sentences.clone()));
                sentences
            }
        };
        notices.extend(sentences);
        Ok(())
    }

    /// The UNet.
    ///
    /// # Errors
    /// A tensor that is missing or of the wrong shape; no memory.
    pub fn unet(&mut self, chosen: &Chosen) -> Result<Arc<UNet>, PipelineError> {
        let (device, dtype, kept) = (&self.placement.device, self.placement.dtype, &mut self.kept[0]);
        self.unet.get(chosen.checkpoint_id(), || {
            kept.turn_to(chosen.checkpoint.id);
            let view = View::unet(chosen.checkpoint.file.clone());
            let view = view.with_loras(Network::Unet, &strengths(&chosen.loras))?;
            let unet = UNet::load(&Keeping { view: &view, kept: &*kept }, dtype, device)?;
            chosen.checkpoint.has_held(unet).inspect_err(|_| *kept = Kept::default())
        })
    }

    /// The motion module, if the request has one.
    ///
    /// # Errors
    /// As for [`Self::unet`].
    pub fn motion(&mut self, chosen: &Chosen) -> Result<Option<Arc<MotionModule>>, PipelineError> {
        let Some(opened) = &chosen.motion else { return Ok(None) };
        let id = with_loras(opened.id, &chosen.loras, &[Network::Motion]);
        let (device, dtype, kept) = (&self.placement.device, self.placement.dtype, &mut self.kept[1]);
        let load = || {
            kept.turn_to(opened.id);
            let view = View::motion(opened.file.clone());
            let view = view.with_loras(Network::Motion, &strengths(&chosen.loras))?;
            let module = MotionModule::load(&Keeping { view: &view, kept: &*kept }, dtype, device)?;
            opened.has_held(module).inspect_err(|_| *kept = Kept::default())
        };
        self.motion.get(id, load).map(Some).map_err(|error| partner::explained(error, chosen.unasked))
    }

    /// A ControlNet by its number. Those that a request does not name go before another one is read.
    ///
    /// # Errors
    /// As for [`Self::unet`].
    pub fn control(&mut self, chosen: &Chosen, unit: usize) -> Result<Arc<ControlNet>, PipelineError> {
        let (Some(opened), Some(id)) = (chosen.controls.get(unit), chosen.control_id(unit)) else {
            return Err(PipelineError::Internal(format!("no ControlNet {}", unit + 1)));
        };
        let wanted: Vec<_> = (0..chosen.controls.len()).filter_map(|unit| chosen.control_id(unit)).collect();
        self.controls.retain(|(id, _)| wanted.contains(id));
        if let Some((_, net)) = self.controls.iter().find(|(known, _)| *known == id) {
            return Ok(net.clone());
        }
        let mut view = View::control(opened.file.clone());
        if matches!(opened.kind, Kind::ControlNet { difference: true, .. }) {
            view = view.added_to(View::unet(chosen.checkpoint.file.clone()));
        }
        let (dtype, device) = (self.placement.dtype, &self.placement.device);
        let net = match opened.kind {
            Kind::SparseCtrl { .. } => {
                let motion = Weights(View::motion(opened.file.clone()));
                ControlNet::load_sparse(&Weights(view), &motion, dtype, device)?
            }
            _ => ControlNet::load(&Weights(view), dtype, device)?,
        };
        let net = Arc::new(opened.has_held(net)?);
        self.controls.push((id, net.clone()));
        Ok(net)
    }

    /// The autoencoder, in f32 everywhere: its activations overflow f16.
    ///
    /// # Errors
    /// As for [`Self::unet`].
    pub fn vae(&mut self, chosen: &Chosen) -> Result<Arc<Vae>, PipelineError> {
        let source = Weights(View::vae(chosen.vae.file.clone()));
        let device = &self.placement.device;
        self.vae.get(chosen.vae.id, || chosen.vae.has_held(Vae::load(&source, DType::F32, device)?))
    }

    /// The text encoders, in f32: they run once a prompt.
    ///
    /// # Errors
    /// As for [`Self::unet`].
    pub fn text(&mut self, chosen: &Chosen) -> Result<Arc<TextEncoder>, PipelineError> {
        let loras = strengths(&chosen.loras);
        let device = &self.placement.device;
        self.text.get(chosen.checkpoint_id(), || {
            let first = Weights(chosen.texts.first().with_loras(Network::Text, &loras)?);
            let second = chosen.texts.second();
            let second = second.map(|view| view.with_loras(Network::Text2, &loras)).transpose()?;
            let second = second.map(Weights);
            let second = second.as_ref().map(|source| source as &dyn Source);
            let encoder = TextEncoder::load(&first, second, DType::F32, device)?;
            chosen.texts.opened().try_fold(encoder, |encoder, opened| opened.has_held(encoder))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::resources::BUILT_IN;
    use protocol::request::{Models, Motion};
    use std::fs;

    #[test]
    fn a_network_is_loaded_once_as_long_as_its_file_is_the_same() {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models").join(BUILT_IN[0]);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.safetensors");
        fs::copy(&built_in, &copy).unwrap();
        let mut store = ModelStore::new(Placement::processor(), u64::MAX);
        let mut vae = |path: &Path| {
            let models = Models {
                checkpoint: Some(path.into()),
                motion: Motion::None,
                vae: None,
                text: Vec::new(),
                controls: Vec::new(),
                loras: Vec::new(),
            };
            let chosen = store.choose(&models).unwrap();
            store.vae(&chosen).unwrap()
        };
        let first = vae(&built_in);
        assert!(Arc::ptr_eq(&first, &vae(&built_in)));
        // The same weights under another name are the same network.
        assert!(Arc::ptr_eq(&first, &vae(&copy)));
    }

    #[test]
    fn a_file_that_changes_is_never_half_a_network_and_is_told_of_once() {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models").join(BUILT_IN[0]);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.safetensors");
        fs::copy(&built_in, &copy).unwrap();
        let mut store = ModelStore::new(Placement::processor(), u64::MAX);
        let models = Models {
            checkpoint: Some(copy.clone()),
            motion: Motion::None,
            vae: None,
            text: Vec::new(),
            controls: Vec::new(),
            loras: Vec::new(),
        };
        let chosen = store.choose(&models).unwrap();
        assert_eq!(chosen.notices, [""; 0]);
        let other = folder.path().join("other.safetensors");
        let mut bytes = fs::read(&built_in).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&other, bytes).unwrap();
        fs::rename(&other, &copy).unwrap();
        let failures = [
            store.vae(&chosen).err().map(|error| error.to_string()),
            store.unet(&chosen).err().map(|error| error.to_string()),
            store.text(&chosen).err().map(|error| error.to_string()),
        ];
        for failure in failures {
            assert!(
                failure.as_ref().is_some_and(|why| why.contains("it changed while it was read")),
                "{failure:?}"
            );
        }
        let chosen = store.choose(&models).unwrap();
        assert_eq!(chosen.notices, ["copy.safetensors has changed, and is another file from here on"]);
        store.vae(&chosen).unwrap();
        assert_eq!(store.choose(&models).unwrap().notices, [""; 0]);
    }
}
