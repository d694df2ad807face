//! Selects a motion module if the user chose none.

use std::path::{Path, PathBuf};

use super::PipelineError;
use crate::families::{Family, Kind, Listed, MotionVersion, list_models};
use crate::weights::models_dirs;

/// The motion module from the models folders that suits a checkpoint best.
pub(super) struct Partner {
    /// The path of the file.
    pub path: PathBuf,
    /// The number of suitable motion modules in the models folders.
    count: usize,
}

/// The result of searching the models folders.
pub(super) struct Search {
    /// The selected motion module.
    pub partner: Option<Partner>,
    /// Why the first file that is named like a motion module cannot be read.
    pub broken: Option<String>,
}

/// Substrings, in lower case, of the names under which motion modules are published.
const NAMES: [&str; 6] = ["motion", "mm_", "_mm", "animatediff", "hotshot", "temporaldiff"];

fn is_called_so(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

impl Partner {
    /// Searches for the motion module that suits checkpoints of a family best: the newest version, for SDXL Hotshot-XL.
    /// Opens every file in the models folders.
    pub fn of(checkpoint: Family) -> Search {
        let rank = |version| match version {
            MotionVersion::V3 => 3,
            MotionVersion::V2 | MotionVersion::Hotshot => 2,
            MotionVersion::V1 | MotionVersion::SdxlBeta => 1,
            MotionVersion::Lcm => 0,
        };
        let mut found = Vec::new();
        let mut broken = None;
        for Listed { path, identity, .. } in models_dirs().iter().flat_map(|folder| list_models(folder)) {
            match identity.map(|identity| identity.kind) {
                Ok(Kind::MotionModule { version, family, .. })
                    if family == checkpoint && rank(version) > 0 =>
                {
                    found.push((rank(version), path));
                }
                Err(error) if broken.is_none() && is_called_so(&path) => broken = Some(error.to_string()),
                _ => {}
            }
        }
        let count = found.len();
        Search { partner: found.into_iter().max().map(|(_, path)| Self { path, count }), broken }
    }

    /// The message about the selection.
    pub fn fact(&self, family: Family, broken: Option<&str>) -> String {
        let of = match self.count {
            0 | 1 => String::new(),
            count => format!(", one of {count} for {family} in the models folders"),
        };
        let other = broken.map_or(String::new(), |why| format!("; another one there cannot be read: {why}"));
        format!("motionModule is empty, so the motion module {} was taken{of}{other}", self.path.display())
    }
}

/// Adds to an error about a motion module that it was selected automatically. Errors that are not about a file are unchanged.
pub fn explained(error: PipelineError, unasked: bool) -> PipelineError {
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
