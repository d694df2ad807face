//! The made-up family end to end: from a clip to a styled clip, through the plugin, with an engine that registers the family.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use candle_core::{Device, Tensor, safetensors};
use made_up::{CHANNELS, TEXT};
use testing::plugin::{bundle, bundle_with, distance, fine, pixels, said, tool, write_clip};

/// Number of frames of the test clip: the last latent covers one frame instead of four.
const FRAMES: u32 = 10;
/// Size of the test clip in latents, rows and columns: its width is not a multiple of 16.
const ROWS: usize = 2;
const COLUMNS: usize = 3;
/// Size of the test clip in pixels.
const WIDTH: usize = 40;
const HEIGHT: usize = 32;

/// Values between -1 and 1 from a linear congruential generator.
fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn random(seed: u64, rows: usize, columns: usize, scale: f64) -> Tensor {
    let x = Tensor::from_vec(values(seed, rows * columns), (rows, columns), &Device::Cpu).unwrap();
    (x * scale).unwrap()
}

/// A Householder reflection: a matrix whose transpose is its inverse.
fn reflection(seed: u64, size: usize) -> Tensor {
    let v = random(seed, size, 1, 1.0);
    let square = v.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    let outer = (v.matmul(&v.t().unwrap()).unwrap() * (2.0 / f64::from(square))).unwrap();
    (Tensor::eye(size, candle_core::DType::F32, &Device::Cpu).unwrap() - outer).unwrap()
}

/// A clip, a checkpoint with network and autoencoder, a text encoder in a separate file, and two bundles.
struct Stage {
    folder: tempfile::TempDir,
    bundle: PathBuf,
}

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn save(&self, name: &str, tensors: Vec<(&str, Tensor)>) {
        let tensors: HashMap<String, Tensor> =
            tensors.into_iter().map(|(name, x)| (format!("zoetrope.{name}"), x)).collect();
        safetensors::save(&tensors, self.path(name)).unwrap();
    }

    fn get() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let bundle = bundle_with(Path::new(env!("CARGO_BIN_EXE_made-up-engine")), folder.path());
            let stage = Self { folder, bundle };
            write_clip(&stage.path("clip"), FRAMES);
            stage.save(
                "network.safetensors",
                vec![
                    ("transformer.in", random(1, CHANNELS, CHANNELS, 0.5)),
                    ("transformer.query", random(2, CHANNELS, CHANNELS, 0.5)),
                    ("transformer.key", random(3, CHANNELS, CHANNELS, 0.5)),
                    ("transformer.text", random(4, TEXT, CHANNELS, 1.5)),
                    ("transformer.out", random(5, CHANNELS, CHANNELS, 0.5)),
                    ("codec.mix", reflection(6, CHANNELS)),
                ],
            );
            stage.save("letters.safetensors", vec![("letters.table", random(7, 256, TEXT, 1.0))]);
            stage
        })
    }

    fn command(&self, bundle: &Path, output: &str, more: &[&str]) -> Output {
        let set = |name: &str, value: String| ["--set".to_owned(), format!("{name}={value}")];
        Command::new(tool())
            .arg("render")
            .arg(self.path("clip"))
            .arg("-o")
            .arg(self.path(output).join("%04d.png"))
            .arg("--overwrite")
            .arg("--bundle")
            .arg(bundle)
            .args(set("checkpoint", self.path("network.safetensors").display().to_string()))
            .args(set("cacheFolder", self.path(&format!("{output}-cache")).display().to_string()))
            .args(["--set", "workingSize=0", "--set", "steps=12", "--set", "steadyFrames=0", "-v"])
            .args(more)
            .output()
            .unwrap()
    }

    /// Renders with the text encoder, and returns the output and the pictures.
    fn render(&self, output: &str, more: &[&str]) -> (String, Vec<Vec<u16>>) {
        let text = format!("textEncoder={}", self.path("letters.safetensors").display());
        let more: Vec<&str> = ["--set", &text].into_iter().chain(more.iter().copied()).collect();
        let said = fine(&self.command(&self.bundle, output, &more));
        (said, pixels(&self.path(output)))
    }

    /// Renders, and returns the error message.
    fn refused(&self, more: &[&str]) -> String {
        let text = format!("textEncoder={}", self.path("letters.safetensors").display());
        let more: Vec<&str> = ["--set", &text].into_iter().chain(more.iter().copied()).collect();
        let output = self.command(&self.bundle, "refused", &more);
        assert!(!output.status.success(), "{}", said(&output));
        said(&output)
    }
}

