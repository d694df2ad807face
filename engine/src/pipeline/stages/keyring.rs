//! The cache keys of a request without running it, to see which stages a change affects.

use super::super::PipelineError;
use super::super::chain::{betas, decoded, keys};
use super::super::device::place;
use super::super::diagnostics::SuppliedLatents;
use super::super::files::Files;
use super::super::hints::needed;
use super::steady::near;
use protocol::key::Key;
use protocol::request::{Goal, Request};

/// The stages of a request, from first to last, with their keys. Stages that a latents file replaces are not listed.
pub struct StageKeys(pub Vec<(&'static str, Key)>);

/// Computes the keys that a run would use.
pub struct Keyring(Files);

impl Default for Keyring {
    /// A keyring without opened files.
    fn default() -> Self {
        Self(Files::new(u64::MAX))
    }
}

impl Keyring {
    /// The keys of a request's stages.
    ///
    /// # Errors
    /// The errors of running the request up to its keys.
    pub fn keys(&mut self, request: &Request) -> Result<StageKeys, PipelineError> {
        let placement = place(request.device, request.precision)?;
        let mut chosen = self.0.choose(&request.models, placement.kind())?;
        self.0.choose_annotators(&mut chosen, &needed(request))?;
        let keys = keys(request, &chosen, betas(request, &chosen), &placement)?;
        let mut list = Vec::new();
        if keys.given.is_none() {
            list.push(("encode", keys.latents));
        }
        if keys.given != Some(SuppliedLatents::Unsampled) {
            list.push(("unsample", keys.unsampled));
        }
        list.push(("resample", keys.resampled));
        list.push(("decode", decoded("decoded", &keys.resampled, &chosen, request.index)));
        // A reconstruction is shown without steadying.
        if request.goal == Goal::Result {
            let (frames, _, key) = near(request, &chosen, &keys.resampled, request.index);
            if frames.len() > 1 {
                list.push(("steady", key));
            }
        }
        Ok(StageKeys(list))
    }
}
