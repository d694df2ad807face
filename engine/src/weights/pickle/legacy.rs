//! The format of torch before 1.6, in which some preprocessor networks are still published: pickles of a magic
//! number, a protocol number, system information, the object and the list of storage keys, then for each key the
//! number of elements (8 bytes) and the elements.

use std::collections::{BTreeMap, HashMap};

use safetensors::Dtype;

use super::super::tensor_file::TensorInfo;
use super::machine::{self, Loaded};
use super::value::{Graph, Value};
use super::{MAX_PICKLE, Storages, tensors};

/// The pickled number 0x1950a86a20f9469cfc6c.
const MAGIC: [u8; 14] = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

pub fn begins(map: &[u8]) -> bool {
    map.starts_with(&MAGIC)
}

pub fn read(map: &[u8]) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut at = 0;
    let mut next = || -> Result<Loaded<'_>, String> {
        let end = map.len().min(at + MAX_PICKLE);
        let loaded = machine::load(&map[at..end])
            .map_err(|reason| format!("the pickle in the file cannot be read: {reason}"))?;
        at += loaded.length;
        Ok(loaded)
    };
    let (_magic, _protocol, _machine) = (next()?, next()?, next()?);
    let (object, keys) = (next()?, next()?);
    let formats = formats(&object.graph);
    let mut ranges = HashMap::new();
    for &key in keys.graph.members(keys.root).unwrap_or(&[]) {
        let Some(key) = keys.graph.text(key) else { continue };
        let count =
            map.get(at..).and_then(|rest| rest.first_chunk::<8>()).map(|count| u64::from_le_bytes(*count));
        let width = formats.get(key).map_or(1, |format| format.bitsize() / 8);
        let bytes = count.and_then(|count| usize::try_from(count).ok()?.checked_mul(width));
        let start = at + 8;
        let range = bytes.and_then(|bytes| Some(start..start.checked_add(bytes)?));
        let Some(range) = range.filter(|range| range.end <= map.len()) else {
            return Err(format!("the file is cut off inside its storage `{key}`"));
        };
        at = range.end;
        ranges.insert(key.to_owned(), range);
    }
    // The system information also includes the byte order, but such files were only ever written on little-endian
    // systems.
    tensors(&object.graph, object.root, &Storages { ranges, big_endian: false })
}

/// Dtypes of the storages in a pickle, by key.
fn formats<'a>(graph: &Graph<'a>) -> HashMap<&'a str, Dtype> {
    let storage = |value: &Value<'a>| match value {
        Value::Storage(storage) => Some((storage.key, storage.dtype?)),
        _ => None,
    };
    graph.values().filter_map(storage).collect()
}
