//! The loaded networks of this process, at most one copy of each.

mod leaving;

pub use leaving::Use;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::PipelineError;
use super::device::Placement;
use super::files::{Chosen, explained};
use super::loras::{ReusingSource, UnchangedTensors, strengths, with_loras};
use crate::families::{Codec, Conditioner, Kind, Predictor};
use crate::nn::hints::Detector;
use crate::nn::{ControlNet, ModelError, MotionModule, Source};
use crate::weights::{Network, View};
use protocol::Preprocessor;
use protocol::key::Key;

/// A network's tensors in a weight file, as a source for building it.
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

/// A loaded network with the key of its file.
struct NetworkSlot<T>(Option<(Key, Arc<T>)>);

impl<T> NetworkSlot<T> {
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
        // The old network is dropped before the new one is read, since both at once may exceed the memory.
        self.0 = None;
        let value = Arc::new(load()?);
        self.0 = Some((id, value.clone()));
        Ok(value)
    }
}

/// The networks of the worker, and their device.
pub struct Networks {
    placement: Placement,
    predictor: NetworkSlot<Box<dyn Predictor>>,
    codec: NetworkSlot<Box<dyn Codec>>,
    conditioner: NetworkSlot<Box<dyn Conditioner>>,
    motion: NetworkSlot<MotionModule>,
    /// Tensors of the predictor and the motion module that no LoRA changes.
    kept: [UnchangedTensors; 2],
    controls: Vec<(Key, Arc<ControlNet>)>,
    detector: NetworkSlot<Detector>,
}

impl Networks {
    /// No networks yet, to be loaded with this placement.
    pub fn new(placement: Placement) -> Self {
        Self {
            placement,
            predictor: NetworkSlot(None),
            codec: NetworkSlot(None),
            conditioner: NetworkSlot(None),
            motion: NetworkSlot(None),
            kept: Default::default(),
            controls: Vec::new(),
            detector: NetworkSlot(None),
        }
    }

    /// The device and number format of the networks.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The device of the networks.
    pub fn device(&self) -> &Device {
        &self.placement.device
    }

    /// The number format of the denoising network, its motion module and ControlNets.
    pub fn dtype(&self) -> DType {
        self.placement.dtype
    }

    /// A preprocessor, with its network if it has one.
    ///
    /// # Errors
    /// As for [`Self::predictor`].
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

    /// The denoising network.
    ///
    /// # Errors
    /// If a tensor is missing or has the wrong shape; out of memory.
    pub fn predictor(&mut self, chosen: &Chosen) -> Result<Arc<Box<dyn Predictor>>, PipelineError> {
        let (device, dtype, kept) = (&self.placement.device, self.placement.dtype, &mut self.kept[0]);
        self.predictor.get(chosen.checkpoint_id(), || {
            kept.turn_to(chosen.checkpoint.id);
            let (part, network) = chosen.family.network();
            let mut view = (part.view)(chosen.checkpoint.file.clone());
            if let Some(network) = network {
                view = view.with_loras(network, &strengths(&chosen.loras))?;
            }
            let source = ReusingSource { view: &view, kept: &*kept };
            let loaded = chosen.family.load_predictor(&source, dtype, device)?;
            chosen.checkpoint.has_held(loaded).inspect_err(|_| *kept = UnchangedTensors::default())
        })
    }

    /// The motion module, if the request has one.
    ///
    /// # Errors
    /// As for [`Self::predictor`].
    pub fn motion(&mut self, chosen: &Chosen) -> Result<Option<Arc<MotionModule>>, PipelineError> {
        let Some(opened) = &chosen.motion else { return Ok(None) };
        let id = with_loras(opened.id, &chosen.loras, &[Network::Motion]);
        let (device, dtype, kept) = (&self.placement.device, self.placement.dtype, &mut self.kept[1]);
        let load = || {
            kept.turn_to(opened.id);
            let view = View::motion(opened.file.clone());
            let view = view.with_loras(Network::Motion, &strengths(&chosen.loras))?;
            let module = MotionModule::load(&ReusingSource { view: &view, kept: &*kept }, dtype, device)?;
            opened.has_held(module).inspect_err(|_| *kept = UnchangedTensors::default())
        };
        self.motion.get(id, load).map(Some).map_err(|error| explained(error, chosen.unasked))
    }

