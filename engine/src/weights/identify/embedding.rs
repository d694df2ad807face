//! Textual inversion embeddings: which text encoders their vectors fit.

use std::sync::Arc;

use super::{Identity, Kind};
use crate::weights::TensorFile;
use crate::weights::embedding::{Embedding, Vectors};

/// What an embedding is for; `None` for another file.
pub fn identify(file: &Arc<TensorFile>) -> Option<Identity> {
    if Embedding::several(file) {
        return Some(Identity::unsupported("several textual inversion embeddings in one file"));
    }
    if Embedding::none_in(file) {
        return Some(Identity::unsupported("a textual inversion embedding without any vector"));
    }
    let Embedding { first, second, .. } = Embedding::of(file)?;
    let half = |lacks: &str| {
        Identity::unsupported(format!("a textual inversion embedding for SDXL without {lacks}"))
    };
    let (first, second) = match (first, second) {
        (Some(Vectors { width: 1024, .. }), None) => {
            return Some(Identity::unsupported("a textual inversion embedding for SD2"));
        }
        (Some(Vectors { width: 1280, .. }), None) | (None, Some(_)) => {
            return Some(half("its part for CLIP-L"));
        }
        (Some(first), second) => (first, second),
        (None, None) => return None,
    };
    let count = match &second {
        Some(second) if second.count != first.count => {
            format!("{} and {} vectors", first.count, second.count)
        }
        _ if first.count == 1 => "1 vector".into(),
        _ => format!("{} vectors", first.count),
    };
    let made_for = match (&second, first.width) {
        (Some(_), _) => "SDXL".into(),
        (None, 768) => "SD1.5".into(),
        (None, width) => format!("a small model (text width {width})"),
    };
    Some(Identity::new(
        Kind::Embedding { width: first.width, second: second.map(|second| second.width) },
        format!("a textual inversion embedding for {made_for}, {count}"),
    ))
}
