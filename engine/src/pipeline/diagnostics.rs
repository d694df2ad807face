//! The stages' tensors in a file, so that every stage can be compared with another system on the same numbers.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::PipelineError;
use super::cache::Entry;
use super::misplaced::misplaced;
use crate::diffusion::latents::from_frames;
use protocol::key::Key;

/// Of latents in caches: 2 is [1, channels, frames, height / 8, width / 8]; without this number it was
/// [frames, channels, height / 8, width / 8].
pub const LAYOUT: i64 = 2;
/// Values beyond this are no latents: those of pictures are of the size of ten, those of noise of a hundred.
const MOST: f32 = 1e4;

fn file_error(path: &Path, reason: impl std::fmt::Display) -> PipelineError {
    PipelineError::File { path: path.into(), reason: reason.to_string() }
}

/// What cannot be a file is said in its own words.
fn no_address(path: &Path) -> Result<(), PipelineError> {
    misplaced(path).map_or(Ok(()), |why| Err(PipelineError::Unfit(why)))
}

/// Writes the tensors as f32 safetensors, with the parts' costs as JSON in the metadata `costs`, beside and renamed into place.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, entry: &Entry, costs: String) -> Result<(), PipelineError> {
    no_address(path)?;
    let tensors: HashMap<String, Tensor> = entry
        .iter()
        .map(|(name, x)| Ok((name.clone(), x.to_dtype(DType::F32)?.contiguous()?)))
        .collect::<Result<_, candle_core::Error>>()?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let bytes = safetensors::serialize(&tensors, Some(HashMap::from([("costs".to_owned(), costs)])))
        .map_err(|e| file_error(path, e))?;
    let save = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
        file.write_all(&bytes)?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    save().map_err(|e| file_error(path, format!("the diagnostics could not be written: {e}")))
}

/// The stage whose result a latents file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// `latents.source`, in place of the VAE's.
    Source,
    /// `latents.unsampled` and no `latents.source`: noise to resample, in place of the clip's own.
    Unsampled,
}

impl Given {
    fn tensor(self) -> &'static str {
        match self {
            Self::Source => "latents.source",
            Self::Unsampled => "latents.unsampled",
        }
    }
}

fn load(path: &Path) -> Result<(Given, Vec<usize>, Vec<u8>), PipelineError> {
    no_address(path)?;
    // A pipe would be waited for.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(file_error(path, "the latents file is not a plain file"));
    }
    let bytes =
        fs::read(path).map_err(|e| file_error(path, format!("the latents file cannot be read: {e}")))?;
    let file = safetensors::SafeTensors::deserialize(&bytes)
        .map_err(|e| file_error(path, format!("not a safetensors file: {e}")))?;
    // A diagnostics file has both; it stays a way to run every stage on another system's source latents.
    let (given, view) = [Given::Source, Given::Unsampled]
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

/// The latents of a file, there [frames, channels, height / 8, width / 8], as [1, channels, frames, height / 8, width / 8]
/// in the sampler's space.
///
/// # Errors
/// When the file is not to be read, lacks the tensor, or is of another shape than `wanted`, [frames, channels, height,
/// width]; height and width are only compared where they are known.
pub fn read_latents(
    path: &Path,
    [frames, channels]: [usize; 2],
    size: [usize; 2],
) -> Result<Tensor, PipelineError> {
    let (given, shape, data) = load(path)?;
    let name = given.tensor();
    let said = if shape[0] != frames {
        Some(format!("`{name}` has {} frames and the segment has {frames}", shape[0]))
    } else if shape[1] != channels {
        Some(format!("`{name}` has {} channels and the checkpoint's latents have {channels}", shape[1]))
    } else {
        let [height, width] = size;
        (shape[2..] != size[..]).then(|| {
            format!(
                "`{name}` of latentsFile is for pictures of {}x{} and the working picture is {}x{}",
                shape[3] * 8,
                shape[2] * 8,
                width * 8,
                height * 8
            )
        })
    };
    if let Some(said) = said {
        return Err(file_error(path, said));
    }
    Ok(from_frames(&Tensor::from_raw_buffer(&data, DType::F32, &shape, &Device::Cpu)?)?)
}

/// What a file's latents stand in for, and their key: shape and values.
///
/// # Errors
/// As for [`read_latents`].
pub fn latents_key(path: &Path) -> Result<(Given, Key), PipelineError> {
    let (given, shape, data) = load(path)?;
    let shape: Vec<f64> = shape.iter().map(|&d| d as f64).collect();
    let key = Key::of("latents file").text("tensor", given.tensor()).number("layout", LAYOUT);
    let key = key.floats("shape", &shape);
    Ok((given, key.key("values", &Key::of_bytes(&data)).finish()))
}
