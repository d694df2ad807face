//! The named tensors that a network is loaded from, and the errors of loading and running it.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};

/// Why a network cannot be loaded or run. `Display` is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// While loading: a tensor that the network needs is missing.
    #[error("{origin}: the tensor `{tensor}` is missing, expected {expected}")]
    Missing {
        /// Name of the file.
        origin: String,
        /// Canonical name of the tensor.
        tensor: String,
        /// Its expected shape, or what it is used for.
        expected: String,
    },
    /// While loading: a tensor's shape is inconsistent with the other tensors.
    #[error("{origin}: the tensor `{tensor}` has the shape {found:?}, expected {expected}")]
    Shape {
        /// Name of the file.
        origin: String,
        /// Canonical name of the tensor.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The expected shape; `any` for a free dimension.
        expected: String,
    },
    /// While loading: all tensors exist but together do not form a supported network.
    #[error("{origin}: {reason}")]
    Topology {
        /// Name of the file.
        origin: String,
        /// What is inconsistent or unsupported.
        reason: String,
    },
    /// While loading: reading or converting a tensor failed.
    #[error(transparent)]
    Read(Box<dyn std::error::Error + Send + Sync>),
    /// While running: an input does not fit the network (a window that is longer than the motion module's position
    /// table).
    #[error("{0}")]
    Invalid(String),
    /// While running: the memory budget is too small.
    #[error("{needed} MiB are needed for {what} and {free} MiB are free")]
    Memory {
        /// The operation that needs the memory.
        what: String,
        /// Required memory in MiB.
        needed: u64,
        /// Available memory in MiB.
        free: u64,
    },
    /// While running: the device failed (out of memory, device lost).
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// Tensors under canonical names: LDM names without prefix, Hugging Face CLIP names without `text_model.`,
/// AnimateDiff names for motion modules.
pub trait Source {
    /// Shape of the tensor `name`; `None` if it does not exist.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// Reads a tensor, converted to `dtype`, onto the device.
    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError>;
    /// Canonical names of all tensors.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;
    /// Name of the file, for error messages.
    fn origin(&self) -> String;
}

type Error = Box<dyn std::error::Error + Send + Sync>;
type Read<'a> = Box<dyn Fn(&str, DType, &Device) -> Result<Tensor, Error> + Send + Sync + 'a>;

/// The usual [`Source`]: a map of shapes and a closure that reads a tensor.
///
/// It keeps this module independent of files: a view of a file, a view with renamed keys, or a view that merges LoRAs
/// while reading is one closure each.
pub struct Tensors<'a> {
    origin: String,
    shapes: BTreeMap<String, Vec<usize>>,
    read: Read<'a>,
}

impl<'a> Tensors<'a> {
    /// `origin` names the file in error messages; `read` is only called with names from `shapes`.
    pub fn new<N, S, E>(
        origin: impl Into<String>,
        shapes: impl IntoIterator<Item = (N, S)>,
        read: impl Fn(&str, DType, &Device) -> Result<Tensor, E> + Send + Sync + 'a,
    ) -> Self
    where
        N: Into<String>,
        S: Into<Vec<usize>>,
        E: Into<Error>,
    {
        Self {
            origin: origin.into(),
            shapes: shapes.into_iter().map(|(name, shape)| (name.into(), shape.into())).collect(),
            read: Box::new(move |name, dtype, device| read(name, dtype, device).map_err(Into::into)),
        }
    }

    /// A source of tensors that are already in memory.
    pub fn from_map(origin: impl Into<String>, tensors: HashMap<String, Tensor>) -> Tensors<'static> {
        let shapes: Vec<_> =
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect();
        Tensors::new(origin, shapes, move |name, dtype, device| -> Result<Tensor, Error> {
            let tensor = tensors.get(name).ok_or("no such tensor")?;
            Ok(tensor.to_dtype(dtype)?.to_device(device)?)
        })
    }
}

impl Source for Tensors<'_> {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.shapes.get(name).cloned()
    }

    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError> {
        if !self.shapes.contains_key(name) {
            return Err(ModelError::Missing {
                origin: self.origin.clone(),
                tensor: name.into(),
                expected: "a tensor of that name".into(),
            });
        }
        (self.read)(name, dtype, device).map_err(ModelError::Read)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.shapes.keys().map(String::as_str))
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

/// A key prefix within a [`Source`], with the dtype and device to load to.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    source: &'a dyn Source,
    prefix: String,
    pub dtype: DType,
    pub device: &'a Device,
}

impl<'a> Scope<'a> {
    pub fn new(source: &'a dyn Source, dtype: DType, device: &'a Device) -> Self {
        Self { source, prefix: String::new(), dtype, device }
    }

    /// The scope `part` below this one (`prefix.part.`).
    pub fn at(&self, part: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{part}.", self.prefix), ..self.clone() }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.source.shape(&self.full(name))
    }

    pub fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// How many of `prefix0.`, `prefix1.`, ... have any tensor, counted up to the first gap.
    pub fn count(&self, prefix: &str) -> usize {
        let starts = |index: usize| {
            let start = self.full(&format!("{prefix}{index}."));
            self.source.names().any(|name| name.starts_with(&start))
        };
        (0..).take_while(|index| starts(*index)).count()
    }

    /// The shape of a tensor, which must have `N` dimensions; 0 in `expected` matches any size.
    pub fn expect<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<[usize; N], ModelError> {
        let Some(found) = self.shape(name) else {
            return Err(self.missing(name, &expected));
        };
        let fits = |shape: &[usize; N]| {
            shape.iter().zip(&expected).all(|(have, want)| *have > 0 && (*want == 0 || have == want))
        };
        match <[usize; N]>::try_from(found.as_slice()) {
            Ok(shape) if fits(&shape) => Ok(shape),
            _ => Err(ModelError::Shape {
                origin: self.source.origin(),
                tensor: self.full(name),
                found,
                expected: describe(&expected),
            }),
        }
    }

    /// Reads a tensor with the shape `expected`; 0 matches any size.
    pub fn get<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<Tensor, ModelError> {
        self.expect(name, expected)?;
        self.source.tensor(&self.full(name), self.dtype, self.device)
    }

    /// As [`get`](Self::get), but always as f32.
    pub fn get_f32<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<Tensor, ModelError> {
        self.expect(name, expected)?;
        self.source.tensor(&self.full(name), DType::F32, self.device)
    }

    /// The error for a missing tensor.
    pub fn missing(&self, name: &str, expected: &[usize]) -> ModelError {
        ModelError::Missing {
            origin: self.source.origin(),
            tensor: self.full(name),
            expected: format!("the shape {}", describe(expected)),
        }
    }

    pub fn topology(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Topology { origin: self.source.origin(), reason: reason.into() }
    }
}

fn describe(expected: &[usize]) -> String {
    let parts: Vec<_> =
        expected.iter().map(|dim| if *dim == 0 { "any".into() } else { dim.to_string() }).collect();
    format!("[{}]", parts.join(", "))
}
