//! Checks the machine: plugin folders, hosts, ffmpeg, processor.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::bundle;
use crate::cli::DoctorArgs;
use crate::io::ffmpeg_version;

/// The plugin folders of hosts, and whether the plugin is installed there.
pub fn plugin_folders(_args: &DoctorArgs) -> Vec<Finding> {
    let line = |folder: PathBuf| {
        let shown = folder.display().to_string();
        if folder.join(bundle::NAME).is_dir() {
            Finding::good(format!("{shown}: Unsample is installed"))
        } else if folder.is_dir() {
            Finding::missing(format!("{shown}: Unsample is not installed (`cargo xtask bundle --install`)"))
        } else {
            Finding::missing(format!("{shown}: does not exist"))
        }
    };
    bundle::plugin_folders().into_iter().map(line).collect()
}

/// Hosts, by the paths where they are installed.
const HOSTS: &[(&str, &[&str])] = &[
    (
        "DaVinci Resolve",
        &[
            "/opt/resolve/bin/resolve",
            "/Applications/DaVinci Resolve/DaVinci Resolve.app",
            "C:\\Program Files\\Blackmagic Design\\DaVinci Resolve\\Resolve.exe",
        ],
    ),
    (
        "Natron",
        &[
            "/opt/Natron2/bin/Natron",
            "/Applications/Natron.app",
            "C:\\Program Files\\INRIA\\Natron\\bin\\Natron.exe",
        ],
    ),
];

/// Hosts, by the names of their programs.
const PROGRAMS: &[(&str, &str)] =
    &[("Natron", "Natron"), ("Kdenlive", "kdenlive"), ("Shotcut", "shotcut"), ("MLT", "melt")];

/// The installed hosts.
pub fn hosts(_args: &DoctorArgs) -> Vec<Finding> {
    let mut lines = Vec::new();
    for (name, places) in HOSTS {
        if let Some(place) = places.iter().find(|place| Path::new(place).exists()) {
            lines.push(Finding::good(format!("{name}: {place}")));
        }
    }
    for (name, program) in PROGRAMS {
        if let Some(path) = in_path(program) {
            lines.push(Finding::good(format!("{name}: {}", path.display())));
        }
    }
    if lines.is_empty() {
        lines.push(Finding::missing("no host was found; `unsample render` works without one"));
    }
    lines
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|path| path.is_file())
}

/// Checks whether ffmpeg can be used.
pub fn video(_args: &DoctorArgs) -> Vec<Finding> {
    vec![match ffmpeg_version() {
        Ok(version) => Finding::good(format!("ffmpeg {version}")),
        Err(why) => {
            Finding::missing(format!("{why}: videos cannot be read or written, folders of images can"))
        }
    }]
}

/// The processor's number of threads and the instruction sets that speed up the networks.
pub fn processor(_args: &DoctorArgs) -> Vec<Finding> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let features = features();
    let text = format!("{}, {threads} threads, {}", std::env::consts::ARCH, features.join(" "));
    let slow = cfg!(target_arch = "x86_64") && !features.contains(&"avx2");
    vec![if slow {
        Finding::missing(format!("{text}: without AVX2 it will be slow"))
    } else {
        Finding::good(text)
    }]
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
    ];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
