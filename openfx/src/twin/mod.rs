//! The twin: another build of the same effect beside this library, which takes over where it loads.
//!
//! A build for a graphics card is linked with the card's libraries and cannot be loaded on a machine without them. So a
//! host loads the build that needs nothing, and that one looks for its twin when the host first uses it
//! (`kOfxActionLoad`; merely listing plugins costs nothing). If all libraries that the twin needs are found, and it is
//! the same build of the same effect, every action from then on is handed to it. If not, this build does the work, and
//! the effect is told why.

#[cfg(target_os = "linux")]
mod elf;
mod libraries;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use libloading::Library;
use openfx_sys::{OfxHost, OfxPlugin, OfxPropertySetHandle, OfxStatus};

use super::effect::PluginId;

/// The symbol by which a twin says which build it is: a function without arguments that returns a C string.
pub const BUILD_SYMBOL: &CStr = c"UnsampleTwinBuild";

/// The name of a twin and the build that it has to be of.
#[derive(Clone, Copy, Debug)]
pub struct TwinId {
    /// File name, beside this library.
    pub file: &'static str,
    /// Version and commit; both have to be built from the same.
    pub build: &'static CStr,
}

/// Why a twin is not taken. `Display` is a clause for after a colon.
#[derive(Debug, thiserror::Error)]
pub enum TwinError {
    /// There is no such file.
    #[error("{} is not there", .0.display())]
    NotThere(PathBuf),
    /// The graphics driver's library is nowhere.
    #[error("there is no NVIDIA driver ({0} was not found)")]
    NoDriver(String),
    /// A library that the twin needs is nowhere.
    #[error("{library} was not found, neither beside it nor where CUDA is usually installed")]
    Library {
        /// Its file name.
        library: String,
    },
    /// It is no library, or does not load.
    #[error("{} does not load: {reason}", path.display())]
    Load {
        /// The twin or one of its libraries.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// It loads and is something else.
    #[error("{} {reason}", path.display())]
    Other {
        /// The twin.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
}

type GetPlugin = unsafe extern "C" fn(c_int) -> *mut OfxPlugin;
type Build = unsafe extern "C" fn() -> *const c_char;
type SetHost = unsafe extern "C" fn(*mut OfxHost);
type MainEntry = unsafe extern "C" fn(
    *const c_char,
    *const c_void,
    OfxPropertySetHandle,
    OfxPropertySetHandle,
) -> OfxStatus;

/// A twin that was taken. Its code stays mapped until the process ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twin {
    pub set_host: SetHost,
    pub main_entry: MainEntry,
}

/// Whether the twin beside `library` can be taken.
///
/// # Errors
/// Why not.
pub fn check_twin(library: &Path, identity: PluginId, twin: TwinId) -> Result<(), TwinError> {
    load(library, identity, twin).map(|_| ())
}

/// Loads the twin beside `library`.
pub(super) fn load(library: &Path, identity: PluginId, twin: TwinId) -> Result<Twin, TwinError> {
    let folder = library.parent().unwrap_or(Path::new("."));
    let path = folder.join(twin.file);
    if !path.is_file() {
        return Err(TwinError::NotThere(path));
    }
    libraries::provide(&path)?;
    let refused = |reason: String| TwinError::Load { path: path.clone(), reason };
    // SAFETY: the file lies in this library's own bundle under the twin's name; its constructors are those of the
    // libraries that this one is made of.
    let opened = unsafe { Library::new(&path) }.map_err(|error| refused(error.to_string()))?;
    let taken = {
        // SAFETY: a library that is not the twin has no function of this name; the twin's is of this type.
        let build = unsafe { opened.get::<Build>(BUILD_SYMBOL) };
        // SAFETY: the symbol of this name has this type in every OpenFX binary.
        let get_plugin = unsafe { opened.get::<GetPlugin>(c"OfxGetPlugin") };
        match (build, get_plugin) {
            // SAFETY: as their types say; nothing is asked of the twin before its build is known to be this one's.
            (Ok(build), Ok(get)) => unsafe { compare(*build, *get, identity, twin.build) },
            _ => Err("is not this effect".to_owned()),
        }
    };
    match taken {
        Ok(taken) => {
            // Never unmapped: the host holds instances in it, and its thread pool runs its code.
            std::mem::forget(opened);
            Ok(taken)
        }
        Err(reason) => Err(TwinError::Other { path, reason }),
    }
}

/// The entries of a library, if it is the wanted build.
///
/// # Safety
/// The functions are those of an open library.
unsafe fn compare(build: Build, get: GetPlugin, identity: PluginId, wanted: &CStr) -> Result<Twin, String> {
    // SAFETY: takes nothing, returns NULL or a constant of the library.
    let found = unsafe { build() };
    if found.is_null() {
        return Err("does not say which build it is".to_owned());
    }
    // SAFETY: not NULL, so a constant string.
    let found = unsafe { CStr::from_ptr(found) };
    if found != wanted {
        return Err(format!(
            "is another build ({}, not {})",
            found.to_string_lossy(),
            wanted.to_string_lossy()
        ));
    }
    // SAFETY: the same build has this function, which returns NULL or a record that stays.
    let record = unsafe { get(0).as_ref() }.ok_or("has no effect")?;
    if record.pluginIdentifier.is_null() {
        return Err("is an effect without a name".to_owned());
    }
    // SAFETY: not NULL, and the same build fills in a constant string.
    let identifier = unsafe { CStr::from_ptr(record.pluginIdentifier) };
    if identifier != identity.identifier {
        return Err("is another effect".to_owned());
    }
    match (record.setHost, record.mainEntry) {
        (Some(set_host), Some(main_entry)) => Ok(Twin { set_host, main_entry }),
        _ => Err("has no entries".to_owned()),
    }
}
