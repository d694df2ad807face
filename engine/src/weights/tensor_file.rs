//! A weight file: names, shapes and dtypes are known once it is open, values are read one tensor at a time.
//!
//! The two containers, safetensors and torch pickles, are distinguished by their first bytes; a diffusers folder
//! consists of several of either, with the name of its network prefixed to each tensor.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;

use super::part::Part;
use super::{WeightsError, beside, folder, format, header, names, numbers, pickle};

/// A tensor's entry in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Dtype; its `Display` is the spelling of safetensors: `F32`, `F16`, `BF16`, `I64`, ...
    pub dtype: Dtype,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    pub(super) place: Place,
}

/// Where the values of a tensor are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of the file, for a folder with several.
    pub part: usize,
    /// Byte range in that file, from the first value to the last.
    pub range: Range<usize>,
    /// Strides in elements; `None` if the tensor is contiguous.
    pub strides: Option<Vec<usize>>,
    /// Whether values are big-endian.
    pub big_endian: bool,
}

impl Place {
    /// A contiguous little-endian tensor in the first file.
    pub fn whole(range: Range<usize>) -> Self {
        Self { part: 0, range, strides: None, big_endian: false }
    }
}

/// Tensors and metadata of one file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub tensors: BTreeMap<String, TensorInfo>,
    pub metadata: BTreeMap<String, String>,
}

/// An open weight file, or all files of a diffusers folder.
pub struct TensorFile {
    path: PathBuf,
    parts: Vec<Part>,
    contents: Contents,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorFile({}, {} tensors)", self.path.display(), self.contents.tensors.len())
    }
}

/// Maximum magnitude of a plausible weight change or embedding vector.
pub(super) const MOST: f64 = 1e4;

/// Bytes at the beginning of a file that are used to detect its type.
const BEGINNING: usize = 1 << 20;

/// Parses an open file of either container.
fn contents(path: &Path, part: &Part) -> Result<Contents, WeightsError> {
    let unreadable =
        |error: std::io::Error| WeightsError::Unreadable { path: path.into(), reason: error.to_string() };
    let beginning = part.read(0..part.size.min(BEGINNING)).map_err(unreadable)?;
    let read = match format::foreign(&beginning) {
        Some(found) => Err(found),
        None if pickle::begins(&beginning) => pickle::read(&part.map().map_err(unreadable)?),
        None => match header::length(&beginning, part.size) {
            Ok(length) if length <= beginning.len() => header::read(&beginning[..length], part.size),
            Ok(length) => header::read(&part.read(0..length).map_err(unreadable)?, part.size),
            Err(reason) => Err(reason),
        },
    };
    let read = read.and_then(|contents| {
        match contents.tensors.keys().find(|name| name.contains(char::is_control)) {
            Some(name) => Err(format!(
                "the tensor `{name}` has control characters in its name, expected a network's names"
            )),
            None => Ok(unwrapped(contents)),
        }
    });
    read.map_err(|reason| WeightsError::Malformed { path: path.into(), reason })
}

/// Renames tensors to names without wrappers, see [`names::wrapped`].
fn unwrapped(mut contents: Contents) -> Contents {
    let mut renamed = names::wrapped::unwrapped(contents.tensors.keys().map(String::as_str));
    if !renamed.is_empty() {
        let tensors = contents.tensors.into_iter();
        contents.tensors =
            tensors.map(|(name, info)| (renamed.remove(&name).unwrap_or(name), info)).collect();
    }
    contents
}

