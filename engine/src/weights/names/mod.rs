//! Translation of tensor names in files to the canonical names that the networks use.
//!
//! Each module translates the names of one network by rules, not tables: numbers in a name are positions in the
//! network, and networks of other depths or widths follow the same rules. Canonical names are those of an LDM
//! single-file checkpoint for UNet, VAE and ControlNet, of the Hugging Face CLIP tower for text encoders, and of
//! AnimateDiff for motion modules.

pub mod control;
pub mod motion;
pub mod text;
pub mod unet;
pub mod vae;
pub mod wrapped;

/// The conversion of a stored tensor to the tensor with the canonical name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Unchanged.
    Copy,
    /// Transpose of a matrix.
    Transpose,
    /// The `index`-th of `of` equal groups of rows.
    Rows {
        /// Index of the group, from 0.
        index: usize,
        /// Number of groups in the stored tensor.
        of: usize,
    },
}

impl Op {
    /// The shape after the operation, or `None` if it cannot be applied.
    pub fn shape(self, stored: &[usize]) -> Option<Vec<usize>> {
        match (self, stored) {
            (Self::Copy, _) => Some(stored.to_vec()),
            (Self::Transpose, [rows, columns]) => Some(vec![*columns, *rows]),
            (Self::Rows { of, .. }, [rows, rest @ ..]) if rows.is_multiple_of(of) => {
                Some([&[rows / of], rest].concat())
            }
            _ => None,
        }
    }
}
