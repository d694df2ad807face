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
    // Tests that need another program are ignored where it is not, so that the summary counts them.
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rustc-check-cfg=cfg(ffmpeg, measures)");
    if is("CARGO_PKG_NAME", "unsample-cli")
        && ["ffmpeg", "ffprobe"].iter().all(|name| runs(Command::new(name).arg("-version")))
    {
        println!("cargo:rustc-cfg=ffmpeg");
    }
    println!("cargo:rerun-if-env-changed=PYTHON");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    if is("CARGO_PKG_NAME", "unsample")
        && runs(Command::new(python).args(["-c", "import numpy, cv2, safetensors"]))
    {
        println!("cargo:rustc-cfg=measures");
    }
    // Git notes every commit and checkout there, also for a work tree of its own.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
}

/// Whether a program is there and ends well.
fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// What git answers, where there is git and a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let out = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(out.stdout).ok().filter(|_| out.status.success())?;
    Some(text.trim().to_owned())
}
