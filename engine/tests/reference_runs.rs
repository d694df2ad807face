//! The full-size networks against runs of the reference workflow.
//!
//! The runs and their seeded weights are too large for the repository. If `../shared/reference/runs` and the files of
//! its README exist (in `../models` or in the models folder), this compares stage by stage with the limits that the
//! README gives; otherwise it reports that it was skipped.

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use testing::networks as support;

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use engine::nn::{ClipText, MotionControls, MotionModule, UNet, Vae, tokenizer};
use engine::weights::{TensorFile, View};
use support::{assert_close, model, open, shared, source, tensor};

const CHECKPOINT: &str = "sd15_ldm_checkpoint.s1.f32.safetensors";
const SCALE: f64 = 0.18215;

/// Locked by every test: two networks of this size at once would exceed the memory of a small machine.
static ALONE: Mutex<()> = Mutex::new(());

/// Opens the run and finds the model files.
#[track_caller]
fn find(run: &str, files: &[&str]) -> (TensorFile, Vec<std::path::PathBuf>) {
    let run_file = shared(&format!("reference/runs/{run}.safetensors"));
    let run_file = run_file.unwrap_or_else(|| panic!("the run {run} is not on this machine"));
    let there = |file: &&str| model(file).unwrap_or_else(|| panic!("{file} is in no models folder"));
    (TensorFile::open(run_file).unwrap(), files.iter().map(there).collect())
}

fn settings(run: &TensorFile) -> serde_json::Value {
    serde_json::from_str(&run.metadata()["settings"]).unwrap()
}

#[test]
#[ignore = "needs example runs of the reference and weights of gigabytes, which are not in the repository"]
fn text_and_vae() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, files) = find("E1", &[CHECKPOINT]);
    let checkpoint = open(&files[0]);
    let clip = ClipText::load(&source(View::text(checkpoint.clone())), DType::F32, &Device::Cpu).unwrap();
    for name in ["E1", "E1d", "E2", "E3"] {
        let (run, _) = find(name, &[]);
        let prompts = settings(&run)["prompts"].clone();
        let pairs = [
            ("text.positive", "positive"),
            ("text.negative", "negative"),
            ("text.unsample.positive", "unsample_positive"),
            ("text.unsample.negative", "unsample_negative"),
        ];
        for (stored, prompt) in pairs {
            let tokens = tokenizer::tokenize(prompts[prompt].as_str().unwrap()).unwrap();
            let got = clip.encode(&tokens, 0).unwrap();
            assert_close(&format!("{name} {stored}"), &got, &tensor(&run, stored), 2e-5);
        }
    }
    drop(clip);

    let vae = Vae::load(&source(View::vae(checkpoint)), DType::F32, &Device::Cpu).unwrap();
    let pictures = (tensor(&first, "frames.input") * 2.0).and_then(|x| x - 1.0).unwrap();
    let latents = (vae.encode(&pictures).unwrap() * SCALE).unwrap();
    assert_close("E1 latents.source", &latents, &tensor(&first, "latents.source"), 3e-5);
    let latents = (tensor(&first, "latents.resampled") / SCALE).unwrap();
    let styled =
        ((vae.decode(&latents).unwrap() + 1.0).unwrap() / 2.0).and_then(|x| x.clamp(0.0, 1.0)).unwrap();
    assert_close("E1 frames.styled", &styled, &tensor(&first, "frames.styled"), 2e-4);
}

