//! The keys of a request without working it off: what a change of it would make run again.

use super::super::PipelineError;
use super::super::chain::{betas, decoded, keys};
use super::super::device::place;
use super::super::diagnostics::Given;
use super::super::files::Files;
use super::super::hints::needed;
use super::steady::near;
use protocol::key::Key;
use protocol::request::{Goal, Request};

/// The stages of a request, from the first to the last, each with its key. What a latents file gives is not computed and
/// has none.
pub struct StageKeys(pub Vec<(&'static str, Key)>);

/// Finds the keys as a run would.
pub struct Keyring(Files);

impl Default for Keyring {
    /// Nothing opened yet.
    fn default() -> Self {
        Self(Files::new(u64::MAX))
    }
}

impl Keyring {
    /// The keys of a request's stages.
    ///
    /// # Errors
    /// As a run of the request.
    pub fn keys(&mut self, request: &Request) -> Result<StageKeys, PipelineError> {
        let placement = place(request.device, request.precision)?;
        let mut chosen = self.0.choose(&request.models, placement.kind())?;
        self.0.choose_annotators(&mut chosen, &needed(request))?;
        let keys = keys(request, &chosen, betas(request, &chosen), &placement)?;
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
