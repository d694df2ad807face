//! Complete runs through the plugin, compared with a second implementation of the workflow, whose results
//! `golden/runs/generate.py` made.
//!
//!
//! The networks are tiny, everything else is as with large ones: windows, guidance, solvers, noise schedules,
//! prompts, ControlNets and motion modules with their settings, given on the command line.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests convert small numbers"
)]

use testing::networks;
use testing::plugin as support;
use testing::seeded;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use networks::{assert_close, golden, open, tensor};
use support::{fine, tool};

/// Names and shapes of a network's weights.
type Shapes = BTreeMap<String, Vec<usize>>;

fn shapes() -> BTreeMap<String, Shapes> {
    serde_json::from_str(&std::fs::read_to_string(golden("runs/weights.json")).unwrap()).unwrap()
}

fn write(path: &Path, tensors: impl IntoIterator<Item = (String, Tensor)>) {
    let tensors: HashMap<String, Tensor> = tensors.into_iter().collect();
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// Writes a motion module of some version, with the middle block and number of positions of that version.
fn write_motion(path: &Path, version: &str, shapes: &Shapes) {
    let mut tensors = Vec::new();
    for (name, shape) in shapes {
        if version != "v2" && name.starts_with("mid_block.") {
            continue;
        }
        tensors.push((name.clone(), seeded::tensor(name, shape)));
        if let Some(attention) = name.strip_suffix("to_q.weight") {
            let (length, channels) = (if version == "v1" { 24 } else { 32 }, shape[0]);
            let table: Vec<f32> = (0..length * channels)
                .map(|index| {
                    let (place, column) = ((index / channels) as f64, index % channels);
                    let angle = place * (-((column / 2 * 2) as f64) * 10000f64.ln() / channels as f64).exp();
                    (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
                })
                .collect();
            let table = Tensor::from_vec(table, (1, length, channels), &Device::Cpu).unwrap();
            tensors.push((format!("{attention}pos_encoder.pe"), table));
        }
    }
    write(path, tensors);
}

/// Writes the images of a tensor `[frames, 3, height, width]` of bytes.
fn write_pictures(run: &safetensors::SafeTensors<'_>, name: &str, folder: &Path) {
    let view = run.tensor(name).unwrap();
    let &[frames, 3, height, width] = view.shape() else { panic!("{name} has the shape {:?}", view.shape()) };
    std::fs::create_dir_all(folder).unwrap();
    let plane = height * width;
    for frame in 0..frames {
        let picture = image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = frame * 3 * plane + y as usize * width + x as usize;
            image::Rgb([0, 1, 2].map(|channel| view.data()[at + channel * plane]))
        });
        picture.save(folder.join(format!("{:04}.png", frame + 1))).unwrap();
    }
}

/// Renders a run and compares every stage.
fn check(name: &str) {
    let file = golden(&format!("runs/{name}.safetensors"));
    let bytes = std::fs::read(&file).unwrap();
    let run = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let want = open(&file);
    let about: serde_json::Value = serde_json::from_str(&want.metadata()["about"]).unwrap();
    let shapes = shapes();
    let folder = tempfile::tempdir().unwrap();
    let at = |part: &str| -> PathBuf { folder.path().join(part) };
    write_pictures(&run, "frames.input", &at("clip"));

    let mut set: BTreeMap<String, String> = BTreeMap::new();
    let mut choose = |name: &str, path: PathBuf| {
        set.insert(name.to_owned(), path.display().to_string());
        path
    };
    let weights = |part: &str, prefix: &str, becomes: &str| -> Vec<(String, Tensor)> {
        let list = shapes[part].iter();
        list.map(|(name, shape)| (name.replacen(prefix, becomes, 1), seeded::tensor(name, shape))).collect()
    };
    write(&choose("checkpoint", at("checkpoint.safetensors")), weights("checkpoint", "", ""));
    match about["version"].as_str() {
        Some(version) => {
            let path = choose("motionModule", at("motion.safetensors"));
            write_motion(&path, version, &shapes["motion"]);
        }
        None => drop(choose("motionModule", "none".into())),
    }
    let controls = about["controls"].as_u64().unwrap();
    if controls > 0 {
        let path = choose("controlNet1Model", at("control1.safetensors"));
        write(&path, weights("control1", "", ""));
    }
    if controls > 1 {
        // Without a prefix, as in some published files.
        let path = choose("controlNet2Model", at("control2.safetensors"));
        write(&path, weights("control2", "second.", ""));
    }
    let from_pictures = about["source"].as_bool().unwrap();
    if !from_pictures {
        choose("latentsFile", file.clone());
    }
    let diagnostics = choose("diagnosticsFile", at("stages.safetensors"));
    for (name, value) in
        [("workingSize", "0"), ("segmentFrames", "0"), ("inputColour", "display"), ("cacheSize", "0")]
    {
        set.insert(name.into(), value.into());
    }

    let mut command = std::process::Command::new(tool());
    command.arg("render").arg(at("clip")).arg("-o").arg(at("out").join("%04d.png"));
    command.arg("--bundle").arg(support::bundle());
    command.args(about["arguments"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()));
    command.args(set.iter().map(|(name, value)| format!("--set={name}={value}")));
    if controls > 0 {
        write_pictures(&run, "hint.1", &at("hint"));
        command.arg("--clip").arg(format!("Hint={}", at("hint").display()));
    }
    fine(&command.output().unwrap());

    let got = open(diagnostics);
    // The limits are those of the reference workflow's own runs.
    let limits = [
        ("sigmas.unsample", 2e-6),
        ("sigmas.resample", 2e-6),
        ("text.positive", 2e-5),
        ("latents.source", if from_pictures { 3e-5 } else { 0.0 }),
        ("latents.unsampled", 3e-4),
        ("latents.resampled", 3e-4),
        ("frames.styled", 1e-3),
    ];
    for (stage, limit) in limits {
        if want.shape(stage).is_some() {
            assert_close(&format!("{name} {stage}"), &tensor(&got, stage), &tensor(&want, stage), limit);
        }
    }
}

/// Static windows; two ControlNets, one on both passes with weights by frame and an end, one on the second pass only;
/// the VAE in both directions.
#[test]
fn static_windows_with_two_controlnets() {
    check("static");
}

/// Uniform windows with norms across frames, a second-order solver, prompts of several chunks and with weights,
/// guidance and motion scale by frame.
#[test]
fn uniform_windows_with_v1() {
    check("uniform");
}

/// Windows that wrap around the clip's ends, a solver with two evaluations per step, a motion module at half
/// strength, a ControlNet on the unsampling pass.
#[test]
fn looped_windows_with_heun() {
    check("looped");
}

/// Windows merged by distance from their middle, different schedules for the two passes, a denoise below 1.
#[test]
fn relative_fuse_with_denoise() {
    check("relative");
}

/// Windows of every second frame; the betas of SDXL.
#[test]
fn strided_windows() {
    check("strided");
}

/// Adjacent windows, the last one shorter; different numbers of steps.
#[test]
fn batched_windows() {
    check("batched");
}

/// Every frame on its own, from images to images, with a clip skip.
#[test]
fn pictures_without_a_motion_module() {
    check("pictures");
}
