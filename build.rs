//! Stamps the version and the commit into the binaries, and compiles the C part of the command line's host.

use std::process::Command;

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=UNSAMPLE_COMMIT={commit}");
    // Threads of the tensor library's pool run code of this library until the process ends: it must stay mapped.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    // The twin's libraries lie beside it, unless they are installed.
    if std::env::var_os("CARGO_FEATURE_CUDA").is_some() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN/cuda:$ORIGIN");
    }
    // Git notes every commit and checkout there, also for a work tree of its own.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    host_varargs();
}

/// What git answers, where there is git and a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let out = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok().filter(|_| out.status.success())?;
    Some(text.trim().to_owned())
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
