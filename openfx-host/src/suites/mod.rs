//! The suites: tables of C functions that the plugin calls.

mod image_effect;
mod memory;
mod message;
mod multi_thread;
mod param;
mod parametric;
mod progress;
mod property;
mod timeline;
mod varargs;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use openfx_sys::*;

use super::registry;
use super::status::text;

/// Returns a suite's function table, or NULL if the host does not have this name and version.
///
/// # Safety
/// `host` is a property set of this host, `name` a NUL-terminated string.
pub unsafe extern "C" fn fetch(
    host: OfxPropertySetHandle,
    name: *const c_char,
    version: c_int,
) -> *const c_void {
    // SAFETY: the plugin passes a string.
    let Ok(name) = (unsafe { text(name) }) else {
        return ptr::null();
    };
    let Ok(session) = registry::session(host) else {
        return ptr::null();
    };
    let missing = &session.settings.missing_suites;
    let (plain, versioned) = (name.to_string_lossy(), format!("{}:{version}", name.to_string_lossy()));
    if missing.iter().any(|suite| *suite == *plain || *suite == versioned) {
        return ptr::null();
    }
    SUITES
        .iter()
        .find(|(suite, v, _)| *suite == name && *v == version)
        .map_or(ptr::null(), |(_, _, table)| table.0)
}

/// A pointer to an immutable function table.
struct Table(*const c_void);

// SAFETY: it points to constant tables of functions.
unsafe impl Sync for Table {}

static SUITES: &[(&CStr, c_int, Table)] = &[
    (kOfxPropertySuite, 1, Table((&raw const property::SUITE).cast())),
    (kOfxImageEffectSuite, 1, Table((&raw const image_effect::SUITE).cast())),
    (kOfxParameterSuite, 1, Table((&raw const param::SUITE).cast())),
    (kOfxMemorySuite, 1, Table((&raw const memory::SUITE).cast())),
    (kOfxMultiThreadSuite, 1, Table((&raw const multi_thread::SUITE).cast())),
    (kOfxMessageSuite, 1, Table((&raw const message::SUITE_V1).cast())),
    (kOfxMessageSuite, 2, Table((&raw const message::SUITE_V2).cast())),
    (kOfxProgressSuite, 1, Table((&raw const progress::SUITE_V1).cast())),
    (kOfxProgressSuite, 2, Table((&raw const progress::SUITE_V2).cast())),
    (kOfxTimeLineSuite, 1, Table((&raw const timeline::SUITE).cast())),
    (kOfxParametricParameterSuite, 1, Table((&raw const parametric::SUITE).cast())),
];

/// Names and versions of the suites, for the command line.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> =
        SUITES.iter().map(|(name, ..)| name.to_string_lossy().into_owned()).collect();
    names.dedup();
    names
}
