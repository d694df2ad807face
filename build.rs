//! Stamps the version and the commit into the binaries, and compiles the C part of the command line's host.

use std::process::Command;

fn main() {
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|out| out.status.success())
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned());
    println!("cargo:rustc-env=UNSAMPLE_COMMIT={commit}");
    // Threads of the tensor library's pool run code of this library until the process ends: it must stay mapped.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=build.rs");
    host_varargs();
}

/// Functions with a variable number of arguments, which OpenFX has and stable Rust cannot define. Only the search
/// path is handed on: the host names the library itself, so that the plugin is not linked with it.
fn host_varargs() {
    const SOURCE: &str = "src/bin/unsample/host/suites/varargs.c";
    println!("cargo:rerun-if-changed={SOURCE}");
    cc::Build::new().file(SOURCE).warnings(true).cargo_metadata(false).compile("unsample_host_varargs");
    if let Ok(folder) = std::env::var("OUT_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
}
