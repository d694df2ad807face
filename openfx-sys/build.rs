//! Regenerates the bindings (feature `bindgen`) and checks them against the official headers
//! (`OPENFX_INCLUDE_DIR`). A plain build does neither.

#[cfg(feature = "bindgen")]
#[path = "build/generate.rs"]
mod generate;
#[path = "build/official.rs"]
mod official;

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=include");
    println!("cargo:rerun-if-changed=src/bindings.rs");
    println!("cargo:rerun-if-env-changed=OPENFX_INCLUDE_DIR");
    println!("cargo:rustc-check-cfg=cfg(openfx_official)");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    #[cfg(feature = "bindgen")]
    generate::run(&out.join("bindings.rs"));
    if let Some(headers) = env::var_os("OPENFX_INCLUDE_DIR") {
        official::run(&PathBuf::from(headers), &out);
    }
}
