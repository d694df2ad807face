//! Unloads networks, to move to another device or to free memory for others.

use super::super::device::Placement;
use super::super::loras::UnchangedTensors;
use super::{NetworkSlot, Networks};

/// The part of a request that needs memory, by the networks that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Encoding the prompts, with the text encoders.
    Text,
    /// Sampling, with the denoising network, its motion module and ControlNets.
    Sampling,
    /// Encoding and decoding of pictures, with the autoencoder.
    Pictures,
    /// Making hints, with the network of a preprocessor.
    Hints,
}

impl Networks {
    /// Sets the device and number format for networks, and unloads those with another one.
    pub fn place(&mut self, placement: Placement) {
        if !placement.device.same_device(&self.placement.device) {
            self.release(&[Use::Text, Use::Sampling, Use::Pictures, Use::Hints]);
        } else if placement.dtype != self.placement.dtype {
            // The others are in f32 in any case.
            self.release(&[Use::Sampling]);
        }
        self.placement = placement;
    }

    /// Unloads all networks that this use does not need; false if there were none.
    pub fn keep_only(&mut self, kept: Use) -> bool {
        let others = [Use::Text, Use::Sampling, Use::Pictures, Use::Hints].into_iter().filter(|u| *u != kept);
        self.release(&others.collect::<Vec<_>>())
    }

    /// Unloads the networks for these uses; false if there were none.
    pub fn release(&mut self, uses: &[Use]) -> bool {
        let mut had = false;
        for used in uses {
            had |= match used {
                Use::Text => self.conditioner.clear(),
                Use::Pictures => self.codec.clear(),
                Use::Hints => self.detector.clear(),
                Use::Sampling => {
                    let had = !self.controls.is_empty();
                    self.controls.clear();
                    self.kept.iter_mut().for_each(UnchangedTensors::clear);
                    self.predictor.clear() | self.motion.clear() | had
                }
            };
        }
        had
    }
}

impl<T> NetworkSlot<T> {
    /// Unloads the network; false if there was none.
    fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }
}
