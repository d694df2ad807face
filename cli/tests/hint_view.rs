//! Hints through a host: the preprocessors as parameters, their networks in the models folder, and caching.

use testing::networks;
use testing::plugin;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use candle_core::{Device, Tensor};
use engine::nn::ModelError;
use engine::nn::hints::{Detector, Preprocessor};
use engine::weights::View;
use networks::{assert_close, golden, open, source, tensor};
use plugin::{bundle, fine, pixels, said, tool, write_clip};

const FRAMES: u32 = 3;

/// A folder with a clip, a home folder without models, and a cache.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_clip(&folder.path().join("clip"), FRAMES);
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(tool());
        for variable in ["XDG_DATA_HOME", "HOME", "LOCALAPPDATA"] {
            command.env(variable, self.path("home"));
        }
        command
    }

    fn models(&self) -> PathBuf {
        let output = self.command().args(["models", "dir"]).output().unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    }

    /// Copies the weights of a golden file into the models folder.
    fn install(&self, golden_name: &str, name: &str) {
        let file = open(golden(&format!("hints/{golden_name}.safetensors")));
        let view = View::below(file.clone(), "weights.");
        let tensors: HashMap<String, Tensor> =
            (view.names()).map(|name| (name.to_owned(), tensor(&file, &format!("weights.{name}")))).collect();
        std::fs::create_dir_all(self.models().join("deep")).unwrap();
        candle_core::safetensors::save(&tensors, self.models().join("deep").join(name)).unwrap();
    }

    fn render(&self, to: &str, preprocessor: &str, more: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("render").arg(self.path("clip")).arg("-o").arg(self.path(to).join("%04d.png"));
        command.arg("--overwrite").arg("--bundle").arg(bundle()).args([
            "--set",
            "view=hint",
            "--set",
            "workingSize=0",
            "-v",
        ]);
        command.args(["--set", &format!("controlNet1Preprocessor={preprocessor}")]);
        command.args(["--set", &format!("cacheFolder={}", self.path("cache").display())]);
        command.args(more).output().unwrap()
    }

    /// The images of a folder as a tensor.
    fn pictures(&self, name: &str) -> Tensor {
        let frames = pixels(&self.path(name));
        let values: Vec<f32> = frames.iter().flatten().map(|value| f32::from(*value) / 65535.0).collect();
        let all = Tensor::from_vec(values, (frames.len(), 32, 40, 4), &Device::Cpu).unwrap();
        all.narrow(3, 0, 3).unwrap().permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()
    }
}

fn detect(detector: &Detector, pictures: &Tensor) -> Tensor {
    detector.detect(pictures, |_| Ok::<_, ModelError>(())).unwrap()
}

#[test]
fn hints_without_a_network() {
    let place = Place::new();
    for name in ["canny", "tile", "luminance"] {
        let text = fine(&place.render(name, name, &[]));
        let note = "there is no ControlNet whose hint could be shown; the frame is shown as controlNet1Preprocessor makes it";
        assert!(text.contains(note), "{text}");
        let detector = Detector::plain(name.parse().unwrap(), &Device::Cpu).unwrap();
        let want = detect(&detector, &place.pictures("clip"));
        assert_close(name, &place.pictures(name), &want, 1e-3);
    }
}

#[test]
fn a_network_is_found_by_what_it_is_and_its_hint_kept() {
    let place = Place::new();
    let output = place.render("none", "lineart", &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    for part in ["lineart needs its network: put sk_model.pth", "models pull lineart"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.contains(&place.models().display().to_string()), "{text}");

    place.install("soft_edge", "lineart.safetensors");
    assert!(!place.render("none", "lineart", &[]).status.success(), "a name alone makes no network");
    place.install("lineart", "something.safetensors");
    let text = fine(&place.render("drawn", "lineart", &[]));
    assert!(text.contains("hint computed in"), "{text}");
    let file = open(golden("hints/lineart.safetensors"));
    let weights = source(View::below(file, "weights."));
    let detector = Detector::load(Preprocessor::Lineart, &weights, &Device::Cpu).unwrap();
    let want = detect(&detector, &place.pictures("clip"));
    assert_close("lineart", &place.pictures("drawn"), &want, 1e-3);

    // Another process finds it in the cache, one with another clip as Hint does not.
    let text = fine(&place.render("again", "lineart", &[]));
    assert!(text.contains("hint from disk") && !text.contains("hint computed"), "{text}");
    assert_close("from the cache", &place.pictures("again"), &want, 1e-3);
    let clip = format!("Hint={}", place.path("none").display());
    write_clip(&place.path("none"), FRAMES + 1);
    std::fs::remove_file(place.path("none/0001.png")).unwrap();
    let text = fine(&place.render("other", "lineart", &["--clip", &clip]));
    assert!(text.contains("hint computed in"), "{text}");
}
