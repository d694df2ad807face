//! The motion module that is taken where none was chosen.

use std::path::PathBuf;

use super::PipelineError;
use crate::weights::{Family, Kind, MotionVersion, list_models, models_dirs};

/// A checkpoint's usual partner in the models folders.
pub(super) struct Partner {
    /// The file.
    pub path: PathBuf,
    /// How many motion modules of the models folders would do.
    count: usize,
}

impl Partner {
    /// The motion module that suits checkpoints of a family best: the newest version, for SDXL Hotshot-XL. `None` where
    /// the models folders have none. Opens every file there.
    pub fn of(checkpoint: Family) -> Option<Self> {
        let rank = |version| match version {
            MotionVersion::V3 => 3,
            MotionVersion::V2 | MotionVersion::Hotshot => 2,
            MotionVersion::V1 | MotionVersion::SdxlBeta => 1,
            MotionVersion::Lcm => 0,
        };
        let ranked = |found: crate::weights::Listed| match found.identity.ok()?.kind {
            Kind::MotionModule { version, family, .. } if family == checkpoint && rank(version) > 0 => {
                Some((rank(version), found.path))
            }
            _ => None,
        };
        let folders = models_dirs();
        let found: Vec<_> =
            folders.iter().flat_map(|folder| list_models(folder)).filter_map(ranked).collect();
        let count = found.len();
        found.into_iter().max().map(|(_, path)| Self { path, count })
    }

    /// What there is to know of the choice.
    pub fn fact(&self, family: Family) -> String {
        let of = match self.count {
            0 | 1 => String::new(),
            count => format!(", one of {count} for {family} in the models folders"),
        };
        format!("motionModule is empty, so the motion module {} was taken{of}", self.path.display())
    }
}

/// An error about a motion module, with how it came to be taken where nobody asked for it. Errors that are about no file
/// stay as they are.
pub(super) fn explained(error: PipelineError, unasked: bool) -> PipelineError {
    let of_a_file =
        matches!(error, PipelineError::Weights(_) | PipelineError::Model(_) | PipelineError::Unfit(_));
    if !unasked || !of_a_file || error.is_out_of_memory() {
        return error;
    }
    PipelineError::Unfit(format!(
        "{error}; this motion module was taken from the models folder because motionModule is empty: choose another one \
         as motionModule, or write none there"
    ))
}
