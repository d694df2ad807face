//! Parsing and validation of safetensors headers.
//!
//! The format: 8 bytes little-endian header length, that many bytes of JSON (name -> dtype, shape, data_offsets, and
//! free-form `__metadata__`), then the data that the offsets point into. Files may be truncated by failed downloads
//! or be of another type despite their extension; each of these is reported in one sentence here, without large
//! allocations.

use std::collections::BTreeMap;
use std::fmt;

use safetensors::Dtype;
use serde::Deserialize;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::tensor_file::{Contents, Place, TensorInfo};

/// The reference library rejects longer headers too; the longest known one is about 0.5 MB.
const MAX_HEADER: u64 = 100 << 20;

/// The JSON header. Duplicate names are an error, because readers could disagree about which one counts.
#[derive(Default)]
struct Header {
    tensors: Vec<(String, RawInfo)>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawInfo {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        let free: BTreeMap<String, serde_json::Value> = map.next_value()?;
                        header.metadata = free
                            .into_iter()
                            .map(|(key, value)| match value {
                                serde_json::Value::String(text) => (key, text),
                                other => (key, other.to_string()),
                            })
                            .collect();
                    } else {
                        header.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Parses the `header` of a safetensors file of `size` bytes; `header` is the beginning of the file up to [`length`].
/// Checks that every tensor lies inside the file, has as many bytes as its shape and dtype require, and does not
/// overlap another. The error is a sentence without the file's name.
pub(super) fn read(header: &[u8], size: usize) -> Result<Contents, String> {
    let data_start = header.len() as u64;
    let header: Header = serde_json::from_slice(&header[8..])
        .map_err(|error| format!("the safetensors header is not readable ({error})"))?;
    let tensors = check(&header.tensors, data_start, size as u64)?;
    Ok(Contents { tensors, metadata: header.metadata })
}

/// Number of bytes from the beginning of a file of `size` bytes to the end of its header.
///
/// Errors: what is wrong, as a clause.
pub(super) fn length(beginning: &[u8], size: usize) -> Result<usize, String> {
    let Some(length) = beginning.first_chunk::<8>() else {
        return Err(format!("the file is {size} bytes long, too short for a file of weights"));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return Err("this is not a safetensors file, nor a PyTorch pickle".into());
    }
    let data_start = 8 + length;
    match usize::try_from(data_start) {
        Ok(start) if start <= size => Ok(start),
        _ => Err(format!(
            "the file is cut off inside its header: {size} bytes long, expected at least {data_start}"
        )),
    }
}

/// Converts header entries to file locations, or describes the first invalid one.
fn check(
    raw: &[(String, RawInfo)],
    data_start: u64,
    size: u64,
) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut tensors = BTreeMap::new();
    let mut ranges = Vec::with_capacity(raw.len());
    for (name, info) in raw {
        let format: StrDeserializer<'_, Unknown> = info.dtype.as_str().into_deserializer();
        let Ok(dtype) = Dtype::deserialize(format) else {
            return Err(format!("the tensor `{name}` has the unknown number format `{}`", info.dtype));
        };
        let elements = info.shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        let bits = elements.and_then(|count| count.checked_mul(dtype.bitsize() as u64));
        let Some(bytes) = bits.map(|bits| bits.div_ceil(8)) else {
            return Err(format!("the tensor `{name}` has the impossible shape {:?}", info.shape));
        };
        let (begin, end) = info.data_offsets;
        if end.checked_sub(begin) != Some(bytes) {
            return Err(format!(
                "the tensor `{name}` ({} {:?}) lies at bytes {begin} to {end} of the data, expected {bytes} bytes",
                info.dtype, info.shape
            ));
        }
        let Some(last) = data_start.checked_add(end).filter(|last| *last <= size) else {
            let needed = data_start.saturating_add(end);
            return Err(format!(
                "the file is cut off: the tensor `{name}` ends at byte {needed}, but the file is {size} bytes long"
            ));
        };
        let range = to_usize(data_start + begin)?..to_usize(last)?;
        let shape = info.shape.iter().map(|dim| to_usize(*dim)).collect::<Result<_, _>>()?;
        ranges.push((range.start, range.end, name));
        let entry = TensorInfo { dtype, shape, place: Place::whole(range) };
        if tensors.insert(name.clone(), entry).is_some() {
            return Err(format!("the tensor `{name}` occurs twice in the header"));
        }
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((_, first_end, first), (second_start, _, second)) = (pair[0], pair[1]);
        if second_start < first_end {
            return Err(format!("the tensors `{first}` and `{second}` overlap"));
        }
    }
    Ok(tensors)
}

fn to_usize(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("{value} bytes are too many for this machine"))
}
