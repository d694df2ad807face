//! The plugin in the project's own host, which shares no code with the plugin's crate.

use testing::plugin as support;

use support::{distance, fine, pixels, render, said, tool, write_alpha_clip, write_clip};

/// A clip, a cache folder and a place for results.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(frames: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_clip(&folder.path().join("clip"), frames);
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn try_render(&self, name: &str, more: &[&str]) -> std::process::Output {
        render(&self.path("clip"), &self.path(name), &self.path("cache"), more)
    }

    fn render(&self, name: &str, more: &[&str]) -> (String, Vec<Vec<u16>>) {
        let text = fine(&self.try_render(name, more));
        (text, pixels(&self.path(name)))
    }
}

#[test]
fn a_clip_comes_back_restyled_and_of_its_own_size() {
    let place = Place::new(4);
    let (_, styled) = place.render("styled", &[]);
    let source = pixels(&place.path("clip"));
    assert_eq!(styled.len(), 4);
    for (a, b) in source.iter().zip(&styled) {
        assert!(distance(a, b) > 0.01, "nothing happened");
    }
    let (_, other) = place.render("other", &["--set", "prompt=neon"]);
    assert!(distance(&styled[1], &other[1]) > 0.002, "the prompt has no effect");
}

#[test]
fn any_order_any_split_and_any_process_give_the_same_pixels() {
    let place = Place::new(5);
    let common = ["--set", "segmentFrames=4", "--set", "cacheSize=0"];
    let render = |name: &str, more: &[&str]| place.render(name, &[&common, more].concat()).1;
    let want = render("forward", &[]);
    for (name, more) in [
        ("backward", &["--order", "backward"][..]),
        ("shuffled", &["--order", "shuffled", "--threads", "3"][..]),
        ("announced each", &["--sequence", "each"][..]),
        ("held", &["--outside", "hold"][..]),
    ] {
        assert!(render(name, more) == want, "{name}: other pixels");
    }
    for frame in 1..=5usize {
        let range = format!("{frame}-{frame}");
        let one = render(&format!("only {frame}"), &["--frames", &range]);
        assert!(one[0] == want[frame - 1], "frame {frame} on its own: other pixels");
    }
}

#[test]
fn other_frame_numbers_do_not_matter() {
    let place = Place::new(3);
    let (_, want) = place.render("from 1", &[]);
    for first in ["-7", "0", "1001", "86400"] {
        let (_, got) = place.render(&format!("from {first}"), &["--first-frame", first]);
        assert!(got == want, "from {first}");
    }
}

#[test]
fn depths_layouts_and_places_in_memory() {
    let place = Place::new(3);
    let frames = ["--frames", "2-2"];
    let render = |name: &str, more: &[&str]| place.render(name, &[&frames, more].concat()).1.remove(0);
    let want = render("plain", &[]);
    for (name, more) in [
        ("rgb", &["--components", "rgb"][..]),
        ("negative rows", &["--row-bytes", "negative"][..]),
        ("padded rows", &["--row-bytes", "padded"][..]),
        ("offset bounds", &["--origin=-13,7"][..]),
        ("filter", &["--context", "filter"][..]),
        ("general", &["--context", "general"][..]),
        ("no progress", &["--no-suite", "OfxProgressSuite"][..]),
        ("no messages", &["--no-suite", "OfxMessageSuite"][..]),
        ("no threads", &["--no-suite", "OfxMultiThreadSuite"][..]),
    ] {
        assert!(render(name, more) == want, "{name}: other pixels");
    }
    // Fewer bits change the input by rounding, and the result by not much more.
    for (depth, limit) in [("half", 0.002), ("short", 0.001), ("byte", 0.01)] {
        let off = distance(&render(depth, &["--depth", depth]), &want);
        assert!(off < limit, "{depth}: off by {off}");
    }
}

#[test]
fn alpha_stays_and_premultiplied_pictures_look_the_same() {
    let place = Place::new(1);
    write_alpha_clip(&place.path("alpha"), 2);
    let render = |name: &str, more: &[&str]| {
        fine(&render(&place.path("alpha"), &place.path(name), &place.path("cache"), more));
        pixels(&place.path(name)).remove(1)
    };
    let plain = render("plain", &[]);
    let multiplied = render("premultiplied", &["--premultiplied"]);
    let source = pixels(&place.path("alpha")).remove(1);
    let alpha = |p: &[u16]| p.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
    assert!(alpha(&plain) == alpha(&source));
    // Hidden pixels are the source's own, which a premultiplied clip does not have.
    let seen = |p: &[u16]| p.chunks(4).filter(|pixel| pixel[3] > 0).flatten().copied().collect::<Vec<_>>();
    let far = distance(&seen(&plain), &seen(&multiplied));
    assert!(far < 0.01, "{far}");
}

#[test]
fn another_prompt_does_not_unsample_again_nor_does_a_restart() {
    let place = Place::new(3);
    let (first, _) = place.render("first", &[]);
    assert!(first.contains("unsampled computed"), "{first}");
    let (second, _) = place.render("second", &["--set", "prompt=neon"]);
    assert!(second.contains("unsampled from disk") && second.contains("resampled computed"), "{second}");
    let (third, _) = place.render("third", &[]);
    assert!(third.contains("resampled from disk") && !third.contains("unsampled computed"), "{third}");
    let (closer, _) = place.render("closer", &["--set", "unsampleCfg=2"]);
    assert!(closer.contains("latents from disk") && closer.contains("unsampled computed"), "{closer}");
}

