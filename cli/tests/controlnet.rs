//! ControlNet through the plugin and a host: a ControlNet for the built-in model, built from its encoder and
//! projections that are not zero.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests convert small numbers")]

use testing::networks;
use testing::plugin as support;
use testing::seeded;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use networks::{assert_close, open, tensor};
use support::{distance, fine, pixels, render, said, write_clip};

/// Writes a ControlNet for the built-in model in the layout of an LDM file; `prefix` as in that layout.
fn write_control(path: &Path, prefix: &str, strength: f64) {
    let checkpoint = open(testing::root().join("bundle/models/pocket.safetensors"));
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let mut put = |name: String, value: Tensor| tensors.insert(format!("{prefix}{name}"), value);
    let mut widths = Vec::new();
    for name in checkpoint.names() {
        let Some(inner) = name.strip_prefix("model.diffusion_model.") else { continue };
        if ["input_blocks.", "middle_block.", "time_embed."].iter().any(|part| inner.starts_with(part)) {
            put(inner.to_owned(), tensor(&checkpoint, name));
        }
    }
    for index in 0.. {
        let at = |part: &str| format!("model.diffusion_model.input_blocks.{index}.{part}.bias");
        let parts = ["0", "0.op", "0.out_layers.3"];
        match parts.iter().find_map(|part| checkpoint.shape(&at(part))) {
            Some(shape) => widths.push(shape[0]),
            None => break,
        }
    }
    let mut convolution = |name: &str, shape: [usize; 4], scale: f64| {
        for (leaf, shape) in [("weight", &shape[..]), ("bias", &shape[..1])] {
            let name = format!("{name}.{leaf}");
            put(name.clone(), (seeded::tensor(&name, shape) * scale).unwrap());
        }
    };
    for (index, &width) in widths.iter().enumerate() {
        convolution(&format!("zero_convs.{index}.0"), [width, width, 1, 1], strength);
    }
    let last = *widths.last().unwrap();
    convolution("middle_block_out.0", [last, last, 1, 1], strength);
    let hint = [3, 8, 8, 12, 12, 16, 16, 24, widths[0]];
    for (index, pair) in hint.windows(2).enumerate() {
        convolution(&format!("input_hint_block.{}", 2 * index), [pair[1], pair[0], 3, 3], 2.0);
    }
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// A clip, another one for hints, a ControlNet and a cache folder.
struct Place {
    folder: tempfile::TempDir,
    control: String,
}

const FRAMES: u32 = 3;

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.safetensors");
        write_control(&path, "control_model.", 0.3);
        write_clip(&folder.path().join("clip"), FRAMES);
        let hints = folder.path().join("hints");
        std::fs::create_dir_all(&hints).unwrap();
        for frame in 1..=FRAMES {
            let picture = image::RgbImage::from_fn(40, 32, |x, y| {
                image::Rgb(if (x + 5 * frame) % 16 < 8 && y > 10 { [255, 255, 255] } else { [0, 20, 40] })
            });
            picture.save(hints.join(format!("{frame:04}.png"))).unwrap();
        }
        Self { control: format!("controlNet1Model={}", path.display()), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hint(&self) -> String {
        format!("Hint={}", self.path("hints").display())
    }

    /// Renders; returns the messages and the images.
    fn render(&self, name: &str, more: &[&str]) -> (String, Vec<Vec<u16>>) {
        let output = render(&self.path("clip"), &self.path(name), &self.path("cache"), more);
        (fine(&output), pixels(&self.path(name)))
    }

    fn controlled(&self, name: &str, more: &[&str]) -> (String, Vec<Vec<u16>>) {
        self.render(name, &[&["--set", &self.control], more].concat())
    }
}

/// The stages that were computed, according to the messages of a render.
fn computed(said: &str) -> Vec<&str> {
    let stages = ["latents", "unsampled", "resampled"];
    stages.into_iter().filter(|stage| said.contains(&format!("{stage} computed"))).collect()
}

#[test]
fn it_steers_and_each_setting_reruns_what_it_touches() {
    let place = Place::new();
    let (_, plain) = place.render("plain", &[]);
    let (said, steered) = place.controlled("steered", &[]);
    assert!(distance(&plain[1], &steered[1]) > 0.01, "it does nothing");
    assert_eq!(computed(&said), ["resampled"], "the default is the resampling pass");

    // Settings without effect find the plain result in the cache.
    for (name, more) in [
        ("weight 0", &["--set", "controlNet1Weight=0"][..]),
        ("empty range", &["--set", "controlNet1Start=0.5", "--set", "controlNet1End=0.5"]),
    ] {
        let (said, got) = place.controlled(name, more);
        assert!(got == plain, "{name}: other pixels");
        assert_eq!(computed(&said), [""; 0], "{name}: {said}");
    }
    let (said, both) = place.controlled("both", &["--set", "controlNet1Apply=both"]);
    assert_eq!(computed(&said), ["unsampled", "resampled"]);
    let (said, upwards) = place.controlled("unsample", &["--set", "controlNet1Apply=unsample"]);
    assert_eq!(computed(&said), ["resampled"], "the unsampled latents are those of both");
    assert!(distance(&both[1], &upwards[1]) > 0.002);

    // Two at half the weight equal one at full weight.
    let second = place.control.replace("Net1", "Net3");
    let half = ["--set", &second, "--set", "controlNet1Weight=0.5", "--set", "controlNet3Weight=0.5"];
    let (_, halves) = place.controlled("halves", &half);
    assert!(distance(&steered[1], &halves[1]) < 1e-4);
}

#[test]
fn weights_take_keyframes_and_the_range_is_one_of_noise_levels() {
    let place = Place::new();
    let tensors = |name: &str, more: &[&str]| {
        let file = place.path(&format!("{name}.safetensors"));
        let to = format!("diagnosticsFile={}", file.display());
        place.controlled(name, &[&["--set", &to, "--set", "motionModule=none"], more].concat());
        let file = open(file);
        ["latents.unsampled", "latents.resampled"].map(|name| tensor(&file, name))
    };
    // Without a motion module frames do not influence each other.
    let [_, full] = tensors("full", &[]);
    let [_, none] = tensors("none", &["--set", "controlNet1Weight=0"]);
    let [_, keyed] = tensors("keyed", &["--key", "controlNet1Weight@1=0", "--key", "controlNet1Weight@3=1"]);
    let frame = |x: &Tensor, index: usize| x.narrow(0, index, 1).unwrap();
    assert_close("a weight of 0 at the first frame", &frame(&keyed, 0), &frame(&none, 0), 1e-5);
    assert_close("and of 1 at the last", &frame(&keyed, 2), &frame(&full, 2), 1e-5);
    assert!(networks::deviation(&frame(&keyed, 1), &frame(&full, 1)).0 > 1e-3);
    assert!(networks::deviation(&frame(&keyed, 1), &frame(&none, 1)).0 > 1e-3);

    // Two steps with Align Your Steps: noise levels 14.6 and 1.4 down, 0.0001 and 1.4 up. The first third of the
    // timesteps (sigma above 3) is the first step down, and nothing on the way up.
    let early =
        ["--set", "controlNet1End=0.33", "--set", "controlNet1Apply=both", "--set", "betaSchedule=linear"];
    let [up, down] = tensors("early", &early);
    let [up_none, down_none] =
        tensors("early none", &["--set", "controlNet1Weight=0", "--set", "betaSchedule=linear"]);
    assert_close("nothing on the way up", &up, &up_none, 0.0);
    assert!(networks::deviation(&down, &down_none).0 > 1e-3);
    let late = [
        "--set",
        "controlNet1Start=0.33",
        "--set",
        "controlNet1Apply=unsample",
        "--set",
        "betaSchedule=linear",
    ];
    let [up, _] = tensors("late", &late);
    assert!(networks::deviation(&up, &up_none).0 > 1e-3);
}

#[test]
fn hints_come_from_their_own_clip_where_there_is_one() {
    let place = Place::new();
    let (_, from_source) = place.controlled("source", &[]);
    let clip = ["--clip", &place.hint()];
    let file = place.path("stages.safetensors");
    let to = format!("diagnosticsFile={}", file.display());
    let (said, from_clip) = place.controlled("own clip", &[&clip[..], &["--set", &to]].concat());
    assert_eq!(computed(&said), ["resampled"]);
    assert!(distance(&from_source[1], &from_clip[1]) > 0.001, "the hint has no effect");
    let hint = tensor(&open(&file), "hint.1");
    assert_eq!(hint.dims(), [FRAMES as usize, 3, 32, 40]);
    let first = hint.narrow(0, 0, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!([first[0], first[32 * 40], first[11 * 40 + 15]], [0.0, 20.0 / 255.0, 1.0]);

    // Rendered alone, by a host that begins with it, a frame has the same hints.
    let one = place.controlled("one", &[&clip[..], &["--frames", "2-2", "--set", "cacheSize=0"]].concat()).1;
    assert!(one[0] == from_clip[1], "off by {}", distance(&one[0], &from_clip[1]));

    let (_, view) = place.render("view", &[&clip[..], &["--set", "view=hint"]].concat());
    assert_eq!(view.len(), FRAMES as usize);
    for (shown, hint) in view.iter().zip(pixels(&place.path("hints"))) {
        assert!(distance(shown, &hint) < 1e-4, "the view is not the hint");
    }
    let (_, view) = place.render("view source", &["--set", "view=hint"]);
    assert!(distance(&view[0], &pixels(&place.path("clip"))[0]) < 1e-4);
}

#[test]
fn a_hint_of_another_size_and_length_covers_the_working_picture() {
    let place = Place::new();
    let folder = place.path("large");
    std::fs::create_dir_all(&folder).unwrap();
    // 120 x 64: the central 80 x 64 from every second pixel; two frames for three.
    for frame in 1..=2u32 {
        let picture = image::RgbImage::from_fn(120, 64, |x, y| image::Rgb([x as u8, y as u8, frame as u8]));
        picture.save(folder.join(format!("{frame:04}.png"))).unwrap();
    }
    let file = place.path("stages.safetensors");
    let clip = format!("Hint={}", folder.display());
    let to = format!("diagnosticsFile={}", file.display());
    let (said, _) = place.controlled("covered", &["--clip", &clip, "--set", &to]);
    assert!(
        said.contains("the clip Hint has 2 of the clip's 3 frames; for the others its nearest frame is used"),
        "{said}"
    );
    let (said, _) = place.render("idle", &["--clip", &clip]);
    assert!(said.contains("the clip Hint has no effect without a ControlNet"), "{said}");
    let hint = tensor(&open(&file), "hint.1");
    assert_eq!(hint.dims(), [FRAMES as usize, 3, 32, 40]);
    let at = |frame: usize, channel: usize, y: usize, x: usize| {
        let row = hint.get(frame).unwrap().get(channel).unwrap().get(y).unwrap();
        (row.to_vec1::<f32>().unwrap()[x] * 255.0).round() as u8
    };
    assert_eq!([at(0, 0, 0, 0), at(0, 0, 0, 39), at(0, 1, 0, 0), at(0, 1, 31, 0)], [21, 99, 1, 63]);
    assert_eq!([at(0, 2, 0, 0), at(1, 2, 0, 0), at(2, 2, 0, 0)], [1, 2, 2], "the last frame is repeated");
}

#[test]
fn a_picture_that_cannot_be_decoded_ends_the_render_in_source_and_hint() {
    let place = Place::new();
    let hint = place.hint();
    for (folder, more) in [("hints", &["--set", &place.control, "--clip", &hint][..]), ("clip", &[])] {
        let path = place.path(folder).join("0002.png");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let output = render(&place.path("clip"), &place.path("out"), &place.path("cache"), more);
        assert_eq!(output.status.code(), Some(1), "{folder}: {}", said(&output));
        assert!(said(&output).contains("0002.png"), "{folder}: {}", said(&output));
    }
}

#[test]
fn the_built_in_one_is_there_by_its_name() {
    let place = Place::new();
    let (_, plain) = place.render("plain", &[]);
    let hint = place.hint();
    let lines = |model| ["--set", model, "--set", "controlNet1Preprocessor=canny", "--clip", &hint];
    let (said, steered) = place.render("steered", &lines("controlNet1Model=pocket_lines"));
    assert_eq!(computed(&said), ["resampled"], "{said}");
    assert!(distance(&plain[1], &steered[1]) > 0.002, "it does nothing");
    let (said, same) = place.render("same", &lines("controlNet1Model=pocket_lines.safetensors"));
    assert_eq!(computed(&said), [""; 0], "{said}");
    assert!(same == steered);
}

#[test]
fn what_is_no_controlnet_for_this_model_is_refused() {
    let place = Place::new();
    let sentence = |name: &str, file: &Path| {
        let set = format!("controlNet2Model={}", file.display());
        let output = render(&place.path("clip"), &place.path(name), &place.path("cache"), &["--set", &set]);
        assert!(!output.status.success());
        said(&output)
    };
    let checkpoint = testing::root().join("bundle/models/pocket.safetensors");
    let text = sentence("checkpoint", &checkpoint);
    assert!(text.contains("pocket.safetensors is a small") && text.contains("ControlNet"), "{text}");
    let text = sentence("missing", &place.path("no such file.safetensors"));
    assert!(text.contains("no such file.safetensors"), "{text}");

    // A file of the right kind with a tensor of the wrong shape.
    let broken = place.path("broken.safetensors");
    write_control(&broken, "", 0.3);
    let mut tensors = candle_core::safetensors::load(&broken, &Device::Cpu).unwrap();
    tensors.insert(
        "zero_convs.1.0.weight".into(),
        Tensor::zeros((8, 32, 1, 1), DType::F32, &Device::Cpu).unwrap(),
    );
    candle_core::safetensors::save(&tensors, &broken).unwrap();
    let text = sentence("broken", &broken);
    assert!(text.contains("`zero_convs.1.0.weight` has the shape [8, 32, 1, 1]"), "{text}");
}

/// The diffusers name of a tensor of the encoder or the middle block; the built-in model has two residual blocks per
/// level.
fn diffusers(name: &str) -> String {
    let mut parts = name.splitn(4, '.');
    let (block, rest) = (parts.next().unwrap(), parts.collect::<Vec<_>>());
    let place = |number: usize, child: &str| match (number.checked_sub(1).map(|n| (n / 3, n % 3)), child) {
        (None, _) => "conv_in".into(),
        (Some((level, 2)), _) => format!("down_blocks.{level}.downsamplers.0.conv"),
        (Some((level, index)), "0") => format!("down_blocks.{level}.resnets.{index}"),
        (Some((level, index)), _) => format!("down_blocks.{level}.attentions.{index}"),
    };
    let (place, leaf) = match (block, &rest[..]) {
        ("time_embed", [layer, leaf]) => {
            (format!("time_embedding.linear_{}", 1 + layer.parse::<usize>().unwrap() / 2), (*leaf).to_owned())
        }
        ("input_blocks", [number, child, leaf]) => {
            (place(number.parse().unwrap(), child), (*leaf).to_owned())
        }
        ("middle_block", [child, leaf @ ..]) => {
            let part = ["resnets.0", "attentions.0", "resnets.1"][child.parse::<usize>().unwrap()];
            (format!("mid_block.{part}"), leaf.join("."))
        }
        ("zero_convs", [number, _, leaf]) => (format!("controlnet_down_blocks.{number}"), (*leaf).to_owned()),
        ("middle_block_out", [_, leaf]) => ("controlnet_mid_block".into(), (*leaf).to_owned()),
        _ => panic!("{name}"),
    };
    let leaf = leaf.strip_prefix("op.").unwrap_or(&leaf).to_owned();
    let mut name = format!("{place}.{leaf}");
    if place.contains("resnets") {
        for (ours, theirs) in [
            ("in_layers.0", "norm1"),
            ("in_layers.2", "conv1"),
            ("emb_layers.1", "time_emb_proj"),
            ("out_layers.0", "norm2"),
            ("out_layers.3", "conv2"),
            ("skip_connection", "conv_shortcut"),
        ] {
            name = name.replace(ours, theirs);
        }
    }
    name
}

/// Writes a SparseCtrl for the built-in model, with the first of the two attentions of its motion module.
fn write_sparse(path: &Path, latents: bool) {
    write_control(path, "", 0.3);
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for (name, value) in candle_core::safetensors::load(path, &Device::Cpu).unwrap() {
        if !name.starts_with("input_hint_block.") {
            tensors.insert(diffusers(&name), value);
        }
    }
    let [width, channels, ..] = tensors["conv_in.weight"].dims() else { panic!("a convolution") };
    let layers: Vec<(String, [usize; 2])> = if latents {
        vec![("".into(), [*width, channels + 1])]
    } else {
        let widths = [4, 8, 8, 12, 12, 16, 16, 24, *width];
        let part = |index: usize| match index {
            0 => ".conv_in".into(),
            7 => ".conv_out".into(),
            _ => format!(".blocks.{}", index - 1),
        };
        widths.windows(2).enumerate().map(|(index, pair)| (part(index), [pair[1], pair[0]])).collect()
    };
    for (layer, [rows, columns]) in layers {
        for (leaf, shape) in [("weight", &[rows, columns, 3, 3][..]), ("bias", &[rows][..])] {
            let name = format!("controlnet_cond_embedding{layer}.{leaf}");
            tensors.insert(name.clone(), (seeded::tensor(&name, shape) * 2.0).unwrap());
        }
    }
    let motion = open(testing::root().join("bundle/models/pocket_motion.safetensors"));
    for name in motion.names() {
        let second = name.contains("attention_blocks.1.") || name.contains("norms.1.");
        if name.starts_with("down_blocks.") && !second {
            tensors.insert(name.to_owned(), tensor(&motion, name));
        }
    }
    candle_core::safetensors::save(&tensors, path).unwrap();
}

#[test]
fn a_sparse_control_is_shown_some_frames_and_makes_up_the_others() {
    let mut place = Place::new();
    let path = place.path("sparse.safetensors");
    place.control = format!("controlNet1Model={}", path.display());
    let clip = ["--clip".to_owned(), place.hint()];
    let (_, plain) = place.render("plain", &[]);
    for latents in [false, true] {
        write_sparse(&path, latents);
        let run = |name: &str, more: &[&str]| {
            let more = [&[clip[0].as_str(), clip[1].as_str()], more].concat();
            place.controlled(&format!("{name} {latents}"), &more)
        };
        let (said, first) = run("first", &["--set", "controlNet1Frames=1"]);
        assert_eq!(computed(&said), ["resampled"]);
        assert_eq!(said.contains("encoded hint computed"), latents, "{said}");
        let (_, last) = run("last", &["--set", "controlNet1Frames=3"]);
        let (_, all) = run("all", &[]);
        for (name, other) in [("steered", &plain), ("shown the last", &last), ("shown all", &all)] {
            for frame in 0..FRAMES as usize {
                let moved = distance(&first[frame], &other[frame]);
                assert!(moved > 1e-4, "{name}, latents {latents}, frame {frame}: {moved}");
            }
        }
        let (said, again) = run("again", &["--set", "controlNet1Frames=1-1"]);
        assert_eq!(computed(&said), [""; 0]);
        assert!(again == first);
    }
    let set = ["--set", &place.control, "--set", "controlNet1Frames=1, two"];
    let output = render(&place.path("clip"), &place.path("out"), &place.path("cache"), &set);
    assert!(!output.status.success());
    let text = said(&output);
    assert!(text.contains("controlNet1Frames has `two`"), "{text}");
}

#[test]
fn a_controlnet_has_no_effect_where_its_hint_does_not_count() {
    let place = Place::new();
    let latents = |name: &str, more: &[&str]| {
        let file = place.path(&format!("{name}.safetensors"));
        let to = format!("diagnosticsFile={}", file.display());
        place.controlled(name, &[&["--set", &to, "--set", "motionModule=none"], more].concat());
        tensor(&open(file), "latents.resampled")
    };
    let none = latents("none", &["--set", "controlNet1Weight=0"]);
    let full = latents("full", &[]);
    let some = latents("some", &["--set", "controlNet1Frames=2-3"]);
    let frames = |x: &Tensor, from: usize, count: usize| x.narrow(0, from, count).unwrap();
    assert_close("not the first", &frames(&some, 0, 1), &frames(&none, 0, 1), 1e-5);
    assert_close("the others", &frames(&some, 1, 2), &frames(&full, 1, 2), 1e-5);
}
