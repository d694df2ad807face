//! include/openfx.h -> bindings.rs. All bindgen settings are here, so that the freshness test and `cargo
//! xtask bindings` produce the same text.

use bindgen::callbacks::{IntKind, ParseCallbacks};
use std::path::Path;

/// Status codes and flags are C `int`s; bindgen would make them unsigned.
#[derive(Debug)]
struct IntsAreInt;

impl ParseCallbacks for IntsAreInt {
    fn int_macro(&self, _name: &str, _value: i64) -> Option<IntKind> {
        Some(IntKind::I32)
    }
}

pub fn run(to: &Path) {
    bindgen::Builder::default()
        .header("include/openfx.h")
        .allowlist_type("Ofx.*")
        .allowlist_var("k(Ofx|Natron).*")
        .disable_header_comment()
        .use_core()
        .generate_cstr(true)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .formatter(bindgen::Formatter::Prettyplease)
        .raw_line("// Generated from include/*.h by the feature `bindgen`. Do not edit: `cargo xtask bindings` does.")
        .parse_callbacks(Box::new(IntsAreInt))
        .generate()
        .expect("bindgen understands our own header")
        .write_to_file(to)
        .expect("OUT_DIR is writable");
}
