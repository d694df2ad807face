//! The CUDA build beside the plugin, with stand-ins for it: whatever lies there, the plugin loads and renders, and says
//! why the other one was not taken.
#![cfg(target_os = "linux")]

use testing::plugin as support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{fine, pixels, said, tool, write_clip};
use unsample::describe::{CUDA_BUILD, identity};

/// A bundle of its own with room for a twin.
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

    fn binaries(&self) -> PathBuf {
        let contents = fs::read_dir(self.path().join("Contents")).unwrap().flatten();
        contents.map(|entry| entry.path()).find(|path| path.join("Unsample.ofx").is_file()).unwrap()
    }

    fn twin(&self) -> PathBuf {
        self.binaries().join(CUDA_BUILD.file)
    }

    /// Compiles a library beside the plugin.
    fn compile(&self, output: &Path, source: &str, more: &[&str]) {
        let file = self.folder.path().join("source.c");
        fs::write(&file, source).unwrap();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let output = Command::new(compiler)
            .args(["-shared", "-fPIC", "-o"])
            .arg(output)
            .arg(&file)
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Compiles a twin that says to be this build.
    fn compile_twin(&self, build: &str, more: &[&str]) {
        let source = format!(
            r#"
            #include <stddef.h>
            #include <string.h>
            struct plugin {{
                const char *api; int api_version; const char *identifier; unsigned major, minor;
                void (*set_host)(void *);
                int (*main_entry)(const char *, const void *, void *, void *);
            }};
            static int host_is_set;
            static void set_host(void *host) {{ host_is_set = host != NULL; }}
            /* Takes every action for good, so that it shows who was asked: describing leaves the host with nothing. */
            static int main_entry(const char *action, const void *a, void *b, void *c) {{
                (void)a, (void)b, (void)c;
                return strcmp(action, "OfxActionLoad") == 0 && host_is_set ? 0 : 1;
            }}
            static struct plugin record = {{
                "OfxImageEffectPluginAPI", 1, "{}", 1, 0, set_host, main_entry
            }};
            struct plugin *OfxGetPlugin(int nth) {{ return nth == 0 ? &record : NULL; }}
            const char *UnsampleTwinBuild(void) {{ return "{build}"; }}
            "#,
            identity().identifier.to_str().unwrap()
        );
        self.compile(&self.twin(), &source, more);
    }

    fn render(&self, more: &[&str]) -> Output {
        Command::new(tool())
            .arg("render")
            .arg(self.folder.path().join("clip"))
            .arg("-o")
            .arg(self.folder.path().join("out"))
            .arg("--overwrite")
            .arg("--bundle")
            .arg(self.path())
            .args(["--set", "workingSize=0", "--set", "steps=1", "--set", "cacheSize=0", "--print", "status"])
            .args(more)
            .output()
            .unwrap()
    }

    fn doctor(&self) -> String {
        said(&Command::new(tool()).arg("doctor").arg("--bundle").arg(self.path()).output().unwrap())
    }

    /// Renders on the processor, with the reason in the status and in the doctor's report; a card asked for by name
    /// is an error with the same reason, and the frame stays what it was.
    fn falls_back(&self, reason: &str) {
        let status = fine(&self.render(&[]));
        assert!(status.contains("on the processor in f32") && status.contains(reason), "{status}");
        let doctor = self.doctor();
        assert!(doctor.contains("--  the CUDA build is not used") && doctor.contains(reason), "{doctor}");
        let named = self.render(&["--set", "device=cuda"]);
        assert_eq!(named.status.code(), Some(1));
        assert!(said(&named).contains(reason), "{}", said(&named));
    }
}

#[test]
fn a_bundle_without_a_twin_says_nothing_unless_asked() {
    let bundle = Bundle::new();
    let status = fine(&bundle.render(&[]));
    assert!(status.contains("on the processor in f32:"), "{status}");
    assert!(bundle.doctor().contains("--  the bundle has no CUDA build"));
    let named = bundle.render(&["--set", "device=cuda"]);
    assert!(said(&named).contains("this bundle has no CUDA build; set device to auto or cpu"));
}

#[test]
fn a_twin_that_is_no_library() {
    let bundle = Bundle::new();
    fs::write(bundle.twin(), "not a library").unwrap();
    bundle.falls_back("it is no library of this system");
}

#[test]
fn a_twin_of_another_build() {
    let bundle = Bundle::new();
    bundle.compile_twin("0.0.1 of yesterday", &[]);
    bundle.falls_back("is another build (0.0.1 of yesterday, not ");
}

#[test]
fn a_library_that_is_something_else() {
    let bundle = Bundle::new();
    bundle.compile(&bundle.twin(), "int nothing(void) { return 0; }", &[]);
    bundle.falls_back("is not this effect");
}

#[test]
fn a_twin_whose_libraries_are_missing() {
    let bundle = Bundle::new();
    let elsewhere = bundle.folder.path().join("libelsewhere.so");
    let build = CUDA_BUILD.build.to_str().unwrap();
    for (soname, reason) in [
        ("libunsample-test-blas.so.13", "libunsample-test-blas.so.13 was not found"),
        ("libcuda.unsample-test", "there is no NVIDIA driver"),
    ] {
        let named = format!("-Wl,-soname,{soname}");
        bundle.compile(&elsewhere, "int elsewhere(void) { return 0; }", &[&named]);
        let link = ["-Wl,--no-as-needed", elsewhere.to_str().unwrap()];
        bundle.compile_twin(build, &link);
        bundle.falls_back(reason);
    }
}

#[test]
fn a_whole_twin_takes_over_with_the_libraries_that_the_bundle_carries() {
    let bundle = Bundle::new();
    let carried = bundle.binaries().join("cuda");
    fs::create_dir_all(&carried).unwrap();
    // A library that needs a library, both beside the twin only.
    let (inner, outer) = (carried.join("libunsample-inner.so.1"), carried.join("libunsample-outer.so.1"));
    bundle.compile(&inner, "int inner(void) { return 7; }", &["-Wl,-soname,libunsample-inner.so.1"]);
    let link = ["-Wl,--no-as-needed", "-Wl,-soname,libunsample-outer.so.1", inner.to_str().unwrap()];
    bundle.compile(&outer, "int outer(void) { return 7; }", &link);
    let link = ["-Wl,--no-as-needed", outer.to_str().unwrap()];
    bundle.compile_twin(CUDA_BUILD.build.to_str().unwrap(), &link);
    // The stand-in took the load action and refuses to describe itself.
    let output = bundle.render(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("describe"), "{}", said(&output));
    assert!(!bundle.folder.path().join("out").exists());
    assert!(bundle.doctor().contains("the CUDA build is in the bundle and loads"));
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
    let off = support::distance(&narrow[1], &wide[1]);
    assert!(off < 4e-3, "f16 is {off} away from f32");
    let refused = bundle.render(&["--set", "precision=bf16"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("does not compute in bf16"), "{}", said(&refused));
}