    /// A ControlNet by its index. Those that the request does not use are unloaded before another one is read.
    ///
    /// # Errors
    /// As for [`Self::predictor`].
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
        if matches!(opened.what.kind, Kind::ControlNet { difference: true, .. }) {
            view = view.added_to(View::unet(chosen.checkpoint.file.clone()));
        }
        let (dtype, device) = (self.placement.dtype, &self.placement.device);
        let net = match opened.what.kind {
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

    /// The autoencoder, always in f32: its activations overflow f16.
    ///
    /// # Errors
    /// As for [`Self::predictor`].
    pub fn codec(&mut self, chosen: &Chosen) -> Result<Arc<Box<dyn Codec>>, PipelineError> {
        let source = Weights((chosen.family.codec().view)(chosen.vae.file.clone()));
        let device = &self.placement.device;
        self.codec.get(chosen.vae_id(), || {
            chosen.vae.has_held(chosen.family.load_codec(&source, DType::F32, device)?)
        })
    }

    /// The text encoders, in f32: they run only once per prompt.
    ///
    /// # Errors
    /// As for [`Self::predictor`].
    pub fn conditioner(&mut self, chosen: &Chosen) -> Result<Arc<Box<dyn Conditioner>>, PipelineError> {
        let loras = strengths(&chosen.loras);
        let device = &self.placement.device;
        self.conditioner.get(chosen.checkpoint_id(), || {
            let sources = (chosen.texts.views(chosen.family))
                .map(|(view, network)| match network {
                    Some(network) => Ok(Weights(view.with_loras(network, &loras)?)),
                    None => Ok(Weights(view)),
                })
                .collect::<Result<Vec<_>, PipelineError>>()?;
            let sources: Vec<&dyn Source> = sources.iter().map(|source| source as &dyn Source).collect();
            let loaded = chosen.family.load_conditioner(&sources, DType::F32, device)?;
            chosen.texts.opened().try_fold(loaded, |loaded, opened| opened.has_held(loaded))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::files::Files;
    use crate::pipeline::resources::BUILT_IN;
    use protocol::request::{Models, Motion};
    use std::fs;
    use std::path::Path;

    #[test]
    fn a_network_is_loaded_once_as_long_as_its_file_is_the_same() {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models").join(BUILT_IN[0]);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.safetensors");
        fs::copy(&built_in, &copy).unwrap();
        let mut files = Files::new(u64::MAX);
        let mut networks = Networks::new(Placement::processor());
        let mut vae = |path: &Path| {
            let models = Models {
                checkpoint: Some(path.into()),
                motion: Motion::None,
                vae: None,
                text: Vec::new(),
                controls: Vec::new(),
                loras: Vec::new(),
            };
            let chosen = files.choose(&models, "cpu").unwrap();
            networks.codec(&chosen).unwrap()
        };
        let first = vae(&built_in);
        assert!(Arc::ptr_eq(&first, &vae(&built_in)));
        // The same weights in another file are the same network.
        assert!(Arc::ptr_eq(&first, &vae(&copy)));
    }

    #[test]
    fn a_file_that_changes_is_never_half_a_network_and_is_told_of_once() {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle/models").join(BUILT_IN[0]);
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.safetensors");
        fs::copy(&built_in, &copy).unwrap();
        let mut files = Files::new(u64::MAX);
        let mut networks = Networks::new(Placement::processor());
        let models = Models {
            checkpoint: Some(copy.clone()),
            motion: Motion::None,
            vae: None,
            text: Vec::new(),
            controls: Vec::new(),
            loras: Vec::new(),
        };
        let chosen = files.choose(&models, "cpu").unwrap();
        assert_eq!(chosen.notices, [""; 0]);
        let other = folder.path().join("other.safetensors");
        let mut bytes = fs::read(&built_in).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&other, bytes).unwrap();
        fs::rename(&other, &copy).unwrap();
        let failures = [
            networks.codec(&chosen).err().map(|error| error.to_string()),
            networks.predictor(&chosen).err().map(|error| error.to_string()),
            networks.conditioner(&chosen).err().map(|error| error.to_string()),
        ];
        for failure in failures {
            assert!(
                failure.as_ref().is_some_and(|why| why.contains("it changed while it was read")),
                "{failure:?}"
            );
        }
        let chosen = files.choose(&models, "cpu").unwrap();
        assert_eq!(chosen.notices, ["copy.safetensors has changed, and is another file from here on"]);
        networks.codec(&chosen).unwrap();
        assert_eq!(files.choose(&models, "cpu").unwrap().notices, [""; 0]);
    }
}