#[test]
#[ignore = "needs example runs of the reference and weights of gigabytes, which are not in the repository"]
fn one_evaluation_with_v2_and_all_its_blocks() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const MOTION: &str = "animatediff_mm_sd_v15_v2.s1.f32.safetensors";
    let (run, files) = find("E1d", &[CHECKPOINT, MOTION]);
    let unet = UNet::load(&source(View::unet(open(&files[0]))), DType::F32, &Device::Cpu).unwrap();
    let motion =
        MotionModule::load(&source(View::motion(open(&files[1]))), DType::F32, &Device::Cpu).unwrap();
    let controls = MotionControls::default();

    let mut worst = 0f64;
    let mut compared = 0;
    let mut probe = |path: &str, got: &Tensor| {
        let name = format!("diffusion_model.{path}");
        if run.shape(&name).is_none() {
            return;
        }
        let want = tensor(&run, &name);
        let got = if path == "time_embed" { got.broadcast_as(want.dims()).unwrap() } else { got.clone() };
        let (rms, largest) = support::deviation(&got, &want);
        println!("{name:44} relative rms {rms:.2e}  max/max {largest:.2e}");
        worst = worst.max(rms);
        compared += 1;
    };
    let eps = unet
        .forward_probed(
            &tensor(&run, "in.x"),
            0.0,
            &tensor(&run, "in.context"),
            4,
            Some((&motion, &controls)),
            &mut probe,
        )
        .unwrap();
    assert!(worst < 2e-5, "worst block: {worst:.2e}");
    assert_eq!(compared, 35, "blocks that the run has and the probe showed");
    assert_close("out.eps", &eps, &tensor(&run, "out.eps"), 2e-5);

    // The unconditional and conditional branches in one batch, at another timestep.
    let x = tensor(&run, "resample.call.0.x");
    let timestep = tensor(&run, "resample.call.0.timestep").to_vec1::<f32>().unwrap()[0];
    let texts = [tensor(&run, "text.negative"), tensor(&run, "text.positive")];
    let context = Tensor::cat(&texts, 0).unwrap();
    let eps = unet.forward(&x, timestep, &context, 4, Some((&motion, &controls))).unwrap();
    let want = tensor(&run, "resample.call.0.eps");
    assert_close("resample.call.0.eps", &eps, &want, 2e-5);
}

/// The complete run E3 (v1: group norms across frames) with Euler steps on eps, unsampling and resampling.
#[test]
#[ignore = "needs example runs of the reference and weights of gigabytes, which are not in the repository"]
fn unsampling_and_resampling_with_v1() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    const MOTION: &str = "animatediff_mm_sd_v15.s1.f32.safetensors";
    let (run, files) = find("E3", &[CHECKPOINT, MOTION]);
    let unet = UNet::load(&source(View::unet(open(&files[0]))), DType::F32, &Device::Cpu).unwrap();
    let motion =
        MotionModule::load(&source(View::motion(open(&files[1]))), DType::F32, &Device::Cpu).unwrap();
    assert!(motion.across_frames_norm());
    let info: serde_json::Value = serde_json::from_str(&run.metadata()["info"]).unwrap();
    let frames = tensor(&run, "latents.source").dim(0).unwrap();

    let eps = |x: &Tensor, sigma: f64, timestep: f32, text: &str| {
        let x = (x / (sigma * sigma + 1.0).sqrt()).unwrap();
        let motion = Some((&motion, &MotionControls::default()));
        unet.forward(&x, timestep, &tensor(&run, text), frames, motion).unwrap()
    };
    let walk = |pass: &str, texts: [&str; 2], cfg: f64, from: &str| {
        let sigmas = tensor(&run, &format!("sigmas.{pass}")).to_vec1::<f32>().unwrap();
        let mut x = tensor(&run, from);
        for (index, pair) in sigmas.windows(2).enumerate() {
            let timestep = info[format!("timesteps_{pass}")][index].as_f64().unwrap() as f32;
            let [sigma, next] = [f64::from(pair[0]), f64::from(pair[1])];
            let mut guided = eps(&x, sigma, timestep, texts[0]);
            if cfg != 1.0 {
                let uncond = eps(&x, sigma, timestep, texts[1]);
                guided = (&uncond + ((guided - &uncond).unwrap() * cfg).unwrap()).unwrap();
            }
            x = (x + (guided * (next - sigma)).unwrap()).unwrap();
        }
        x
    };
    let up = walk("unsample", ["text.unsample.positive", "text.unsample.negative"], 1.0, "latents.source");
    assert_close("E3 latents.unsampled", &up, &tensor(&run, "latents.unsampled"), 3e-4);
    let down = walk("resample", ["text.positive", "text.negative"], 3.0, "latents.unsampled");
    assert_close("E3 latents.resampled", &down, &tensor(&run, "latents.resampled"), 3e-4);
}
