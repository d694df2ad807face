//! Checks the dependencies between crates and between parts of the engine, by reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates, and the workspace crates on which each may depend.
const CRATES: &[(&str, &[&str])] = &[
    (".", &["frame", "openfx", "protocol"]),
    ("cli", &["engine", "frame", "openfx-host", "openfx-sys", "protocol"]),
    ("engine", &["frame", "protocol"]),
    ("frame", &[]),
    ("openfx", &["openfx-sys"]),
    ("openfx-host", &["openfx-sys"]),
    ("openfx-sys", &[]),
    ("protocol", &["frame"]),
    ("tests/made_up", &["engine"]),
];

/// The parts of the engine, and the parts that each may use.
const ENGINE: &[(&str, &[&str])] = &[
    ("serve", &["serve", "pipeline"]),
    ("pipeline", &["pipeline", "families", "diffusion", "nn", "weights"]),
    ("families", &["families", "diffusion", "nn", "weights"]),
    ("diffusion", &["diffusion"]),
    ("nn", &["nn"]),
    ("weights", &["weights"]),
];

/// The only places with unsafe code, besides the crates of the ABI and the host.
const UNSAFE: &[&str] = &["cli/src/commands/doctor/", "engine/src/nn/kernels/", "engine/src/weights/part.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The parts named after `crate::`, also in a list of imports.
fn named(code: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let words: Vec<&str> = match rest.strip_prefix('{') {
            // `use crate::{a::x, b}`: the first word of every item of the outer list.
            Some(list) => {
                let mut depth = 0;
                let mut start = 0;
                let mut items = Vec::new();
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            items.push(&list[start..i]);
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            items.push(&list[start..i]);
                            start = i + 1;
                        }
                        _ => {}
                    }
                }
                items
            }
            None => vec![rest],
        };
        for word in words {
            let word = word.trim_start();
            let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
            parts.push(word[..end].to_owned());
        }
    }
    parts
}

#[test]
fn the_reader_sees_imports() {
    assert_eq!(named("use crate::ofx::{A, B}; use crate::{nn::X, frame::{Y, Z}};"), ["ofx", "nn", "frame"]);
}

/// The workspace crates in a section of a manifest, such as `[dependencies]`.
fn built_with(manifest: &str, list: &str) -> Vec<String> {
    let all: Vec<&str> =
        CRATES.iter().map(|(name, _)| if *name == "." { "unsample" } else { name }).collect();
    let lines = manifest.lines().skip_while(|line| *line != list).skip(1);
    let names =
        lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split(['.', ' ']).next());
    names.filter(|name| all.contains(name)).map(str::to_owned).collect()
}

#[test]
fn no_crate_is_built_with_another_that_it_must_not_know() {
    for (krate, allowed) in CRATES {
        let path = testing::root().join(krate).join("Cargo.toml");
        let names = built_with(&fs::read_to_string(&path).unwrap(), "[dependencies]");
        let broken: Vec<_> = names.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(broken.is_empty(), "{} is built with {broken:?}", path.display());
        assert_eq!(names.len(), allowed.len(), "the list of {krate} is longer than its manifest's");
    }
}

#[test]
fn no_part_of_the_engine_names_another_that_it_must_not_know() {
    let parts: Vec<&str> = ENGINE.iter().map(|p| p.0).collect();
    let mut broken = Vec::new();
    for (part, allowed) in ENGINE {
        for file in sources(&testing::root().join("engine/src").join(part)) {
            for name in named(&code(&file)) {
                if parts.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                    broken.push(format!("{} names crate::{name}", file.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "walls are broken:\n{}", broken.join("\n"));
}

/// The words of a file's code, without tests.
fn words(path: &Path) -> Vec<String> {
    let code = code(path);
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
    code.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
}

/// The pipeline knows the built-in model's family by name, and no other; families do not know each other.
#[test]
fn families_are_named_in_their_rooms_alone() {
    let engine = testing::root().join("engine/src");
    let rooms = [("pipeline", &["SD15", "SDXL", "sd", "sdxl"][..]), ("families/sd", &["sdxl", "SDXL"])];
    let rooms = rooms.into_iter().chain([("families/sdxl", &["sd", "SD15", "SMALL"][..])]);
    for (part, strange) in rooms {
        let files = sources(&engine.join(part));
        assert!(!files.is_empty(), "there is no {part}");
        for file in files {
            let words = words(&file);
            let named: Vec<_> = words.iter().filter(|word| strange.contains(&word.as_str())).collect();
            assert!(named.is_empty(), "{} names {named:?}", file.display());
        }
    }
}

#[test]
fn unsafe_stays_where_it_belongs() {
    for krate in [".", "cli", "engine", "frame"] {
        for file in sources(&testing::root().join(krate).join("src")) {
            let shown = file.display().to_string().replace('\\', "/");
            let has_unsafe =
                code(&file).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            assert!(!has_unsafe || UNSAFE.iter().any(|a| shown.contains(a)), "{shown} has unsafe code");
        }
    }
}
