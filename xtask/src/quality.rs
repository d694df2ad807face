//! `cargo xtask quality`: measures the plugin's output and writes docs/quality.md.
//!
//! The measuring code is in training/, with the model's other tools; this task builds the plugin and starts that
//! code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{bundle, root, target};

/// Options of `cargo xtask quality`.
#[derive(clap::Args)]
pub struct QualityArgs {
    /// Footage to measure on besides the drawn clips; images of it are kept out of the page
    #[arg(value_name = "CLIP")]
    pub clips: Vec<PathBuf>,
    /// Frames of a clip [default: 16; quick: 8]
    #[arg(long)]
    pub frames: Option<u32>,
    /// Width of a clip in pixels, a multiple of 8 [default: 256; quick: 128]
    #[arg(long)]
    pub width: Option<u32>,
    /// Measure this part and keep the others from the last run: round-trip, reconstruction, looks, unsample-cfg,
    /// prompts, samplers, added-noise, cfg, near-cfg, steadying, overlap; may be repeated
    #[arg(long, value_name = "PART")]
    pub only: Vec<String>,
    /// One drawn clip, four looks, small: to check that it runs
    #[arg(long)]
    pub quick: bool,
    /// Discard finished renders, needed after a change of the plugin's code
    #[arg(long)]
    pub fresh: bool,
    /// Folder of quality.md and its images [default: docs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Builds the plugin, renders, measures and writes the page.
pub fn run(arguments: &QualityArgs) -> Result<()> {
    let python = python()?;
    let made = bundle::run(&bundle::BundleArgs::default())?;
    let out = arguments.out.clone().unwrap_or_else(|| root().join("docs"));
    let mut command = Command::new(&python);
    command.arg(root().join("training").join("evaluate.py"));
    command.arg("--tool").arg(&made.tool).arg("--bundle").arg(&made.bundle);
    command.arg("--work").arg(target().join("quality")).arg("--out").arg(&out);
    command.args(["--command", &shown(arguments)]);
    command.args(options(arguments)).arg("--").args(&arguments.clips);
    let status = command.status().with_context(|| format!("{} could not be started", python.display()))?;
    if !status.success() {
        bail!("the measurement failed");
    }
    Ok(())
}

/// The Python interpreter: `PYTHON` or python3, if it has the packages that the measurement needs.
fn python() -> Result<PathBuf> {
    let python = PathBuf::from(std::env::var_os("PYTHON").unwrap_or_else(|| OsString::from("python3")));
    let found = Command::new(&python)
        .args(["-c", "import numpy, cv2, safetensors"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("{} could not be started; PYTHON names another one", python.display()))?;
    if !found.success() {
        bail!(
            "{} lacks numpy, cv2 or safetensors: pip install -r training/requirements.txt",
            python.display()
        );
    }
    Ok(python)
}

/// The options that are passed on to evaluate.py unchanged.
fn options(arguments: &QualityArgs) -> Vec<String> {
    let mut options = Vec::new();
    for (name, value) in [("--frames", arguments.frames), ("--width", arguments.width)] {
        options.extend(value.into_iter().flat_map(|value| [name.to_owned(), value.to_string()]));
    }
    options.extend(arguments.only.iter().flat_map(|part| ["--only".to_owned(), part.clone()]));
    for (name, set) in [("--quick", arguments.quick), ("--fresh", arguments.fresh)] {
        options.extend(set.then(|| name.to_owned()));
    }
    options
}

/// The command as the page shows it: clips by their file names only, since their folders belong to this machine.
fn shown(arguments: &QualityArgs) -> String {
    let clips =
        arguments.clips.iter().filter_map(|clip| Some(clip.file_name()?.to_string_lossy().into_owned()));
    let words = ["cargo", "xtask", "quality"].map(str::to_owned);
    words.into_iter().chain(clips).chain(options(arguments)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_command_without_folders() {
        let arguments = QualityArgs {
            clips: vec!["/somewhere/else/person.mp4".into()],
            frames: Some(8),
            width: None,
            only: vec!["looks".to_owned(), "cfg".to_owned()],
            quick: true,
            fresh: false,
            out: None,
        };
        assert_eq!(
            shown(&arguments),
            "cargo xtask quality person.mp4 --frames 8 --only looks --only cfg --quick"
        );
    }
}
