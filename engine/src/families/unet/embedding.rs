//! Textual inversion embeddings: which text encoders their vectors are for.

use std::sync::Arc;

use super::{by_context, with_two_encoders};
use crate::families::{Family, Identity, Kind};
use crate::weights::{Embedding, TensorFile, Vectors};

/// The family of an embedding with vectors of this width for the first text encoder; `second`: it also has vectors for
/// a second one.
pub fn family(width: usize, second: bool) -> Option<Family> {
    if second { with_two_encoders() } else { Some(by_context(width)) }
}

/// Identifies an embedding; `None` for other files.
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
    let family = family(first.width, second.is_some());
    let made_for = match family {
        Some(family) if family != Family::SMALL => family.to_string(),
        _ => format!("a small model (text width {})", first.width),
    };
    Some(Identity::new(
        Kind::Embedding { width: first.width, second: second.map(|second| second.width) },
        format!("a textual inversion embedding for {made_for}, {count}"),
    ))
}
