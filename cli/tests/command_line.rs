//! The program itself: its exit status, its output, and the plugin as the build produces it.

#![allow(clippy::cast_possible_truncation, reason = "tests convert small numbers")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn unsample(arguments: &[&str]) -> Output {
    Command::new(testing::plugin::tool()).args(arguments).output().expect("the program was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The plugin's library. Cargo puts it in one of two places; an old copy in the other must not be used.
fn library() -> PathBuf {
    let name = format!("{}unsample{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let beside = testing::plugin::tool().with_file_name(&name);
    let deps = beside.with_file_name("deps").join(&name);
    let newest = [beside, deps]
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max();
    newest.expect("cargo built the library").1
}

fn frames(folder: &Path, count: u32) {
    for number in 1..=count {
        let picture =
            image::RgbImage::from_fn(16, 12, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, number as u8]));
        picture.save(folder.join(format!("{number:04}.png"))).expect("the folder is writable");
    }
}

#[test]
fn wrong_arguments_are_status_2_and_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    frames(folder.path(), 2);
    let input = folder.path().to_str().expect("UTF-8");
    let output = folder.path().join("out");
    let output = output.to_str().expect("UTF-8");
    let library = library();
    let library = library.to_str().expect("UTF-8");
    let cases: &[(&[&str], &str)] = &[
        (&["render", "/no/such/clip", "-o", output, "--bundle", library], "/no/such/clip does not exist"),
        (&["render", input, "-o", output, "--bundle", "/no/such.ofx.bundle"], "there is no bundle"),
        (&["render", input, "-o", output, "--bundle", library, "--set", "promt=x"], "did you mean prompt"),
        (
            &["render", input, "-o", output, "--bundle", library, "--set", "sampler=oiler"],
            "sampler has no option",
        ),
        (
            &["render", input, "-o", output, "--bundle", library, "--set", "seed=3000000000"],
            "seed takes a whole number from 0 to 2147483647",
        ),
        (
            &["render", input, "-o", output, "--bundle", library, "--set", "steps=many"],
            "steps takes a whole number",
        ),
        (&["render", input, "-o", output, "--bundle", library, "--set", "prompt"], "NAME=VALUE"),
        (&["render", input, "-o", output, "--bundle", library, "--frames", "2-9"], "the clip has 1 to 2"),
        (&["render", input, "-o", output, "--bundle", library, "--clip", "Mask=x.png"], "does not exist"),
        (&["render", input, "-o", output, "--bundle", library, "--no-suite", "Foo"], "there is no suite Foo"),
        (&["render", input, "-o", "out.xyz", "--bundle", library], "do not know how to write"),
        (&["render", input, "-o", "o.jpg", "--bundle", library], "it is one picture"),
        (&["render", input, "-o", "o_%03d_%d.png", "--bundle", library], "several places"),
        (&["render", input, "-o", "o_%4d.png", "--bundle", library], "%4d is not how"),
        (&["render", input, "-o", "nodir/x.gif", "--bundle", library], "its folder does not exist"),
        (&["render", input, "-o", ".png", "--bundle", library], "an ending without a name"),
        (&["render", input], "--output"),
        (&["sigmas", "--schedule", "carras", "--steps", "3"], "no scheduler named"),
        (&["models", "inspect", "/no/such.safetensors"], "does not exist"),
    ];
    for (arguments, sentence) in cases {
        let result = unsample(arguments);
        let stderr = text(&result.stderr);
        assert_eq!(result.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(sentence), "{arguments:?}: {stderr}");
        assert!(!Path::new(output).exists());
    }
}

