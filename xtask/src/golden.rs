//! `cargo xtask golden FILE...`: renders reference runs through the plugin and compares every stage.
//!
//! A reference run is a safetensors file with the tensors of another system's run (`frames.input`, `latents.*`,
//! `text.*`, `frames.styled`) and, in its metadata, the `settings` of that run as JSON. The settings are mapped to
//! the plugin's parameters, `unsample render` renders the clip, and the plugin's diagnostics are compared with the
//! file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use image::{Rgb, RgbImage};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use self::settings::{Parameters, RunLora, loras, parameters};
use crate::{bundle, target};

mod settings;

/// Options of `cargo xtask golden`.
#[derive(clap::Args)]
pub struct GoldenArgs {
    /// Reference runs
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Folder of the weight files that the runs name
    #[arg(long, value_name = "DIR")]
    pub models: PathBuf,
    /// Compare with the bundle that is there, without building
    #[arg(long)]
    pub no_build: bool,
}

/// The allowed error of a stage, from summing in another order in f32: relative RMS, and largest error divided by the
/// largest value.
fn limits(name: &str, second_order: bool) -> Option<(f64, f64)> {
    Some(match name {
        n if n.starts_with("sigmas.") => (2e-6, 2e-6),
        n if n.starts_with("text.") => (2e-5, 1e-4),
        "latents.source" => (3e-5, 1e-4),
        "latents.unsampled" | "latents.resampled" if second_order => (5e-4, 1e-3),
        "latents.unsampled" | "latents.resampled" => (3e-4, 5e-4),
        "frames.styled" => (2e-4, 1e-3),
        n if n.starts_with("hint.") => (1e-6, 1e-6),
        _ => return None,
    })
}

/// The shape of a tensor and its values.
type TensorValues = (Vec<usize>, Vec<f32>);

fn tensors(path: &Path) -> Result<(BTreeMap<String, TensorValues>, Value)> {
    let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let settings = header.metadata().as_ref().and_then(|m| m.get("settings"));
    let settings = settings.map_or(Ok(Value::Null), |s| serde_json::from_str(s))?;
    let mut out = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(&bytes)?.tensors() {
        if view.dtype() == Dtype::F32 {
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            out.insert(name, (view.shape().to_vec(), values));
        }
    }
    Ok((out, settings))
}

/// Writes a tensor [frames, 3, h, w] as numbered 8-bit images.
fn write_frames((shape, values): &TensorValues, folder: &Path) -> Result<()> {
    let &[count, 3, height, width] = shape.as_slice() else { bail!("the clip has the shape {shape:?}") };
    fs::create_dir_all(folder)?;
    let plane = height * width;
    for (i, frame) in values.chunks_exact(3 * plane).take(count).enumerate() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples")]
        let picture = RgbImage::from_fn(u32::try_from(width)?, u32::try_from(height)?, |x, y| {
            let at = y as usize * width + x as usize;
            Rgb(std::array::from_fn(|c| (frame[c * plane + at] * 255.0).round() as u8))
        });
        picture.save(folder.join(format!("{:04}.png", i + 1)))?;
    }
    Ok(())
}

/// Writes either the text encoder tensors of a LoRA file or all others.
fn write_part(file: &Path, of_text: bool, to: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("{}", file.display()))?;
    let tensors = SafeTensors::deserialize(&bytes).with_context(|| format!("{}", file.display()))?;
    let is_text = |name: &str| name.starts_with("lora_te") || name.starts_with("text_encoder");
    let part = tensors.tensors().into_iter().filter(|(name, _)| is_text(name) == of_text);
    Ok(safetensors::serialize_to_file(part, None, to)?)
}

/// LoRAs as the effect accepts them. It has one weight for each; a file that a run adds to the UNet and to the text
/// encoders with different strengths is written to `folder` in two parts.
fn lora_parameters(loras: &[RunLora], folder: &Path) -> Result<Parameters> {
    let mut parts = Vec::new();
    for (index, lora) in loras.iter().enumerate() {
        if lora.unet == lora.text {
            parts.push((lora.path.clone(), lora.unet));
            continue;
        }
        for (of_text, weight) in [(false, lora.unet), (true, lora.text)] {
            if weight != 0.0 {
                let path = folder.join(format!("lora{index}{}.safetensors", if of_text { "t" } else { "u" }));
                write_part(&lora.path, of_text, &path)?;
                parts.push((path, weight));
            }
        }
    }
    ensure!(parts.len() <= 4, "the run takes {} LoRAs; the effect has 4", parts.len());
    let mut parameters = Parameters::default();
    for (index, (path, weight)) in parts.iter().enumerate() {
        parameters.set(&format!("lora{}File", index + 1), &path.display().to_string());
        parameters.set(&format!("lora{}Weight", index + 1), &weight.to_string());
    }
    Ok(parameters)
}