#[test]
fn a_reconstruction_tells_its_ratios() {
    let place = Place::new(2);
    let (log, _) = place.render("reconstruction", &["--set", "view=reconstruction", "--print", "status"]);
    let status =
        log.lines().find(|l| l.starts_with("frames ")).unwrap_or_else(|| panic!("no status in {log}"));
    assert!(status.contains("reconstruction") && status.contains("VAE round trip"), "{status}");
}

#[test]
fn source_mix_and_bypass_give_the_source_bit_for_bit() {
    let place = Place::new(2);
    let source = pixels(&place.path("clip"));
    for set in ["view=source", "mix=0", "bypass=true"] {
        let (log, got) = place.render(set, &["--set", set]);
        assert!(got == source, "{set}");
        assert!(!log.contains("computed"), "{set}: {log}");
    }
    let (_, half) = place.render("half", &["--set", "mix=0.5"]);
    let (_, whole) = place.render("whole", &[]);
    let (a, b) = (distance(&half[0], &source[0]), distance(&whole[0], &source[0]));
    assert!((a - b / 2.0).abs() < 0.01, "{a} {b}");
}

#[test]
fn keyframes_and_schedule_text_change_frames_over_time() {
    let place = Place::new(4);
    let (_, plain) = place.render("plain", &["--set", "mix=1"]);
    let (_, faded) = place.render("faded", &["--key", "mix@1=0", "--key", "mix@4=1"]);
    let source = pixels(&place.path("clip"));
    assert!(faded[0] == source[0] && faded[3] == plain[3] && faded[1] != source[1] && faded[1] != plain[1]);
    let (_, travelled) = place.render("travelled", &["--set", "prompt=1: neon\n4: a pencil sketch"]);
    assert!(travelled != plain);
    let (_, cfg) = place.render("cfg", &["--key", "cfg@1=1", "--key", "cfg@4=6"]);
    assert!(cfg != plain);
}

#[test]
fn a_host_without_other_frames_gets_each_on_its_own_and_says_so_once() {
    let place = Place::new(3);
    let (log, styled) = place.render("alone", &["--no-temporal"]);
    assert_eq!(log.matches("only the current frame").count(), 1, "{log}");
    assert_eq!(styled.len(), 3);
    // The same frame as a separate clip, in image mode.
    std::fs::create_dir_all(place.path("single")).unwrap();
    std::fs::copy(place.path("clip").join("0002.png"), place.path("single").join("0001.png")).unwrap();
    let output = render(
        &place.path("single"),
        &place.path("one"),
        &place.path("cache"),
        &["--set", "motionModule=none"],
    );
    fine(&output);
    assert!(pixels(&place.path("one"))[0] == styled[1]);
}

#[test]
fn a_bad_model_is_one_sentence_and_exit_status_1() {
    let place = Place::new(1);
    let file = place.path("broken.safetensors");
    std::fs::write(&file, [0x42; 100]).unwrap();
    let output = place.try_render("none", &["--set", &format!("checkpoint={}", file.display())]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("broken.safetensors"), "{}", said(&output));
    let output = place.try_render("none", &["--set", "nosuch=1"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn exactly_the_two_symbols_of_openfx_are_exported() {
    let output = std::process::Command::new(tool())
        .arg("doctor")
        .arg("--bundle")
        .arg(support::bundle())
        .output()
        .unwrap();
    let text = said(&output);
    assert!(text.contains("ok  exports the two OpenFX symbols and nothing else"), "{text}");
    assert!(text.contains("ok  loads and describes itself"), "{text}");
}

#[test]
fn the_bundle_needs_no_library_of_a_graphics_card() {
    let binary = std::fs::read_dir(support::bundle().join("Contents")).unwrap().flatten();
    let binary = binary.map(|e| e.path().join("Unsample.ofx")).find(|p| p.exists()).unwrap();
    let bytes = std::fs::read(binary).unwrap();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    assert!(!has(b"libcuda.so") && !has(b"libcublas"));
}

#[test]
fn several_processes_share_a_cache_folder() {
    let place = Place::new(3);
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let place = &place;
        let runs: Vec<_> =
            (0..3).map(|i| scope.spawn(move || place.try_render(&format!("run {i}"), &[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for output in &outputs {
        fine(output);
    }
    let first = pixels(&place.path("run 0"));
    assert!(pixels(&place.path("run 1")) == first && pixels(&place.path("run 2")) == first);
}

#[test]
fn a_smaller_render_scale_renders_a_smaller_picture() {
    let place = Place::new(2);
    let (_, half) = place.render("half", &["--scale", "0.5"]);
    assert_eq!(half[0].len(), 20 * 16 * 4);
}

#[test]
fn bench_tells_the_cost_of_every_part() {
    let bench = |more: &[&str]| {
        let output = std::process::Command::new(tool())
            .args(["bench", "--frames", "2", "--size", "40x32", "--set", "steps=1", "--bundle"])
            .arg(support::bundle())
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&bench(&["--json"])).unwrap();
    assert_eq!(json["clip"], serde_json::json!({ "width": 40, "height": 32, "frames": 2 }));
    let parts = json["costs"]["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["weights", "latents", "text", "unsampled", "resampled", "decoded", "steadied"]);
    let seconds: f64 = parts.iter().map(|part| part["seconds"].as_f64().unwrap()).sum();
    assert!(seconds > 0.0 && seconds <= json["seconds"].as_f64().unwrap());
    assert_eq!(parts[5]["count"], 2, "every frame is decoded once");
    if cfg!(target_os = "linux") {
        assert!(parts.iter().all(|part| part["peak"].as_u64().unwrap() > 1 << 20));
    }
    let table = bench(&[]);
    assert!(table.starts_with("2 frames of 40x32, on the processor in f32\npart "), "{table}");
}
