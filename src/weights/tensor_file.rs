//! A file of weights, memory-mapped: names, shapes and number formats are known when it is open, values are read one
//! tensor at a time.
//!
//! Two containers are told apart by their first bytes, safetensors and the pickles of torch; a diffusers folder is
//! several of either, each tensor with the name of its network in front.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;

use super::{WeightsError, beside, folder, format, header, models_dir, names, numbers, pickle};

/// One tensor as its file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Number format, shown as safetensors spells it: `F32`, `F16`, `BF16`, `I64`, ...
    pub dtype: Dtype,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    pub(super) place: Place,
}

/// Where the values of a tensor are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the mapped files.
    pub part: usize,
    /// Bytes of that file, from the first value to the last.
    pub range: Range<usize>,
    /// Steps between neighbours along each axis in elements, where the values do not just follow each other.
    pub strides: Option<Vec<usize>>,
    /// Written on a big-endian machine.
    pub big_endian: bool,
}

impl Place {
    /// Values that follow each other.
    pub fn whole(range: Range<usize>) -> Self {
        Self { part: 0, range, strides: None, big_endian: false }
    }
}

/// What one mapped file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub tensors: BTreeMap<String, TensorInfo>,
    pub metadata: BTreeMap<String, String>,
}

/// A memory-mapped file of weights.
pub struct TensorFile {
    path: PathBuf,
    maps: Vec<memmap2::Mmap>,
    contents: Contents,
}

impl fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorFile({}, {} tensors)", self.path.display(), self.contents.tensors.len())
    }
}

/// Maps one plain file.
fn map(path: &Path) -> Result<memmap2::Mmap, WeightsError> {
    let unreadable = |reason: String| WeightsError::Unreadable { path: path.into(), reason };
    // To open a pipe would be to wait for its other end, so what it is has to be known before.
    let meta = std::fs::metadata(path).map_err(|error| match models_dir::dead_link(path) {
        Some(reason) => WeightsError::Absent(reason),
        None => unreadable(error.to_string()),
    })?;
    if !meta.is_file() {
        return Err(unreadable("it is not a plain file".into()));
    }
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let meta = file.metadata().map_err(|error| unreadable(error.to_string()))?;
    if meta.len() < 8 {
        let reason = format!("the file is {} bytes long, too short for a file of weights", meta.len());
        return Err(WeightsError::Malformed { path: path.into(), reason });
    }
    // SAFETY: the mapping is read-only. That nobody shortens or rewrites the file while it is mapped cannot be
    // guaranteed by any program; weights are written once and replaced by renaming, and a mapping keeps the
    // replaced file. The bytes are only ever read as plain numbers, so a change cannot break a type's invariant.
    unsafe { memmap2::Mmap::map(&file) }.map_err(|error| unreadable(error.to_string()))
}

