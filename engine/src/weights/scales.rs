//! The numbers beside 8-bit weights that these have to be multiplied with: one for a tensor, or one for each of its rows.
//!
//! A weight without its scale is of another size and gives a picture that looks like a result, so that a file with scales
//! of any other arrangement (by blocks, with zero points) is refused.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use safetensors::Dtype;

use super::{TensorFile, WeightsError};

/// What a tensor with scales is there for.
enum Role {
    /// Multiplies the weight of this name.
    Weight(String),
    /// Belongs to the layer's input when that is 8-bit too, which it never is here, or only tells a format.
    Unneeded,
}

/// What a name says; `None` for one that is no scale's.
fn role(name: &str) -> Option<Role> {
    if [".scale_input", ".input_scale", ".comfy_quant"].iter().any(|end| name.ends_with(end)) {
        return Some(Role::Unneeded);
    }
    if let Some(layer) = name.strip_suffix(".scale_weight") {
        return Some(Role::Weight(format!("{layer}.weight")));
    }
    // "inv" is the inverse of what the weight was divided by, which multiplies as well.
    let weight = name.strip_suffix("weight_scale").or_else(|| name.strip_suffix("weight_scale_inv"))?;
    (weight.is_empty() || weight.ends_with(['.', '_'])).then(|| Role::Weight(format!("{weight}weight")))
}

/// Whether a tensor only belongs to another one.
pub(super) fn is_scale(name: &str) -> bool {
    role(name).is_some()
}

/// How a weight is scaled; each with the name of the tensor that says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    /// With one number.
    Number(String, f64),
    /// With a number for each row.
    Rows(String),
    /// In a way that is not known.
    Unknown(String),
}

/// The scales of a file by the names of the weights.
pub(super) struct Scales(BTreeMap<String, Scale>);

impl Scales {
    /// Finds them.
    pub fn of(file: &TensorFile) -> Self {
        let mut scales = BTreeMap::new();
        for (name, info) in file.tensors() {
            match role(name) {
                Some(Role::Unneeded) => {}
                Some(Role::Weight(weight)) => {
                    let Some(shape) = file.shape(&weight) else { continue };
                    scales.insert(weight, arranged(file, name, shape));
                }
                // What nobody has a name for yet, beside a weight that cannot be meant as it stands.
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

    /// The scale of a weight.
    pub fn get(&self, weight: &str) -> Option<Scale> {
        self.0.get(weight).cloned()
    }

    /// Succeeds for a file without scales: what is read in another way than through a view takes none.
    ///
    /// Errors: [`WeightsError::Scale`].
    pub fn require_none(&self, file: &TensorFile) -> Result<(), WeightsError> {
        match self.0.iter().next() {
            None => Ok(()),
            Some((weight, scale)) => Err(refused(file, weight, scale.name())),
        }
    }
}

/// What the shape of a scale means for a weight of another shape.
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

    /// Whether the weight can be read with it; reads no value but a single number.
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

    /// The weight as it is stored, scaled, in f32.
    ///
    /// Errors: as [`check`](Self::check), and as [`TensorFile::tensor`].
    pub fn applied(&self, file: &TensorFile, weight: &str, stored: &Tensor) -> Result<Tensor, WeightsError> {
        self.check(file, weight)?;
        let wide = stored.to_dtype(DType::F32);
        let scaled = match self {
            Self::Number(_, number) => wide.and_then(|wide| wide * *number),
            Self::Rows(name) | Self::Unknown(name) => {
                let rows = file.stored(name)?;
                // [rows, 1, ..., 1], as many axes as the weight has.
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
