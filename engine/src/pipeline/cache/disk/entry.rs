//! The file of an entry: safetensors with a checksum in its metadata.
//!
//! The checksum covers the key, so that an entry under another one's name is a damaged one.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::super::{CacheError, Entry};
use crate::pipeline::finite::is_finite;
use frame::convert::to_f64;
use protocol::key::Key;

const CHECKSUM: &str = "unsample.checksum";
const STAGE: &str = "unsample.stage";

/// Checksum over the entry's key and its tensors' names, shapes and values, in the order of the names.
fn checksum<'a>(of: &Key, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut list: Vec<_> = tensors.collect();
    list.sort_by_key(|t| t.0);
    let mut key = Key::of("entry").key("of", of);
    for (name, shape, data) in list {
        let shape: Vec<f64> = shape.iter().map(|&d| to_f64(d)).collect();
        key = key.text("name", name).floats("shape", &shape).key("data", &Key::of_bytes(data));
    }
    key.finish().hex()
}

/// The bytes of an entry's file.
///
/// # Errors
/// Tensors that are not numbers, or too many of them.
pub fn encode(of: &Key, stage: &str, entry: &Entry) -> Result<Vec<u8>, CacheError> {
    let mut parts = Vec::with_capacity(entry.len());
    for (name, tensor) in entry {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        parts.push((name.as_str(), tensor.dims().to_vec(), bytes));
    }
    let sum = checksum(of, parts.iter().map(|(n, s, b)| (*n, s.as_slice(), b.as_slice())));
    let meta = HashMap::from([(CHECKSUM.to_owned(), sum), (STAGE.to_owned(), stage.to_owned())]);
    let views = parts
        .iter()
        .map(|(n, s, b)| Ok((*n, TensorView::new(Dtype::F32, s.clone(), b)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    Ok(safetensors::serialize(views, Some(meta))?)
}

/// The entry in a file's bytes.
///
/// # Errors
/// Anything but what [`encode`] wrote for this key: cut, damaged, or another entry's copy.
pub fn decode(of: &Key, bytes: &[u8]) -> Result<Entry, CacheError> {
    let (_, meta) = SafeTensors::read_metadata(bytes)?;
    let expected = meta.metadata().as_ref().and_then(|m| m.get(CHECKSUM).cloned());
    let file = SafeTensors::deserialize(bytes)?;
    let tensors = file.tensors();
    let sum = checksum(of, tensors.iter().map(|(n, v)| (n.as_str(), v.shape(), v.data())));
    if expected.as_deref() != Some(sum.as_str()) {
        return Err(CacheError::Checksum);
    }
    let mut entry = Entry::new();
    for (name, view) in &tensors {
        if view.dtype() != Dtype::F32 {
            return Err(CacheError::Checksum);
        }
        let tensor = Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), &Device::Cpu)?;
        if !is_finite(&tensor)? {
            return Err(CacheError::NotFinite);
        }
        entry.insert(name.clone(), tensor);
    }
    Ok(entry)
}