#[test]
fn the_source_view_passes_through_the_plugin_unchanged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).expect("writable");
    frames(&input, 3);
    let library = library();
    let arguments = [&input, Path::new("-o"), &output, Path::new("--bundle"), &library]
        .map(|p| p.to_str().expect("UTF-8"));
    let result =
        unsample(&[&["render"], &arguments[..], &["--set", "view=source", "--frames", "2-3"]].concat());
    assert_eq!(result.status.code(), Some(0), "{}", text(&result.stderr));
    assert!(text(&result.stderr).contains("2 frames in ") && !text(&result.stderr).contains("keyframes"));
    assert!(!output.join("0001.png").exists());
    for name in ["0002.png", "0003.png"] {
        let read = |folder: &Path| image::open(folder.join(name)).expect("a picture").into_rgb8();
        assert_eq!(read(&input), read(&output), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn keyframes_beside_the_clip_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).expect("writable");
    frames(&input, 2);
    let library = library();
    let arguments = [&input, Path::new("-o"), &output, Path::new("--bundle"), &library]
        .map(|p| p.to_str().expect("UTF-8"));
    let more = [
        "--set",
        "view=source",
        "--first-frame",
        "1001",
        "--key",
        "mix@1=0",
        "--key",
        "mix@1002=1",
        "--key",
        "cfg@3=2",
    ];
    let result = unsample(&[&["render"], &arguments[..], &more].concat());
    let said = text(&result.stderr);
    assert_eq!(result.status.code(), Some(0), "{said}");
    let note = "note: the clip has the frames 1001 to 1002, and keyframes lie outside of them: mix@1, cfg@3";
    assert!(said.lines().any(|line| line == note), "{said}");
}

#[test]
fn an_output_may_be_pasted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("in");
    std::fs::create_dir(&input).expect("writable");
    frames(&input, 1);
    let (input, place) = (input.to_str().expect("UTF-8"), folder.path().to_str().expect("UTF-8"));
    let library = library();
    let library = library.to_str().expect("UTF-8");
    for (written, name) in [
        (format!("'{place}/a.png'"), "a.png"),
        (format!("{place}/b.png "), "b.png"),
        (format!("file://{place}/c%20d.png"), "c d.png"),
        (format!(r"'{place}/it'\''s.png'"), "it's.png"),
    ] {
        let result =
            unsample(&["render", input, "-o", &written, "--bundle", library, "--set", "view=source"]);
        assert_eq!(result.status.code(), Some(0), "{written}: {}", text(&result.stderr));
        assert!(folder.path().join(name).is_file(), "{written}");
    }
}

#[test]
fn params_list_what_the_plugin_describes() {
    let library = library();
    let library = library.to_str().expect("UTF-8");
    let result = unsample(&["params", "--json", "--bundle", library]);
    assert_eq!(result.status.code(), Some(0), "{}", text(&result.stderr));
    let all: serde_json::Value = serde_json::from_slice(&result.stdout).expect("JSON");
    let all = all.as_array().expect("a list");
    let find =
        |name: &str| all.iter().find(|param| param["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(find("sampler")["type"], "choice");
    assert!(find("sampler")["options"].as_array().expect("options").contains(&"dpmpp_2m".into()));
    assert_eq!(find("cfg")["animates"], true);
    assert_eq!(find("prompt")["type"], "string");
    assert!(text(&unsample(&["params", "--bundle", library]).stdout).contains("prompt  "));
}

#[test]
fn sigmas_print_one_number_a_line() {
    let result = unsample(&["sigmas", "--schedule", "karras", "--steps", "5"]);
    let numbers: Vec<f32> =
        text(&result.stdout).lines().map(|line| line.parse().expect("a number")).collect();
    assert_eq!(numbers.len(), 6);
    assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]) && numbers[5] == 0.0);
    let flipped = unsample(&["sigmas", "--schedule", "karras", "--steps", "5", "--flip"]);
    assert!(text(&flipped.stdout).starts_with("0.0001\n"));
}

#[test]
fn an_empty_cache_is_told_of_and_cleared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("UTF-8");
    for command in ["info", "clear"] {
        let result = unsample(&["cache", command, "--folder", path]);
        assert_eq!(result.status.code(), Some(0));
        assert!(text(&result.stdout).contains("0 entries"), "{}", text(&result.stdout));
    }
    // A folder that cannot be listed does not count as empty.
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("writable");
    for command in ["info", "clear"] {
        let result = unsample(&["cache", command, "--folder", file.to_str().expect("UTF-8")]);
        assert_eq!(result.status.code(), Some(1), "{}", text(&result.stdout));
        let said = text(&result.stderr);
        assert!(said.starts_with("unsample: cannot look into the cache folder"), "{said}");
    }
    let nowhere = folder.path().join("nowhere");
    let result = unsample(&["cache", "clear", "--folder", nowhere.to_str().expect("UTF-8")]);
    assert_eq!(result.status.code(), Some(0), "{}", text(&result.stderr));
}

