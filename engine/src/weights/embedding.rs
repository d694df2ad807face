//! Textual inversion embeddings: vectors that a prompt refers to by name and that replace token embeddings.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::{TensorFile, WeightsError};

/// Maximum number of tensors in an embedding file.
const MOST: usize = 8;
/// Maximum number of vectors in a tensor whose name does not identify it as an embedding.
const MOST_VECTORS: usize = 256;
/// Widths of the text encoders that embeddings are made for; a tensor of another width must have an identifying name.
const WIDTHS: [usize; 3] = [768, 1024, 1280];

/// The vectors for one text encoder tower, `[count, width]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vectors {
    /// The tensor's name in the file.
    tensor: String,
    /// Number of vectors.
    pub count: usize,
    /// Width of a vector.
    pub width: usize,
}

/// An embedding file: vectors for CLIP-L and, for SDXL, for OpenCLIP bigG.
#[derive(Debug, Clone)]
pub struct Embedding {
    file: Arc<TensorFile>,
    /// Vectors for the first text encoder.
    pub first: Option<Vectors>,
    /// Vectors for the second text encoder.
    pub second: Option<Vectors>,
}

impl Embedding {
    /// The embedding in a file; `None` if the file is not an embedding.
    ///
    /// Layouts: `string_to_param` of Stable Diffusion web UI's `.pt`, with a tensor named `*`; `emb_params` of its
    /// safetensors; a single tensor named after the placeholder, as in diffusers; `clip_l` and `clip_g` for SDXL.
    pub fn of(file: &Arc<TensorFile>) -> Option<Self> {
        if file.names().count() > MOST {
            return None;
        }
        let vectors = |tensor: &str| match *file.shape(tensor)? {
            [width] if width > 0 => Some(Vectors { tensor: tensor.into(), count: 1, width }),
            [count, width] if count > 0 && width > 0 => Some(Vectors { tensor: tensor.into(), count, width }),
            _ => None,
        };
        let (first, second) = (vectors("clip_l"), vectors("clip_g"));
        let found = |first, second| Some(Self { file: file.clone(), first, second });
        if first.is_some() || second.is_some() {
            return found(first, second);
        }
        if let Some(first) = ["*", "emb_params"].into_iter().find_map(vectors) {
            return found(Some(first), None);
        }
        let mut names = file.names();
        match (names.next(), names.next()) {
            (Some(name), None) => {
                let first = vectors(name)?;
                let likely =
                    WIDTHS.contains(&first.width) && first.count <= MOST_VECTORS && !name.contains('.');
                let telling = is_placeholder(name) || likely;
                if telling { found(Some(first), None) } else { None }
            }
            _ => None,
        }
    }

    /// Whether a file has several embeddings, each named after its placeholder.
    pub fn several(file: &TensorFile) -> bool {
        let mut names = file.names();
        file.names().count() > 1 && names.all(is_placeholder)
    }

    /// The vectors for the first text encoder, `[count, width]` in f32; `None` if there are none.
    ///
    /// Errors: as [`TensorFile::tensor`], and [`WeightsError::Huge`] for implausibly large values.
    pub fn read_first(&self, device: &Device) -> Result<Option<Tensor>, WeightsError> {
        self.read(self.first.as_ref(), device)
    }

    /// The vectors for the second text encoder, `[count, width]` in f32; `None` if there are none.
    ///
    /// Errors: as [`read_first`](Self::read_first).
    pub fn read_second(&self, device: &Device) -> Result<Option<Tensor>, WeightsError> {
        self.read(self.second.as_ref(), device)
    }

    /// Whether all vectors are zero.
    pub fn is_zero(&self) -> bool {
        let mut vectors = [&self.first, &self.second].into_iter().flatten();
        vectors.all(|vectors| self.file.is_zero(&vectors.tensor))
    }

    /// Whether a file has the layout of an embedding but no vectors.
    pub fn none_in(file: &TensorFile) -> bool {
        let known = ["*", "emb_params", "clip_l", "clip_g"];
        let named = |name: &str| known.contains(&name) || is_placeholder(name);
        let empty = |name: &str| file.shape(name).is_some_and(|shape| shape.contains(&0));
        file.names().next().is_some() && file.names().all(|name| named(name) && empty(name))
    }

    fn read(&self, vectors: Option<&Vectors>, device: &Device) -> Result<Option<Tensor>, WeightsError> {
        let Some(vectors) = vectors else { return Ok(None) };
        let tensor = self.file.tensor(&vectors.tensor, DType::F32, device)?;
        self.file.require_sane(&vectors.tensor, &tensor, 1.0)?;
        let shaped = tensor.reshape((vectors.count, vectors.width));
        shaped.map(Some).map_err(|source| self.file.device_error(&vectors.tensor, source))
    }
}

fn is_placeholder(name: &str) -> bool {
    name.starts_with('<') && name.ends_with('>')
}