/// What a mapped file of either container holds.
fn contents(path: &Path, map: &[u8]) -> Result<Contents, WeightsError> {
    let read = match format::foreign(map) {
        Some(found) => Err(found),
        None if pickle::begins(map) => pickle::read(map),
        None => header::read(map),
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

/// The same tensors under names without wrappers, see [`names::wrapped`].
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
    /// Maps the file and reads what it says of itself: every tensor is found to lie inside the file and to have as
    /// many bytes as its shape says. Nothing in a pickle is ever run.
    ///
    /// A folder, or a JSON file of it, stands for the diffusers model in the folder.
    ///
    /// Errors: [`WeightsError::Unreadable`] and [`WeightsError::Malformed`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref().to_path_buf();
        if let Some(folder) = folder::meant(&path) {
            return Self::open_folder(folder);
        }
        let map = map(&path)?;
        let mut contents = contents(&path, &map)?;
        contents.metadata.extend(beside::beside(&path));
        Ok(Self { path, maps: vec![map], contents })
    }

    fn open_folder(path: &Path) -> Result<Self, WeightsError> {
        let mut file = Self { path: path.into(), maps: Vec::new(), contents: Contents::default() };
        for (number, part) in folder::parts(path)?.into_iter().enumerate() {
            let map = map(&part.path)?;
            let contents = contents(&part.path, &map)?;
            file.contents.metadata.extend(contents.metadata);
            for (name, mut info) in contents.tensors {
                info.place.part = number;
                let name = format!("{}{name}", part.prefix);
                if file.contents.tensors.insert(name.clone(), info).is_some() {
                    let reason = format!("the tensor `{name}` is in another shard already");
                    return Err(WeightsError::Malformed { path: part.path, reason });
                }
            }
            file.maps.push(map);
        }
        file.contents.metadata.extend(beside::beside(path));
        Ok(file)
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

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.maps.iter().map(|map| map.len() as u64).sum()
    }

    /// The free-form `__metadata__` of a safetensors header, and what lies beside the weights and says how they were
    /// trained: `scheduler/...` of a diffusers folder, `yaml/parameterization`.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.contents.metadata
    }

    /// All tensors in name order; names are those in the file without wrappers such as `module.` in front.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.contents.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.tensors.keys().map(String::as_str)
    }

    /// What the file says of one tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.contents.tensors.get(name)
    }

    /// The shape of one tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.info(name).map(|info| info.shape.as_slice())
    }

    /// Reads one tensor, widened or rounded to `dtype`, onto `device`. Only this tensor's bytes are touched.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Format`] for integers and unknown formats,
    /// [`WeightsError::Device`].
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

    /// One tensor in main memory, in the number format of the file; errors as [`tensor`](Self::tensor).
    pub(super) fn stored(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.read(name, |bytes, info| numbers::tensor(bytes, info.dtype, &info.shape))
    }

    /// Whether a tensor is there in a number format that weights can have; reads no value.
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
        let bytes = self.bytes(info);
        let finite = numbers::finite(&bytes, info.dtype);
        let read = if finite { values(&bytes, info) } else { None };
        drop(bytes);
        self.release(&info.place);
        if !finite {
            return Err(self.not_finite(name));
        }
        match read {
            Some(tensor) => tensor.map_err(|source| self.device_error(name, source)),
            None => Err(self.format_error(name, info)),
        }
    }

    /// The value of a tensor that holds a single number of any format, for instance a LoRA's alpha.
    pub fn scalar(&self, name: &str) -> Option<f64> {
        let info = self.info(name)?;
        let single = info.shape.iter().all(|dim| *dim == 1);
        if single { numbers::scalar(&self.bytes(info), info.dtype) } else { None }
    }

    fn bytes(&self, info: &TensorInfo) -> std::borrow::Cow<'_, [u8]> {
        let width = info.dtype.bitsize() / 8;
        numbers::row_major(&self.maps[info.place.part], &info.place, width, &info.shape)
    }

    /// Lets the system have the memory back that it read these bytes into: a checkpoint is read once, and its file's
    /// pages would count beside the networks made from it. Whoever reads them again gets them from the system's cache.
    fn release(&self, place: &Place) {
        const WORTH: usize = 1 << 20;
        #[cfg(unix)]
        if place.range.len() >= WORTH {
            let (map, start) = (&self.maps[place.part], place.range.start);
            // SAFETY: the mapping is of a file and is never written through, so that pages which are dropped come back
            // with the same bytes.
            let dropped = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, place.range.len())
            };
            // It is a matter of economy only.
            if let Err(error) = dropped {
                log::debug!("pages of {} are kept: {error}", self.path.display());
            }
        }
        #[cfg(not(unix))]
        let _ = (place, WORTH);
    }

    pub(super) fn not_finite(&self, name: &str) -> WeightsError {
        WeightsError::NotFinite { file: self.file_name(), tensor: name.into() }
    }

    /// Whether a tensor has values and every byte of them is zero. Stops at the first that is not.
    pub(super) fn is_zero(&self, name: &str) -> bool {
        self.info(name).is_some_and(|info| self.place_is_zero(&info.place))
    }

    fn place_is_zero(&self, place: &Place) -> bool {
        !place.range.is_empty() && numbers::zero(&self.maps[place.part][place.range.clone()])
    }

    /// The tensor within which a file's data become zero, with at least two whole tensors of zeros behind it: the mark of a
    /// download that broke off. `least` is how many zero bytes the tensor has to end with; only tensors that `counts` takes
    /// are looked at.
    pub(super) fn breaks_off(&self, least: usize, counts: impl Fn(&str) -> bool) -> Option<&str> {
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
            let ends = numbers::zero(&self.maps[part][end..place.range.end]);
            (zero >= 2 && place.range.len() > least && ends).then_some(*name)
        };
        (0..self.maps.len()).find_map(broken)
    }

    /// Says whether a look here and there follows, so that the system does not read ahead, or the whole of it again.
    pub(super) fn expect_random_reads(&self, random: bool) {
        #[cfg(unix)]
        for map in &self.maps {
            let advice = if random { memmap2::Advice::Random } else { memmap2::Advice::Normal };
            // It is a matter of economy only.
            if let Err(error) = map.advise(advice) {
                log::debug!("{}: {error}", self.path.display());
            }
        }
        #[cfg(not(unix))]
        let _ = random;
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

    /// A pipe that nobody writes into, and what is no file at all.
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
