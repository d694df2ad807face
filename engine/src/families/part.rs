//! The networks that a file contains, and how to build them.

use std::sync::Arc;

use candle_core::{DType, Device};

use super::{Family, Identity, Kind, unet};
use crate::nn::{ModelError, Source};
use crate::weights::{TensorFile, View};

/// Builds a network from its sources and drops it, to detect missing tensors and wrong shapes.
pub type TrialBuild = fn(&[&dyn Source], DType, &Device) -> Result<(), ModelError>;

/// Layers that training initialises with zeros: their name for messages, and a predicate on tensor names.
pub type OutputLayers = (&'static str, fn(&str) -> bool);

/// A network in a file: its name, its tensors, and how to build it.
#[derive(Clone, Copy)]
pub struct NetworkPart {
    /// The name for messages: `UNet`, `second text encoder`.
    pub name: &'static str,
    /// Selects its tensors in a file.
    pub view: fn(Arc<TensorFile>) -> View,
    /// Selects the tensors of its temporal layers, where these have a naming of their own.
    pub beside: Option<fn(Arc<TensorFile>) -> View>,
    /// Builds it from the first view and, if there is one, the second.
    pub build: TrialBuild,
    /// The output layers of a network that adds to another one: if they are all zero, it has no effect.
    pub last: Option<OutputLayers>,
}

impl Identity {
    /// The networks that a file of this kind contains.
    pub fn parts(&self, file: &Arc<TensorFile>) -> Vec<NetworkPart> {
        let texts = |family: Option<Family>| {
            let encoders = family.map_or(&unet::TEXT_ENCODERS[..], |family| family.text_encoders());
            encoders.iter().filter(|encoder| (encoder.is_in)(file)).map(|encoder| encoder.part)
        };
        match self.kind {
            Kind::Checkpoint { family, vae, .. } => {
                let parts = std::iter::once(family.network().0).chain(vae.then(|| family.codec()));
                parts.chain(texts(Some(family))).collect()
            }
            Kind::Vae { family, .. } => {
                vec![family.map_or(unet::AUTOENCODER, |family| family.codec())]
            }
            Kind::TextEncoder { family, .. } => texts(family).collect(),
            _ => unet::added(&self.kind).into_iter().collect(),
        }
    }
}