/// Writes the built-in checkpoint with its data changed by `change`, which also gets the offset where the data begin.
fn damaged(to: &Path, change: impl Fn(&mut [u8], usize)) {
    let built_in = testing::root().join("bundle/models/pocket.safetensors");
    let mut bytes = std::fs::read(built_in).expect("the built-in model");
    let length = u64::from_le_bytes(*bytes.first_chunk().expect("a header")) as usize;
    change(&mut bytes, 8 + length);
    std::fs::write(to, bytes).expect("writable");
}

#[cfg(unix)]
#[test]
fn files_that_a_render_refuses_are_not_passed_by_models() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models = folder.path().join("unsample/models");
    std::fs::create_dir_all(models.join("dir.safetensors")).expect("writable");
    damaged(&models.join("tail.safetensors"), |bytes, data| {
        let half = (data + bytes.len()) / 2;
        bytes[half..].fill(0);
    });
    damaged(&models.join("nan.safetensors"), |bytes, _| {
        let tensors = safetensors::SafeTensors::deserialize(bytes).expect("tensors");
        let tensor = tensors.tensor("model.diffusion_model.out.2.weight").expect("the last layer");
        let at = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let nan =
            if tensor.dtype() == safetensors::Dtype::F32 { [0, 0, 0xc0, 0x7f] } else { [0, 0x7e, 0, 0x7e] };
        bytes[at..at + 4].copy_from_slice(&nan);
    });
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, models.join(name)).expect("a link");
    link("/no/such/file", "dead.safetensors");
    link("circle.safetensors", "circle.safetensors");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(testing::plugin::tool());
        command.args(arguments).env("XDG_DATA_HOME", folder.path()).env("HOME", folder.path());
        command.env_remove("UNSAMPLE_MODELS").output().expect("the program was built")
    };
    let inspect = |name: &str| {
        let path = models.join(name);
        let result = run(&["models", "inspect", path.to_str().expect("UTF-8")]);
        (result.status.code(), text(&result.stderr))
    };
    let (status, said) = inspect("nan.safetensors");
    let want = "nan.safetensors is damaged: the tensor `model.diffusion_model.out.2.weight` holds NaN or infinite values";
    assert!(status == Some(1) && said.contains(want), "{said}");
    let (status, said) = inspect("dead.safetensors");
    assert!(
        status == Some(2) && said.contains("dead.safetensors is a link to /no/such/file, which is not there"),
        "{said}"
    );
    let (status, said) = inspect("circle.safetensors");
    assert!(
        status == Some(2) && said.contains("is a link to circle.safetensors, which cannot be followed"),
        "{said}"
    );
    if cfg!(target_os = "linux") {
        let list = text(&run(&["models", "list"]).stdout);
        let line = |name: &str| {
            list.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {list}"))
        };
        assert!(line("tail.safetensors").contains("unusable: tail.safetensors is damaged"), "{list}");
        assert!(
            line("dead.safetensors").contains("is a link to /no/such/file, which is not there"),
            "{list}"
        );
        assert!(line("circle.safetensors").contains("which cannot be followed"), "{list}");
        assert!(
            line("dir.safetensors").contains("it is a folder without the files of a diffusers model"),
            "{list}"
        );
        // `models list` reads only the beginning of every tensor; the values are checked by `inspect`.
        assert!(line("nan.safetensors").ends_with("a small (text width 64) checkpoint"), "{list}");
    }
}

#[test]
fn the_doctor_finds_the_plugin_well() {
    let library = library();
    let result = unsample(&["doctor", "--bundle", library.to_str().expect("UTF-8")]);
    let report = text(&result.stdout);
    assert!(report.contains("loads and describes itself"), "{report}");
    if cfg!(target_os = "linux") {
        assert!(report.contains("exports the two OpenFX symbols and nothing else"), "{report}");
    }
}
