//! Networks that go: to another device, or to make room for others.

use super::super::device::Placement;
use super::super::loras::Kept;
use super::{Networks, Slot};

/// What memory is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Text encoders.
    Text,
    /// The network that predicts, its motion module and ControlNets.
    Sampling,
    /// The autoencoder.
    Pictures,
    /// A preprocessor's network.
    Hints,
}

impl Networks {
    /// Says where networks go from now on, and lets those go that are elsewhere.
    pub fn place(&mut self, placement: Placement) {
        if !placement.device.same_device(&self.placement.device) {
            self.release(&[Use::Text, Use::Sampling, Use::Pictures, Use::Hints]);
        } else if placement.dtype != self.placement.dtype {
            // The others are in f32 whatever the format.
            self.release(&[Use::Sampling]);
        }
        self.placement = placement;
    }

    /// Lets every network go that is not for this; false if there was none.
    pub fn keep_only(&mut self, kept: Use) -> bool {
        let others = [Use::Text, Use::Sampling, Use::Pictures, Use::Hints].into_iter().filter(|u| *u != kept);
        self.release(&others.collect::<Vec<_>>())
    }

    /// Lets the networks for these go; false if there was none.
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
                    self.kept.iter_mut().for_each(Kept::clear);
                    self.predictor.clear() | self.motion.clear() | had
                }
            };
        }
        had
    }
}

impl<T> Slot<T> {
    /// Lets the network go; false if there was none.
    fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }
}
