//! Finds the engine programs next to the plugin, and explains why one is not used.

use std::path::{Path, PathBuf};

use super::started::StartError;

/// The engine programs of a bundle.
pub struct Programs {
    /// The CPU engine, which runs everywhere.
    pub plain: PathBuf,
    /// The CUDA engine, if the bundle has one.
    pub cuda: Option<PathBuf>,
}

/// Name of the bundle's folder for binaries, from the OpenFX standard.
const BINARIES: &str = if cfg!(windows) {
    "Win64"
} else if cfg!(target_os = "macos") {
    "MacOS"
} else if cfg!(target_arch = "x86_64") {
    "Linux-x86-64"
} else {
    "Linux-arm64"
};

/// Finds the engines next to the plugin's library: at the path that the system reports, or else in the bundle
/// whose `resources` folder is given.
///
/// # Errors
/// A message for the user, if there is no engine.
pub fn find(resources: Option<&Path>) -> Result<Programs, String> {
    let beside = openfx::library_path().and_then(|library| Some(library.parent()?.to_path_buf()));
    let folder = beside
        .or_else(|| Some(resources?.parent()?.join(BINARIES)))
        .ok_or("neither the system nor the host says where the plugin's file is")?;
    let at = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let (plain, cuda) = (at("unsample-engine"), at("unsample-engine-cuda"));
    if !plain.is_file() {
        return Err(format!("{} is not there: the bundle is incomplete, install it again", plain.display()));
    }
    Ok(Programs { plain, cuda: cuda.is_file().then_some(cuda) })
}

/// Why the CUDA engine is not used, as a clause.
pub fn clause(program: &Path, reason: &StartError) -> String {
    match reason {
        StartError::Ended(words) => match missing_library(words) {
            Some(library) if library.contains("libcuda.") || library.contains("nvcuda") => {
                format!("there is no NVIDIA driver ({library} was not found)")
            }
            Some(library) => format!(
                "{library} was not found, neither beside the plugin nor where CUDA is usually installed"
            ),
            None => sentence(program, reason),
        },
        other => sentence(program, other),
    }
}

/// Why a program cannot be used, as a sentence.
pub fn sentence(program: &Path, reason: &StartError) -> String {
    format!("{} cannot be used: {reason}", program.display())
}

/// The library that the dynamic loader did not find, from its message: `program: error while loading shared
/// libraries: libx.so.1: cannot open shared object file: ...`.
fn missing_library(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("error while loading shared libraries: ")?;
    rest.split(':').next().map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_misses_is_named() {
        let words = |library: &str| {
            let says = format!(
                "/b/unsample-engine-cuda: error while loading shared libraries: {library}: cannot open shared \
                 object file: No such file or directory (exit status: 127)"
            );
            clause(Path::new("/b/unsample-engine-cuda"), &StartError::Ended(says))
        };
        assert_eq!(words("libcuda.so.1"), "there is no NVIDIA driver (libcuda.so.1 was not found)");
        assert!(words("libcublas.so.13").starts_with("libcublas.so.13 was not found, neither beside"));
        let other = clause(Path::new("/b/e"), &StartError::Ended("aborted (signal: 6)".to_owned()));
        assert_eq!(other, "/b/e cannot be used: it ended at once: aborted (signal: 6)");
    }
}
