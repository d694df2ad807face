//! Finding the libraries that a twin is linked with: beside it, where the system looks, where CUDA is usually installed,
//! and in the packages that Python programs install it with.

use std::path::Path;

use super::TwinError;

/// The folder beside a twin that carries its libraries.
pub const CARRIED: &str = "cuda";

/// Loads whatever `twin` needs that the system does not find by itself, so that it can be loaded afterwards.
#[cfg(target_os = "linux")]
pub fn provide(twin: &Path) -> Result<(), TwinError> {
    let folder = twin.parent().unwrap_or(Path::new("."));
    provide_for(twin, &folder.join(CARRIED), &places(), 0)
}

/// Elsewhere the system's own search has to do.
#[cfg(not(target_os = "linux"))]
pub fn provide(_: &Path) -> Result<(), TwinError> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn provide_for(
    file: &Path,
    carried: &Path,
    places: &[std::path::PathBuf],
    depth: usize,
) -> Result<(), TwinError> {
    /// Libraries that need libraries that need libraries: no real chain is longer.
    const DEEPEST: usize = 8;
    let Some(needed) = super::elf::needed(file) else {
        return Err(TwinError::Load { path: file.into(), reason: "it is no library of this system".into() });
    };
    for name in needed.into_iter().filter(|_| depth < DEEPEST) {
        // A library that was loaded once is found by its name from then on, by this process and by the twin.
        let own = carried.join(&name);
        if !own.is_file() && open(Path::new(&name)).is_ok() {
            continue;
        }
        let found = std::iter::once(own).chain(places.iter().map(|place| place.join(&name)));
        let Some(found) = found.into_iter().find(|path| path.is_file()) else {
            return Err(if name.starts_with("libcuda.") {
                TwinError::NoDriver(name)
            } else {
                TwinError::Library { library: name }
            });
        };
        provide_for(&found, carried, places, depth + 1)?;
        open(&found).map_err(|error| TwinError::Load { path: found.clone(), reason: error.to_string() })?;
    }
    Ok(())
}

/// Opens a library for good.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: it is a library that the twin is linked with, so its constructors run before the twin's anyhow.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }?;
    std::mem::forget(library);
    Ok(())
}

/// Folders that may hold CUDA's libraries.
#[cfg(target_os = "linux")]
fn places() -> Vec<std::path::PathBuf> {
    use std::env::var_os;
    use std::path::PathBuf;

    let mut places = Vec::new();
    for root in ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(var_os).map(PathBuf::from) {
        places.extend([root.join("lib64"), root.join("lib")]);
    }
    places.extend(["/usr/local/cuda/lib64", "/opt/cuda/lib64"].map(PathBuf::from));
    places.extend(children(Path::new("/usr/local"), "cuda-").into_iter().map(|root| root.join("lib64")));
    // The packages nvidia-cublas and so on, of a virtual environment, of the user, of the system.
    let environment = var_os("VIRTUAL_ENV").map(|root| PathBuf::from(root).join("lib"));
    let user = var_os("HOME").map(|home| PathBuf::from(home).join(".local/lib"));
    let system = ["/usr/local/lib", "/usr/lib"].map(PathBuf::from);
    for lib in environment.into_iter().chain(user).chain(system) {
        for python in children(&lib, "python3") {
            for packages in ["site-packages", "dist-packages"] {
                let nvidia = python.join(packages).join("nvidia");
                places.extend(children(&nvidia, "cu").into_iter().map(|package| package.join("lib")));
            }
        }
    }
    places
}

/// Folders in a folder whose names begin so, the latest version first.
#[cfg(target_os = "linux")]
fn children(folder: &Path, start: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.filter(|e| e.file_name().to_string_lossy().starts_with(start)).map(|e| e.path()).collect();
    found.sort();
    found.reverse();
    found
}
