//! Path of this library's file, for hosts that do not report the bundle's path.

use std::path::PathBuf;

/// Path of the file that this library was loaded from; `None` if the system cannot tell.
#[cfg(all(unix, not(miri)))]
pub fn library_path() -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;

    // SAFETY: all zeros is a valid value of this plain record of pointers.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let address = library_path as *const () as *const libc::c_void;
    // SAFETY: the address is one of this library's, the record outlives the call.
    let found = unsafe { libc::dladdr(address, &mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr said that it found the library, so this is its name, which lives as long as the library.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// Path of the file that this library was loaded from; `None` if the system cannot tell.
#[cfg(any(not(unix), miri))]
pub fn library_path() -> Option<PathBuf> {
    None
}
