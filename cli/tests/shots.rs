//! Clips of several shots through the host: every shot is restyled as a separate clip.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "tests convert small numbers"
)]

use testing::plugin as support;

use std::path::{Path, PathBuf};
use std::process::Output;

use image::{ImageBuffer, Rgb};
use support::{fine, pixels, render, said, scene};

/// Content that differs from [`scene`]: stripes that move the other way.
fn stripes(x: u32, y: u32, frame: u32) -> [f32; 3] {
    let bright = ((x + 2 * frame) / 6).is_multiple_of(2);
    [0.15, if bright { 0.5 } else { 0.2 }, 0.75 - y as f32 / 90.0]
}

/// A shot: its content and its number of frames.
type Shot = (fn(u32, u32, u32) -> [f32; 3], u32);

/// Writes the shots one after the other, numbered from 1.
fn write(folder: &Path, shots: &[Shot]) {
    std::fs::create_dir_all(folder).unwrap();
    let frames = shots.iter().flat_map(|(show, count)| (1..=*count).map(move |frame| (show, frame)));
    for (number, (show, frame)) in frames.enumerate() {
        let picture: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_fn(40, 32, |x, y| {
            Rgb(show(x, y, frame).map(|v| (v.clamp(0.0, 1.0) * 65535.0) as u16))
        });
        picture.save(folder.join(format!("{:04}.png", number + 1))).unwrap();
    }
}

/// A clip of two shots, `first` and `second` frames long, and each shot alone.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(first: u32, second: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("both"), &[(scene, first), (stripes, second)]);
        write(&at("one"), &[(scene, first)]);
        write(&at("two"), &[(stripes, second)]);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn try_render(&self, clip: &str, name: &str, more: &[&str]) -> Output {
        render(&self.path(clip), &self.path(name), &self.path("cache"), more)
    }

    fn render(&self, clip: &str, name: &str, more: &[&str]) -> (String, Vec<Vec<u16>>) {
        let text = fine(&self.try_render(clip, name, more));
        (text, pixels(&self.path(name)))
    }
}

#[test]
fn two_shots_in_a_clip_are_as_two_clips() {
    let place = Place::new(5, 6);
    let apart = [place.render("one", "1", &[]).1, place.render("two", "2", &[]).1].concat();
    let (text, found) = place.render("both", "auto", &["--set", "cacheSize=0"]);
    assert!(text.contains("a cut was found at frame 6 of the clip"), "{text}");
    assert!(found == apart, "shots differ from clips");
    // The cut is reported in the clip's frame numbers, whatever the host's are.
    let (text, _) = place.render("both", "moved", &["--first-frame", "1001", "--frames", "1006-1006"]);
    assert!(text.contains("a cut was found at frame 6 of the clip"), "{text}");

    let (text, listed) = place.render("both", "list", &["--set", "cuts=list", "--set", "cutFrames=6"]);
    assert!(listed == apart && !text.contains("(found)"), "{text}");
    let (text, off) = place.render("both", "off", &["--set", "cuts=off"]);
    assert!(!text.contains("a cut at"), "{text}");
    // Without steadying, too: then only the motion module could mix frames across the cut.
    let bare = |name: &str, cuts: &str| {
        place.render("both", name, &["--set", "steadyFrames=0", "--set", &format!("cuts={cuts}")]).1
    };
    let (bare_off, bare_auto) = (bare("bare off", "off"), bare("bare auto", "auto"));
    for frame in [4, 5] {
        assert!(off[frame] != apart[frame], "frame {}: nothing of the other shot", frame + 1);
        assert!(bare_off[frame] != bare_auto[frame], "frame {}: nothing of the other shot", frame + 1);
    }
}

#[test]
fn a_clip_without_cuts_is_as_it_was() {
    let place = Place::new(6, 1);
    let (_, off) = place.render("one", "off", &["--set", "cuts=off"]);
    let (text, auto) = place.render("one", "auto", &[]);
    assert!(auto == off);
    assert!(text.contains("resampled from disk") && !text.contains("computed in 0.0 s, resampled"), "{text}");
    assert!(!text.contains("a cut at"), "{text}");
}

#[test]
fn any_order_and_any_process_cut_alike() {
    let place = Place::new(9, 8);
    // Segments of eight frames that overlap by two or more: a segment ends in either shot.
    let common = ["--set", "segmentFrames=8", "--set", "cacheSize=0", "--set", "steadyFrames=2"];
    let render = |name: &str, more: &[&str]| place.render("both", name, &[&common, more].concat()).1;
    let want = render("forward", &[]);
    for (name, more) in [
        ("backward", &["--order", "backward"][..]),
        ("shuffled", &["--order", "shuffled", "--threads", "3"][..]),
        ("fresh", &["--fresh-instances"][..]),
        ("announced each", &["--sequence", "each"][..]),
        ("moved", &["--first-frame", "-7"][..]),
        ("listed", &["--set", "cuts=list", "--set", "cutFrames=10"][..]),
    ] {
        assert!(render(name, more) == want, "{name}: other pixels");
    }
    for frame in [1, 7, 9, 10, 12, 17usize] {
        let one = render(&format!("only {frame}"), &["--frames", &format!("{frame}-{frame}")]);
        assert!(one[0] == want[frame - 1], "frame {frame} on its own: other pixels");
    }
}

#[test]
fn the_frame_step_begins_anew_with_a_shot() {
    let place = Place::new(5, 4);
    let step = ["--set", "frameStep=2"];
    let (_, both) = place.render("both", "both step", &step);
    let apart = [place.render("one", "one step", &step).1, place.render("two", "two step", &step).1].concat();
    assert!(both == apart);
    assert!(both[5] == both[6] && both[4] != both[5]);
}

#[test]
fn shots_of_one_frame_and_lists_that_miss() {
    let place = Place::new(5, 1);
    let list = |name: &str, frames: &str| {
        place.render("one", name, &["--set", "cuts=list", "--set", &format!("cutFrames={frames}")])
    };
    let (_, three) = list("single", "3, 4");
    let (_, alone) = {
        std::fs::create_dir_all(place.path("third")).unwrap();
        std::fs::copy(place.path("one/0003.png"), place.path("third/0001.png")).unwrap();
        place.render("third", "third out", &[])
    };
    assert!(three[2] == alone[0], "a shot of one frame");

    let whole = place.render("one", "whole", &["--set", "cuts=off"]).1;
    let (text, miss) = list("miss", "99");
    assert!(miss == whole && text.contains("cutFrames touches no frame of the clip"), "{text}");
    let (text, empty) = list("empty", "");
    assert!(empty == whole && text.contains("cutFrames is empty"), "{text}");
    let (text, unused) = place.render("one", "unused", &["--set", "cutFrames=3"]);
    assert!(unused == whole && text.contains("cutFrames is not used"), "{text}");
    let bad = place.try_render("one", "bad", &["--set", "cuts=list", "--set", "cutFrames=3, later"]);
    assert!(!bad.status.success() && said(&bad).contains("cutFrames has `later`"), "{}", said(&bad));
}

#[test]
fn every_shot_is_analysed() {
    let place = Place::new(5, 6);
    place.render("both", "analysed", &["--press", "analyse", "--frames", "1-1"]);
    let (text, _) = place.render("both", "later", &["--frames", "8-8"]);
    assert!(text.contains("unsampled from disk"), "{text}");
}
