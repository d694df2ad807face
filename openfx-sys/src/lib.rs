//! Raw bindings of the OpenFX 1.5 C ABI: types, constants and function signatures.
//!
//! The headers under `include/` were written for this project; names, types, order and values are those of
//! the published interface. [`bindings`](self) is bindgen's output for them, committed so that a build needs
//! no libclang. String constants are [`CStr`](core::ffi::CStr)s, status codes are [`OfxStatus`] values, and
//! every function pointer is an `Option`, because hosts may leave functions of a suite NULL.
//!
//! - Feature `bindgen` regenerates the bindings and builds with them. A test behind it
//!   fails when the committed file is stale; run with `OPENFX_SYS_UPDATE=1`, it rewrites
//!   that file instead.
//! - With `OPENFX_INCLUDE_DIR` set to the folder of the official headers, the build
//!   asserts that every size, offset and signature agrees with theirs, and a test
//!   compares every constant.
//!
//! Not included: interacts, the draw and dialog suites, key symbols, and any safe wrapper.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

use core::ffi::c_int;

#[cfg(not(feature = "bindgen"))]
#[rustfmt::skip]
#[allow(missing_docs, clippy::all)]
mod bindings;
#[cfg(feature = "bindgen")]
#[allow(missing_docs, clippy::all)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

pub use bindings::*;

/// The exported symbol `OfxGetNumberOfPlugins`: returns the number of plug-ins in the binary.
pub type OfxGetNumberOfPluginsFn = unsafe extern "C" fn() -> c_int;

/// The exported symbol `OfxGetPlugin`: returns the record of plug-in `nth`, or NULL if there is none.
pub type OfxGetPluginFn = unsafe extern "C" fn(nth: c_int) -> *mut OfxPlugin;

/// The optional exported symbol `OfxSetHost`: OpenFX 1.5 hosts call it before the other two.
pub type OfxSetHostFn = unsafe extern "C" fn(host: *const OfxHost) -> OfxStatus;

#[cfg(all(test, openfx_official))]
mod official;

#[cfg(test)]
mod constants {
    use std::path::Path;

    /// Checks without libclang that the committed bindings contain every constant of the headers with its
    /// value.
    #[test]
    fn every_constant_is_bound() {
        if std::env::var_os("OPENFX_SYS_UPDATE").is_some() {
            // The freshness test is rewriting the file.
            return;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let bindings = std::fs::read_to_string(root.join("src/bindings.rs")).expect("committed");
        let mut seen = 0;
        for header in std::fs::read_dir(root.join("include")).expect("committed") {
            let text = std::fs::read_to_string(header.expect("readable").path()).expect("text");
            for line in text.lines() {
                let Some((name, value)) =
                    line.strip_prefix("#define k").and_then(|rest| rest.split_once(' '))
                else {
                    continue;
                };
                let value = value.trim();
                let bound = if value.starts_with('"') {
                    format!("pub const k{name}: &::core::ffi::CStr = c{value};")
                } else if value.starts_with('(') {
                    format!("pub const k{name}: i32 = ")
                } else {
                    format!("pub const k{name}: i32 = {value};")
                };
                assert!(bindings.contains(&bound), "stale: {bound}");
                seen += 1;
            }
        }
        assert!(seen > 400, "only {seen} constants");
    }
}

#[cfg(all(test, feature = "bindgen"))]
mod freshness {
    /// The committed bindings match what bindgen generates from the headers.
    #[test]
    fn committed_bindings_are_fresh() {
        let fresh = include_str!(concat!(env!("OUT_DIR"), "/bindings.rs"));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bindings.rs");
        if std::env::var_os("OPENFX_SYS_UPDATE").is_some() {
            std::fs::write(path, fresh).expect("the source folder is writable");
        }
        let committed = std::fs::read_to_string(path).expect("src/bindings.rs is committed");
        let stale = fresh.lines().zip(committed.lines()).position(|(new, old)| new != old);
        assert!(
            fresh == committed,
            "src/bindings.rs is stale from line {:?} on: run `cargo xtask bindings`",
            stale.map(|line| line + 1)
        );
    }
}
