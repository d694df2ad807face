//! Networks of a file that can be built.

use std::sync::Arc;

use candle_core::{DType, Device};

use super::{Family, Identity, Kind, unet};
use crate::nn::{ModelError, Source};
use crate::weights::{TensorFile, View};

/// Builds a network from its sources and drops it again, so that missing tensors and wrong shapes are found.
pub type Build = fn(&[&dyn Source], DType, &Device) -> Result<(), ModelError>;

/// Layers that training starts from zero: what they are called, and which tensors they are.
pub type Last = (&'static str, fn(&str) -> bool);

/// A network in a file: how it is called, which tensors are its own, how it is built.
#[derive(Clone, Copy)]
pub struct Part {
    /// Its name in a sentence: `UNet`, `second text encoder`.
    pub name: &'static str,
    /// Its share of a file.
    pub view: fn(Arc<TensorFile>) -> View,
    /// Its temporal layers, where they have names of their own.
    pub beside: Option<fn(Arc<TensorFile>) -> View>,
    /// Builds it from the first view and, where there is one, the second.
    pub build: Build,
    /// The last layers of a network that adds to another: where they are zero it changes nothing.
    pub last: Option<Last>,
}

impl Identity {
    /// The networks that a file of this kind brings.
    pub fn parts(&self, file: &Arc<TensorFile>) -> Vec<Part> {
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
