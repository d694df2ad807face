//! Networks that go: to another device, or to make room for others.

use super::super::device::Placement;
use super::super::loras::Kept;
use super::{ModelStore, Slot};

impl ModelStore {
    /// Says where networks go from now on, and lets those go that are elsewhere.
    pub fn place(&mut self, placement: Placement) {
        if !placement.is_same(&self.placement) {
            (self.unet, self.vae, self.text) = (Slot(None), Slot(None), Slot(None));
            (self.motion, self.detector) = (Slot(None), Slot(None));
            self.controls.clear();
            self.kept.iter_mut().for_each(Kept::clear);
        }
        self.placement = placement;
    }

    /// Lets everything go that a sampling pass does not use; false if there was nothing.
    pub fn keep_for_sampling(&mut self) -> bool {
        let had = self.text.0.is_some() || self.vae.0.is_some() || self.detector.0.is_some();
        (self.text, self.vae, self.detector) = (Slot(None), Slot(None), Slot(None));
        had
    }

    /// Lets everything but the autoencoder go; false if there was nothing.
    pub fn keep_for_pictures(&mut self) -> bool {
        let had = self.text.0.is_some()
            || self.unet.0.is_some()
            || self.motion.0.is_some()
            || self.detector.0.is_some()
            || !self.controls.is_empty();
        (self.text, self.unet) = (Slot(None), Slot(None));
        (self.motion, self.detector) = (Slot(None), Slot(None));
        self.controls.clear();
        self.kept.iter_mut().for_each(Kept::clear);
        had
    }

    /// Lets the text encoders go. Those of SDXL take 3 GB, which the UNet may need.
    pub fn release_text(&mut self) {
        self.text.0 = None;
    }
}
