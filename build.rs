//! Stamps the commit into the plugin and the command line, which share this script, and keeps the plugin mapped.

use std::process::Command;

fn main() {
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=UNSAMPLE_COMMIT={commit}");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    // Threads that attend to the engine run code of this library until the process ends: it must stay mapped.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_PKG_NAME", "unsample") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    // Git notes every commit and checkout there, also for a work tree of its own.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
}

/// What git answers, where there is git and a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let out = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok().filter(|_| out.status.success())?;
    Some(text.trim().to_owned())
}
