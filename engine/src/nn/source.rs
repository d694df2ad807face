//! Where a network gets its tensors from, and what can go wrong on the way.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Tensor};

/// Why a network cannot be loaded or run. `Display` is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// While loading: a tensor that the network needs is not there.
    #[error("{origin}: the tensor `{tensor}` is missing, expected {expected}")]
    Missing {
        /// The file's name.
        origin: String,
        /// The tensor's canonical name.
        tensor: String,
        /// Its expected shape, or what it is for.
        expected: String,
    },
    /// While loading: a tensor has another shape than its neighbours ask for.
    #[error("{origin}: the tensor `{tensor}` has the shape {found:?}, expected {expected}")]
    Shape {
        /// The file's name.
        origin: String,
        /// The tensor's canonical name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: String,
    },
    /// While loading: the tensors are there but do not form the network.
    #[error("{origin}: {reason}")]
    Topology {
        /// The file's name.
        origin: String,
        /// What does not fit.
        reason: String,
    },
    /// While loading: the file could not deliver a tensor.
    #[error(transparent)]
    Read(Box<dyn std::error::Error + Send + Sync>),
    /// While running: an input does not fit the network (a window that is longer than the motion module's positions).
    #[error("{0}")]
    Invalid(String),
    /// While running: the memory that may be used does not suffice.
    #[error("{needed} MiB are needed for {what} and {free} MiB are free")]
    Memory {
        /// What is being done.
        what: String,
        /// Mebibytes that it takes.
        needed: u64,
        /// Mebibytes that it may take.
        free: u64,
    },
    /// While running: the device failed (out of memory, lost).
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// Named tensors under canonical names: LDM names without prefix, Hugging Face CLIP names without `text_model.`,
/// AnimateDiff names for motion modules.
pub trait Source {
    /// The shape of a tensor, if it is there.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// Reads a tensor in the wanted number format onto the device.
    fn tensor(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor, ModelError>;
    /// All names.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;
    /// The file's name, for messages.
    fn origin(&self) -> String;
}

type Error = Box<dyn std::error::Error + Send + Sync>;
type Read<'a> = Box<dyn Fn(&str, DType, &Device) -> Result<Tensor, Error> + Send + Sync + 'a>;

/// The usual [`Source`]: a list of shapes and a function that reads a tensor.
///
/// It keeps this part apart from files: a view of a file, a view under other names, or a view with LoRAs added on the
/// way are each one closure.
pub struct Tensors<'a> {
    origin: String,
    shapes: BTreeMap<String, Vec<usize>>,
    read: Read<'a>,
}

impl<'a> Tensors<'a> {
    /// `origin` names the file in messages; `read` is called with names from `shapes` only.
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

    /// Tensors that are in memory already.
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

/// A place in the tree of names while a network is being loaded.
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

    /// The place `part` below this one.
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

    /// How many of `prefix0.`, `prefix1.`, ... hold any tensor, counted up to the first gap.
    pub fn count(&self, prefix: &str) -> usize {
        let starts = |index: usize| {
            let start = self.full(&format!("{prefix}{index}."));
            self.source.names().any(|name| name.starts_with(&start))
        };
        (0..).take_while(|index| starts(*index)).count()
    }

    /// The shape of a tensor that has to have `N` dimensions; a dimension of 0 in `expected` stands for any size.
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

    /// Reads a tensor of exactly this shape.
    pub fn get<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<Tensor, ModelError> {
        self.expect(name, expected)?;
        self.source.tensor(&self.full(name), self.dtype, self.device)
    }

    /// Reads a tensor as f32, whatever the network computes in.
    pub fn get_f32<const N: usize>(&self, name: &str, expected: [usize; N]) -> Result<Tensor, ModelError> {
        self.expect(name, expected)?;
        self.source.tensor(&self.full(name), DType::F32, self.device)
    }

    /// The error for a tensor that is not there.
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