impl TensorFile {
    /// Opens a file and parses its header; checks that every tensor lies inside the file and has as many bytes as its
    /// shape requires. Pickles are never executed.
    ///
    /// A folder, or a JSON file in it, refers to the diffusers model in the folder.
    ///
    /// Errors: [`WeightsError::Unreadable`], [`WeightsError::Absent`] and [`WeightsError::Malformed`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref().to_path_buf();
        if let Some(folder) = folder::meant(&path) {
            return Self::open_folder(folder);
        }
        let part = Part::open(&path)?;
        let mut contents = contents(&path, &part)?;
        contents.metadata.extend(beside::beside(&path));
        Ok(Self { path, parts: vec![part], contents })
    }

    fn open_folder(path: &Path) -> Result<Self, WeightsError> {
        let mut file = Self { path: path.into(), parts: Vec::new(), contents: Contents::default() };
        for (number, part) in folder::parts(path)?.into_iter().enumerate() {
            let open = Part::open(&part.path)?;
            let contents = contents(&part.path, &open)?;
            file.contents.metadata.extend(contents.metadata);
            for (name, mut info) in contents.tensors {
                info.place.part = number;
                let name = format!("{}{name}", part.prefix);
                if file.contents.tensors.insert(name.clone(), info).is_some() {
                    let reason = format!("the tensor `{name}` is in another shard already");
                    return Err(WeightsError::Malformed { path: part.path, reason });
                }
            }
            file.parts.push(open);
        }
        file.contents.metadata.extend(beside::beside(path));
        Ok(file)
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the file, for messages.
    pub fn file_name(&self) -> String {
        match self.path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.path.display().to_string(),
        }
    }

    /// Size in bytes, of all files.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size as u64).sum()
    }

    /// The free-form `__metadata__` of a safetensors header, and entries from sidecar files about the training:
    /// `scheduler/...` of a diffusers folder, `yaml/parameterization`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.contents.metadata
    }

    /// All tensors in name order; names are as in the file but without wrappers such as the prefix `module.`.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.contents.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.tensors.keys().map(String::as_str)
    }

    /// Dtype and shape of a tensor; `None` if there is no such tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.contents.tensors.get(name)
    }

    /// Shape of a tensor; `None` if there is no such tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.info(name).map(|info| info.shape.as_slice())
    }

    /// Reads one tensor, converted to `dtype`, onto `device`. Only this tensor's bytes are read.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Format`] for integers and unknown dtypes,
    /// [`WeightsError::NotFinite`], [`WeightsError::Range`], [`WeightsError::Unreadable`], [`WeightsError::Device`].
    pub fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, WeightsError> {
        let stored = match dtype {
            DType::F32 => self.read(name, |bytes, info| {
                let widened = numbers::widened(bytes, info.dtype, &info.shape);
                widened.or_else(|| numbers::tensor(bytes, info.dtype, &info.shape))
            })?,
            _ => self.stored(name)?,
        };
        stored
            .to_dtype(dtype)
            .and_then(|tensor| tensor.to_device(device))
            .map_err(|source| self.device_error(name, source))
    }

    /// Reads a tensor onto the CPU in the dtype of the file; errors as [`tensor`](Self::tensor).
    pub(super) fn stored(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.read(name, |bytes, info| numbers::tensor(bytes, info.dtype, &info.shape))
    }

    /// Checks that a tensor exists and has a dtype that weights can have; does not read values.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Format`].
    pub(super) fn check(&self, name: &str) -> Result<(), WeightsError> {
        let Some(info) = self.info(name) else {
            return Err(WeightsError::Missing { file: self.file_name(), tensor: name.into() });
        };
        if numbers::is_weight(info.dtype) { Ok(()) } else { Err(self.format_error(name, info)) }
    }

    fn format_error(&self, name: &str, info: &TensorInfo) -> WeightsError {
        let (file, found) = (self.file_name(), info.dtype.to_string());
        WeightsError::Format { file, tensor: name.into(), found }
    }

    fn read(
        &self,
        name: &str,
        values: impl Fn(&[u8], &TensorInfo) -> Option<candle_core::Result<Tensor>>,
    ) -> Result<Tensor, WeightsError> {
        let Some(info) = self.info(name) else {
            return Err(WeightsError::Missing { file: self.file_name(), tensor: name.into() });
        };
        let bytes = self.bytes(info).map_err(|error| {
            let reason = format!("the tensor `{name}`: {error}");
            WeightsError::Unreadable { path: self.path.clone(), reason }
        })?;
        let finite = numbers::finite(&bytes, info.dtype);
        let read = if finite { values(&bytes, info) } else { None };
        if !finite {
            let range = info.dtype == Dtype::F64 && numbers::finite_doubles(&bytes);
            let (file, tensor) = (self.file_name(), name.to_owned());
            return Err(if range { WeightsError::Range { file, tensor } } else { self.not_finite(name) });
        }
        drop(bytes);
        match read {
            Some(tensor) => tensor.map_err(|source| self.device_error(name, source)),
            None => Err(self.format_error(name, info)),
        }
    }

    /// The value of a tensor with a single number of any dtype, for instance a LoRA's alpha.
    pub fn scalar(&self, name: &str) -> Option<f64> {
        let info = self.info(name)?;
        let single = info.shape.iter().all(|dim| *dim == 1);
        if single { numbers::scalar(&self.bytes(info).ok()?, info.dtype) } else { None }
    }

    fn bytes(&self, info: &TensorInfo) -> std::io::Result<Vec<u8>> {
        let bytes = self.parts[info.place.part].read(info.place.range.clone())?;
        Ok(numbers::row_major(bytes, &info.place, info.dtype.bitsize() / 8, &info.shape))
    }

    pub(super) fn not_finite(&self, name: &str) -> WeightsError {
        WeightsError::NotFinite { file: self.file_name(), tensor: name.into() }
    }

    /// The largest magnitude of some values; `name` is the tensor that they come from, for errors.
    ///
    /// Errors: [`WeightsError::Device`].
    pub(super) fn largest(&self, name: &str, values: &Tensor) -> Result<f64, WeightsError> {
        if values.elem_count() == 0 {
            return Ok(0.0);
        }
        let largest = values.abs().and_then(|values| values.flatten_all()?.max(0)?.to_scalar::<f32>());
        largest.map(f64::from).map_err(|source| self.device_error(name, source))
    }

    /// Fails if a value times `factor` exceeds [`MOST`]; `name` is the tensor that the values come from, for errors.
    ///
    /// Errors: [`WeightsError::Huge`], [`WeightsError::Device`].
    pub(super) fn require_sane(&self, name: &str, values: &Tensor, factor: f64) -> Result<(), WeightsError> {
        let largest = self.largest(name, values)? * factor.abs();
        if largest <= MOST {
            return Ok(());
        }
        Err(WeightsError::Huge { file: self.file_name(), tensor: name.into(), largest })
    }

    /// Whether a tensor is not empty and all of its bytes are zero. Stops at the first byte that is not.
    pub(crate) fn is_zero(&self, name: &str) -> bool {
        self.info(name).is_some_and(|info| self.place_is_zero(&info.place))
    }

    fn place_is_zero(&self, place: &Place) -> bool {
        self.parts[place.part].is_zero(place.range.clone())
    }

    /// The tensor in which a file's data become zero, followed by at least two tensors of only zeros: the sign of an
    /// interrupted download. `least` is the minimum number of zero bytes at the end of that tensor; only tensors for
    /// which `counts` returns true are considered.
    pub(crate) fn breaks_off(&self, least: usize, counts: impl Fn(&str) -> bool) -> Option<&str> {
        let broken = |part: usize| {
            let mut places: Vec<(&str, &Place)> = self
                .tensors()
                .map(|(name, info)| (name, &info.place))
                .filter(|(name, place)| place.part == part && !place.range.is_empty() && counts(name))
                .collect();
            places.sort_by_key(|(_, place)| std::cmp::Reverse(place.range.start));
            let zero = places.iter().take_while(|(_, place)| self.place_is_zero(place)).count();
            let (name, place) = places.get(zero)?;
            let end = place.range.end.saturating_sub(least).max(place.range.start);
            let ends = self.parts[part].is_zero(end..place.range.end);
            (zero >= 2 && place.range.len() > least && ends).then_some(*name)
        };
        (0..self.parts.len()).find_map(broken)
    }

    pub(super) fn device_error(&self, name: &str, source: candle_core::Error) -> WeightsError {
        WeightsError::Device { file: self.file_name(), tensor: name.into(), source: Box::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_name_is_refused_in_one_line() {
        let file = |header: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("broken.safetensors");
            let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 32]].concat();
            std::fs::write(&path, bytes).unwrap();
            TensorFile::open(path).unwrap_err().to_string()
        };
        let named = file(r#"{"down\nblocks":{"dtype":"F16","shape":[2,8],"data_offsets":[0,32]}}"#);
        assert!(named.contains(r"`down\nblocks` has control characters"), "{named}");
        let cut = file(r#"{"down\nblocks":{"dtype":"F16","shape":[2,9],"data_offsets":[0,32]}}"#);
        assert!(cut.contains(r"down\nblocks") && !cut.contains('\n'), "{cut}");
    }

    #[test]
    fn a_file_that_is_cut_short_while_it_is_open_is_an_error_of_the_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("short.safetensors");
        let header = r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[50000],"data_offsets":[16,200016]}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[1; 200_016]].concat();
        std::fs::write(&path, &bytes).unwrap();
        let file = TensorFile::open(&path).unwrap();
        let read = |name| file.tensor(name, DType::F32, &Device::Cpu);
        assert_eq!(read("b").unwrap().dims(), [50_000]);
        std::fs::File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
        let said = read("b").unwrap_err().to_string();
        assert!(said.contains("`b`: it has become shorter since it was opened"), "{said}");
        assert_eq!(read("a").unwrap().dims(), [4]);
        assert!(!file.is_zero("b"));
    }

    /// A pipe without a writer, and a path that is not a regular file.
    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.safetensors");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let said = TensorFile::open(path).unwrap_err().to_string();
            assert!(said.contains("it is not a plain file"), "{said}");
        }
    }
}
