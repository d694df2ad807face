//! The plugin as a bundle, and the command line tool to render with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use image::{ImageBuffer, Rgb, Rgba};

/// Cargo's output folder of the profile that the running test was built with.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).expect("a test lies in deps").to_path_buf()
}

/// Path of the command line tool, which cargo builds with the tests of its package.
pub fn tool() -> PathBuf {
    built().join(format!("unsample{}", std::env::consts::EXE_SUFFIX))
}

/// Path of the library that cargo built with the tests.
fn library() -> PathBuf {
    let name = format!("{}unsample{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let folder = built();
    let candidates = [folder.join(&name), folder.join("deps").join(&name)];
    // Cargo puts the library in one of two places; do not use an old copy in the other one.
    let newest = candidates.iter().filter_map(|p| Some((p.metadata().ok()?.modified().ok()?, p))).max();
    newest.unwrap_or_else(|| panic!("cargo left no {name} in {}", folder.display())).1.clone()
}

/// Path of the engine, which cargo builds with the tests of the workspace.
pub fn engine() -> PathBuf {
    let path = built().join(format!("unsample-engine{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "there is no {}: run `cargo test --workspace`", path.display());
    path
}

/// Path of a bundle with the plugin and the built-in model, created once per test binary.
pub fn bundle() -> &'static Path {
    static BUNDLE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, bundle) = BUNDLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let bundle = bundle_with(&engine(), folder.path());
        (folder, bundle)
    });
    bundle
}

/// Makes a bundle with this engine in a folder.
pub fn bundle_with(program: &Path, folder: &Path) -> PathBuf {
    let bundle = folder.join("Unsample.ofx.bundle");
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "Linux-x86-64",
        ("linux", _) => "Linux-arm64",
        ("macos", _) => "MacOS",
        _ => "Win64",
    };
    let binaries = bundle.join("Contents").join(platform);
    let models = bundle.join("Contents/Resources/models");
    std::fs::create_dir_all(&binaries).unwrap();
    std::fs::create_dir_all(&models).unwrap();
    std::fs::copy(library(), binaries.join("Unsample.ofx")).unwrap();
    std::fs::copy(program, binaries.join(engine().file_name().unwrap())).unwrap();
    let source = crate::root().join("bundle/models");
    for file in std::fs::read_dir(source).unwrap().flatten() {
        std::fs::copy(file.path(), models.join(file.file_name())).unwrap();
    }
    bundle
}

/// Value of the test clip at a pixel, 0..=1: a bright block that moves over a gradient.
pub fn scene(x: u32, y: u32, frame: u32) -> [f32; 3] {
    if x.abs_diff(10 + 3 * frame) < 6 && y.abs_diff(14) < 8 {
        [0.9, 0.5, 0.2]
    } else {
        [x as f32 / 60.0, (x + y) as f32 / 90.0, 0.3 + y as f32 / 80.0]
    }
}

/// Writes `frames` 16-bit pictures of 40 x 32 pixels, numbered from 1.
pub fn write_clip(folder: &Path, frames: u32) {
    std::fs::create_dir_all(folder).unwrap();
    for frame in 1..=frames {
        let picture: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_fn(40, 32, |x, y| {
            Rgb(scene(x, y, frame).map(|v| (v.clamp(0.0, 1.0) * 65535.0) as u16))
        });
        picture.save(folder.join(format!("{frame:04}.png"))).unwrap();
    }
}

/// Like [`write_clip`], with 8 bits and an alpha channel.
pub fn write_alpha_clip(folder: &Path, frames: u32) {
    std::fs::create_dir_all(folder).unwrap();
    for frame in 1..=frames {
        let picture: ImageBuffer<Rgba<u8>, Vec<u8>> = ImageBuffer::from_fn(40, 32, |x, y| {
            let [r, g, b] = scene(x, y, frame).map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8);
            // The bottom rows are transparent.
            Rgba([r, g, b, if y < 26 { 55 + 5 * x as u8 } else { 0 }])
        });
        picture.save(folder.join(format!("{frame:04}.png"))).unwrap();
    }
}

/// Renders with the command line tool at the source's size, with few steps and the test's own cache folder.
pub fn render(input: &Path, output: &Path, cache: &Path, more: &[&str]) -> Output {
    Command::new(tool())
        .arg("render")
        .arg(input)
        .arg("-o")
        .arg(output.join("%04d.png"))
        .arg("--overwrite")
        .arg("--bundle")
        .arg(bundle())
        .args(["--set", "prompt=a pencil sketch", "--set", "workingSize=0", "--set", "steps=2", "-v"])
        .args(["--set", &format!("cacheFolder={}", cache.display())])
        .args(more)
        .output()
        .unwrap()
}

/// Standard output and standard error of a finished command.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asserts success; returns the output.
#[track_caller]
pub fn fine(output: &Output) -> String {
    let text = said(output);
    assert!(output.status.success(), "{text}");
    text
}

/// The 16-bit values of all pictures in a folder, in order.
pub fn pixels(folder: &Path) -> Vec<Vec<u16>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| image::open(f).unwrap().to_rgba16().into_raw()).collect()
}

/// Mean absolute difference of two pictures, 0..=1.
pub fn distance(a: &[u16], b: &[u16]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)) / 65535.0).sum::<f64>() / a.len() as f64
}
