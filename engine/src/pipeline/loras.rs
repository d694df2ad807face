//! The LoRAs of a request: which of them are active, their part of cache keys, and reusing loaded weights when they change.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use parking_lot::Mutex;

use super::identity::FileKey;
use crate::nn::{ModelError, Source};
use crate::weights::{Lora, Network, View};
use protocol::key::{Key, KeyBuilder};

/// A LoRA that was opened and checked to fit.
#[derive(Clone)]
pub struct Active {
    /// The low-rank matrices.
    pub lora: Arc<Lora>,
    /// The key of the file within this process.
    pub id: Key,
    /// The provisional key and, once it is known, the content hash.
    pub identity: FileKey,
    /// The strength with which it is added.
    pub weight: f64,
}

impl Active {
    fn acts_on(&self, networks: &[Network]) -> bool {
        self.lora.networks().any(|network| networks.contains(&network))
    }
}

/// The key of a network of the file `base` with the LoRAs added that act on any of `networks`.
pub fn with_loras(base: Key, loras: &[Active], networks: &[Network]) -> Key {
    let mut acting = loras.iter().filter(|lora| lora.acts_on(networks)).peekable();
    if acting.peek().is_none() {
        return base;
    }
    let start = Key::of("weights").key("base", &base);
    let add = |key: KeyBuilder, lora: &Active| {
        let key = key.key("lora", &lora.id).floats("weight", &[lora.weight]);
        // Alphas from a separate file are not in the key of the LoRA's file.
        match lora.lora.alphas() {
            "" => key,
            alphas => key.text("alphas", alphas),
        }
    };
    acting.fold(start, add).finish()
}

/// The LoRAs and their strengths, as a view takes them.
pub fn strengths(loras: &[Active]) -> Vec<(Arc<Lora>, f64)> {
    loras.iter().map(|active| (active.lora.clone(), active.weight)).collect()
}

/// Tensors of a loaded network that no LoRA changes, by name and number format.
///
/// The network shares these tensors, so that keeping them takes no additional memory while it is loaded; when LoRAs
/// change, the next network is built from them and only the changed tensors are read again.
#[derive(Default)]
pub struct UnchangedTensors {
    of: Option<Key>,
    tensors: Mutex<HashMap<(String, DType), Tensor>>,
}

impl UnchangedTensors {
    /// Removes the tensors unless they are from the file `base`.
    pub fn turn_to(&mut self, base: Key) {
        if self.of != Some(base) {
            self.clear();
            self.of = Some(base);
        }
    }

    /// Removes all tensors.
    pub fn clear(&mut self) {
        self.of = None;
        self.tensors.lock().clear();
    }
}

/// A source that reuses unchanged tensors from the previous load.
pub struct ReusingSource<'a> {
    /// The tensors, with LoRAs added.
    pub view: &'a View,
    /// The tensors of the previous load.
    pub kept: &'a UnchangedTensors,
}

impl Source for ReusingSource<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.view.shape(name).map(<[usize]>::to_vec)
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        let read = || self.view.tensor(name, dtype, device).map_err(|e| ModelError::Read(Box::new(e)));
        let key = (name.to_owned(), dtype);
        if self.view.is_touched(name) {
            self.kept.tensors.lock().remove(&key);
            return read();
        }
        if let Some(tensor) = self.kept.tensors.lock().get(&key) {
            return Ok(tensor.clone());
        }
        let tensor = read()?;
        self.kept.tensors.lock().insert(key, tensor.clone());
        Ok(tensor)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.view.names())
    }

    fn origin(&self) -> String {
        self.view.origin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::TensorFile;

    fn file(folder: &std::path::Path, name: &str, tensors: &[(&str, [usize; 2])]) -> Arc<TensorFile> {
        let data = [0x3f; 64];
        let view = |shape: &[usize; 2]| {
            let bytes = &data[..4 * shape[0] * shape[1]];
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes).unwrap()
        };
        let views = tensors.iter().map(|(name, shape)| (*name, view(shape)));
        safetensors::serialize_to_file(views, None, &folder.join(name)).unwrap();
        Arc::new(TensorFile::open(folder.join(name)).unwrap())
    }

    #[test]
    fn only_what_loras_change_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let base = file(
            folder.path(),
            "base",
            &[("input_blocks.1.1.proj_in.weight", [2, 2]), ("input_blocks.1.1.proj_out.weight", [2, 2])],
        );
        let layer = "lora_unet_input_blocks_1_1_proj_in";
        let parts =
            [(format!("{layer}.lora_down.weight"), [1, 2]), (format!("{layer}.lora_up.weight"), [2, 1])];
        let parts = parts.each_ref().map(|(name, shape)| (name.as_str(), *shape));
        let lora = Arc::new(Lora::open(file(folder.path(), "lora", &parts)).unwrap());
        let mut kept = UnchangedTensors::default();
        let mut load = |strength: f64, of: &str| {
            kept.turn_to(Key::of(of).finish());
            let view =
                View::unet(base.clone()).with_loras(Network::Unet, &[(lora.clone(), strength)]).unwrap();
            let source = ReusingSource { view: &view, kept: &kept };
            ["proj_in", "proj_out"].map(|layer| {
                let name = format!("input_blocks.1.1.{layer}.weight");
                source.tensor(&name, DType::F32, &Device::Cpu).unwrap()
            })
        };
        let first = load(1.0, "a");
        let second = load(2.0, "a");
        assert_eq!(first[1].id(), second[1].id(), "read again");
        assert_ne!(first[0].to_vec2::<f32>().unwrap(), second[0].to_vec2::<f32>().unwrap());
        let (none, third) = (load(0.0, "a"), load(1.0, "a"));
        assert_ne!(none[0].to_vec2::<f32>().unwrap(), third[0].to_vec2::<f32>().unwrap());
        assert_eq!(first[0].to_vec2::<f32>().unwrap(), third[0].to_vec2::<f32>().unwrap());
        assert_ne!(load(1.0, "b")[1].id(), first[1].id(), "kept for another file");
    }
}
