//! Checks the engines in the bundle: whether they exist, come from the plugin's build, and what they can run on.

use std::path::Path;
use std::process::Command;

use openfx_host::plugin::binary_of;
use protocol::BUILD;

use super::Finding;
use crate::bundle;
use crate::cli::DoctorArgs;

/// The findings about the engines.
pub fn report(args: &DoctorArgs) -> Vec<Finding> {
    let binary = bundle::find(args.plugin.bundle.as_deref()).ok().and_then(|bundle| binary_of(&bundle).ok());
    // Problems with the bundle are reported elsewhere.
    let Some(folder) = binary.as_deref().and_then(Path::parent) else { return Vec::new() };
    let at = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let (plain, cuda) = (at("unsample-engine"), at("unsample-engine-cuda"));
    let mut lines = match check(&plain) {
        _ if !plain.is_file() => vec![Finding::broken(
            "the engine is not in the bundle, so nothing can be restyled: install the bundle again",
        )],
        Ok(lines) => lines,
        Err(reason) => vec![Finding::broken(format!("{} cannot be used: {reason}", plain.display()))],
    };
    lines.extend(match check(&cuda) {
        _ if !cuda.is_file() => vec![Finding::missing(
            "the bundle has no engine for NVIDIA cards (`cargo xtask bundle --cuda` makes one)",
        )],
        Ok(lines) => lines,
        Err(reason) => vec![Finding::missing(format!(
            "the engine for NVIDIA cards cannot be used, so the processor is used: {reason}"
        ))],
    });
    lines
}

/// What an engine reports about itself and the machine, or why it cannot be used.
fn check(program: &Path) -> Result<Vec<Finding>, String> {
    let output = Command::new(program).arg("--check").output();
    let output = output.map_err(|error| format!("it does not start ({error})"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut said = said.lines();
    let build = said.next().unwrap_or_default();
    if !output.status.success() || build != BUILD {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(match errors.lines().rev().find(|line| !line.is_empty()) {
            Some(line) => line.to_owned(),
            None if output.status.success() => format!("it is from another build ({build}, not {BUILD})"),
            None => output.status.to_string(),
        });
    }
    let first = Finding::good(format!("{} starts and is from the plugin's build", program.display()));
    Ok(std::iter::once(first).chain(said.map(Finding::good)).collect())
}