/// The first frame of the latent that covers a frame, both from 0.
fn first_of(frame: usize) -> usize {
    if frame == 0 { 0 } else { 1 + (frame - 1) / 4 * 4 }
}

/// The clip as the autoencoder reproduces it: the mean of each field of 8 by 8 pixels over the frames of a latent.
fn coded(clip: &[Vec<u16>]) -> Vec<Vec<u16>> {
    let field = |frame: usize, x: usize, y: usize, channel: usize| {
        let first = first_of(frame);
        let frames: Vec<usize> = if first == 0 { vec![0] } else { (first..first + 4).collect() };
        let mut sum = 0.0;
        for &frame in &frames {
            let picture = &clip[frame.min(clip.len() - 1)];
            for (dx, dy) in (0..8).flat_map(|dx| (0..8).map(move |dy| (dx, dy))) {
                let at = (y / 8 * 8 + dy) * WIDTH + x / 8 * 8 + dx;
                sum += f64::from(picture[4 * at + channel]);
            }
        }
        (sum / (64 * frames.len()) as f64).round() as u16
    };
    let picture = |frame: usize| {
        let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        pixels
            .flat_map(|(x, y)| {
                [field(frame, x, y, 0), field(frame, x, y, 1), field(frame, x, y, 2), u16::MAX]
            })
            .collect()
    };
    (0..clip.len()).map(picture).collect()
}

#[test]
fn unsampling_and_resampling_with_one_prompt_is_what_the_codec_keeps_of_the_clip() {
    let stage = Stage::get();
    let heun = ["--set", "unsampleSampler=heun", "--set", "sampler=heun", "--set", "steps=24"];
    let more: Vec<&str> = ["--set", "view=reconstruction"].into_iter().chain(heun).collect();
    let (said, got) = stage.render("same", &more);
    assert!(
        said.contains("there is no Align Your Steps table for Zoetrope, so the scheduler simple is used"),
        "{said}"
    );
    let want = coded(&pixels(&stage.path("clip")));
    assert_eq!(got.len(), FRAMES as usize);
    for (frame, (got, want)) in got.iter().zip(&want).enumerate() {
        let apart = distance(got, want);
        assert!(apart < 4e-3, "frame {frame} is {apart} from what the codec keeps");
    }
    // The first frame has a latent of its own, and the next four share one.
    assert_eq!(got[1], got[4]);
    assert!(distance(&got[0], &got[1]) > 1e-3 && distance(&got[4], &got[5]) > 1e-3);
}

#[test]
fn a_prompt_restyles_and_every_frame_is_the_same_alone() {
    let stage = Stage::get();
    let (_, day) = stage.render("day", &["--set", "prompt=day", "--set", "cfg=2"]);
    let (_, night) = stage.render("night", &["--set", "prompt=a long and starry night", "--set", "cfg=2"]);
    let plain = coded(&pixels(&stage.path("clip")));
    for ((day, night), plain) in day.iter().zip(&night).zip(&plain) {
        let apart = [distance(day, night), distance(day, plain), distance(night, plain)];
        assert!(apart.iter().all(|apart| *apart > 0.01), "{apart:?}");
    }
    let (_, alone) = stage.render("alone", &["--set", "prompt=day", "--set", "cfg=2", "--frames", "7-7"]);
    assert_eq!(alone, [day[6].clone()]);
}

#[test]
fn a_prompt_schedule_counts_frames_and_changes_with_the_latents() {
    let stage = Stage::get();
    let set = ["--set", "cfg=1", "--set", "unsamplePromptMode=blank"];
    let with = |output, prompt: &'static str| {
        let prompt = format!("prompt={prompt}");
        let more: Vec<&str> = set.into_iter().chain(["--set", &prompt]).collect();
        stage.render(output, &more).1
    };
    let day = with("all-day", "day");
    let both = with("day-and-night", "1: day\n6: day\n7: a long and starry night");
    // Frame 7 is in the latent that starts with frame 6, for which the prompt is still day: the change appears in the
    // next latent. Since frames attend to each other across time, the others change slightly, too.
    let change: Vec<f64> = day.iter().zip(&both).map(|(day, both)| distance(day, both)).collect();
    assert!(change[9] > 0.01, "{change:?}");
    assert!(change[..9].iter().all(|other| *other < 0.7 * change[9]), "{change:?}");
}

