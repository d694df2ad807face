//! Checks the models: the built-in one in the bundle, the files of the models folder.

use engine::families::list_models;
use engine::pipeline::BUILT_IN;
use engine::weights::{models_dir, models_dirs};

use super::Finding;
use crate::bundle;
use crate::cli::DoctorArgs;

/// The findings about models.
pub fn report(args: &DoctorArgs) -> Vec<Finding> {
    let mut lines = Vec::new();
    if let Some(bundle) = bundle::find(args.plugin.bundle.as_deref()).ok().filter(|bundle| bundle.is_dir()) {
        let folder = bundle.join("Contents").join("Resources").join("models");
        let missing: Vec<&str> = BUILT_IN.into_iter().filter(|name| !folder.join(name).is_file()).collect();
        lines.push(if missing.is_empty() {
            Finding::good("the built-in model is in the bundle")
        } else {
            Finding::missing(format!(
                "the built-in model lacks {} in {}",
                missing.join(" and "),
                folder.display()
            ))
        });
    }
    if models_dir().is_none() {
        lines.push(Finding::missing(
            "the system defines no folder for user data, so there is no models folder",
        ));
    }
    for folder in models_dirs() {
        let models = list_models(&folder);
        if models.is_empty() {
            lines.push(Finding::missing(format!("no other models in {}", folder.display())));
        }
        for model in models {
            let name = model.path.strip_prefix(&folder).unwrap_or(&model.path).display().to_string();
            lines.push(match model.into_sound() {
                Ok(identity) => Finding::good(format!("{name}: {}", identity.description)),
                Err(error) => Finding::broken(error.to_string()),
            });
        }
    }
    lines
}
