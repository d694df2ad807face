//! The keys of a request without working it off: what a change of it would make run again.

use super::super::PipelineError;
use super::super::chain::{decoded, keys, usual_betas};
use super::super::device::{Placement, place};
use super::super::diagnostics::Given;
use super::super::hints::needed;
use super::super::models::ModelStore;
use super::steady::near;
use protocol::key::Key;
use protocol::request::{Goal, Request};

/// The stages of a request, from the first to the last, each with its key. What a latents file gives is not computed and
/// has none.
pub struct StageKeys(pub Vec<(&'static str, Key)>);

/// Finds the keys as a run would.
pub struct Keyring(ModelStore);

impl Default for Keyring {
    /// Nothing opened yet.
    fn default() -> Self {
        Self(ModelStore::new(Placement::processor(), u64::MAX))
    }
}

impl Keyring {
    /// The keys of a request's stages.
    ///
    /// # Errors
    /// As a run of the request.
    pub fn keys(&mut self, request: &Request) -> Result<StageKeys, PipelineError> {
        self.0.place(place(request.device, request.precision)?);
        let mut chosen = self.0.choose(&request.models)?;
        self.0.choose_annotators(&mut chosen, &needed(request))?;
        let betas = request.motion.betas.unwrap_or(usual_betas(chosen.motion_version));
        let keys = keys(request, &chosen, betas, self.0.placement())?;
        let mut list = Vec::new();
        if keys.given.is_none() {
            list.push(("encode", keys.latents));
        }
        if keys.given != Some(Given::Unsampled) {
            list.push(("unsample", keys.unsampled));
        }
        list.push(("resample", keys.resampled));
        list.push(("decode", decoded("decoded", &keys.resampled, &chosen, request.index)));
        // A reconstruction is shown as it was decoded.
        if request.goal == Goal::Result {
            let (frames, _, key) = near(request, &chosen, &keys.resampled, request.index);
            if frames.len() > 1 {
                list.push(("steady", key));
            }
        }
        Ok(StageKeys(list))
    }
}
