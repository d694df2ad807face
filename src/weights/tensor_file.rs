//! A safetensors file, memory-mapped, with a header that was checked before it is believed.
//!
//! The format: 8 bytes little-endian header length, that many bytes of JSON (name -> dtype, shape, data_offsets, and
//! free-form `__metadata__`), then the data that the offsets point into. Files on people's disks are cut off by broken
//! downloads, or are something else under the name of one; each such file gets one sentence here and costs no memory.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::WeightsError;

/// The reference library refuses longer headers too; the longest in the wild is about 0.5 MB.
const MAX_HEADER: u64 = 100 << 20;

/// One tensor as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Number format as the file spells it: `F32`, `F16`, `BF16`, `I64`, ...
    pub dtype: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// First byte and the byte after the last, from the beginning of the file.
    range: (usize, usize),
}

/// A memory-mapped safetensors file.
pub struct TensorFile {
    path: PathBuf,
    map: memmap2::Mmap,
    tensors: BTreeMap<String, TensorInfo>,
    metadata: BTreeMap<String, String>,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorFile({}, {} tensors)", self.path.display(), self.tensors.len())
    }
}

/// The JSON header. Duplicate names are an error: two readers could disagree about which one counts.
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

/// Bits of one value in a format of the safetensors specification.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "I8" | "U8" | "BOOL" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
}

impl TensorFile {
    /// Maps the file and checks its header: its length, its JSON, and that every tensor lies inside the file, has as
    /// many bytes as its shape says and overlaps no other.
    ///
    /// Errors: [`WeightsError::Unreadable`] and [`WeightsError::Malformed`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref().to_path_buf();
        let unreadable = |error: std::io::Error| WeightsError::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        };
        let malformed = |reason: String| WeightsError::Malformed { path: path.clone(), reason };

        let file = File::open(&path).map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        if !meta.is_file() {
            return Err(WeightsError::Unreadable { path, reason: "it is not a plain file".into() });
        }
        let size = meta.len();
        if size < 8 {
            return Err(malformed(format!(
                "the file is {size} bytes long, too short for a safetensors file"
            )));
        }
        // SAFETY: the mapping is read-only. That nobody shortens or rewrites the file while it is mapped cannot be
        // guaranteed by any program; weights are written once and replaced by renaming, and a mapping keeps the
        // replaced file. The bytes are only ever read as plain numbers, so a change cannot break a type's invariant.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
        let size = map.len() as u64;

        if let Some(format) = foreign_format(&map) {
            return Err(malformed(format!(
                "the file is {format}, expected a safetensors file; convert it to safetensors first"
            )));
        }
        let mut length = [0u8; 8];
        length.copy_from_slice(map.get(..8).unwrap_or(&[0; 8]));
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(malformed(format!(
                "this is not a safetensors file: it begins with a header length of {length} bytes"
            )));
        }
        let data_start = 8 + length;
        if data_start > size {
            return Err(malformed(format!(
                "the file is cut off inside its header: {size} bytes long, expected at least {data_start}"
            )));
        }
        let header: Header = serde_json::from_slice(&map[8..data_start as usize])
            .map_err(|error| malformed(format!("the safetensors header is not readable ({error})")))?;
        let tensors = check(&header.tensors, data_start, size).map_err(malformed)?;
        Ok(Self { path, map, tensors, metadata: header.metadata })
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name, for messages.
    pub fn file_name(&self) -> String {
        match self.path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.path.display().to_string(),
        }
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.map.len() as u64
    }

    /// The free-form `__metadata__` of the header.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// All tensors in name order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// What the header says of one tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// The shape of one tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|info| info.shape.as_slice())
    }

    /// Reads one tensor, widened or rounded to `dtype`, onto `device`. Only this tensor's bytes are touched.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Format`] for integers and unknown formats,
    /// [`WeightsError::Device`].
    pub fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let stored = self.stored(name)?;
        stored
            .to_dtype(dtype)
            .and_then(|tensor| tensor.to_device(device))
            .map_err(|source| self.device_error(name, source))
    }

    /// One tensor in main memory, in the number format of the file; errors as [`tensor`](Self::tensor).
    pub(super) fn stored(&self, name: &str) -> Result<Tensor, WeightsError> {
        let Some(info) = self.tensors.get(name) else {
            return Err(WeightsError::Missing { file: self.file_name(), tensor: name.into() });
        };
        let bytes = &self.map[info.range.0..info.range.1];
        // Offsets need not be aligned to the element size, so values are put together from bytes; the compiler turns
        // these loops into plain copies.
        let shape = info.shape.as_slice();
        let stored = match info.dtype.as_str() {
            "F32" => Tensor::from_vec(values(bytes, f32::from_le_bytes), shape, &Device::Cpu),
            "F16" => Tensor::from_vec(values(bytes, half::f16::from_le_bytes), shape, &Device::Cpu),
            "BF16" => Tensor::from_vec(values(bytes, half::bf16::from_le_bytes), shape, &Device::Cpu),
            "F64" => Tensor::from_vec(values(bytes, f64::from_le_bytes), shape, &Device::Cpu),
            other => {
                return Err(WeightsError::Format {
                    file: self.file_name(),
                    tensor: name.into(),
                    found: other.into(),
                });
            }
        };
        stored.map_err(|source| self.device_error(name, source))
    }

    pub(super) fn device_error(&self, name: &str, source: candle_core::Error) -> WeightsError {
        WeightsError::Device { file: self.file_name(), tensor: name.into(), source: Box::new(source) }
    }
}

fn values<T, const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

/// Recognises the containers that people most often mistake for safetensors.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    if begins(b"PK\x03\x04") {
        Some("a PyTorch pickle archive (.ckpt, .pth, .pt or .bin)")
    } else if begins(&[0x80, 0x02, 0x8a]) || begins(&[0x80, 0x02, b'}']) {
        Some("an old PyTorch pickle (.ckpt, .pth, .pt or .bin)")
    } else if begins(b"GGUF") {
        Some("a GGUF file")
    } else if begins(b"<!DOCTYPE") || begins(b"<html") {
        Some("a web page (a download that went wrong)")
    } else if begins(b"version https://git-lfs") {
        Some("a Git LFS pointer, not the file itself")
    } else {
        None
    }
}

/// Turns the header's claims into byte ranges of the file, or says what is wrong with the first bad one.
fn check(
    raw: &[(String, RawInfo)],
    data_start: u64,
    size: u64,
) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut tensors = BTreeMap::new();
    let mut ranges = Vec::with_capacity(raw.len());
    for (name, info) in raw {
        let Some(bits) = bits(&info.dtype) else {
            return Err(format!("the tensor `{name}` has the unknown number format `{}`", info.dtype));
        };
        let elements = info.shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        let bytes = elements.and_then(|count| count.checked_mul(bits)).map(|bits| bits.div_ceil(8));
        let Some(bytes) = bytes else {
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
        let range = (to_usize(data_start + begin)?, to_usize(last)?);
        let shape = info.shape.iter().map(|dim| to_usize(*dim)).collect::<Result<_, _>>()?;
        ranges.push((range, name));
        let entry = TensorInfo { dtype: info.dtype.clone(), shape, range };
        if tensors.insert(name.clone(), entry).is_some() {
            return Err(format!("the tensor `{name}` occurs twice in the header"));
        }
    }
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((first, first_name), (second, second_name)) = (pair[0], pair[1]);
        if second.0 < first.1 {
            return Err(format!("the tensors `{first_name}` and `{second_name}` overlap"));
        }
    }
    Ok(tensors)
}

fn to_usize(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("{value} bytes are too many for this machine"))
}