/// Relative RMS, and largest error divided by the largest value.
fn difference(got: &[f32], want: &[f32]) -> (f64, f64) {
    let (mut square, mut reference, mut worst, mut largest) = (0f64, 0f64, 0f64, 0f64);
    for (&g, &w) in got.iter().zip(want) {
        let (d, w) = (f64::from(g) - f64::from(w), f64::from(w));
        square += d * d;
        reference += w * w;
        // NaN counts as an infinite difference.
        worst = if d.is_nan() { f64::INFINITY } else { worst.max(d.abs()) };
        largest = largest.max(w.abs());
    }
    let relative = (square / reference.max(1e-300)).sqrt();
    (if relative.is_nan() { f64::INFINITY } else { relative }, worst / largest.max(1e-300))
}

/// The allowed relative RMS of the differences between neighbouring frames.
const STEPS: f64 = 1e-2;

/// The difference between each frame of latents and the one before.
fn steps((shape, values): &TensorValues) -> Vec<f32> {
    let each = values.len() / shape[0].max(1);
    values.iter().skip(each).zip(values).map(|(now, before)| now - before).collect()
}

/// The text printed after an error.
fn verdict(within: bool) -> &'static str {
    if within { "" } else { "  TOO FAR" }
}

/// Renders and compares one run; returns whether every stage is within its limit.
fn check(file: &Path, arguments: &GoldenArgs, made: &bundle::Made) -> Result<bool> {
    let (want, settings) = tensors(file)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = target().join("golden").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    write_frames(want.get("frames.input").context("the run has no frames.input")?, &folder.join("input"))?;
    let mut clips = Vec::new();
    if let Some(hint) = want.get("hint.1") {
        // The effect has one hint clip for all ControlNets.
        for (other, values) in want.iter().filter(|(other, _)| other.starts_with("hint.")) {
            ensure!(values == hint, "{other} is another clip than hint.1; the effect has one clip Hint");
        }
        write_frames(hint, &folder.join("hint"))?;
        clips = vec!["--clip".to_owned(), format!("Hint={}", folder.join("hint").display())];
    }
    let diagnostics = folder.join("diagnostics.safetensors");
    let status = Command::new(&made.tool)
        .arg("render")
        .arg(folder.join("input"))
        .arg("-o")
        .arg(folder.join("output").join("%04d.png"))
        .arg("--bundle")
        .arg(&made.bundle)
        .args(clips)
        .args(parameters(&settings, &arguments.models)?.into_arguments())
        .args(lora_parameters(&loras(&settings, &arguments.models)?, &folder)?.into_arguments())
        .args(["--set", &format!("diagnosticsFile={}", diagnostics.display())])
        .status()
        .with_context(|| format!("{} could not be started", made.tool.display()))?;
    ensure!(status.success(), "{name}: the render failed");

    let (got, _) = tensors(&diagnostics)?;
    let second_order = ["unsample", "resample"].iter().any(|p| settings[*p]["sampler"] == "dpmpp_2m");
    let mut fine = true;
    println!("{name:31} {:>12} {:>12} {:>17}", "rel. RMS", "max / max", "limits");
    for (stage, (shape, values)) in &want {
        let Some(limits) = limits(stage, second_order) else { continue };
        let (relative, worst, word) = match got.get(stage) {
            Some((s, v)) if s == shape => {
                let (relative, worst) = difference(v, values);
                (relative, worst, verdict(relative <= limits.0 && worst <= limits.1))
            }
            // A hint is input; if its size is not the clip's, the run contains it before resizing.
            Some(_) if stage.starts_with("hint.") => continue,
            Some((s, _)) => {
                println!("  {stage:29} has the shape {s:?}, expected {shape:?}");
                fine = false;
                continue;
            }
            None => {
                println!("  {stage:29} is not in the diagnostics");
                fine = false;
                continue;
            }
        };
        fine &= word.is_empty();
        println!("  {stage:29} {relative:12.2e} {worst:12.2e} {:10.0e} {:6.0e}{word}", limits.0, limits.1);
        if stage.starts_with("latents.") && shape[0] > 1 {
            // If frames are nearly alike, an error in their differences would not show in the total.
            let (got, want) = (steps(&got[stage]), steps(&want[stage]));
            let (relative, worst) = difference(&got, &want);
            let word = verdict(relative <= STEPS);
            fine &= word.is_empty();
            println!("    {:27} {relative:12.2e} {worst:12.2e} {STEPS:10.0e}{word}", "from frame to frame");
        }
    }
    Ok(fine)
}

/// Compares all runs; an error if one of them exceeds a limit.
pub fn run(arguments: &GoldenArgs) -> Result<()> {
    let made = if arguments.no_build {
        bundle::Made {
            bundle: target().join("bundle").join("Unsample.ofx.bundle"),
            tool: target().join("release").join(format!("unsample{}", std::env::consts::EXE_SUFFIX)),
        }
    } else {
        bundle::run(&bundle::BundleArgs::default())?
    };
    let mut failed = Vec::new();
    for file in &arguments.files {
        match check(file, arguments, &made) {
            Ok(true) => {}
            Ok(false) => failed.push(file.display().to_string()),
            Err(error) => {
                println!("{}: {error:#}", file.display());
                failed.push(file.display().to_string());
            }
        }
    }
    if !failed.is_empty() {
        bail!("not within the limits: {}", failed.join(", "));
    }
    Ok(())
}
