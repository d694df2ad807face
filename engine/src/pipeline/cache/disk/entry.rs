//! The file format of cache entries: safetensors with a checksum in the metadata.
//!
//! The checksum covers the key, so that an entry under another entry's name counts as damaged.

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

/// A checksum over the entry's key and the names, shapes and values of its tensors, in the order of their names.
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

/// Encodes an entry as the bytes of its file.
///
/// # Errors
/// If a tensor cannot be converted or the format does not allow the entry.
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

/// Decodes an entry from the bytes of its file.
///
/// # Errors
/// If the bytes are not what [`encode`] wrote for this key: truncated, damaged, or the copy of another entry.
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
