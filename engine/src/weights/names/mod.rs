//! Names of tensors: the spellings that are found in files, and the one that the networks ask for.
//!
//! Each module turns the names of one network into canonical ones by rules, not by tables: the numbers in a name are
//! places in a network, and a network of another depth or width has the same rules. Canonical are the names of the
//! LDM single file for UNet, VAE and ControlNet, of the Hugging Face CLIP tower for text encoders, and of AnimateDiff
//! for motion modules.

pub mod control;
pub mod motion;
pub mod text;
pub mod unet;
pub mod vae;
pub mod wrapped;

/// What has to be done to a stored tensor on its way to a canonical name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Nothing.
    Copy,
    /// Rows and columns change places.
    Transpose,
    /// The `index`-th of `of` equal groups of rows.
    Rows {
        /// Which group.
        index: usize,
        /// How many groups the stored tensor has.
        of: usize,
    },
}

impl Op {
    /// The shape after the operation, or `None` where it cannot be applied.
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
