//! The engines in the bundle: whether they are there, of the plugin's build, and what they can run on.

use std::path::{Path, PathBuf};
use std::process::Command;

use openfx_host::plugin::binary_of;
use protocol::BUILD;

use super::Finding;
use crate::bundle;
use crate::cli::DoctorArgs;

/// The lines about them.
pub fn report(args: &DoctorArgs) -> Vec<Finding> {
    let binary = bundle::find(args.plugin.bundle.as_deref()).ok().and_then(|bundle| binary_of(&bundle).ok());
    // What is wrong with the bundle is said elsewhere.
    let Some(folder) = binary.as_deref().and_then(Path::parent) else { return Vec::new() };
    let at = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut lines = engine(&at("unsample-engine"), || {
        Finding::broken("it is not in the bundle, so that nothing can be restyled: install the bundle again")
    });
    lines.extend(engine(&at("unsample-engine-cuda"), || {
        Finding::missing("the bundle has no engine for NVIDIA cards (`cargo xtask bundle --cuda` makes one)")
    }));
    lines
}

/// The lines about a program; `absent` is the one for where it is not there.
fn engine(program: &PathBuf, absent: impl Fn() -> Finding) -> Vec<Finding> {
    if !program.is_file() {
        return vec![absent()];
    }
    let output = match Command::new(program).arg("--check").output() {
        Ok(output) => output,
        Err(error) => return vec![Finding::broken(format!("{} does not start: {error}", program.display()))],
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let mut said = said.lines();
    let build = said.next().unwrap_or_default();
    if !output.status.success() || build != BUILD {
        let errors = String::from_utf8_lossy(&output.stderr);
        let reason = match errors.lines().rev().find(|line| !line.is_empty()) {
            Some(line) => line.to_owned(),
            None if output.status.success() => format!("it is another build ({build}, not {BUILD})"),
            None => output.status.to_string(),
        };
        return vec![Finding::broken(format!("{} cannot be used: {reason}", program.display()))];
    }
    let first = Finding::good(format!("{} starts and is of the plugin's build", program.display()));
    std::iter::once(first).chain(said.map(Finding::good)).collect()
}