#[test]
fn the_diagnostics_have_the_latents_of_the_family() {
    let stage = Stage::get();
    let file = stage.path("diagnostics.safetensors");
    let set = format!("diagnosticsFile={}", file.display());
    stage.render("diagnosed", &["--set", &set, "--set", "prompt=day"]);
    let tensors = safetensors::load(&file, &Device::Cpu).unwrap();
    for name in ["latents.source", "latents.unsampled", "latents.resampled"] {
        assert_eq!(tensors[name].dims(), [4, CHANNELS, ROWS, COLUMNS], "{name}");
    }
    assert_eq!(tensors["frames.styled"].dims(), [FRAMES as usize, 3, HEIGHT, WIDTH]);
    assert_eq!(tensors["text.positive"].dims(), [1, 16, TEXT]);
    let sigmas: Vec<f32> = tensors["sigmas.unsample"].to_vec1().unwrap();
    assert_eq!(sigmas.len(), 13);
    assert!(sigmas.windows(2).all(|pair| pair[0] < pair[1]) && sigmas[12] <= 1.0, "{sigmas:?}");
    // Its own latents instead of the codec's give the same clip.
    let set = format!("latentsFile={}", file.display());
    let (_, given) = stage.render("given", &["--set", &set, "--set", "prompt=day"]);
    assert_eq!(given, pixels(&stage.path("diagnosed")));
}

#[test]
fn windows_and_overlaps_count_latents_in_time() {
    let stage = Stage::get();
    let windows = ["--set", "contextLength=5", "--set", "contextOverlap=4", "--set", "prompt=day"];
    let (_, cut) = stage.render("windows", &windows);
    let (_, whole) = stage.render("no-windows", &["--set", "prompt=day"]);
    let apart: Vec<f64> = cut.iter().zip(&whole).map(|(cut, whole)| distance(cut, whole)).collect();
    // Attention within two of the four latents differs, but the result is nearly the same.
    assert!(apart.iter().any(|apart| *apart > 0.0) && apart.iter().all(|apart| *apart < 0.05), "{apart:?}");
}

#[test]
fn what_the_family_does_not_take_is_a_sentence() {
    let stage = Stage::get();
    let models = stage.bundle.join("Contents/Resources/models");
    let file = |name: &str| models.join(name).display().to_string();
    let lacks = said(&stage.command(&stage.bundle, "lacks", &[]));
    assert!(
        lacks.contains("network.safetensors has no text encoder (letters); choose a file or checkpoint with it as textEncoder"),
        "{lacks}"
    );
    let module = stage.refused(&["--set", &format!("motionModule={}", file("pocket_motion.safetensors"))]);
    assert!(module.contains("Zoetrope checkpoints take no motion modules"), "{module}");
    let control =
        stage.refused(&["--set", &format!("controlNet1Model={}", file("pocket_lines.safetensors"))]);
    assert!(control.contains("Zoetrope checkpoints take no ControlNets"), "{control}");
    let vae = stage.refused(&["--set", &format!("vae={}", file("pocket.safetensors"))]);
    assert!(vae.contains("choose a VAE made for this checkpoint"), "{vae}");
    let skip = stage.refused(&["--set", "clipSkip=2"]);
    assert!(skip.contains("letters have no layers that clipSkip could skip"), "{skip}");
    let (betas, _) = stage.render("betas", &["--set", "betaSchedule=linear", "--set", "motionScale=1.2"]);
    assert!(betas.contains("betaSchedule has no effect"), "{betas}");
    assert!(betas.contains("motionScale and motionEffect have no effect"), "{betas}");
}

#[test]
fn an_engine_that_does_not_know_the_family_says_so() {
    let output = Stage::get().command(bundle(), "unknown", &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("not a model that Unsample knows"), "{}", said(&output));
}
