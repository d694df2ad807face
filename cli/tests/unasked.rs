//! What the plugin chose or found by itself is information: it is in the read-outs, and never a warning.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests convert small numbers")]

use testing::plugin as support;
use testing::weights;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{bundle, fine, scene, tool, write_clip};
use weights::{built_in, changed};

/// A folder with a clip, a models folder and a checkpoint outside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("models")).unwrap();
        std::fs::copy(built_in("pocket.safetensors"), place.path("ink.safetensors")).unwrap();
        write_clip(&place.path("clip"), 2);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Renders a clip; standard output has the read-outs, standard error the messages to the host.
    fn render(&self, clip: &str, set: &[(&str, &Path)]) -> Output {
        let mut command = Command::new(tool());
        command.env("UNSAMPLE_MODELS", self.path("models")).env("XDG_DATA_HOME", self.path("no data"));
        command.arg("render").arg(self.path(clip)).arg("-o").arg(self.path("out/%04d.png"));
        command.arg("--overwrite").arg("--bundle").arg(bundle());
        command.args(["--print", "status", "--print", "modelStatus"]);
        let cache = self.path("cache");
        let common = [("cacheFolder", &*cache), ("workingSize", Path::new("32")), ("steps", Path::new("1"))];
        for (name, value) in common.iter().chain(set) {
            command.arg("--set").arg(format!("{name}={}", value.display()));
        }
        command.output().unwrap()
    }
}

fn streams(output: &Output) -> (String, String) {
    fine(output);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_motion_module_that_is_taken_by_itself_is_named_in_the_read_outs() {
    let place = Place::new();
    let checkpoint = place.path("ink.safetensors");
    let copy = |name: &str| {
        let path = place.path("models").join(name);
        std::fs::copy(built_in("pocket_motion.safetensors"), &path).unwrap();
        path
    };
    let one = copy("a.safetensors");
    let render = || streams(&place.render("clip", &[("checkpoint", &checkpoint)]));
    let said =
        |path: &Path| format!("motionModule is empty, so the motion module {} was taken", path.display());
    let (read_outs, told) = render();
    // Both of them, and at the end: there is nothing else to report.
    let lines: Vec<&str> = read_outs.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.ends_with(&said(&one))), "{read_outs}");
    assert!(!told.contains("motion module"), "{told}");
    let two = copy("b.safetensors");
    let (read_outs, _) = render();
    let want = format!("{}, one of 2 for a small model in the models folders", said(&two));
    assert_eq!(read_outs.matches(&want).count(), 2, "{read_outs}");
    // A motion module that the user has chosen is not mentioned.
    let chosen = place.render("clip", &[("checkpoint", &checkpoint), ("motionModule", &one)]);
    assert!(!streams(&chosen).0.contains("motionModule is empty"));
}

#[test]
fn a_damaged_motion_module_that_was_taken_by_itself_says_how_it_came_to_be_taken() {
    let place = Place::new();
    let checkpoint = place.path("ink.safetensors");
    let how = "was taken from the models folder because motionModule is empty";
    let layer = "down_blocks.0.motion_modules.0.temporal_transformer";
    // One fault is found when the file is opened, the other when its values are read.
    for (tensor, value) in [("norm.weight", 0.0), ("proj_in.bias", f32::NAN)] {
        let name = "pocket_motion.safetensors";
        let path = changed(&place.path("models"), name, &format!("{layer}.{tensor}"), |values| {
            values.fill(value);
        });
        let failed = place.render("clip", &[("checkpoint", &checkpoint)]);
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(!failed.status.success() && said.contains(name) && said.contains(how), "{said}");
        let failed = place.render("clip", &[("checkpoint", &checkpoint), ("motionModule", &path)]);
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(!failed.status.success() && said.contains(name) && !said.contains(how), "{said}");
    }
}

#[test]
fn a_motion_module_that_cannot_be_read_is_named_where_one_is_looked_for() {
    let place = Place::new();
    let checkpoint = place.path("ink.safetensors");
    let whole = std::fs::read(built_in("pocket_motion.safetensors")).unwrap();
    std::fs::write(place.path("models/mm_v3.safetensors"), &whole[..whole.len() / 2]).unwrap();
    // Another unreadable file is not taken for a motion module.
    std::fs::write(place.path("models/a.safetensors"), "no weights").unwrap();
    let render = || streams(&place.render("clip", &[("checkpoint", &checkpoint)]));
    let (read_outs, told) = render();
    for text in [&read_outs, &told] {
        let said = "the models folder has none for ink.safetensors that can be read (";
        let why = text.split_once(said).map(|(_, why)| why).unwrap_or_default();
        assert!(why.contains("mm_v3.safetensors") && why.contains("every frame is restyled"), "{text}");
        assert!(!text.contains("a.safetensors:") && !text.contains("models/a.safe"), "{text}");
    }
    std::fs::write(place.path("models/b.safetensors"), &whole).unwrap();
    let (read_outs, told) = render();
    let (_, why) =
        read_outs.split_once("models/b.safetensors was taken; another one there cannot be read: ").unwrap();
    assert!(why.contains("mm_v3.safetensors") && !told.contains("mm_v3"), "{read_outs}{told}");
}

#[test]
fn cuts_that_were_found_are_in_the_status_and_are_no_warning() {
    let place = Place::new();
    let other =
        |x: u32, _: u32, frame: u32| [0.9, if (x / 6 + frame).is_multiple_of(2) { 0.6 } else { 0.3 }, 0.1];
    std::fs::create_dir(place.path("shots")).unwrap();
    for number in 1..=15u32 {
        let picture = image::RgbImage::from_fn(40, 32, |x, y| {
            let show = if (6..=10).contains(&number) { other(x, y, number) } else { scene(x, y, number) };
            image::Rgb(show.map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8))
        });
        picture.save(place.path("shots").join(format!("{number:04}.png"))).unwrap();
    }
    let (read_outs, told) = streams(&place.render("shots", &[("segmentFrames", Path::new("8"))]));
    // In one sentence, whichever frames were rendered last.
    assert!(read_outs.contains("; cuts were found at frames 6, 11 of the clip"), "{read_outs}");
    assert!(!told.contains("cut"), "{told}");
}
