//! Diagnostics files with the tensors of every stage, for comparison with other systems, and latents files to start from.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::PipelineError;
use super::cache::Entry;
use super::misplaced::misplaced;
use crate::diffusion::latents::from_frames;
use crate::families::Grid;
use crate::weights::TensorFile;
use frame::Size;
use frame::convert::to_f64;
use protocol::key::Key;

/// The version of the latents' layout in caches: 2 is [1, channels, time, height, width]. Caches without this number
/// had [frames, channels, height, width].
pub const LAYOUT: i64 = 2;
/// Larger values are not latents: those of pictures are around ten, those of noise around a hundred.
const MOST: f32 = 1e4;

fn file_error(path: &Path, reason: impl std::fmt::Display) -> PipelineError {
    PipelineError::File { path: path.into(), reason: reason.to_string() }
}

/// Rejects web addresses and prompt tags with an explanation.
fn no_address(path: &Path) -> Result<(), PipelineError> {
    misplaced(path).map_or(Ok(()), |why| Err(PipelineError::Unfit(why)))
}

/// Metadata that only the diagnostics have.
const COSTS: &str = "costs";

/// Succeeds where the diagnostics may be written: where nothing is, or where earlier diagnostics are.
///
/// # Errors
/// The folder does not exist, or the file is something else, which would be lost.
pub fn may_be_written(path: &Path) -> Result<(), PipelineError> {
    no_address(path)?;
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(file_error(path, format!("the folder {} does not exist", folder.display())));
    }
    let Ok(meta) = fs::symlink_metadata(path) else { return Ok(()) };
    let mine = || -> Option<bool> {
        let file = TensorFile::open(path).ok()?;
        Some(file.metadata().contains_key(COSTS))
    };
    if meta.is_file() && mine() == Some(true) {
        return Ok(());
    }
    Err(file_error(
        path,
        "it exists and has no diagnostics of Unsample; choose another name for diagnosticsFile",
    ))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the tensors as f32 safetensors, with the costs of all parts as JSON in the metadata `costs`, to a temporary
/// file that is then renamed.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, entry: &Entry, costs: String) -> Result<(), PipelineError> {
    may_be_written(path)?;
    let tensors: HashMap<String, Tensor> = entry
        .iter()
        .map(|(name, x)| Ok((name.clone(), x.to_dtype(DType::F32)?.contiguous()?)))
        .collect::<Result<_, candle_core::Error>>()?;
    let bytes = safetensors::serialize(&tensors, Some(HashMap::from([(COSTS.to_owned(), costs)])))
        .map_err(|e| file_error(path, e))?;
    let save = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder_of(path))?;
        file.write_all(&bytes)?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    save().map_err(|error| {
        // The name of the temporary file, which is another one each time, is no use to anybody.
        let inner = error.get_ref().and_then(std::error::Error::source).map(ToString::to_string);
        let reason = inner.unwrap_or_else(|| error.to_string());
        file_error(path, format!("the diagnostics could not be written: {reason}"))
    })
}

/// The stage whose result a latents file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppliedLatents {
    /// `latents.source`, which replaces the VAE's latents.
    Source,
    /// `latents.unsampled` without `latents.source`: the noise to resample, which replaces the clip's own.
    Unsampled,
}

impl SuppliedLatents {
    fn tensor(self) -> &'static str {
        match self {
            Self::Source => "latents.source",
            Self::Unsampled => "latents.unsampled",
        }
    }
}

fn load(path: &Path) -> Result<(SuppliedLatents, Vec<usize>, Vec<u8>), PipelineError> {
    no_address(path)?;
    // Reading a pipe would block.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(file_error(path, "the latents file is not a plain file"));
    }
    let bytes =
        fs::read(path).map_err(|e| file_error(path, format!("the latents file cannot be read: {e}")))?;
    let file = safetensors::SafeTensors::deserialize(&bytes)
        .map_err(|e| file_error(path, format!("not a safetensors file: {e}")))?;
    // A diagnostics file has both; such a file runs every stage on another system's source latents.
    let (given, view) = [SuppliedLatents::Source, SuppliedLatents::Unsampled]
        .into_iter()
        .find_map(|given| Some((given, file.tensor(given.tensor()).ok()?)))
        .ok_or_else(|| {
            file_error(path, "the file has neither a tensor `latents.source` nor `latents.unsampled`")
        })?;
    if view.dtype() != safetensors::Dtype::F32 || view.shape().len() != 4 {
        let reason = format!(
            "`{}` is {:?} {:?}, expected F32 [frames, channels, height / 8, width / 8]",
            given.tensor(),
            view.dtype(),
            view.shape()
        );
        return Err(file_error(path, reason));
    }
    let mut values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    if !values.all(f32::is_finite) {
        return Err(file_error(path, format!("`{}` has NaN or infinite values", given.tensor())));
    }
    let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes).abs());
    let largest = values.fold(0.0, f32::max);
    if largest > MOST {
        return Err(file_error(
            path,
            format!(
                "`{}` has values of up to {largest:.0e}, where latents stay far below 1e4",
                given.tensor()
            ),
        ));
    }
    Ok((given, view.shape().to_vec(), view.data().to_vec()))
}

/// Reads the latents of a clip of `frames` frames from a file, where they are [time, channels, height, width], as
/// [1, channels, time, height, width] in the sampler's space.
///
/// # Errors
/// If the file cannot be read, lacks the tensor, or has another shape than the clip's latents.
pub fn read_latents(path: &Path, grid: Grid, frames: usize, picture: Size) -> Result<Tensor, PipelineError> {
    let (given, shape, data) = load(path)?;
    let name = given.tensor();
    let (time, size) = (grid.latents(frames), grid.size(picture));
    let said = if shape[0] != time {
        let unit = if grid.time == 1 { "frames" } else { "latents in time" };
        Some(format!("`{name}` has {} {unit} and the segment has {time}", shape[0]))
    } else if shape[1] != grid.channels {
        Some(format!(
            "`{name}` has {} channels and the checkpoint's latents have {}",
            shape[1], grid.channels
        ))
    } else {
        (shape[2..] != size).then(|| {
            format!(
                "`{name}` of latentsFile is for pictures of {}x{} and the working picture is {}x{}",
                shape[3] * grid.space,
                shape[2] * grid.space,
                picture.width,
                picture.height
            )
        })
    };
    if let Some(said) = said {
        return Err(file_error(path, said));
    }
    Ok(from_frames(&Tensor::from_raw_buffer(&data, DType::F32, &shape, &Device::Cpu)?)?)
}

/// The stage that a latents file replaces, and a key of the tensor's shape and values.
///
/// # Errors
/// As for [`read_latents`].
pub fn latents_key(path: &Path) -> Result<(SuppliedLatents, Key), PipelineError> {
    let (given, shape, data) = load(path)?;
    let shape: Vec<f64> = shape.iter().map(|&d| to_f64(d)).collect();
    let key = Key::of("latents file").text("tensor", given.tensor()).number("layout", LAYOUT);
    let key = key.floats("shape", &shape);
    Ok((given, key.key("values", &Key::of_bytes(&data)).finish()))
}
