//! Scales of 8-bit weights: factors to multiply a weight with, one per tensor or one per row.
//!
//! Without its scale, a weight has the wrong magnitude and produces an image that looks like a plausible result, so a
//! file with another layout of scales (per block, with zero points) is rejected.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use safetensors::Dtype;

use super::{TensorFile, WeightsError};

/// The purpose of a scale tensor.
enum Role {
    /// Multiplies the weight of this name.
    Weight(String),
    /// Quantises the layer's input, which is never 8-bit here, or only describes a format.
    Unneeded,
}

/// The purpose of a tensor by its name; `None` if it is not a scale.
fn role(name: &str) -> Option<Role> {
    if [".scale_input", ".input_scale", ".comfy_quant"].iter().any(|end| name.ends_with(end)) {
        return Some(Role::Unneeded);
    }
    if let Some(layer) = name.strip_suffix(".scale_weight") {
        return Some(Role::Weight(format!("{layer}.weight")));
    }
    // "inv" refers to the inverse of the quantisation divisor, so it is also multiplied.
    let weight = name.strip_suffix("weight_scale").or_else(|| name.strip_suffix("weight_scale_inv"))?;
    (weight.is_empty() || weight.ends_with(['.', '_'])).then(|| Role::Weight(format!("{weight}weight")))
}

/// Whether a tensor is a scale of another tensor.
pub(super) fn is_scale(name: &str) -> bool {
    role(name).is_some()
}

/// The scale of a weight; each variant has the name of the scale tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    /// One factor for the whole tensor.
    Number(String, f64),
    /// One factor per row.
    Rows(String),
    /// An unknown layout.
    Unknown(String),
}

/// Scales by the name of their weight.
pub(super) struct Scales(BTreeMap<String, Scale>);

impl Scales {
    /// Finds all scales of a file.
    pub fn of(file: &TensorFile) -> Self {
        let mut scales = BTreeMap::new();
        for (name, info) in file.tensors() {
            match role(name) {
                Some(Role::Unneeded) => {}
                Some(Role::Weight(weight)) => {
                    let Some(shape) = file.shape(&weight) else { continue };
                    scales.insert(weight, arranged(file, name, shape));
                }
                // An unknown scale tensor next to an 8-bit weight, whose values are then probably not final.
                None if name.contains("scale") || name.contains("zero_point") => {
                    let Some((layer, _)) = name.rsplit_once('.') else { continue };
                    let weight =
                        if layer.ends_with("weight") { layer.to_owned() } else { format!("{layer}.weight") };
                    let eight = |dtype| matches!(dtype, Dtype::F8_E4M3 | Dtype::F8_E5M2);
                    let eight_bit = file.info(&weight).is_some_and(|info| eight(info.dtype));
                    if eight_bit && !info.shape.contains(&0) {
                        scales.entry(weight).or_insert_with(|| Scale::Unknown(name.to_owned()));
                    }
                }
                None => {}
            }
        }
        Self(scales)
    }

    /// The scale of a weight, if it has one.
    pub fn get(&self, weight: &str) -> Option<Scale> {
        self.0.get(weight).cloned()
    }

    /// Succeeds for a file without scales; for files that are not read through a view and thus do not support scales.
    ///
    /// Errors: [`WeightsError::Scale`].
    pub fn require_none(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.0.iter().next() {
            None => Ok(()),
            Some((weight, scale)) => Err(refused(file, weight, scale.name())),
        }
    }
}

/// The layout of a scale, from its shape and the shape of its weight.
fn arranged(file: &TensorFile, name: &str, weight: &[usize]) -> Scale {
    if let Some(number) = file.scalar(name) {
        return Scale::Number(name.into(), number);
    }
    let shape = file.shape(name).unwrap_or_default();
    let rows = shape.first() == weight.first() && shape.iter().skip(1).all(|dim| *dim == 1);
    if rows && !shape.is_empty() { Scale::Rows(name.into()) } else { Scale::Unknown(name.into()) }
}

fn refused(file: &TensorFile, weight: &str, scale: &str) -> WeightsError {
    WeightsError::Scale {
        file: file.file_name(),
        tensor: weight.into(),
        scale: scale.into(),
        shape: file.shape(scale).unwrap_or_default().to_vec(),
    }
}

impl Scale {
    fn name(&self) -> &str {
        let (Self::Number(name, _) | Self::Rows(name) | Self::Unknown(name)) = self;
        name
    }

    /// Whether the scale can be applied; only reads the value of a scalar.
    ///
    /// Errors: [`WeightsError::Scale`], [`WeightsError::NotFinite`], [`WeightsError::Format`].
    pub fn check(&self, file: &TensorFile, weight: &str) -> Result<(), WeightsError> {
        match self {
            Self::Number(name, number) if !number.is_finite() => Err(file.not_finite(name)),
            Self::Number(..) => Ok(()),
            Self::Rows(name) => file.check(name),
            Self::Unknown(name) => Err(refused(file, weight, name)),
        }
    }

    /// The stored weight multiplied by its scale, in f32.
    ///
    /// Errors: as [`check`](Self::check), and as [`TensorFile::tensor`].
    pub fn applied(&self, file: &TensorFile, weight: &str, stored: &Tensor) -> Result<Tensor, WeightsError> {
        self.check(file, weight)?;
        let wide = stored.to_dtype(DType::F32);
        let scaled = match self {
            Self::Number(_, number) => wide.and_then(|wide| wide * *number),
            Self::Rows(name) | Self::Unknown(name) => {
                let rows = file.stored(name)?;
                // [rows, 1, ..., 1], with as many axes as the weight.
                let shape: Vec<usize> = stored
                    .dims()
                    .iter()
                    .enumerate()
                    .map(|(axis, dim)| if axis == 0 { *dim } else { 1 })
                    .collect();
                wide.and_then(|wide| wide.broadcast_mul(&rows.to_dtype(DType::F32)?.reshape(shape)?))
            }
        };
        scaled.map_err(|source| file.device_error(weight, source))
    }
}
