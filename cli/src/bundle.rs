//! Locates the plugin's bundle.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Folder name of the plugin's bundle.
pub const NAME: &str = "Unsample.ofx.bundle";

/// The folders in which hosts look for plugins, in search order.
pub fn plugin_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("OFX_PLUGIN_PATH")
        .map(|path| std::env::split_paths(&path).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if cfg!(target_os = "macos") {
        folders.push("/Library/OFX/Plugins".into());
    } else if cfg!(windows) {
        let programs =
            std::env::var_os("CommonProgramFiles").unwrap_or("C:\\Program Files\\Common Files".into());
        folders.push(Path::new(&programs).join("OFX").join("Plugins"));
    } else {
        folders.push("/usr/OFX/Plugins".into());
    }
    folders
}

/// The folder in which a build of this project leaves the bundle, relative to this program.
fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    Some(program.parent()?.parent()?.join("bundle").join(NAME))
}

/// The bundle to use: `named` if given, otherwise the first one that is found.
///
/// # Errors
/// No bundle is found.
pub fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return if named.exists() {
            Ok(named.to_owned())
        } else {
            Err(Failure::Usage(format!("there is no bundle {}", named.display())))
        };
    }
    let mut tried: Vec<PathBuf> = beside_program().into_iter().collect();
    tried.extend(plugin_folders().into_iter().map(|folder| folder.join(NAME)));
    if let Some(found) = tried.iter().find(|path| path.is_dir()) {
        return Ok(found.clone());
    }
    let places: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
    Err(Failure::Usage(format!(
        "cannot find the plugin; looked for {}. `cargo xtask bundle` makes it, --bundle names one elsewhere",
        places.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_bundle_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), folder.path());
        assert!(matches!(find(Some(&folder.path().join("none"))), Err(Failure::Usage(_))));
        assert!(!plugin_folders().is_empty());
    }
}
