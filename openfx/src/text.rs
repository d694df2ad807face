//! Conversion between Rust and C strings.

use std::ffi::{CStr, CString, c_char};

/// Converts to a C string; NUL characters are dropped.
pub(super) fn to_c(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let kept: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
        CString::new(kept).unwrap_or_default()
    })
}

/// Copies a C string, whose pointer may become invalid with the host's next call. `None` for NULL; bytes that
/// are not UTF-8 become replacement characters.
///
/// # Safety
/// `text` is NULL or points at a NUL-terminated string.
pub(super) unsafe fn from_c(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller guarantees the rest.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}
