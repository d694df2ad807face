//! The programs beside the plugin: whatever files are there, the plugin loads, and an engine that cannot be used
//! results in a message and an unchanged frame.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use protocol::BUILD;
use protocol::message::{Hello, Side};
use testing::plugin::{self as support, distance, fine, pixels, said, tool, write_clip};
use testing::processes;

/// A copy of the bundle whose engines can be replaced.
struct Bundle {
    folder: tempfile::TempDir,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The greeting of an engine of some build, as the argument of a shell's `printf`.
fn greeting(build: &str) -> String {
    let mut bytes = Vec::new();
    protocol::wire::greet(&mut bytes, &Hello { side: Side::Engine, build: build.to_owned() }).unwrap();
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

impl Bundle {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bundle = Self { folder };
        copy(support::bundle(), &bundle.path());
        write_clip(&bundle.folder.path().join("clip"), 2);
        bundle
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("Unsample.ofx.bundle")
    }

    fn binary(&self, name: &str) -> PathBuf {
        let mut contents = fs::read_dir(self.path().join("Contents")).unwrap().flatten();
        contents.find(|entry| entry.path().join("Unsample.ofx").is_file()).unwrap().path().join(name)
    }

    /// Replaces a program by a shell script.
    fn script(&self, name: &str, text: &str) {
        let path = self.binary(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Compiles a program, or a library with `-shared`.
    fn compile(&self, output: &Path, source: &str, more: &[&str]) {
        let file = self.folder.path().join("source.c");
        fs::write(&file, source).unwrap();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let output = Command::new(compiler).arg("-o").arg(output).arg(&file).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(tool());
        command
            .arg("render")
            .arg(self.folder.path().join("clip"))
            .arg("-o")
            .arg(self.folder.path().join("out"))
            .arg("--overwrite")
            .arg("--bundle")
            .arg(self.path())
            .args(["--set", "workingSize=0", "--set", "steps=1", "--set", "cacheSize=0", "--print", "status"])
            .args(more);
        command
    }

    fn render(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    fn doctor(&self) -> String {
        said(&Command::new(tool()).arg("doctor").arg("--bundle").arg(self.path()).output().unwrap())
    }

    /// Asserts that nothing can be restyled, for this reason, which both the render and the doctor print.
    fn cannot(&self, reason: &str) {
        let output = self.render(&[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(reason), "{}", said(&output));
        let doctor = self.doctor();
        assert!(doctor.contains(reason), "{doctor}");
    }

    /// Asserts that the render falls back to the processor, with the reason in the status and in the doctor's report;
    /// requesting a card explicitly is an error with the same reason.
    fn falls_back(&self, reason: &str) {
        let status = fine(&self.render(&[]));
        assert!(status.contains("on the processor in f32") && status.contains(reason), "{status}");
        assert!(status.contains(", by unsample-engine\n"), "{status}");
        let named = self.render(&["--set", "device=cuda"]);
        assert_eq!(named.status.code(), Some(1));
        assert!(said(&named).contains(reason), "{}", said(&named));
    }
}

#[test]
fn without_an_engine_nothing_is_restyled_and_the_sentence_says_so() {
    let bundle = Bundle::new();
    fs::remove_file(bundle.binary("unsample-engine")).unwrap();
    let output = bundle.render(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is not there: the bundle is incomplete"), "{}", said(&output));
    assert!(bundle.doctor().contains("nothing can be restyled"));
    // A render that needs no engine works.
    fine(&bundle.render(&["--set", "view=source"]));
}

#[test]
fn a_program_that_is_no_engine_of_this_build_is_told() {
    let bundle = Bundle::new();
    let cases = [
        ("exec cat", "it is not Unsample's engine"),
        ("echo its library is missing >&2; exit 3", "its library is missing"),
        ("kill -9 $$", "signal: 9"),
    ];
    for (script, reason) in cases {
        bundle.script("unsample-engine", script);
        let output = bundle.render(&[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(reason), "{script}: {}", said(&output));
    }
    let other = format!("[ \"$1\" = --check ] && exec echo 0.0.1; printf '{}'; cat", greeting("0.0.1"));
    bundle.script("unsample-engine", &other);
    bundle.cannot("it is from another build (0.0.1");
    fs::write(bundle.binary("unsample-engine"), "no program").unwrap();
    bundle.cannot("does not start");
}

#[test]
fn an_engine_that_talks_nonsense_is_tried_three_times() {
    let bundle = Bundle::new();
    let tries = bundle.folder.path().join("tries");
    let nonsense = format!(
        "echo try >> {}; printf '{}\\377\\377\\377\\377\\377\\377\\377\\377'; cat > /dev/null",
        tries.display(),
        greeting(BUILD)
    );
    bundle.script("unsample-engine", &nonsense);
    let output = bundle.render(&["--frames", "1-1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(text.contains("the engine ended 3 times while it worked on this frame"), "{text}");
    assert!(text.contains("its answer cannot be understood"), "{text}");
    assert_eq!(fs::read_to_string(tries).unwrap(), "try\n".repeat(3));
}

#[test]
fn a_bundle_without_an_engine_for_cards_says_nothing_unless_asked() {
    let bundle = Bundle::new();
    let status = fine(&bundle.render(&[]));
    assert!(status.contains("on the processor in f32:"), "{status}");
    let doctor = bundle.doctor();
    assert!(doctor.contains("--  the bundle has no engine for NVIDIA cards"), "{doctor}");
    assert!(doctor.contains("starts and is from the plugin's build"), "{doctor}");
    let named = bundle.render(&["--set", "device=cuda"]);
    assert!(said(&named).contains("this bundle has no CUDA build; set device to auto or cpu"));
}

#[test]
fn an_engine_for_cards_that_cannot_be_used_is_a_clause_in_the_status() {
    let bundle = Bundle::new();
    let cuda = bundle.binary("unsample-engine-cuda");
    fs::write(&cuda, "no program").unwrap();
    bundle.falls_back("it does not start");
    bundle.script("unsample-engine-cuda", &format!("printf '{}'; cat", greeting("0.0.1 of yesterday")));
    bundle.falls_back("it is from another build (0.0.1 of yesterday, not ");
    fs::remove_file(&cuda).unwrap();
    let elsewhere = bundle.folder.path().join("libelsewhere.so");
    for (soname, reason) in [
        ("libunsample-test-blas.so.13", "libunsample-test-blas.so.13 was not found"),
        ("libcuda.so.unsample-test", "there is no NVIDIA driver"),
    ] {
        let named = format!("-Wl,-soname,{soname}");
        bundle.compile(&elsewhere, "int elsewhere(void) { return 0; }", &["-shared", "-fPIC", &named]);
        let link = ["-Wl,--no-as-needed", elsewhere.to_str().unwrap()];
        bundle.compile(&cuda, "int main(void) { return 0; }", &link);
        bundle.falls_back(reason);
        let doctor = bundle.doctor();
        assert!(doctor.contains("--  the engine for NVIDIA cards cannot be used"), "{doctor}");
    }
}

#[test]
fn a_whole_engine_for_cards_is_taken_before_the_other() {
    let bundle = Bundle::new();
    fs::copy(bundle.binary("unsample-engine"), bundle.binary("unsample-engine-cuda")).unwrap();
    let status = fine(&bundle.render(&[]));
    assert!(status.contains(", by unsample-engine-cuda\n"), "{status}");
}

#[test]
fn f16_on_the_processor_is_near_f32_and_bf16_is_a_sentence() {
    let bundle = Bundle::new();
    let render = |precision: &str| {
        let precision = format!("precision={precision}");
        let status = fine(&bundle.render(&["--set", &precision]));
        (status, pixels(&bundle.folder.path().join("out")))
    };
    let (_, wide) = render("f32");
    let (status, narrow) = render("f16");
    assert!(status.contains("on the processor in f16"), "{status}");
    assert!(narrow != wide, "the precision has no effect");
    let off = distance(&narrow[1], &wide[1]);
    assert!(off < 4e-3, "f16 is {off} away from f32");
    let refused = bundle.render(&["--set", "precision=bf16"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("does not compute in bf16"), "{}", said(&refused));
}

#[test]
fn the_engine_ends_with_a_host_that_is_killed() {
    let bundle = Bundle::new();
    let mut host =
        bundle.command(&["--set", "steps=900"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let engine = loop {
        if let Some(engine) = processes::engines_of(host.id()).first() {
            break *engine;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no engine was started");
        std::thread::sleep(Duration::from_millis(20));
    };
    // While the work is in progress.
    std::thread::sleep(Duration::from_millis(500));
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = Instant::now();
    while processes::lives(engine) {
        assert!(killed.elapsed() < Duration::from_secs(20), "the engine outlives its host");
        std::thread::sleep(Duration::from_millis(20));
    }
}
